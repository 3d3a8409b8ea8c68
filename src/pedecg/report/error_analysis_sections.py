"""Report sections on errors, explanations, the map of the cohort and label noise."""

from typing import Any

from pedecg.report.content_blocks import (
    Block,
    Bullets,
    Fold,
    Picture,
    Table,
    Text,
    figure,
    number,
    percent,
    table,
)
from pedecg.report.run_files import RunFiles

MAPS = {"grad_cam": "Grad-CAM", "integrated_gradients": "integrated gradients"}


def errors(run: RunFiles) -> list[Block]:
    """Show the most confident errors, as a table and as pages."""
    mistakes = run.table("data/errors/mistakes.csv")
    columns = {
        "target": "target", "kind": "mistake", "record_id": "record", "probability": "probability",
        "threshold": "threshold", "age_days": "age, days", "sex": "sex", "rules_met": "rules met",
    }  # fmt: skip
    mistakes["kind"] = mistakes["kind"].str.replace("_", " ")
    blocks: list[Block] = [
        Text(
            f"{number(len(mistakes))} errors on test patients, the most confident of each "
            "target. A wrong label also looks like an error."
        ),
        Fold("All errors, with the criteria that are met", [table("Errors", mistakes, columns)]),
    ]
    drawn = mistakes[mistakes["picture"].notna()]
    pages = [
        Picture(
            name,
            f"{row['target']}, {row['kind']}: ECG of {row['record_id']} on paper with the "
            f"saliency map; probability {number(row['probability'])}, threshold "
            f"{number(row['threshold'])}. Criteria met: {row['rules_met']}.",
            wide=True,
        )
        for row in drawn.to_dict("records")
        if run.has(name := f"plots/errors/{row['picture']}")
    ]
    # The first of a kind is what a reader looks at; the others are one click away.
    first = [page for page in pages if page.path.endswith("_1.png")]
    others = [page for page in pages if page not in first]
    return [*blocks, *first, *([Fold("More pages", others)] if others else [])]


def explanations(run: RunFiles) -> list[Block]:
    """Saliency maps of the selected network, and whether they can be trusted."""
    found = run.metrics("explain")
    randomised, deletion, regions = (
        found[key]["all"] for key in ("randomised_weights", "deletion", "regions")
    )
    blocks: list[Block] = [
        Text(
            f"{found['model']}: {number(found['explained']['all'])} maps over the first "
            f"{number(found['seconds'])} s, {number(found['checked']['all'])} of them checked. "
            "A map that does not change with the weights, or that marks regions no more important "
            f"than random ones, explains nothing. {run.selection('explain')}".rstrip()
        ),
        Table(
            "Weight randomisation: rank correlation with the map of the trained network (ideal: 0)",
            ["map", "last layer random", "half of the layers", "all layers",
             "another training (reference)"],
            [
                [MAPS.get(m, m), *(figure(one.get(k)) for k in
                                   ("last", "half", "all", "another_training"))]
                for m, one in randomised.items()
            ],
        ),
        Table(
            "Deletion test: decrease in log odds, marked parts against random parts",
            ["map", "by the map", "at random", "difference", "records with a larger decrease"],
            [
                [
                    MAPS.get(m, m),
                    number(one["logit_decrease"]),
                    number(one["logit_decrease_at_random"]),
                    figure(one["more_than_random"]),
                    percent(one["share_of_records_with_more"]),
                ]
                for m, one in deletion.items()
            ],
        ),
        Table(
            "Share of the map by part of the beat, compared with the share of time",
            ["map", "part of the beat", "share of the map", "share of time", "times"],
            [
                [
                    MAPS.get(m, m),
                    part,
                    figure(one["share"]),
                    number(one["time"]),
                    number(one["times_its_share_of_time"], 2),
                ]
                for m, parts in regions.items()
                for part, one in parts.items()
            ],
        ),
    ]  # fmt: skip
    if restored := found.get("restored"):
        rows = [[part, figure(one)] for part, one in restored["all"].items()]
        caption = "Decrease in log odds when a part of every beat is replaced by the normal beat"
        blocks.append(Table(caption, ["part of the beat", "decrease"], rows))
    if run.has("metrics/explain_truth.json"):
        blocks += _truth(run)
    pages: list[Block] = [
        Picture(
            name,
            f"ECG on paper with Grad-CAM of {found['model']} for "
            f"{name.rsplit('/', 1)[1].rsplit('_', 1)[0]}, with the criteria that are met.",
            wide=True,
        )
        for name in run.names("plots/explain/*.png")
    ]
    first = [page for page in pages if isinstance(page, Picture) and page.path.endswith("_1.png")]
    others = [page for page in pages if page not in first]
    return [*blocks, *first, *([Fold("More maps", others)] if others else [])]


def _truth(run: RunFiles) -> list[Block]:
    """Show whether maps localise the simulated finding; empty for a real cohort."""
    found = run.metrics("explain_truth")
    shares = [
        [
            MAPS.get(m, m),
            part,
            where.replace("_", " "),
            number(one["records"]),
            figure(one.get("share")),
            number(one.get("time")),
        ]
        for m, parts in (found["findings"] or {}).items()
        for part, conditions in parts.items()
        for where, one in conditions.items()
    ]
    falls = [
        [part, where.replace("_", " "), number(one["records"]), figure(one.get("logit_decrease"))]
        for part, conditions in (found.get("restored") or {}).items()
        for where, one in conditions.items()
    ]
    blocks: list[Block] = []
    if shares:
        blocks.append(
            Table(
                "Records with a simulated finding in one part of the beat: share of the map",
                ["map", "part of the beat", "records with", "records", "share of the map",
                 "share of time"],
                shares,
            )
        )  # fmt: skip
    if falls:
        blocks.append(
            Table(
                "The same records with that part replaced by the normal beat: decrease in log odds",
                ["part of the beat", "records with", "records", "decrease of the logit"],
                falls,
            )
        )
    return blocks


def atlas(run: RunFiles) -> list[Block]:
    """Show the atlas: the network's embedding of the cohort."""
    found = run.metrics("atlas")
    rows = [
        [
            target,
            number(one["records"]),
            percent(one["among_neighbours"]),
            percent(one["among_all"]),
        ]
        for target, one in found["targets"].items()
    ]
    return [
        *run.picture(
            "plots/atlas/atlas.png",
            "Map of the records by their embeddings, coloured by label, age and error.",
            "Distances between far groups mean nothing; neighbours do.",
            wide=True,
        ),
        Table(
            f"{found['model']}, {number(found['records'])} records: {found['meaning']}",
            ["target", "records", "among neighbours", "among all"],
            rows,
        ),
    ]


def noise_review(run: RunFiles) -> list[Block]:
    """Label candidates, ranked by disagreement with out-of-fold predictions."""
    found = run.metrics("noise_review")
    blocks: list[Block] = [
        Text(
            f"{number(found['flagged'])} of {number(found['labels'])} labels of training and "
            "validation records are flagged for a reviewer; none is changed by itself."
        ),
        Table(
            "Flagged labels",
            ["target", "labels", "flagged", "of them present"],
            [
                [t, number(one["labels"]), number(one["flagged"]), number(one["flagged_positives"])]
                for t, one in found["targets"].items()
            ],
        ),
    ]
    blocks += run.picture(
        "plots/noise_review/candidates.png",
        "Pictures of the first candidates.",
        wide=True,
    )
    if run.has("metrics/noise_truth.json"):
        blocks += _wrong(run.metrics("noise_truth"))
    if run.has("data/review/candidates.csv"):
        columns = {
            "rank": "rank", "record_id": "record", "label": "target", "given": "label",
            "probability": "probability", "findings": "findings",
        }  # fmt: skip
        first = table("First candidates", run.table("data/review/candidates.csv"), columns, rows=15)
        blocks.append(Fold("The first candidates", [first]))
    return blocks


def _wrong(truth: dict[str, Any]) -> list[Block]:
    rows = [
        [f"first {key.removeprefix('first_')}", number(one["wrong"]), percent(one["precision"]),
         percent(one.get("highest_precision")), percent(one.get("recall")),
         number(one["at_chance"], 1)]
        for key, one in truth.items()
        if key.startswith("first_") and one and one.get("wrong") is not None
    ]  # fmt: skip
    if not rows:
        return []
    return [
        Table(
            "Simulated labels: truly wrong ones among the candidates",
            [
                "candidates",
                "wrong",
                "share",
                "largest possible share",
                "share of all wrong labels",
                "wrong ones by chance",
            ],
            rows,
            f"{number(truth['wrong'])} of {number(truth['labels'])} labels are wrong.",
        )
    ]


def checklist(run: RunFiles) -> list[Block]:
    """Show the checks before the training."""
    blocks: list[Block] = []
    for name in run.names("metrics/check/*.json"):
        checks = run.json(name)
        model = name.rsplit("/", 1)[1].removesuffix(".json")
        held = [f"{what}: {number(passed)}" for what, passed in checks.items()]
        blocks.append(Bullets(held, model))
    return blocks


def findings(run: RunFiles) -> list[Block]:
    """Show what each ECG finding adds to the probability of a model of rule features."""
    found = run.metrics("explain_findings")
    if found["model"] is None:
        return [Text("Not done: the run has no model of rule features.")]
    names = dict.fromkeys(
        name for one in found["targets"].values() for name in one["mean_absolute_contribution"]
    )
    rows = [
        [target, number(one["records"]),
         *(number(one["mean_absolute_contribution"].get(name)) for name in names)]
        for target, one in found["targets"].items()
    ]  # fmt: skip
    blocks: list[Block] = [
        Text(
            f"{found['model']}: the measures of one finding move from the usual ECG of the age to "
            f"the record's own, in random orders (Shapley values). "
            f"{run.selection('explain_findings')}".rstrip()
        ),
        *run.picture(
            "plots/explain_findings/findings.png",
            "Bars: mean size of what each ECG finding adds to or takes from the probability.",
            wide=True,
        ),
        Fold(
            "Mean absolute change of the probability",
            [Table("By target and finding", ["target", "records", *names], rows)],
        ),
    ]
    if run.has("data/explain_findings/contributions.csv"):
        table_of = run.table("data/explain_findings/contributions.csv")
        shown = {"target": "target", "record_id": "record", "label": "label",
                 "probability": "probability", "words": "what moved it"}  # fmt: skip
        each = table("The most probable records", table_of.groupby("target").head(3), shown)
        blocks.append(Fold("Single records in words", [each]))
    return blocks
