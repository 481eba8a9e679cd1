"""Traces: OpenTelemetry spans over OTLP/HTTP. The only module that imports opentelemetry, and only where it is set up.

A run is one span, beneath the one that TRACEPARENT names (W3C Trace Context; OpenTelemetry: "Environment variables as
context propagation carriers"), and each upload and each submission of it a span below. Nothing is exported that a
provider or a spec's author wrote, but for the names of batches; no header, no key, no message.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from threading import Thread
from time import time_ns
from typing import TYPE_CHECKING, Any

from batchrunner._version import __version__
from batchrunner.events import Failed, Retrying, Submitted, Uploaded, Uploading
from batchrunner.summaries import RunSummary

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

FLUSH_SECONDS = 3.0
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def is_wanted(variables: Mapping[str, str]) -> bool:
    """Whether the environment names a collector, and nothing there says that traces are not wanted. Imports nothing."""
    off = variables.get("OTEL_SDK_DISABLED", "").lower() == "true"
    none = variables.get("OTEL_TRACES_EXPORTER", "otlp").lower() != "otlp"
    return not off and not none and any(variables.get(name) for name in _ENDPOINTS)


def opened(command: str, variables: Mapping[str, str]) -> "Trace | None":
    """The trace of a run that begins now; None where none is wanted, or the extra `otel` is not installed.

    Never raises: a run is not worth less for being traced by nobody.
    """
    if not is_wanted(variables) or not _is_installed():
        return None
    try:
        return Trace(command, variables)
    except Exception:  # whatever is wrong with what is installed there, the run goes on
        return None


def _is_installed() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None and bool(find_spec("opentelemetry.sdk"))
    except (ImportError, ValueError):
        return False


class Trace:
    """The spans of one run: a reporter that is told what happens, and then how it ended."""

    def __init__(self, command: str, variables: Mapping[str, str]) -> None:
        import logging

        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        # What it logs of a collector that is not there would be on stderr; it is said once, in the end.
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
        logging.getLogger("opentelemetry").propagate = False
        named = variables.get("OTEL_SERVICE_NAME") or "batchrunner"
        resource = Resource.create({"service.name": named, "service.version": __version__})
        self._exporter = _watched(OTLPSpanExporter(timeout=FLUSH_SECONDS))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter, max_queue_size=32_768))
        self._tracer = self._provider.get_tracer("batchrunner", __version__)
        carried = {name: variables[name.upper()] for name in ("traceparent", "tracestate") if name.upper() in variables}
        above = TraceContextTextMapPropagator().extract(carried)
        # "CLI spans" of OpenTelemetry's semantic conventions.
        attributes: dict[str, str | int] = {
            "process.executable.name": "batchrunner",
            "process.pid": os.getpid(),
            "batchrunner.command": command,
        }
        self._root = self._tracer.start_span(f"batchrunner {command}", above, attributes=attributes)
        self._begun = time_ns()
        self._uploads: dict[str, Span] = {}
        self._uploaded_at: dict[str, int] = {}
        self._is_grpc = any(variables.get(name, "").startswith("grpc") for name in _PROTOCOLS)

    def report(self, event: object) -> None:
        """Note an event. Never raises."""
        with suppress(Exception):
            self._report(event)

    def _report(self, event: object) -> None:
        if isinstance(event, Uploading) and event.address not in self._uploads:
            self._uploads[event.address] = self._below("upload", event.address, time_ns())
        elif isinstance(event, Uploaded):
            self._end_upload(event.address, {"batchrunner.file.id": event.file_id})
        elif isinstance(event, Retrying):
            at = self._uploads.get(event.address, self._root)
            said: dict[str, str | int] = {
                "batchrunner.address": event.address,
                "error.type": event.code,
                "batchrunner.attempt": event.attempt,
            }
            at.add_event("retrying", said)
        elif isinstance(event, Submitted):
            self._submission(event).end()
        elif isinstance(event, Failed):
            self._failed(event)

    def _end_upload(self, address: str, attributes: Mapping[str, Any]) -> None:
        self._uploaded_at[address] = time_ns()
        if span := self._uploads.pop(address, None):
            span.set_attributes(dict(attributes))
            span.end()

    def _submission(self, event: Submitted | Failed) -> "Span":
        """From when its file was there, else from when the run began: when exactly it was sent is not told."""
        span = self._below("submit", event.address, self._uploaded_at.pop(event.address, self._begun))
        span.set_attribute("batchrunner.run_key", event.run_key)
        if isinstance(event, Submitted):
            span.set_attribute("batchrunner.batch.id", event.batch_id)
        return span

    def _failed(self, event: Failed) -> None:
        uploading = self._uploads.pop(event.address, None)
        span = uploading or self._submission(event)
        if event.status:
            span.set_attribute("http.response.status_code", event.status)
        span.set_attribute("batchrunner.outcome", event.outcome)
        _fail(span, event.code)
        span.end()

    def _below(self, what: str, address: str, start: int) -> "Span":
        from opentelemetry.trace import SpanKind, set_span_in_context

        return self._tracer.start_span(
            what, set_span_in_context(self._root), SpanKind.CLIENT, {"batchrunner.address": address}, start_time=start
        )

    def end(self, summary: RunSummary) -> None:
        """The run is over; what is open of it ends now. Never raises."""
        with suppress(Exception):
            self._end(summary)

    def flush(self) -> str:
        """Export what is left, within seconds. Returns what is to be warned of, empty for nothing. Never raises."""
        try:
            thread = Thread(target=self._provider.shutdown, daemon=True)
            thread.start()
            thread.join(FLUSH_SECONDS)
        except Exception as error:
            return f"traces were not exported: {type(error).__name__}"
        if thread.is_alive():
            return f"traces were not exported within {FLUSH_SECONDS:g} seconds"
        if self._exporter.has_failed:
            grpc = (
                ": batchrunner speaks OTLP over HTTP alone, and the environment asks for gRPC" if self._is_grpc else ""
            )
            return f"traces were not exported{grpc or ': the collector did not take them'}"
        return ""

    def _end(self, summary: RunSummary) -> None:
        for address in list(self._uploads):
            span = self._uploads.pop(address)
            _fail(span, "interrupted")
            span.end()
        self._root.set_attributes(
            {
                "process.exit.code": summary.exit_code,
                "batchrunner.project": summary.project,
                "batchrunner.plan.id": summary.plan_id,
                "batchrunner.specs": list(summary.specs),
                "batchrunner.run_keys": list(summary.run_keys),
                **{f"batchrunner.batches.{word}": count for word, count in summary.counts.items() if count},
            }
        )
        if not summary.is_success:
            _fail(self._root, summary.error or str(summary.exit_code))
        self._root.end()


def _fail(span: "Span", code: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", code)
    span.set_status(Status(StatusCode.ERROR, code))


def _watched(exporter: "SpanExporter") -> Any:
    """`exporter`, that remembers whether it failed."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Watched(SpanExporter):
        has_failed = False

        def export(self, spans: Any) -> SpanExportResult:
            try:
                result = exporter.export(spans)
            except Exception:
                result = SpanExportResult.FAILURE
            self.has_failed = self.has_failed or result is not SpanExportResult.SUCCESS
            return result

        def shutdown(self) -> None:
            exporter.shutdown()

    return Watched()
