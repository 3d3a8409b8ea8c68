"""`pedecg fetch`: published files that are not part of pedecg."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup


class _ByName(TyperGroup):
    """`pedecg fetch NAME` is `pedecg fetch data NAME`, where NAME is no command."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            args = ["data", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(no_args_is_help=True, cls=_ByName)


@app.callback()
def fetch() -> None:
    """Download published files that are not part of pedecg: `pedecg fetch NAME` a data set."""


@app.command("list")
def listed() -> None:
    """List the data sets by name, with licence and title."""
    from pedecg.downloads import data_sets

    for name in data_sets.names():
        one = data_sets.read(name)
        typer.echo(f"{name:24} {one.licence or 'licence: see its page':22} {one.title}")


@app.command("data")
def data(
    name: Annotated[str, typer.Argument(help="data set, as pedecg fetch list names it")],
    to: Annotated[Path, typer.Option(help="folder of the downloads")] = Path("data/external"),
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="paths to download, as 'records100/*'",
                     show_default=False),
    ] = None,
    mirror: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="address below which the files lie, tried first",
                     show_default=False),
    ] = None,
    limit_minutes: Annotated[
        float, typer.Option(min=0.01, help="time limit of the whole download")
    ] = 1440.0,
    unpack: Annotated[
        bool, typer.Option(help="unpack archives (zip, tar.gz) into the data set's folder")
    ] = True,
    about: Annotated[
        bool, typer.Option("--about", help="show licence and citation, download nothing")
    ] = False,
) -> None:  # fmt: skip
    """Download a data set; every file is checked, and a call that broke off is continued."""
    import sys

    from pedecg.downloads import data_sets, fetch_data_set

    data_set = data_sets.read(name)
    typer.echo(fetch_data_set.described(name, data_set))
    if about:
        return
    done = fetch_data_set.fetch(
        name,
        data_set,
        to / name,
        only or (),
        [address if address.endswith("/") else f"{address}/" for address in mirror or ()],
        60 * limit_minutes,
        progress=sys.stderr.isatty(),
        say=lambda line: typer.echo(line, err=True),
        unpack=unpack,
    )
    typer.echo(f"{done.files} files in {to / name}")
    if done.unpacked:
        typer.echo(f"{done.unpacked} files unpacked from archives")
    if done.unchecked:
        typer.echo(
            f"{done.unchecked} of them have no published checksum; theirs are in "
            f"{fetch_data_set.CHECKSUMS}",
            err=True,
        )


@app.command("weights")
def weights(
    network: Annotated[
        str,
        typer.Argument(
            help="ecgfounder, ecgfounder_1lead, hubert_ecg_small, hubert_ecg_base or st_mem"
        ),
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

    from pedecg.core import params
    from pedecg.core.errors import PedecgError
    from pedecg.downloads import http_file
    from pedecg.models.backbones.released_weights import RELEASES

    if network not in RELEASES:
        hint = params.did_you_mean(network, RELEASES)
        raise PedecgError(f"{network}: no network with released weights{hint}")
    release = RELEASES[network]
    typer.echo(f"{network}: licence {release.licence}")
    computed = http_file.fetch(
        url or release.address,
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
