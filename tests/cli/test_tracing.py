"""Traces through the command line, to a collector on loopback that speaks OTLP over HTTP."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support.cli import KEY, Desk
from support.scripted_desk import ScriptedDesk, Told, scripted_desk

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def collector() -> Iterator[ScriptedDesk]:
    with scripted_desk(lambda _: Told(200, b"", (("Content-Type", "application/x-protobuf"),))) as desk:
        yield desk


@pytest.fixture
def shop(shop: Desk, collector: ScriptedDesk) -> Desk:
    # opentelemetry itself warns of what it deprecates; that is not ours to fail for.
    shop.env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.origin, "PYTHONWARNINGS": "default"}
    return shop


def spans(collector: ScriptedDesk) -> dict[str, list[Any]]:
    """What arrived, by name."""
    found: dict[str, list[Any]] = {}
    for got in collector.got:
        assert (got.path, got.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        body = got.body
        if got.headers.get("content-encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = attributes(part.resource)
            assert resource["service.name"] == "batchrunner"
            for scope in part.scope_spans:
                for span in scope.spans:
                    found.setdefault(span.name, []).append(span)
    return found


def attributes(part: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in part.attributes}


def test_a_run_is_a_span_and_so_is_all_it_sends(shop: Desk, collector: ScriptedDesk) -> None:
    ran = shop.run("apply", "s.yaml", env={"TRACEPARENT": f"00-{TRACE}-{PARENT}-01"})
    assert (ran.code, "warning" in ran.err.lower()) == (0, False), ran.err
    found = spans(collector)
    assert {name: len(each) for name, each in found.items()} == {"batchrunner apply": 1, "upload": 1, "submit": 2}
    [root] = found["batchrunner apply"]
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (TRACE, PARENT)
    assert attributes(root)["process.exit.code"] == 0
    assert attributes(root)["batchrunner.batches.submitted"] == 2
    assert root.status.code == 0
    for span in (*found["upload"], *found["submit"]):
        assert (span.trace_id, span.parent_span_id, span.kind) == (root.trace_id, root.span_id, 3)
        assert root.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= root.end_time_unix_nano
    ids = {attributes(span)["batchrunner.batch.id"] for span in found["submit"]}
    assert ids == {batch["batch_id"] for batch in _attempts(shop)}
    assert all(KEY.encode() not in got.body for got in collector.got)


def _attempts(shop: Desk) -> list[dict[str, Any]]:
    return [attempt for runs in shop.state()["batches"].values() for each in runs.values() for attempt in each]


def test_what_failed_has_a_status(shop: Desk, collector: ScriptedDesk) -> None:
    shop.env["ALPHAEDGE_API_KEY"] = "sk-another-key-0123456789"
    assert shop.run("apply", "s.yaml", "--concurrency", "1").code == 1
    found = spans(collector)
    [root] = found["batchrunner apply"]
    assert root.status.code == 2
    failed = [span for name in ("upload", "submit") for span in found.get(name, ()) if span.status.code == 2]
    assert failed
    assert attributes(failed[0])["error.type"] == "unauthorized"
    assert attributes(failed[0])["http.response.status_code"] == 401
    assert all(b"sk-another-key" not in got.body for got in collector.got)


def test_an_error_has_its_code_and_no_words(shop: Desk, collector: ScriptedDesk) -> None:
    shop.write("s.yaml", "batches: [{name: a, canary-of-the-author: 1}]")
    assert shop.run("apply", "s.yaml").code == 1
    [root] = spans(collector)["batchrunner apply"]
    assert (root.status.code, attributes(root)["error.type"]) == (2, "invalid-files")
    assert all(b"canary" not in got.body for got in collector.got)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(Told(stalls=True), "traces were not exported"), (Told(500), "traces were not exported"),
     (Told(400, b"no"), "traces were not exported: the collector did not take them")],
)  # fmt: skip
def test_a_collector_can_fail_no_run(shop: Desk, collector: ScriptedDesk, answer: Told, words: str) -> None:
    collector.answer = lambda _: answer
    ran = shop.run("apply", "s.yaml")
    assert ran.code == 0
    assert [line for line in ran.err.splitlines() if "warning" in line.lower()] == [
        line for line in ran.err.splitlines() if line.startswith(f"warning: {words}")
    ]
    assert "warning: " in ran.err


@pytest.mark.parametrize(
    "env",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
    ],
)
def test_nothing_is_traced_that_nobody_wants(shop: Desk, collector: ScriptedDesk, env: dict[str, str]) -> None:
    assert shop.run("apply", "s.yaml", env=env).code == 0
    assert collector.got == []


def test_plans_and_checks_tell_nobody(shop: Desk, collector: ScriptedDesk) -> None:
    for command in ("plan", "validate"):
        assert shop.run(command, "s.yaml").code == 0
    assert collector.got == []


def test_a_parent_that_is_none_is_passed_over(shop: Desk, collector: ScriptedDesk) -> None:
    assert shop.run("apply", "s.yaml", env={"TRACEPARENT": "00-zz-\x1b"}).code == 0
    [root] = spans(collector)["batchrunner apply"]
    assert root.parent_span_id == b""


def test_nothing_of_it_is_loaded_where_it_is_not_set_up(shop: Desk) -> None:
    words = "import sys, runpy; sys.argv = ['batchrunner', 'apply', 's.yaml']\n"
    words += "import os; leave = os._exit\n"
    words += "def told(code):\n"
    words += "    print(sum(name.startswith('opentelemetry') for name in sys.modules), file=sys.stderr); leave(code)\n"
    words += "os._exit = told\nrunpy.run_module('batchrunner', run_name='__main__')\n"
    ran = shop.run_script([sys.executable, "-c", words], env={"OTEL_EXPORTER_OTLP_ENDPOINT": ""})
    assert (ran.code, ran.err.splitlines()[-1]) == (0, "0")
    assert json.loads(shop.read("s.state.json"))["batches"]
