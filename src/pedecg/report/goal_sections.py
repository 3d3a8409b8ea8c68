"""Report section on the goals of a run, with published figures alongside."""

from typing import Any

from pedecg.report.content_blocks import NONE, Block, Table, Text, figure, number
from pedecg.report.result_sections import METRICS
from pedecg.report.run_files import RunFiles


def goals(run: RunFiles) -> list[Block]:
    """Show each goal with what the selected model reaches; nothing where no goal is set."""
    wanted, published = run.compared.get("goals", {}), run.compared.get("published", [])
    blocks: list[Block] = []
    if wanted:
        sources = {target: one["source"] for target, one in _stated(run).items()}
        people = f"simulated {run.cohort_people}, not patients" if run.simulated else "patients"
        blocks += [
            Text(
                f"Figures of the model chosen on validation patients, on the test set of cohort "
                f"{run.cohort} ({people}). A goal is met where the value exceeds it; the interval "
                "shows how certain that is."
            ),
            Table(
                "Goals",
                ["target", "metric", "goal", "reached", "positives", "met", "95% interval",
                 "goal set by"],
                [_row(target, one, sources.get(target, NONE)) for target, one in wanted.items()],
            ),
        ]  # fmt: skip
    if published:
        blocks.append(
            Table(
                "Published figures",
                ["target", "metric", "value", "measured on", "comparable", "source"],
                [
                    [one["target"], METRICS.get(one["metric"], one["metric"]),
                     number(one["value"]), one["on"],
                     "yes" if one["comparable"] else f"not comparable: {one['differs']}",
                     one["source"]]
                    for one in published
                ],
            )
        )  # fmt: skip
    return blocks


def _stated(run: RunFiles) -> dict[str, dict[str, Any]]:
    stated: dict[str, dict[str, Any]] = run.parameters.get("goals", {}).get("targets", {})
    return stated


def _row(target: str, one: dict[str, Any], source: str) -> list[str]:
    name = METRICS.get(one["metric"], one["metric"])
    goal = f"above {number(one['goal'])}"
    if one["met"] is None:
        return [target, name, goal, one["why"], NONE, "not known", NONE, source]
    positives = f"{number(one['positives'])} of {number(one['records'])}"
    met = "met" if one["met"] else "not met"
    return [target, name, goal, figure(one), positives, met, one["interval"], source]
