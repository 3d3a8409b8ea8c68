"""The report as one HTML file: works offline, without scripts, with all pictures inside."""

import base64
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import jinja2
from markupsafe import Markup
from PIL import Image

from pedecg.report import section_list
from pedecg.report.content_blocks import Block, Fold, Gallery, Picture, split_interval
from pedecg.report.report_settings import ReportSettings
from pedecg.report.run_files import RunFiles

TEMPLATES = Path(__file__).with_suffix("")
_COLOURS = 128  # of a picture: a third of the bytes, and an ECG on its paper looks the same
_MB = 1_000_000  # bytes


def write(run: RunFiles, settings: ReportSettings) -> str:
    """Return the page of a run."""
    written = section_list.build(run)
    shown = dict.fromkeys(p.path for one in written for p in pictures(one.blocks))
    inlined = within({path: data_uri(run.root / path) for path in shown}, settings.max_mb * _MB)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["split_interval"] = split_interval
    return environment.get_template("page.html.jinja").render(
        run=run,
        settings=settings,
        sections=written,
        pictures=inlined,
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        headline=headline(run),
    )


def headline(run: RunFiles) -> str:
    """Return the one sentence that a reader takes away, or nothing before models are compared."""
    if not run.has("metrics/summary.json"):
        return ""
    summary = run.metrics("summary")
    best = summary.get("best")
    if not best:
        return ""
    auroc = summary["auroc"]
    test_set = "simulated test records" if run.simulated else "test records"
    sentence = (
        f"{best['model']}, chosen on validation patients, separates {test_set} with a macro AUROC "
        f"of {auroc[best['model']]:.3f} (95% interval {best['low']:.3f} to {best['high']:.3f})."
    )
    baselines = {model: auroc[model] for model in run.baselines if auroc.get(model) is not None}
    if not baselines:
        return sentence
    best_baseline = max(baselines, key=baselines.__getitem__)
    return (
        f"{sentence} The best model without signals, {best_baseline}, reaches "
        f"{baselines[best_baseline]:.3f}."
    )


def pictures(blocks: Iterable[Block]) -> Iterator[Picture]:
    """Yield the pictures of blocks, those in folds too."""
    for block in blocks:
        if isinstance(block, Picture):
            yield block
        elif isinstance(block, Fold | Gallery):
            yield from pictures(block.blocks)


def within(inlined: dict[str, str], most: float) -> dict[str, str]:
    """Return the first pictures whose data URIs together take at most so many bytes."""
    kept: dict[str, str] = {}
    room = most
    for path, uri in inlined.items():
        room -= len(uri)
        if room < 0:
            break
        kept[path] = uri
    return kept


def data_uri(path: Path) -> str:
    """Return a PNG file as a data URI, with fewer colours."""
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    few.save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
