"""What `recover` found, as text and as a document."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchrunner.matching import Alarm
from batchrunner.printable import printable
from batchrunner.recovering import Found, Recovered
from batchrunner.remote import RemoteBatch
from batchrunner.render.github import neutral
from batchrunner.render.json import envelope
from batchrunner.render.layout import table
from batchrunner.render.style import PLAIN, Style
from batchrunner.render.units import counted, moment

HEADINGS = ("", "ADDRESS", "RUN", "ATTEMPT", "BATCH", "STATUS", "CREATED")
SIGNS = {"added": "+", "settled": "?"}
LISTED = 20


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found, for a person. `listed` counts batches by provider.

    `to_import` is by batch id what one types to take it for the batch that it may be, `to_cancel` to stop a duplicate.
    """

    listed: Mapping[str, int]
    recovered: Sequence[Recovered]
    known: int
    alarms: Sequence[Alarm]
    conflicts: Sequence[Found]
    strangers: Sequence[tuple[str, RemoteBatch]]
    maybe: Sequence[tuple[str, str, RemoteBatch]]
    broken_off: Sequence[str]
    untold: Mapping[str, int] = field(default_factory=dict)
    to_import: Mapping[str, str] = field(default_factory=dict)
    to_cancel: Mapping[str, str] = field(default_factory=dict)


def findings_text(findings: Findings, style: Style = PLAIN) -> str:
    """All of it; ends without a newline."""
    return neutral("\n".join(_lines(findings, style)))


def _lines(findings: Findings, style: Style) -> Iterator[str]:
    at = ", ".join(f"{printable(name)} has {counted(number, 'batch')}" for name, number in findings.listed.items())
    missing = len(findings.recovered)
    yield f"{at}: {findings.known:,} of these specs in state, {missing:,} not."
    if findings.recovered:
        yield ""
        heading, *lines = table([HEADINGS, *map(_row, findings.recovered)])
        yield style.bold(heading)
        yield from map(style.green, lines)
    yield from _alarms(findings, style)
    yield from _others(findings)


def _row(recovered: Recovered) -> tuple[str, ...]:
    entry, sight = recovered.entry, recovered.entry.attempt.sight
    batch = sight.batch if sight else None
    retry = f" of {entry.attempt.intent.retry_of}" if entry.attempt.intent.retry_of else ""
    number = f"{entry.attempt.number}{retry}"
    seen = (batch.status, moment(batch.created_at)) if batch else ("", "")
    cells = (SIGNS[recovered.how], entry.address, entry.run_key, number, entry.attempt.batch_id, *seen)
    return tuple(map(printable, cells))


def _alarms(findings: Findings, style: Style) -> Iterator[str]:
    for alarm in findings.alarms:
        yield ""
        yield style.red(f"! {printable(alarm.address)} ({printable(alarm.run_key)}) has more than one batch")
        yield f"    {printable(alarm.kept)}  in state" if alarm.kept else "    none in state"
        for batch in alarm.others:
            yield f"    {printable(batch.batch_id)}  {batch.status}, created {moment(batch.created_at)}"
            yield f"      {style.bold(printable(findings.to_cancel.get(batch.batch_id, '')))}"
    for found in findings.conflicts[:LISTED]:
        tags = found.tags
        yield ""
        yield style.red(
            f"! {printable(tags.address)} ({printable(tags.run_key)}): state has another attempt {tags.attempt}"
        )
        yield f"    {printable(found.batch.batch_id)}  at {printable(found.provider)}, left alone"


def _others(findings: Findings) -> Iterator[str]:
    if findings.maybe:
        yield ""
        yield "Of a file that a spec names, and nothing says for which batch; take what is yours:"
        for _, _, batch in findings.maybe[:LISTED]:
            yield f"  {printable(findings.to_import.get(batch.batch_id, batch.batch_id))}"
    if findings.strangers:
        yield ""
        ids = ", ".join(printable(batch.batch_id) for _, batch in findings.strangers[:LISTED])
        yield f"Tagged like these specs by another project, left alone: {ids}"
    for name, number in findings.untold.items():
        yield ""
        yield (f"{printable(name)} has {counted(number, 'batch')} named as ours that could not be told: keys of these "
               "specs cannot be computed without their input. Bring it back, and run recover again.")  # fmt: skip
    for name in findings.broken_off:
        yield ""
        yield f"The list of {printable(name)} broke off; run recover again for the rest."


def findings_document(findings: Findings, **fields: Any) -> dict[str, Any]:
    """All of it as a JSON document."""
    return envelope(
        "recover",
        listed=dict(findings.listed),
        recovered=[_object(each) for each in findings.recovered],
        known=findings.known,
        alarms=[_alarm_object(each) for each in findings.alarms],
        conflicts=[{"address": each.tags.address, "run_key": each.tags.run_key, "attempt": each.tags.attempt,
                    "provider": each.provider, "batch_id": each.batch.batch_id}
                   for each in findings.conflicts],
        maybe=[{"address": address, "run_key": run_key, "batch_id": batch.batch_id}
               for address, run_key, batch in findings.maybe],
        strangers=[{"provider": name, "batch_id": batch.batch_id} for name, batch in findings.strangers],
        broken_off=list(findings.broken_off),
        untold=dict(findings.untold),
        **fields,
    )  # fmt: skip


def _alarm_object(alarm: Alarm) -> dict[str, Any]:
    return {"address": alarm.address, "run_key": alarm.run_key, "provider": alarm.provider, "kept": alarm.kept,
            "others": [batch.batch_id for batch in alarm.others]}  # fmt: skip


def _object(recovered: Recovered) -> dict[str, Any]:
    entry = recovered.entry
    attempt = entry.attempt
    return {"address": entry.address, "run_key": entry.run_key, "attempt": attempt.number,
            "retry_of": attempt.intent.retry_of, "how": recovered.how, "provider": attempt.intent.provider,
            "batch_id": attempt.batch_id}  # fmt: skip
