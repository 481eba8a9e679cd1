"""Metrics in Prometheus' text format, judged by its own parser."""

from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from batchrunner.render.metrics import METRICS, is_ours, metrics_text
from batchrunner.summaries import OUTCOMES, VERDICTS, BatchOutcome, RunSummary, SummaryBatch, SummaryRows


def summary(*batches: SummaryBatch, **changes: Any) -> RunSummary:
    fields: dict[str, Any] = {
        "command": "apply", "exit_code": 0, "started_at": "2026-11-22T02:30:00.000Z",
        "finished_at": "2026-11-22T02:30:01.500Z", "seconds": 1.5, "tool_version": "0.1.0", "specs": ("s",),
        "counts": dict.fromkeys(OUTCOMES, 0), "verdicts": dict.fromkeys(VERDICTS, 0), "batches": batches,
    }  # fmt: skip
    return RunSummary(**{**fields, **changes})


def batch(address: str = "s/a", outcome: BatchOutcome = "submitted", **changes: Any) -> SummaryBatch:
    return SummaryBatch(address=address, run_key="day:2026-11-22", outcome=outcome, status="submitted", **changes)


def families(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(text: str, name: str) -> dict[tuple[str, ...], float]:
    found = families(text).get(name)
    return {tuple(list(each.labels.values())[2:]): each.value for each in found.samples} if found else {}


def test_every_metric_has_its_help_its_type_and_its_unit() -> None:
    text = metrics_text(summary(batch(verdict="done", cost_usd_high=1.0), rows={"s": SummaryRows(total=1, ok=1)}))
    assert {name: family.documentation for name, family in families(text).items()} == METRICS
    assert {family.type for family in families(text).values()} == {"gauge"}
    assert is_ours(text.encode())


@pytest.mark.parametrize("word", ['"', "\\", "\n", 'a"b\\n\nc\\', "ünïcode", "{}=,", "# HELP x"])
def test_whatever_a_project_is_called_is_one_label(word: str) -> None:
    text = metrics_text(summary(project=word))
    samples = [sample for family in families(text).values() for sample in family.samples]
    assert {sample.labels["project"] for sample in samples} == {word}
    assert values(metrics_text(summary(project=word, exit_code=1), text), "batchrunner_last_success_timestamp_seconds")


def test_each_spec_counts_its_own() -> None:
    both = summary(batch("s/a", requests=2, bytes=9), batch("t/a", "failed"), batch("t/b"), specs=("s", "t"))
    text = metrics_text(both)
    counted = values(text, "batchrunner_batches")
    assert (counted["s", "submitted"], counted["t", "submitted"], counted["t", "failed"]) == (1, 1, 1)
    assert values(text, "batchrunner_submitted_requests") == {("s",): 2, ("t",): 0}
    assert values(text, "batchrunner_run_exit_code") == {("s",): 0, ("t",): 0}


def test_an_unknown_cost_is_absent_and_never_nothing() -> None:
    text = metrics_text(summary(batch(cost_usd_low=0.5, cost_usd_high=2.0), batch("s/b")))
    assert values(text, "batchrunner_submitted_cost_estimate_usd") == {("s", "low"): 0.5}


def test_no_address_is_a_label() -> None:
    assert "s/secret-batch" not in metrics_text(summary(batch("s/secret-batch")))


def test_the_last_success_stays_until_the_next() -> None:
    name = "batchrunner_last_success_timestamp_seconds"
    first = metrics_text(summary(project="p"))
    second = metrics_text(summary(project="p", exit_code=75, finished_at="2026-11-23T02:30:00.000Z"), first)
    blind = metrics_text(summary(exit_code=1, specs=(), finished_at="2026-11-24T02:30:00.000Z"), second)
    again = metrics_text(summary(project="p", finished_at="2026-11-25T02:30:00.000Z"), blind)
    assert values(first, name) == values(second, name) == values(blind, name) == {("s",): 1795314601.5}
    assert values(blind, "batchrunner_run_exit_code") == {("s",): 1}
    assert values(again, name) == {("s",): 1795573800.0}
    assert values(metrics_text(summary(command="wait", exit_code=5), first), name) == {}


def test_a_file_that_somebody_mangled_is_no_obstacle() -> None:
    mangled = metrics_text(summary()).replace(" 1795314601.5", " many").replace("spec=", "spek=")
    assert values(metrics_text(summary(exit_code=1, specs=()), mangled), "batchrunner_run_exit_code")
