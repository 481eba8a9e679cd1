"""The summary of a run as Prometheus metrics, in the text format that node-exporter's textfile collector reads.

https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4; units and suffixes as in
https://prometheus.io/docs/practices/naming/. All are gauges, of the newest run: a file has no memory to count in.
Labels are words that somebody chose for a spec, never addresses, so that their number stays small.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from batchrunner.address import spec_of
from batchrunner.summaries import OUTCOMES, VERDICTS, RunSummary, SummaryBatch, least_cost, most_cost, submitted

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, float]

HEADER = "# Written by batchrunner"
LAST_SUCCESS = "batchrunner_last_success_timestamp_seconds"
EXIT_CODE = "batchrunner_run_exit_code"
METRICS = {
    EXIT_CODE: "Exit code of the newest run: 0 done, 75 try again; see the documentation for others.",
    "batchrunner_run_info": "The version of batchrunner that ran, as a label; always 1.",
    "batchrunner_run_started_timestamp_seconds": "When the newest run started, as Unix time.",
    "batchrunner_run_finished_timestamp_seconds": "When the newest run ended, as Unix time.",
    "batchrunner_run_duration_seconds": "How long the newest run took.",
    LAST_SUCCESS: "When a run last ended with exit code 0, as Unix time; absent before the first one.",
    "batchrunner_batches": "Batches of the newest run, by what it did with them.",
    "batchrunner_looked_at_batches": "Batches that the newest run looked at, by where they stood.",
    "batchrunner_submitted_requests": "Requests of local inputs that the newest run submitted.",
    "batchrunner_submitted_bytes": "Bytes of local inputs that the newest run submitted.",
    "batchrunner_submitted_cost_estimate_usd": "Estimated cost of what the newest run submitted: low of what is "
    "known, high absent where one is not known.",
    "batchrunner_result_rows": "Rows of results that the newest run accounted for, by how they ended.",
}
"""All that there are, each with its help text."""

_SAMPLE = re.compile(r'^(\w+)\{((?:\w+="(?:[^"\\\n]|\\.)*",?)*)\} (-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)$', re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\\n]|\\.)*)"')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


def metrics_text(summary: RunSummary, earlier: str = "") -> str:
    """`summary` as metrics. `earlier` is what the file held before: when a run last succeeded is kept from there.

    A run that failed before it knew its specs goes on with the labels of the run before it.
    """
    before = _earlier(earlier)
    labels = _labels(summary, before)
    samples = {name: list(_samples(name, summary, labels, before)) for name in METRICS}
    return f"{HEADER}; it is replaced after each run.\n" + "".join(
        f"# HELP {name} {METRICS[name]}\n# TYPE {name} gauge\n" + "".join(_line(name, *sample) for sample in found)
        for name, found in samples.items()
        if found
    )


def is_ours(text: bytes) -> bool:
    """Whether a file holds what this module writes."""
    return text.startswith(HEADER.encode())


def _labels(summary: RunSummary, before: Mapping[tuple[str, Labels], float]) -> list[Labels]:
    """One set of labels for each spec of the run."""
    if summary.specs:
        return [_named(summary.command, summary.project, spec) for spec in sorted(set(summary.specs))]
    known = [labels for name, labels in before
             if name == EXIT_CODE and labels[:1] == (("command", summary.command),)
             and [key for key, _ in labels] == ["command", "project", "spec"]]  # fmt: skip
    return known or [_named(summary.command, summary.project, "")]


def _named(command: str, project: str, spec: str) -> Labels:
    return (("command", command), ("project", project), ("spec", spec))


def _samples(
    name: str, summary: RunSummary, every: Iterable[Labels], before: Mapping[tuple[str, Labels], float]
) -> Iterator[Sample]:
    for labels in every:
        spec = dict(labels)["spec"]
        if name == LAST_SUCCESS:
            at = _unix(summary.finished_at) if summary.is_success else before.get((name, labels))
            yield from [] if at is None else [(labels, at)]
        elif name in _OF_RUN:
            yield labels, _OF_RUN[name](summary)
        elif name == "batchrunner_run_info":
            yield (*labels, ("version", summary.tool_version)), 1
        else:
            own = [batch for batch in summary.batches if spec_of(batch.address) == spec]
            yield from ((labels + more, value) for more, value in _of_batches(name, own, spec, summary))


_OF_RUN: dict[str, Callable[[RunSummary], float]] = {
    EXIT_CODE: lambda summary: summary.exit_code,
    "batchrunner_run_started_timestamp_seconds": lambda summary: _unix(summary.started_at),
    "batchrunner_run_finished_timestamp_seconds": lambda summary: _unix(summary.finished_at),
    "batchrunner_run_duration_seconds": lambda summary: summary.seconds,
}


def _of_batches(name: str, batches: list[SummaryBatch], spec: str, summary: RunSummary) -> Iterator[Sample]:
    paid = submitted(batches)
    if name == "batchrunner_batches":
        outcomes = Counter(batch.outcome for batch in batches)
        yield from (((("outcome", word),), outcomes[word]) for word in OUTCOMES)
    elif name == "batchrunner_looked_at_batches":
        verdicts: Counter[str] = Counter(batch.verdict for batch in batches if batch.verdict)
        yield from (((("verdict", word),), verdicts[word]) for word in VERDICTS if verdicts)
    elif name == "batchrunner_submitted_requests":
        yield (), sum(batch.requests for batch in paid)
    elif name == "batchrunner_submitted_bytes":
        yield (), sum(batch.bytes for batch in paid)
    elif name == "batchrunner_result_rows":
        rows = summary.rows.get(spec)
        yield from (((("outcome", w),), getattr(rows, w)) for w in ("ok", "error", "expired", "missing") if rows)
    else:
        yield (("bound", "low"),), least_cost(paid)
        high = most_cost(paid)
        yield from [] if high is None else [((("bound", "high"),), high)]


def _line(name: str, labels: Labels, value: float) -> str:
    told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{name}{{{told}}} {value!r}\n"


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)


def _earlier(text: str) -> dict[tuple[str, Labels], float]:
    """The samples of a file that `metrics_text` wrote."""
    return {
        (name, tuple((key, _unescaped(value)) for key, value in _LABEL.findall(labels))): float(value)
        for name, labels, value in _SAMPLE.findall(text)
    }


def _unix(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
