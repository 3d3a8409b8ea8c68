"""Parameters of explanations, error review and atlas."""

from typing import Literal

from pydantic import Field

from pedecg.core import params
from pedecg.core.params import Section


class MapSettings(Section):
    """How a map of what a network saw is made."""

    seconds: float = Field(
        description="s; the first seconds of a record are explained, those that the paper shows",
        gt=0,
        le=3600,
    )
    min_hz: float = Field(
        description="steps per second that Grad-CAM's layer has at least; of the layers that have, "
        "it takes the deepest",
        gt=0,
        le=500,
    )
    smooth_s: float = Field(
        description="s; reach of the mean over time of gradient x input", gt=0, le=0.5
    )
    ig_steps: int = Field(
        description="steps of the integrated gradients from no signal to the signal", ge=2, le=512
    )
    map: Literal["grad_cam", "integrated_gradients", "attention"] = Field(
        "grad_cam",
        description="what the pages show; attention: the weights of the steps, of a model that "
        "pools by attention",
    )


class ExplainSettings(MapSettings):
    """Section `explain`."""

    model: str | None = Field(
        description="network of the run that is explained; null: the best on validation records"
    )

    records: int = Field(
        description="per target: test records explained at most, of those that have it or are "
        "called so, evenly over their probabilities",
        ge=1,
    )
    checked: int = Field(description="of these, so many are put through the sanity checks", ge=1)
    pictures: int = Field(description="of these, so many of the most probable are drawn", ge=0)
    cell_s: float = Field(
        description="s; length of a cell, one lead for so long, in the sanity checks", gt=0, le=1
    )
    fractions: list[float] = Field(
        description="shares of all cells that are deleted, ascending", min_length=1
    )
    seed: int = Field(description="of random weights, random cells and resampling", ge=0)
    bootstrap: int = Field(description="resamples of patients for the intervals", ge=0, le=10_000)


def map_settings() -> MapSettings:
    """Return how maps are made, and no other key of the section `explain`."""
    section = params.read_section("explain")
    values = {name: section[name] for name in MapSettings.model_fields if name in section}
    return params.parse(values, "explain", MapSettings, params.PARAMS_FILE.name)


class NormalBeatsSettings(Section):
    """Section `normal_beats`."""

    target: str | None = Field(
        description="training records that have this target are normal; null: those without any"
    )


class ErrorReviewSettings(Section):
    """Section `error_review`; how maps are made stands in `explain`."""

    listed: int = Field(
        description="false positives, and false negatives, in the table per target", ge=1
    )
    drawn: int = Field(description="of these, drawn", ge=0)


class AtlasSettings(Section):
    """Section `atlas`."""

    records: int = Field(description="records at most, all test records before others", ge=10)
    components: int = Field(
        description="principal components that t-SNE starts from", ge=2, le=1024
    )
    perplexity: float = Field(
        description="about how many neighbours a record has on the map", gt=1, le=500
    )
    seed: int = Field(description="of the choice of records; t-SNE itself starts from PCA", ge=0)
