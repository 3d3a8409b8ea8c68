"""Parameters of explanations, error review and atlas."""

from typing import Literal

from pydantic import Field

from pedecg.core import params
from pedecg.core.params import Section


class MapSettings(Section):
    """Settings of saliency maps."""

    seconds: float = Field(
        description="s; length of the explained part of a record, from its start, as drawn on "
        "ECG paper",
        gt=0,
        le=3600,
    )
    min_hz: float = Field(
        description=(
            "smallest number of steps per second of the layer for Grad-CAM, the deepest "
            "such layer; 12 distinguish P, QRS and T"
        ),
        gt=0,
        le=500,
    )
    smooth_s: float = Field(
        description="s; width of the moving average of gradient x input, whose single samples "
        "are noise",
        gt=0,
        le=0.5,
    )
    ig_steps: int = Field(
        description="steps of the integrated gradients from no signal to the signal", ge=2, le=512
    )
    map: Literal["grad_cam", "integrated_gradients", "attention"] = Field(
        "grad_cam",
        description="map on the pages; attention: attention weights, of a model with attention "
        "pooling",
    )


class ExplainSettings(MapSettings):
    """Section `explain`."""

    model: str | None = Field(
        description="network of the run that is explained; null: the best on validation records"
    )

    records: int = Field(
        description="largest number of explained test records per target, of those in which it is "
        "present or predicted, evenly over their probabilities",
        ge=1,
    )
    checked: int = Field(
        description=(
            "of these, number of records in the sanity checks, which take twenty times as "
            "long as the map"
        ),
        ge=1,
    )
    pictures: int = Field(description="of these, number of the most probable that are drawn", ge=0)
    cell_s: float = Field(
        description="s; length of a cell (a part of one lead) in the sanity checks", gt=0, le=1
    )
    fractions: list[float] = Field(
        description="shares of all cells that are deleted, ascending", min_length=1
    )
    seed: int = Field(description="seed of random weights, random cells and resampling", ge=0)
    bootstrap: int = Field(description="resamples of patients for the intervals", ge=0, le=10_000)


def map_settings() -> MapSettings:
    """Return how maps are made, and no other key of the section `explain`."""
    section = params.read_section("explain")
    values = {name: section[name] for name in MapSettings.model_fields if name in section}
    return params.parse(values, "explain", MapSettings, params.PARAMS_FILE.name)


class NormalBeatsSettings(Section):
    """Section `normal_beats`."""

    target: str | None = Field(
        description="target whose training records are normal; null: records without any target"
    )


class ErrorReviewSettings(Section):
    """Section `error_review`; the settings of maps are in `explain`."""

    listed: int = Field(
        description="number of false positives, and of false negatives, in the table per target",
        ge=1,
    )
    drawn: int = Field(description="of these, number that are drawn", ge=0)


class AtlasSettings(Section):
    """Section `atlas`."""

    records: int = Field(description="largest number of records; test records first", ge=10)
    components: int = Field(
        description="principal components that t-SNE starts from", ge=2, le=1024
    )
    perplexity: float = Field(
        description="approximate number of neighbours of a record on the map; 5 to 50 is usual",
        gt=1,
        le=500,
    )
    seed: int = Field(
        description="seed of the choice of records; t-SNE itself starts from PCA", ge=0
    )
