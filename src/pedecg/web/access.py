"""Who may talk to an application: token, password, session cookie, CSRF token, host and origin.

The address with the token opens a session; everything else needs its cookie. A request that
changes anything must carry the session's CSRF token in a header, which another site can neither
read nor send, and come from the application's own page.
"""

import base64
import binascii
import hmac
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSRF_HEADER = "x-csrf-token"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_SESSIONS = 200  # the oldest is forgotten
MAX_WRONG_PASSWORDS = 10  # within `WRONG_PASSWORD_S`
WRONG_PASSWORD_S = 60.0  # seconds; so that a program cannot try thousands

# No code, style, font or connection from anywhere but the application itself.
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass
class Session:
    """One browser; `reader` is None until a reader signs in."""

    csrf: str
    reader: str | None = None
    shown: dict[int, float] = field(default_factory=dict)


class Access:
    """The sessions of one run of the server."""

    def __init__(self, cookie: str, password: str | None = None, token: str | None = None) -> None:
        """Start without a session.

        Parameters
        ----------
        cookie : its name; applications on other ports of this machine share the browser's cookies.
        token : None: a new one.
        """
        self.cookie = cookie
        self.token = token or secrets.token_urlsafe(24)
        self._password = password
        self._sessions: dict[str, Session] = {}
        self._wrong: list[float] = []
        self._lock = threading.Lock()

    @property
    def needs_password(self) -> bool:
        """Whether the page asks for a password."""
        return self._password is not None

    def open(self, token: str) -> str | None:
        """Return the cookie of a new session, or None where the token is wrong."""
        if not _same(token, self.token):
            return None
        cookie = secrets.token_urlsafe(24)
        with self._lock:
            self._sessions[cookie] = Session(csrf=secrets.token_urlsafe(24))
            while len(self._sessions) > MAX_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
        return cookie

    def session(self, cookies: Mapping[str, str]) -> Session | None:
        """Return the session that a request's cookies name."""
        return self._sessions.get(cookies.get(self.cookie, ""))

    def key_is_right(self, headers: Headers) -> bool:
        """Return whether a program's request carries the token or the password.

        As ``Authorization: Bearer KEY``, or as the password of ``Basic`` with any user name.
        """
        key = _key(headers.get("authorization", ""))
        return any(_same(key, one) for one in (self.token, self._password) if key and one)

    def password_is_right(self, password: str) -> bool | None:
        """Compare a password; None: too many wrong ones came within the last minute."""
        if self._password is None:
            return True
        with self._lock:
            now = time.monotonic()
            self._wrong = [then for then in self._wrong if now - then < WRONG_PASSWORD_S]
            if len(self._wrong) >= MAX_WRONG_PASSWORDS:
                return None
            right = _same(password, self._password)
            if not right:
                self._wrong.append(now)
            return right


def csrf_is_right(session: Session, headers: Headers) -> bool:
    """Return whether a request that changes something comes from the session's own page."""
    is_json = headers.get("content-type", "").split(";")[0].strip() == "application/json"
    return is_same_origin(headers) and is_json and _same(headers.get(CSRF_HEADER, ""), session.csrf)


def is_same_origin(headers: Headers) -> bool:
    """Return whether a request comes from a page of this address, or from no browser."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


class GuardedApp:
    """Refuses foreign host names (DNS rebinding) and adds the security headers."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        """Wrap an application; `hosts` are the names it answers to, empty: any."""
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; hosts that are not listed get status 400."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
            await send(message)

        host = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
        if self._hosts and host not in self._hosts:
            refusal = PlainTextResponse("unknown host name\n", status_code=421)
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _key(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return ""
