"""Width and depth of the delineator's network, without the network itself."""

from pydantic import Field, model_validator

from pedecg.core.params import Section
from pedecg.waves.wave_targets import SAMPLES_PER_FRAME


class Settings(Section):
    """Width and depth of the network."""

    widths: list[int] = Field(description="channels at 125, 62.5, 31.25, … frames/s")
    blocks: list[int] = Field(
        description="blocks of each encoder step but the innermost; the finest step costs most"
    )
    dilations: list[int] = Field(
        description=(
            "dilations of the innermost blocks, frames; [1, 2, 4] reaches 3 s to either "
            "side, to distinguish a missing P wave from a small one"
        )
    )
    kernel: int = Field(description="width of every convolution, frames; odd", ge=3, le=31)

    @model_validator(mode="after")
    def _fit_together(self) -> "Settings":
        if len(self.blocks) != len(self.widths) - 1:
            raise ValueError(f"blocks must be one fewer than widths (found {self.blocks})")
        if not self.kernel % 2:
            raise ValueError(f"kernel must be odd (found {self.kernel})")
        if min(self.widths + self.blocks + self.dilations, default=0) < 1:
            raise ValueError("widths, blocks and dilations must be 1 or more")
        return self

    def stride(self) -> int:
        """Return the number of samples that one innermost frame stands for."""
        return int(SAMPLES_PER_FRAME * 2 ** (len(self.widths) - 1))
