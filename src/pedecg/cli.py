"""The command line: `pedecg …`; each command is a module of `commands`.

A command imports what it needs when it runs: ``pedecg --help`` must answer at once, and torch alone
takes seconds to import.
"""

import io
import sys

import typer

from pedecg.commands import (
    augment,
    bundle,
    check,
    deidentify,
    delineate,
    fetch,
    label_efficiency,
    lr_find,
    manifest,
    measure,
    parameters,
    predict,
    results,
    review,
    run,
    runs,
    serve,
    tensorboard,
    tokens,
    verify,
)
from pedecg.core import errors

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("manifest")(manifest.manifest)
app.command("deidentify")(deidentify.deidentify)
app.command("delineate")(delineate.delineate)
app.command("measure")(measure.measure)
app.command("tokens")(tokens.tokens)
app.command("predict")(predict.predict)
app.command("serve")(serve.serve)
app.command("bundle")(bundle.bundle)
app.command("check")(check.check)
app.command("augment")(augment.augment)
app.command("label-efficiency")(label_efficiency.label_efficiency)
app.command("lr-find")(lr_find.lr_find)
app.command("params")(parameters.show)
app.command("results")(results.show)
app.command("run", context_settings=run.CONTEXT)(run.run)
app.command("runs")(runs.runs)
app.command("verify")(verify.verify)
app.command("tensorboard")(tensorboard.tensorboard)
app.add_typer(fetch.app, name="fetch")
app.add_typer(review.app, name="review")


@app.callback()
def pedecg() -> None:
    """From raw paediatric ECGs to validated models."""


def main() -> None:
    """Run the command line; a user's fault is one line and exit status 1.

    A terminal that cannot show a character shows its escape: no answer is lost to its encoding.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    errors.one_line(app)
