"""The web application of a review: routes, and nothing that a test of the review itself needs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Annotated, Any

import pydantic
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.errors import PedecgError
from pedecg.review_app import page_texts, request_parts
from pedecg.review_app.ecg_source import EcgSource, PreparedEcg
from pedecg.review_app.journal_file import ConflictError
from pedecg.review_app.review_session import RefusedError, Review
from pedecg.review_app.wave_editor import WaveEditor
from pedecg.review_app.wave_pages import WavePages
from pedecg.web import access
from pedecg.web.access import Access, Session
from pedecg.web.bodies import HttpError

COOKIE = "pedecg_review"

# Files of the page by address: what is not listed cannot be requested.
FILES = {
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
    "actions.js": "text/javascript",
    "app.js": "text/javascript",
    "calipers.js": "text/javascript",
    "cases.js": "text/javascript",
    "dialogs.js": "text/javascript",
    "ecg_view.js": "text/javascript",
    "faults.js": "text/javascript",
    "keys.js": "text/javascript",
    "layouts.js": "text/javascript",
    "panels.js": "text/javascript",
    "paper.js": "text/javascript",
    "pointers.js": "text/javascript",
    "requests.js": "text/javascript",
    "side.js": "text/javascript",
    "state.js": "text/javascript",
    "toolbar.js": "text/javascript",
    "wave_drawing.js": "text/javascript",
    "wave_editor.js": "text/javascript",
    "wave_saving.js": "text/javascript",
}

_CLOSED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>pedecg review</title>
<meta name="viewport" content="width=device-width">
<h1>This address has no access</h1>
<p>Open the address that <code>pedecg review</code> printed, with its token. It changes with every
start of the program. All saved answers are kept.</p></html>"""


class SignIn(request_parts.Body):
    """Who reads."""

    name: str = pydantic.Field(max_length=200)
    password: str = pydantic.Field("", max_length=200)


class AnswerBody(request_parts.Body):
    """An answer as the page sends it."""

    answers: dict[str, str] = pydantic.Field(min_length=1, max_length=100)
    expected: int | None
    reason: str = pydantic.Field("", max_length=2000)
    findings: list[Annotated[str, pydantic.Field(max_length=200)]] = pydantic.Field(
        default_factory=list, max_length=30
    )
    consensus: bool = False


class Empty(request_parts.Body):
    """Nothing to say."""


Handler = Callable[[Request, Session], Awaitable[Response]]


class _Pages:
    """The handlers of the routes."""

    def __init__(self, review: Review, ecgs: EcgSource, gate: Access, editor: WaveEditor) -> None:
        self._review = review
        self._ecgs = ecgs
        self._editor = editor
        self._waves = WavePages(review, editor, self._ecg)
        self._gate = gate
        folder = resources.files("pedecg.review_app") / "page"
        self._files = {name: (folder / name).read_bytes() for name in FILES}
        self._index = (folder / "index.html").read_text(encoding="utf-8")

    def routes(self) -> list[Route]:
        def get(path: str, handler: Handler, reader: bool = True) -> Route:
            return Route(path, self._guarded(handler, False, reader), methods=["GET"])

        def post(path: str, handler: Handler, reader: bool = True) -> Route:
            return Route(path, self._guarded(handler, True, reader), methods=["POST"])

        return [
            Route("/", self._open, methods=["GET"]),
            get("/static/{name}", self._static, reader=False),
            get("/api/session", self._session, reader=False),
            post("/api/sign-in", self._sign_in, reader=False),
            post("/api/sign-out", self._sign_out, reader=False),
            get("/api/next", self._next),
            get("/api/overview", self._overview),
            get("/api/case/{number:int}", self._case),
            get("/api/case/{number:int}/signal", self._signal),
            get("/api/case/{number:int}/other/{other:int}", self._other),
            get("/api/case/{number:int}/other/{other:int}/signal", self._other_signal),
            post("/api/case/{number:int}/answer", self._answer),
            post("/api/case/{number:int}/skip", self._skip),
            post("/api/undo", self._undo),
            get("/api/case/{number:int}/waves", self._waves.view),
            post("/api/case/{number:int}/waves", self._waves.change),
            post("/api/case/{number:int}/waves/check", self._waves.check),
            post("/api/case/{number:int}/waves/undo", self._waves.undo),
        ]

    def _guarded(
        self, handler: Handler, changes: bool, needs_reader: bool
    ) -> Callable[[Request], Awaitable[Response]]:
        """Let a handler run only for an open session, and turn its faults into answers."""

        async def endpoint(request: Request) -> Response:
            session = self._gate.session(request.cookies)
            if session is None:
                return _error(403, "no session: open the address that pedecg review printed")
            if changes and not access.csrf_is_right(session, request.headers):
                return _error(403, "the request does not come from the page of this session")
            if needs_reader and session.reader is None:
                return _error(401, "sign in first")
            try:
                return await handler(request, session)
            except HttpError as fault:
                return _error(fault.status, str(fault))
            except RefusedError as fault:
                return _error(400, str(fault))
            except ConflictError:
                return _error(409, "changed in another window; it is shown anew")
            except RecordFault as fault:
                return _error(422, f"this ECG cannot be read: {fault.reason}: {fault.detail}")
            except PedecgError as fault:
                return _error(507, str(fault))

        return endpoint

    async def _open(self, request: Request) -> Response:
        token = request.query_params.get("token")
        if token is not None:
            cookie = self._gate.open(token)
            if cookie is None:
                return HTMLResponse(_CLOSED, status_code=403)
            response: Response = RedirectResponse("/", status_code=303)
            response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/")
            return response
        if self._gate.session(request.cookies) is None:
            return HTMLResponse(_CLOSED, status_code=403)
        return HTMLResponse(self._index)

    async def _static(self, request: Request, session: Session) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            return _error(404, "no such file")
        return Response(self._files[name], media_type=FILES[name])

    async def _session(self, request: Request, session: Session) -> Response:
        settings = self._review.settings
        return JSONResponse(
            {
                "reader": session.reader,
                "senior": session.reader in settings.senior,
                "csrf": session.csrf,
                "needs_password": self._gate.needs_password,
                "readers": list(settings.readers),
                "blinded": settings.blinded,
                "targets": [
                    {"name": target, "title": page_texts.title(target)}
                    for target in self._review.worklist.targets
                ],
                "reasons": list(page_texts.REASONS),
                "findings": page_texts.findings(),
                "version": self._review.version,
            }
        )

    async def _sign_in(self, request: Request, session: Session) -> Response:
        body = await request_parts.body(request, SignIn)
        right = self._gate.password_is_right(body.password)
        if right is None:
            raise HttpError(429, "too many wrong passwords; wait a minute")
        if not right:
            raise HttpError(401, "wrong password")
        session.reader = self._review.reader(body.name)
        return JSONResponse({"reader": session.reader})

    async def _sign_out(self, request: Request, session: Session) -> Response:
        await request_parts.body(request, Empty)
        session.reader = None
        return JSONResponse({})

    async def _next(self, request: Request, session: Session) -> Response:
        current = _number(request, "beside")
        number = await run_in_threadpool(self._review.next, request_parts.reader(session), current)
        if number is not None:
            self._ecgs.prepare(self._review.item(number).record_id)
        return JSONResponse({"number": number})

    async def _overview(self, request: Request, session: Session) -> Response:
        found = await run_in_threadpool(self._review.overview, request_parts.reader(session))
        return JSONResponse(found)

    async def _case(self, request: Request, session: Session) -> Response:
        number = request.path_params["number"]
        consensus = request.query_params.get("consensus") == "1"
        view = await run_in_threadpool(
            self._review.view, number, request_parts.reader(session), consensus
        )
        session.shown.setdefault(number, time.monotonic())
        record_id = view["record_id"]
        try:
            ecg = (await self._ecg(record_id)).about
            corrected = self._editor.in_seconds(record_id)
            if corrected is not None:
                ecg = {**ecg, "waves": corrected, "waves_corrected": True}
        except RecordFault as fault:
            ecg = {"error": f"this ECG cannot be read: {fault.reason}: {fault.detail}"}
        others = self._ecgs.others(record_id)
        view["label_title"] = page_texts.title(view["label"])
        return JSONResponse({**view, "ecg": ecg, "others": others})

    async def _signal(self, request: Request, session: Session) -> Response:
        record_id = self._review.item(request.path_params["number"]).record_id
        return _samples(await self._ecg(record_id), request)

    async def _other(self, request: Request, session: Session) -> Response:
        return JSONResponse((await self._ecg(self._other_id(request))).about)

    async def _other_signal(self, request: Request, session: Session) -> Response:
        return _samples(await self._ecg(self._other_id(request)), request)

    async def _answer(self, request: Request, session: Session) -> Response:
        body = await request_parts.body(request, AnswerBody)
        number = request.path_params["number"]
        reader = request_parts.reader(session)
        since = session.shown.get(number)
        await run_in_threadpool(
            self._review.answer,
            number,
            reader,
            body.answers,
            expected=body.expected,
            reason=body.reason,
            findings=body.findings,
            consensus=body.consensus,
            seconds=None if since is None else time.monotonic() - since,
        )
        view = await run_in_threadpool(self._review.view, number, reader, body.consensus)
        return JSONResponse(view)

    async def _skip(self, request: Request, session: Session) -> Response:
        await request_parts.body(request, Empty)
        number = request.path_params["number"]
        await run_in_threadpool(self._review.skip, number, request_parts.reader(session))
        return JSONResponse({"number": number})

    async def _undo(self, request: Request, session: Session) -> Response:
        await request_parts.body(request, Empty)
        number, consensus = await run_in_threadpool(
            self._review.undo, request_parts.reader(session)
        )
        return JSONResponse({"number": number, "consensus": consensus})

    async def _ecg(self, record_id: str) -> PreparedEcg:
        return await asyncio.wrap_future(self._ecgs.prepare(record_id))

    def _other_id(self, request: Request) -> str:
        """Return another record of the same child; a record of another child has no address."""
        item = self._review.item(request.path_params["number"])
        others = self._ecgs.others(item.record_id)
        place = request.path_params["other"]
        if place >= len(others):
            raise HttpError(404, f"no ECG {place}; this child has {len(others)} others")
        return str(others[place]["record_id"])


def build(
    review: Review,
    ecgs: EcgSource,
    gate: Access,
    editor: WaveEditor,
    hosts: tuple[str, ...] = access.LOOPBACK,
) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    hosts : host names that it answers to; empty: any.
    """
    app = Starlette(routes=_Pages(review, ecgs, gate, editor).routes())
    return access.GuardedApp(app, hosts)


def _samples(ecg: PreparedEcg, request: Request) -> Response:
    """Send int16 little-endian microvolts, lead after lead."""
    signal = ecg.filtered if request.query_params.get("filtered") == "1" else ecg.raw
    return Response(signal.astype("<i2").tobytes(), media_type="application/octet-stream")


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise HttpError(400, f"{name} must be a whole number")
    return int(text)


def _error(status: int, message: Any) -> Response:
    return JSONResponse({"error": str(message)}, status_code=status)
