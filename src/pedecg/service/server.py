"""The web application of `pedecg serve`: routes, and what is counted and logged of each request."""

import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import pydantic
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pedecg.service import api_description, content_choice, fhir_outcome, service_metrics, uploads
from pedecg.service.admission import BusyError
from pedecg.service.drift_monitor import DriftMonitor
from pedecg.service.limits import Limits
from pedecg.service.messages import About, Broken, Job, Refused
from pedecg.service.request_log import RequestLog, milliseconds_since, request_id
from pedecg.service.service_metrics import ServiceMetrics
from pedecg.service.worker_pool import WorkerPool
from pedecg.web import access, bodies
from pedecg.web.access import Access
from pedecg.web.bodies import HttpError

COOKIE = "pedecg_serve"
PREDICTION_ID = "x-prediction-id"
REQUEST_ID = "x-request-id"
_SMALL_BODY = 16 * 1024  # bytes; outcomes of a few targets
# Reasons of refusals that have a status of their own; any other fault of a file is 422.
_STATUS = {"too-large": 413, "unusable-request": 400}


class OutcomeBody(pydantic.BaseModel):
    """What was found in a patient."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    prediction: str = pydantic.Field(pattern="^[0-9a-f]{16}$")
    outcomes: dict[str, bool] = pydantic.Field(min_length=1, max_length=100)


@dataclass
class _Note:
    """What is logged of one request."""

    route: str
    bytes_in: int | None = None
    form: str | None = None
    flags: int | None = None
    reason: str | None = None
    error: str | None = None
    place: str | None = None


@dataclass
class Service:
    """What the routes work with.

    Attributes
    ----------
    folder : for the files of a request while it is answered.
    """

    pool: WorkerPool
    about: About
    limits: Limits
    gate: Access
    drift: DriftMonitor
    log: RequestLog
    folder: Path
    metrics: ServiceMetrics = field(default_factory=ServiceMetrics)


Handler = Callable[[Request, _Note], Awaitable[Response]]


class _Routes:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._version = metadata.version("pedecg")
        self._description = api_description.document(service.limits, self._version)
        self._page = api_description.page(self._description)
        self._style = api_description.style()

    def routes(self) -> list[Route]:
        def get(path: str, handler: Handler) -> Route:
            return Route(path, self._endpoint(path, handler), methods=["GET"])

        def post(path: str, handler: Handler) -> Route:
            return Route(path, self._endpoint(path, handler), methods=["POST"])

        return [
            get("/health", self._health),
            post("/predict", self._predict),
            post("/outcomes", self._outcomes),
            get("/model", self._model),
            get("/drift", self._drift),
            get("/metrics", self._metrics),
            get("/openapi.json", self._openapi),
            get("/docs", self._docs),
            get("/docs/style.css", self._docs_style),
            Route("/", self._open, methods=["GET"]),
        ]

    def _endpoint(self, path: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Let a handler run for who may; turn its faults into answers; count and log it."""

        async def endpoint(request: Request) -> Response:
            begun, note = time.monotonic(), _Note(path)
            name = request_id()
            try:
                self._require_access(request, path)
                response = await handler(request, note)
            except BusyError as busy:
                note.reason = "busy"
                message = (
                    f"{self._service.pool.admission.taken} requests run or wait; try again later"
                )
                response = _error(request, 429, message, "busy")
                response.headers["retry-after"] = str(busy.retry_after_s)
            except HttpError as fault:
                note.reason = fault.reason or "refused"
                response = _error(request, fault.status, str(fault), note.reason)
                if fault.status == 401:
                    response.headers["www-authenticate"] = "Bearer"
            except Exception as error:
                note.error = type(error).__name__
                response = _error(request, 500, "the program failed; see its log", "internal")
            response.headers[REQUEST_ID] = name
            self._record(request, response, note, name, begun)
            return response

        return endpoint

    def _require_access(self, request: Request, path: str) -> None:
        if path == "/health":
            return
        gate = self._service.gate
        if not access.is_same_origin(request.headers):
            raise HttpError(403, "the request comes from another site's page", "foreign-origin")
        reads = request.method in ("GET", "HEAD")
        if gate.key_is_right(request.headers) or (reads and gate.session(request.cookies)):
            return
        raise HttpError(401, "expected Authorization: Bearer TOKEN", "no-access")

    def _record(
        self, request: Request, response: Response, note: _Note, name: str, begun: float
    ) -> None:
        metrics, pool = self._service.metrics, self._service.pool
        took = milliseconds_since(begun)
        status = response.status_code
        method = "GET" if request.method == "HEAD" else request.method
        metrics.requests.labels(note.route, method, str(status)).inc()
        metrics.seconds.labels(note.route).observe(took / 1000)
        if note.reason is not None:
            metrics.refused.labels(note.reason).inc()
        self._service.log.write(
            "request", "error" if status >= 500 else "info", request=name, method=method,
            route=note.route, status=status, ms=took, in_flight=pool.admission.taken,
            bytes_in=note.bytes_in, form=note.form, flags=note.flags, reason=note.reason,
            error=note.error, place=note.place,
        )  # fmt: skip

    async def _open(self, request: Request) -> Response:
        """Take the token out of the address into a cookie, and show the documentation."""
        gate = self._service.gate
        token = request.query_params.get("token")
        if token is None:
            return RedirectResponse("/docs", status_code=303)
        cookie = gate.open(token)
        if cookie is None:
            return _error(request, 401, "wrong token", "no-access")
        response = RedirectResponse("/docs", status_code=303)
        response.set_cookie(gate.cookie, cookie, httponly=True, samesite="strict", path="/")
        return response

    async def _health(self, request: Request, note: _Note) -> Response:
        ready = self._service.pool.ready
        status = "ok" if ready else "starting"
        found = {"status": status, "workers_ready": ready, "workers": self._service.limits.workers}
        return JSONResponse(found, status_code=200 if ready else 503)

    async def _predict(self, request: Request, note: _Note) -> Response:
        service = self._service
        note.form = content_choice.form(request)
        with service.pool.admission.place():
            body = await bodies.read(
                request, service.limits.max_bytes, service.limits.body_within_s
            )
            note.bytes_in = len(body)
            upload = await uploads.parse(request.headers, body, request.query_params.get("name"))
            with uploads.stored(upload, service.folder) as folder:
                job = uploads.job(upload, folder, request.query_params, note.form)
                self._check(job)
                del body, upload
                found = await service.pool.run(job)
        if isinstance(found, Refused):
            raise HttpError(_STATUS.get(found.reason, 422), found.detail, found.reason)
        if isinstance(found, Broken):
            note.error, note.place = found.kind, found.place
            raise HttpError(500, "the program failed; see its log", "internal")
        note.flags = found.flags
        name = request_id()
        service.metrics.ecgs.inc()
        service.metrics.flagged.inc(int(found.flags > 0))
        for target, p in found.probabilities.items():
            service.metrics.probability.labels(target).observe(p)
        begun = service.drift.add(name, found.probabilities, found.flags, found.quality)
        self._report_alarms(begun)
        media_type = content_choice.media_type(note.form)
        return Response(found.body, media_type=media_type, headers={PREDICTION_ID: name})

    def _check(self, job: Job) -> None:
        targets = self._service.about.targets
        if job.target is not None and job.target not in targets:
            message = f"target: the model predicts {', '.join(targets)}"
            raise HttpError(400, message, "unusable-parameter")

    async def _outcomes(self, request: Request, note: _Note) -> Response:
        data = await bodies.read(request, _SMALL_BODY, self._service.limits.body_within_s)
        note.bytes_in = len(data)
        body = bodies.checked(data, OutcomeBody)
        targets = self._service.about.targets
        if not set(body.outcomes) <= set(targets):
            message = f"outcomes: the model predicts {', '.join(targets)}"
            raise HttpError(400, message, "unusable-request")
        begun = self._service.drift.outcome(body.prediction, body.outcomes)
        if begun is None:
            message = "no such prediction, or so long ago that it was forgotten"
            raise HttpError(404, message, "unknown-prediction")
        self._report_alarms(begun)
        return JSONResponse({"accepted": sorted(body.outcomes)})

    async def _model(self, request: Request, note: _Note) -> Response:
        about = self._service.about
        return JSONResponse(
            {
                "model": about.model,
                "targets": list(about.targets),
                "thresholds": dict(zip(about.targets, about.thresholds, strict=True)),
                "exclusive_classes": about.exclusive,
                "leads": list(about.leads),
                "numbers": list(about.numbers),
                "training_children": about.children,
                "use": about.use,
                "version": self._version,
            }
        )

    async def _drift(self, request: Request, note: _Note) -> Response:
        return JSONResponse(self._service.drift.status())

    async def _metrics(self, request: Request, note: _Note) -> Response:
        metrics, pool, drift = self._service.metrics, self._service.pool, self._service.drift
        metrics.in_flight.set(pool.admission.taken)
        metrics.workers_ready.set(pool.ready)
        metrics.restarts.set(pool.restarts)
        alarms = drift.alarms
        for quantity, evidence in drift.evidence.items():
            metrics.drift_evidence.labels(quantity).set(evidence)
            metrics.drift_alarm.labels(quantity).set(int(quantity in alarms))
        return Response(metrics.text(), media_type=service_metrics.CONTENT_TYPE)

    async def _openapi(self, request: Request, note: _Note) -> Response:
        return JSONResponse(self._description)

    async def _docs(self, request: Request, note: _Note) -> Response:
        return HTMLResponse(self._page)

    async def _docs_style(self, request: Request, note: _Note) -> Response:
        return Response(self._style, media_type="text/css")

    def _report_alarms(self, quantities: list[str]) -> None:
        for quantity in quantities:
            after = self._service.drift.alarms[quantity]
            self._service.log.write("drift-alarm", "warning", quantity=quantity, after=after)


def build(service: Service, hosts: tuple[str, ...] = access.LOOPBACK) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    hosts : host names under which it may be asked; empty: any.
    """
    return access.GuardedApp(Starlette(routes=_Routes(service).routes()), hosts)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for the files of requests, that only this user can open."""
    return tempfile.TemporaryDirectory(prefix="pedecg-serve-", ignore_cleanup_errors=True)


def _error(request: Request, status: int, message: str, reason: str) -> Response:
    if content_choice.wants_fhir(request):
        found = fhir_outcome.outcome(status, message)
        return JSONResponse(found, status_code=status, media_type=content_choice.FHIR)
    return JSONResponse({"error": message, "reason": reason}, status_code=status)
