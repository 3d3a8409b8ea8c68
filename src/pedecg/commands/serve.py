"""`pedecg serve`: a trained model as a service on this machine."""

import os
from pathlib import Path
from typing import Annotated

import typer

TOKEN_VARIABLE = "PEDECG_SERVE_TOKEN"
PASSWORD_VARIABLE = "PEDECG_SERVE_PASSWORD"
# Characters of a key that the user chooses: programs are not slowed down after a wrong one, so it
# must be too long to be guessed.
SHORTEST_KEY = 16


def serve(
    model: Annotated[
        Path,
        typer.Option(
            help="models/<name> of a pipeline that has run, one of its seeds, or a bundle",
            show_default=False,
        ),
    ],
    reference: Annotated[
        Path | None,
        typer.Option(
            help="lines of `predict --json` over ECGs of this hospital, for the drift monitor; "
            "default: validation patients of the model's pipeline",
            show_default=False,
        ),
    ] = None,
    alarm_once_in: Annotated[
        int,
        typer.Option(min=1000, help="ECGs in which the drift monitor may be wrong at most once"),
    ] = 100_000,
    host: Annotated[
        str, typer.Option(help=f"another one needs a password in {PASSWORD_VARIABLE}")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one")] = 8766,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=256, help="predictions at a time; default: cores", show_default=False
        ),
    ] = None,
    waiting: Annotated[
        int, typer.Option(min=0, max=10_000, help="requests that may wait; more are answered 429")
    ] = 8,
    max_mb: Annotated[float, typer.Option(min=0.01, max=1000, help="size of a request, MB")] = 20.0,
    time_limit: Annotated[
        float, typer.Option(min=1, max=3600, help="time for one prediction, s")
    ] = 60.0,
    memory_gb: Annotated[
        float, typer.Option(min=0.5, help="memory that one prediction may use, GB")
    ] = 4.0,
) -> None:
    """Answer ECGs over HTTP: JSON as `predict --json`, FHIR, or a page as PNG or PDF.

    Prints the address of its documentation, with a token. Not a medical device.
    """
    from importlib import metadata

    from pedecg.core.errors import PedecgError
    from pedecg.service import drift_monitor, drift_reference, server
    from pedecg.service.limits import Limits
    from pedecg.service.request_log import RequestLog
    from pedecg.service.worker_pool import WorkerPool
    from pedecg.web import access, run_server

    token, password = _key(TOKEN_VARIABLE), _key(PASSWORD_VARIABLE)
    local = run_server.is_loopback(host)
    if not local and password is None:
        raise PedecgError(
            f"--host {host}: other machines could send ECGs and read answers; set a password in "
            f"{PASSWORD_VARIABLE}, or leave --host out"
        )
    if not model.is_dir():
        raise PedecgError(f"--model {model}: not found; expected models/<name> or a bundle")
    limits = Limits(
        max_mb=max_mb,
        answer_within_s=time_limit,
        memory_gb=memory_gb,
        workers=workers or len(os.sched_getaffinity(0)),
        waiting=waiting,
    )
    log = RequestLog()
    with run_server.listen(host, port) as sock, server.temporary_folder() as folder:
        pool = WorkerPool(model, limits)
        try:
            about = pool.wait_until_ready()
            known = drift_reference.of(model, about.targets, reference)
            service = server.Service(
                pool=pool,
                about=about,
                limits=limits,
                gate=access.Access(server.COOKIE, password, token),
                drift=drift_monitor.DriftMonitor(known, alarm_once_in, seed=0),
                log=log,
                folder=Path(folder),
            )
            if known is None:
                typer.echo("no drift reference: inputs are not watched; see --reference", err=True)
            if not local:
                typer.echo(
                    f"warning: {host} is open to the network and not encrypted; use it inside a "
                    "trusted network only, or behind a proxy with TLS",
                    err=True,
                )
            typer.echo(f"model {about.model}, {limits.workers} workers; {about.use}")
            if token is None:
                typer.echo(f"open {run_server.address(sock, service.gate.token)}")
            else:
                typer.echo(f"open {run_server.address(sock, '…')} with {TOKEN_VARIABLE}")
            log.write(
                "start", version=metadata.version("pedecg"), model=about.model,
                workers=limits.workers,
            )  # fmt: skip
            run_server.serve(server.build(service, access.LOOPBACK if local else ()), sock)
            log.write("end")
        finally:
            pool.close()


def _key(variable: str) -> str | None:
    from pedecg.core.errors import PedecgError

    key = os.environ.get(variable) or None
    if key is not None and len(key) < SHORTEST_KEY:
        raise PedecgError(
            f"{variable}: {len(key)} characters; expected at least {SHORTEST_KEY}: it can be "
            "tried without limit"
        )
    return key
