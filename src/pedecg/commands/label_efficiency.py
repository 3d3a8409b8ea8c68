"""`pedecg label-efficiency`: figures of models that learn from a part of the labelled patients."""

from pathlib import Path
from typing import Annotated

import typer

MODELS = ("rules_boosted", "random_encoder", "resnet1d", "s4d", "foundation", "hybrid")


def label_efficiency(
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="a key of models in params.yaml, several times for several; default: those of "
            f"{', '.join(MODELS)} that the pipeline has",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        list[float] | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="share of the training and validation patients; default: 0.01, 0.03, 0.1, 0.3, 1",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="number of draws of patients")] = 3,
    min_positives: Annotated[
        int, typer.Option(min=1, help="a target with fewer positive records has no figure")
    ] = 5,
    same_steps: Annotated[
        bool,
        typer.Option(
            help="networks see as many crops in an epoch as with all records; a training of few "
            "records then takes as long as one of all"
        ),
    ] = True,
    resamples: Annotated[
        int, typer.Option(min=2, help="resamples of test patients for the 95% intervals")
    ] = 1000,
    out: Annotated[Path, typer.Option(help="folder to write: JSON, CSV and picture")] = Path(
        "label_efficiency"
    ),
) -> None:
    """Train models on 1, 3, 10, 30 and 100% of the labelled patients, and compare them on test.

    Run it in the folder of a pipeline whose stages before the training have run. Shares are nested
    and stratified; the test records are the same at every share.
    """
    import numpy as np

    from pedecg.benchmarks import label_efficiency as benchmark
    from pedecg.cohorts.splits import SplitSettings
    from pedecg.core import params, tables
    from pedecg.core.errors import PedecgError
    from pedecg.learning import pipeline_inputs
    from pedecg.models import model_inputs
    from pedecg.plots import label_efficiency as plot

    design = benchmark.Design(
        tuple(share or (0.01, 0.03, 0.1, 0.3, 1.0)), tuple(range(seeds)), min_positives,
        same_steps, resamples,
    )  # fmt: skip
    there = params.read_section("models")
    names = model or [name for name in MODELS if name in there]
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read(pipeline_inputs.LABELS, tables.LABELS)
    edges = params.load("split", SplitSettings).age_edges_days
    opened = {name: pipeline_inputs.read(model_inputs.current(name)) for name in names}
    first = next(iter(opened.values()), None)
    if first is None:
        raise PedecgError("label-efficiency: params.yaml has none of the default models; --model")

    drawn = benchmark.choose(first, records, labels, design, edges)
    answers = []
    for name, inputs in opened.items():
        for chosen in drawn:
            found = benchmark.predict(inputs, chosen, design)
            answers.append((name, chosen, found))
            state = found if isinstance(found, str) else "trained"
            typer.echo(
                f"{name}: {benchmark.percent(chosen.share)}, {chosen.patients} patients, seed "
                f"{chosen.seed}: {state}"
            )
    truth, patients = benchmark.held_out(first)
    targets = first.rows.targets
    table = benchmark.score(targets, truth, patients, answers, design)
    positives = (truth == 1).sum(axis=0).tolist()
    test = {
        "records": len(truth),
        "patients": len(np.unique(patients)),
        "positives": dict(zip(targets, positives, strict=True)),
    }
    tables.write_metrics(
        benchmark.as_metrics(table, drawn, design, test), out / "label_efficiency.json"
    )
    tables.write_csv(table, out / "label_efficiency.csv")
    note = f"{test['records']} test records of {test['patients']} patients, mean of {seeds} draws"
    cohort = str(params.read_section("cohort.name"))
    plot.draw(table, note, out / "label_efficiency.png", cohort)
    typer.echo(f"{out}: label_efficiency.json, .csv and .png")
