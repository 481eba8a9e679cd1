"""What is cancelled, and what came of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from batchrunner.canceller import STOPPING, Answer, Report, Stray
from batchrunner.printable import printable
from batchrunner.remote import RemoteBatch, Sight
from batchrunner.render.json import envelope
from batchrunner.render.layout import table
from batchrunner.render.units import count, counted
from batchrunner.state import Entry

HEADINGS = ("ADDRESS", "RUN", "ATTEMPT", "STATUS", "DONE", "BATCH")


def targets_text(targets: Sequence[Entry | Stray]) -> str:
    """What is about to be cancelled, as far as it was seen. Ends without a newline."""
    return "\n".join(table([HEADINGS, *(tuple(map(printable, _row(target))) for target in targets)]))


def _row(target: Entry | Stray) -> tuple[str, ...]:
    if isinstance(target, Stray):
        return "(not in state)", "-", "-", "not seen", "-", target.batch_id
    attempt = target.attempt
    number = f"{attempt.number} (retry of {attempt.intent.retry_of})" if attempt.is_retry else str(attempt.number)
    return target.address, target.run_key, number, _status(attempt.sight), _done(attempt.sight), attempt.batch_id


def _status(sight: Sight | None) -> str:
    return "not seen yet" if sight is None or sight.batch is None else sight.batch.status


def _done(sight: Sight | None) -> str:
    counts = sight.batch.counts if sight and sight.batch else None
    return f"{count(counts.completed + counts.failed)} of {count(counts.total)}" if counts and counts.total else "-"


def cancel_text(report: Report, typed: Callable[[str], str]) -> str:
    """What became of each, and the next command. Ends without a newline."""
    lines = [f"{_name(answer.entry)}: {_words(answer)}" for answer in report.answers]
    return "\n".join([*lines, *_advice(report.answers, typed)])


def _words(answer: Answer) -> str:
    said = printable(": ".join(filter(None, [_http(answer), answer.words])))
    done = _processed(answer.batch)
    return {
        "cancelled": f"cancelled{done}.",
        "cancelling": f"is being cancelled{done}.",
        "asked": "the provider was asked to cancel it, and does not say yet that it will.",
        "ended": f"had ended before: {answer.batch.status if answer.batch else 'gone'}. Nothing was cancelled.",
        "not-found": f"the provider does not know {printable(_id(answer.entry))}. Nothing was cancelled.",
        "refused": f"not cancelled, the provider refused: {said}",
        "denied": f"not cancelled, the provider refused the key: {said}",
        "deferred": f"not known to be cancelled ({said}); run the same command again.",
        "left": "not cancelled: the provider refused the key before.",
    }[answer.word]


def _http(answer: Answer) -> str:
    return f"HTTP {answer.status}" if answer.status else answer.code


def _processed(batch: RemoteBatch | None) -> str:
    counts = batch.counts if batch else None
    if counts is None or not counts.total:
        return ""
    return f", {count(counts.completed)} of {counted(counts.total, 'request')} done"


def _advice(answers: Iterable[Answer], typed: Callable[[str], str]) -> Iterator[str]:
    stopped = [answer.entry for answer in answers if answer.word in STOPPING and isinstance(answer.entry, Entry)]
    if stopped:
        names = " ".join(dict.fromkeys(entry.address for entry in stopped))
        yield f"What is done by then is kept and paid for: {typed(f'fetch {names}')}"


def _name(target: Entry | Stray) -> str:
    if isinstance(target, Stray):
        return printable(f"{target.batch_id} at {target.provider}")
    return printable(f"{target.address} ({target.run_key}, {target.attempt.batch_id})")


def _id(target: Entry | Stray) -> str:
    return target.batch_id if isinstance(target, Stray) else target.attempt.batch_id


def cancel_document(report: Report) -> dict[str, Any]:
    """The same as a JSON document."""
    return envelope("cancel", batches=[_object(answer) for answer in report.answers], noted=report.noted)


def _object(answer: Answer) -> dict[str, Any]:
    target = answer.entry
    return {
        **_named(target),
        "batch_id": _id(target),
        "outcome": answer.word,
        "status": answer.batch.status if answer.batch else "",
        "code": answer.code,
        "words": answer.words,
    }


def _named(target: Entry | Stray) -> dict[str, Any]:
    if isinstance(target, Stray):
        return {"address": "", "run_key": "", "attempt": 0, "provider": target.provider}
    attempt = target.attempt
    return {"address": target.address, "run_key": target.run_key, "attempt": attempt.number,
            "provider": attempt.intent.provider}  # fmt: skip
