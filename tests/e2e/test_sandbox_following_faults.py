"""What can go wrong with calls about batches that are there: each kind of call has its own faults."""

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from batchrunner.sandbox import Faults, Ledger, SandboxSettings, Timings, running
from batchrunner.sandbox.faults import FAULT_TYPES, KINDS, SUBMITTING

CHAT = "/v1/chat/completions"
AT_ONCE = Timings(0, 0, 0, 3600)
FOLLOWING = [kind for kind in KINDS if kind not in SUBMITTING]
LINE = json.dumps({"custom_id": "a", "method": "POST", "url": CHAT, "body": {"model": "m", "messages": []}}).encode()


class Provider:
    """A sandbox with one batch that is done, and the calls that can be made about it."""

    def __init__(self, client: httpx.Client, ledger: Ledger, *, by_look: bool) -> None:
        self.client = client
        self.ledger = ledger
        content = b"\n".join(LINE.replace(b'"a"', b'"a%d"' % n) for n in range(200))
        self.file = client.post("/v1/files", data={"purpose": "batch"}, files={"file": content}).json()["id"]
        order = {"input_file_id": self.file, "endpoint": CHAT}
        self.batch = client.post("/v1/batches", json=order).json()["id"]
        found = client.get(f"/v1/batches/{self.batch}" if by_look else "/v1/batches").json()
        self.output = found["output_file_id"] if by_look else found["data"][0]["output_file_id"]
        self.calls: dict[str, Callable[[], httpx.Response]] = {
            "look": lambda: client.get(f"/v1/batches/{self.batch}"),
            "survey": lambda: client.get("/v1/batches"),
            "list": lambda: client.get("/v1/files"),
            "content": lambda: client.get(f"/v1/files/{self.output}/content"),
            "cancel": lambda: client.post(f"/v1/batches/{self.batch}/cancel"),
            "remove": lambda: client.delete(f"/v1/files/{self.file}"),
        }


@contextmanager
def provider(folder: Path, *faults: str) -> Iterator[Provider]:
    settings = SandboxSettings(folder / "sandbox.db", faults=Faults.parse(faults), timings=AT_ONCE, terminal_cancel=200)
    headers = {"Authorization": "Bearer sandbox", "Accept-Encoding": "identity"}
    with (
        running(settings) as sandbox,
        httpx.Client(base_url=sandbox.base_url, headers=headers, verify=False, timeout=60) as client,
    ):
        # What is to go wrong the first time must not be done before.
        by_look = any(fault.startswith("survey:") for fault in faults)
        yield Provider(client, Ledger(settings.database), by_look=by_look)


def counted(ledger: Ledger, kind: str) -> int:
    return ledger.requests()[f"{kind}s"]


@pytest.mark.parametrize("kind", FOLLOWING)
def test_every_call_about_what_is_there_is_counted(tmp_path: Path, kind: str) -> None:
    with provider(tmp_path) as at:
        before = counted(at.ledger, kind)
        assert at.calls[kind]().status_code == 200
        assert counted(at.ledger, kind) == before + 1


@pytest.mark.parametrize("kind", FOLLOWING)
@pytest.mark.parametrize(
    ("fault", "status"), [("429", 429), ("500", 500), ("503-html", 503), ("401", 401), ("404", 404), ("redirect", 307)]
)
def test_refused(tmp_path: Path, kind: str, fault: str, status: int) -> None:
    argument = ":http://127.0.0.1:9/x" if fault == "redirect" else ""
    with provider(tmp_path, f"{kind}:{fault}=first{argument}") as at:
        assert at.calls[kind]().status_code == status
        assert at.calls[kind]().status_code == 200


@pytest.mark.parametrize("kind", FOLLOWING)
@pytest.mark.parametrize("fault", ["drop-before", "drop-after-commit", "truncated", "stall"])
def test_closed(tmp_path: Path, kind: str, fault: str) -> None:
    with provider(tmp_path, f"{kind}:{fault}=first:1{':0' if fault == 'stall' else ''}") as at:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            at.calls[kind]()
        assert at.calls[kind]().status_code == (404 if kind == "remove" and fault != "drop-before" else 200)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [(kind, name) for kind in FOLLOWING for name, known in FAULT_TYPES.items() if kind in known.kinds],
)
def test_every_fault_of_every_call_ends(tmp_path: Path, kind: str, fault: str) -> None:
    argument = {"stall": ":0", "huge": ":1", "gzip": ":1", "redirect": ":/x"}.get(fault, "")
    with (
        contextlib.suppress(httpx.TransportError, ValueError),
        provider(tmp_path, f"{kind}:{fault}=1{argument}") as at,
    ):
        at.calls[kind]()


def output(at: Provider, **headers: str) -> httpx.Response:
    return at.client.get(f"/v1/files/{at.output}/content", headers=headers)


def cut(at: Provider, **headers: str) -> bytes:
    """What comes of a download before the connection is closed."""
    got = b""
    with (
        contextlib.suppress(httpx.RemoteProtocolError),
        at.client.stream("GET", f"/v1/files/{at.output}/content", headers=headers) as response,
    ):
        for piece in response.iter_raw():
            got += piece
        pytest.fail("it was sent whole")
    return got


@pytest.mark.parametrize("fault", ["truncated=first:2", "stall=first:2:0"])
def test_a_download_that_breaks_off_goes_on_where_it_was(tmp_path: Path, fault: str) -> None:
    with provider(tmp_path, f"content:{fault}") as at:
        got = cut(at)
        got += cut(at, Range=f"bytes={len(got)}-")
        rest = output(at, Range=f"bytes={len(got)}-")
        assert rest.status_code == 206
        whole = output(at)
        assert got + rest.content == whole.content
        assert 0.7 < len(got) / len(whole.content) < 0.8
        assert output(at, Range=f"bytes={len(whole.content)}-").status_code == 416


def test_a_provider_that_knows_no_ranges(tmp_path: Path) -> None:
    settings = SandboxSettings(tmp_path / "sandbox.db", habits=frozenset({"no-ranges"}))
    with running(settings) as sandbox, httpx.Client(base_url=sandbox.base_url, verify=False) as client:
        client.headers["Authorization"] = "Bearer sandbox"
        made = client.post("/v1/files", data={"purpose": "batch"}, files={"file": b"0123456789"}).json()
        got = client.get(f"/v1/files/{made['id']}/content", headers={"Range": "bytes=5-"})
        assert (got.status_code, got.content) == (200, b"0123456789")
        assert "accept-ranges" not in got.headers


def test_half_a_file_as_if_it_were_all(tmp_path: Path) -> None:
    with provider(tmp_path, "content:short=first") as at:
        half, whole = output(at).content, output(at).content
        assert half == whole[: len(whole) // 2]


def test_what_was_not_asked_to_be_compressed(tmp_path: Path) -> None:
    with provider(tmp_path, "look:gzip=1:20", "content:gzip=1:20") as at:
        for kind in ("look", "content"):
            with at.client.stream(
                "GET", f"/v1/batches/{at.batch}" if kind == "look" else f"/v1/files/{at.output}/content"
            ) as response:
                raw = b"".join(response.iter_raw())
            assert response.headers["content-encoding"] == "gzip"
            assert len(raw) < 200_000
        assert at.calls["look"]().json()["id"] == at.batch
        assert len(at.calls["content"]().content) > 20_000_000


def test_words_that_paint(tmp_path: Path) -> None:
    with provider(tmp_path, "look:ansi=1", "content:ansi=1") as at:
        shown: dict[str, Any] = at.calls["look"]().json()
        assert shown["status"] == "completed"
        assert "\x1b[31m" in shown["errors"]["data"][0]["message"]
        refused = at.calls["content"]()
        assert (refused.status_code, "\x1b[31m" in refused.json()["error"]["message"]) == (400, True)


def test_results_that_are_elsewhere(tmp_path: Path) -> None:
    with provider(tmp_path, "look:foreign-url=1:http://192.0.2.1/results") as at:
        shown = at.calls["look"]().json()
        assert shown["output_file_id"] == shown["error_file_id"] == "http://192.0.2.1/results"
        assert shown["id"] == at.batch


def test_pages_lie_about_every_batch(tmp_path: Path) -> None:
    with provider(tmp_path, "survey:hostile-id=1") as at:
        (shown,) = at.calls["survey"]().json()["data"]
        assert shown["id"] != at.batch
        assert "/" in shown["id"]
