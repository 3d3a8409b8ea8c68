"""`pedecg fetch`: published files that are not part of pedecg."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def fetch() -> None:
    """Download published files that are not part of pedecg."""


@app.command("weights")
def weights(
    network: Annotated[
        str,
        typer.Argument(help="ecgfounder, ecgfounder_1lead, hubert_ecg_small or hubert_ecg_base"),
    ],
    to: Annotated[Path, typer.Option(help="folder of the downloads")] = Path("models/released"),
    sha256: Annotated[str | None, typer.Option(help="expected hash of the file")] = None,
    url: Annotated[str | None, typer.Option(help="another address than the publisher's")] = None,
    limit_minutes: Annotated[
        float, typer.Option(min=0.01, help="time limit of the download")
    ] = 60.0,
) -> None:
    """Download the released weights of a foundation model; prints their licence and hash."""
    import sys

    from pedecg.commands import download
    from pedecg.core import params
    from pedecg.core.errors import PedecgError
    from pedecg.models.backbones.released_weights import RELEASES

    if network not in RELEASES:
        hint = params.did_you_mean(network, RELEASES)
        raise PedecgError(f"{network}: no network with released weights{hint}")
    release = RELEASES[network]
    typer.echo(f"{network}: licence {release.licence}")
    computed = download.fetch(
        url or f"{release.url}/resolve/main/{release.file}",
        to / network / release.file,
        sha256,
        time_limit_s=60 * limit_minutes,
        progress=sys.stderr.isatty(),
    )
    typer.echo(f"{to / network / release.file}\nsha256 {computed}")
    if sha256 is None:
        typer.echo(
            "The publisher states no hash; this one was computed from the downloaded file. "
            f"To check later downloads: --sha256 {computed}",
            err=True,
        )
