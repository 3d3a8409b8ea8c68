"""Listening: one address, one token, until Ctrl-C."""

import contextlib
import ipaddress
import socket

import uvicorn
from starlette.types import ASGIApp

from pedecg.core.errors import PedecgError

MAX_CONNECTIONS = 200  # more are refused with 503 rather than slowing down all
# Seconds; longer than a look at one case, so that the next one needs no new connection.
KEEP_ALIVE_S = 30
_LONGEST_HEAD = 16 * 1024  # bytes of a request before its body


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes any free one.

    Raises
    ------
    PedecgError
        The address is not this machine's, or the port is in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError) as error:
        sock.close()
        raise PedecgError(f"cannot listen on {host} port {port} ({error}); try --port 0") from None
    sock.listen(128)
    return sock


def serve(app: ASGIApp, sock: socket.socket) -> None:
    """Answer requests until the process is asked to end."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # addresses hold the token
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
        http="h11",
        ws="none",
        server_header=False,
    )
    with contextlib.suppress(KeyboardInterrupt):  # how a reader ends the review
        uvicorn.Server(config).run(sockets=[sock])


def address(sock: socket.socket, token: str) -> str:
    """Return the address to open in a browser."""
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/?token={token}"


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
