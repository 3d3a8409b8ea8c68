"""Listening: one address, until Ctrl-C; connections that only hold the line are closed."""

import asyncio
import contextlib
import ipaddress
import socket

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from pedecg.core.errors import PedecgError

MAX_CONNECTIONS = 200  # more are refused with 503 rather than slowing down all
# Seconds; longer than a look at one case, so that the next one needs no new connection.
KEEP_ALIVE_S = 30
HEAD_WITHIN_S = 10.0  # a request's head that takes longer comes from a client that holds the line
_LONGEST_HEAD = 16 * 1024  # bytes of a request before its body


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, which itself waits without end for the head of a request."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for a head."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Stop waiting where a head is complete; wait for the next where one has begun."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._wait_for_head()
        elif self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)


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
        http=ImpatientProtocol,
        ws="none",
        server_header=False,
    )
    with contextlib.suppress(KeyboardInterrupt):  # how a user ends it
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
