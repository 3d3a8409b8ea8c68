"""A small ward: a pipeline's folder with a few ECGs, their tables and label candidates."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import serving
from starlette.testclient import TestClient
from ward import Ward, written

from pedecg.review_app import ecg_source, server, wave_editor, wave_journal, worklist
from pedecg.review_app.review_session import Review, ReviewSettings, start
from pedecg.rules import norms
from pedecg.web import access


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Ward:
    """The folder and its tables; tests write their journals elsewhere."""
    return written(tmp_path_factory.mktemp("ward"))


@pytest.fixture
def review(ward: Ward, tmp_path: Path) -> Iterator[Callable[..., Review]]:
    """Start a review of the ward's candidates; a second call goes on with the same journal."""
    running: list[Review] = []

    def begin(**settings: object) -> Review:
        for one in running:
            one.journal.close()
        running.clear()
        values = {"decisions": tmp_path / "decisions.csv", **settings}
        cases = worklist.from_candidates(ward.labels, ward.records, 200, ward.candidates)
        running.append(
            start(
                cases, tmp_path / "review.jsonl", ReviewSettings(**values), ward.splits,
                ward.statements,
            )
        )  # fmt: skip
        return running[-1]

    yield begin
    for one in running:
        one.journal.close()


@pytest.fixture(scope="session")
def ecgs(ward: Ward) -> Iterator[ecg_source.EcgSource]:
    source = ecg_source.EcgSource(ward.folder, ward.records, norms.load(norms.LIMITS))
    yield source
    source.close()


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[wave_editor.WaveEditor]:
    made = wave_editor.WaveEditor(wave_journal.WaveJournal(tmp_path / "waves_of_the_page.jsonl"))
    yield made
    made.close()


class Browser:
    """A client with a session, as the page uses it."""

    def __init__(self, client: TestClient, token: str) -> None:
        self.client = client
        client.get(f"/?token={token}")
        self.csrf = client.get("/api/session").json()["csrf"]

    def get(self, path: str):
        return self.client.get(path)

    def post(self, path: str, body: object = None, **headers: str):
        given = {access.CSRF_HEADER: self.csrf, **headers}
        return self.client.post(path, json={} if body is None else body, headers=given)

    def sign_in(self, name: str) -> "Browser":
        assert self.post("/api/sign-in", {"name": name}).status_code == 200
        return self

    def answer(self, number: int, word: str, label: str = "chd", **more: object):
        body = {"answers": {label: word}, "expected": None, **more}
        return self.post(f"/api/case/{number}/answer", body)


@pytest.fixture
def site(
    review: Callable[..., Review], ecgs: ecg_source.EcgSource, editor: wave_editor.WaveEditor
) -> Iterator[Callable[..., Browser]]:
    """Open a browser on one running application; every call opens another one."""
    made: dict[str, object] = {}
    clients: list[TestClient] = []

    def browse(password: str | None = None, **settings: object) -> Browser:
        if not made:
            gate = access.Access(server.COOKIE, password)
            running = review(**settings)
            made.update(gate=gate, app=server.build(running, ecgs, gate, editor), review=running)
        client = TestClient(made["app"], base_url="http://127.0.0.1:8765")  # type: ignore[arg-type]
        clients.append(client)
        browser = Browser(client, made["gate"].token)  # type: ignore[attr-defined]
        browser.review = made["review"]  # type: ignore[attr-defined]
        browser.app = made["app"]  # type: ignore[attr-defined]
        browser.gate = made["gate"]  # type: ignore[attr-defined]
        return browser

    yield browse
    for client in clients:
        client.close()


@pytest.fixture
def window(engine, served):
    """Open a window; any error on its console fails the test. It is closed before the server is."""
    contexts, errors = [], []

    def open_window(width=1440, height=900, **more):
        context = engine.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda m: m.type == "error" and errors.append(m.text))
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.errors = errors
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def served(review, ecgs, editor):
    """Serve a review of the ward and return its address."""
    stack = []

    def serve(cases=None, **settings):
        running = review(**settings)
        if cases is not None:
            running.worklist = running.queue.worklist = cases
        gate = access.Access(server.COOKIE)
        manager = serving(server.build(running, ecgs, gate, editor))
        stack.append(manager)
        return f"http://127.0.0.1:{manager.__enter__()}/?token={gate.token}", running

    yield serve
    for manager in stack:
        manager.__exit__(None, None, None)
