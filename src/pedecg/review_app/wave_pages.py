"""The routes of the wave editor."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import pydantic
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pedecg.review_app import request_parts
from pedecg.review_app.ecg_source import PreparedEcg
from pedecg.review_app.review_session import Review
from pedecg.review_app.wave_editor import WaveEditor
from pedecg.review_app.wave_marks import Edge, Wave
from pedecg.web.access import Session

Sample = Annotated[int, pydantic.Field(ge=0, le=10**9)]
# Kind, onset, peak and offset in samples.
Marked = tuple[
    Annotated[str, pydantic.Field(max_length=10)], Sample | None, Sample | None, Sample | None
]
Lead = Annotated[str, pydantic.Field(max_length=40)]


class _Expected(request_parts.Body):
    expected: int


class _Change(_Expected):
    """One of: a boundary moved to a sample, a wave removed, a wave added.

    A tuple of JSON is a list, which only a model that is not strict takes for one.
    """

    model_config = pydantic.ConfigDict(extra="forbid", strict=False)

    lead: Lead
    wave: Marked
    edge: Edge | None = None
    sample: Sample | None = None
    add: bool = False


class WavePages:
    """The handlers of the routes ``/api/case/NUMBER/waves…``."""

    def __init__(
        self,
        review: Review,
        editor: WaveEditor,
        ecg: Callable[[str], Awaitable[PreparedEcg]],
    ) -> None:
        self._review = review
        self._editor = editor
        self._ecg = ecg

    async def view(self, request: Request, session: Session) -> Response:
        """Return the waves of the case's record."""
        record_id = self._record(request)
        about = (await self._ecg(record_id)).about
        reader = request_parts.reader(session)
        return JSONResponse(await run_in_threadpool(self._editor.view, record_id, about, reader))

    async def change(self, request: Request, session: Session) -> Response:
        """Move a boundary, or remove or add a wave; return the waves as they are then."""
        given = await request_parts.body(request, _Change)
        record_id, reader = self._record(request), request_parts.reader(session)
        about = (await self._ecg(record_id)).about
        common = (record_id, about, reader, given.expected, given.lead, Wave(*given.wave))
        if given.edge is not None and given.sample is not None:
            await run_in_threadpool(self._editor.move, *common, given.edge, given.sample)
        else:
            act = self._editor.add if given.add else self._editor.remove
            await run_in_threadpool(act, *common)
        return await self.view(request, session)

    async def check(self, request: Request, session: Session) -> Response:
        """Mark the waves of the record as right."""
        given = await request_parts.body(request, _Expected)
        record_id = self._record(request)
        about = (await self._ecg(record_id)).about
        reader = request_parts.reader(session)
        await run_in_threadpool(self._editor.check, record_id, about, reader, given.expected)
        return await self.view(request, session)

    async def undo(self, request: Request, session: Session) -> Response:
        """Take the last action on the record back."""
        given = await request_parts.body(request, _Expected)
        record_id, reader = self._record(request), request_parts.reader(session)
        await run_in_threadpool(self._editor.undo, record_id, reader, given.expected)
        return await self.view(request, session)

    def _record(self, request: Request) -> str:
        return self._review.item(request.path_params["number"]).record_id
