"""Section `report`: statements that the user writes about the models."""

from pydantic import Field

from pedecg.core.params import Section


class ReportSettings(Section):
    """What the report and the model card say besides the figures."""

    title: str = Field(description="heading of the report and the model card", min_length=1)
    intended_use: list[str] = Field(description="what the models are for, a sentence each")
    not_for: list[str] = Field(description="what they are not for, a sentence each")
    max_mb: float = Field(
        description="MB; largest size of the page; further pictures are named, not shown",
        gt=0,
        le=100,
    )
