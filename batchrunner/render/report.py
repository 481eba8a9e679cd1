"""The last lines of an apply: what it did, what failed and why, and the command that goes on."""

import shlex
from collections.abc import Iterator
from typing import Any

from batchrunner.events import AlarmEvent, Failed, SharedBatch
from batchrunner.plans import Plan
from batchrunner.printable import printable
from batchrunner.queues import FULL
from batchrunner.records import Record, field, plain
from batchrunner.render.github import neutral
from batchrunner.render.json import envelope
from batchrunner.render.layout import flow, paragraph, shorten, width_of
from batchrunner.render.style import PLAIN, Style
from batchrunner.render.units import count

SHOWN = 50
LONGEST_WORDS = 400

OUTCOMES = {
    "rejected": "the provider refused it",
    "denied": "the credential was refused",
    "deferred": "put off, nothing was created",
    "in-doubt": "in doubt: sent, and nobody knows whether the provider has it",
    "not-imported": "not imported, and not submitted",
}
WHAT_TO_DO = {
    "in-doubt": (
        "The next apply settles what is in doubt, with the same key. A person who looks at the provider can say it "
        "too: as above, or with --absent in place of --adopt BATCH_ID."
    ),
    "held": (
        "What is in doubt at a provider without idempotency keys is only held by the next apply, so that it is not "
        "paid twice. Say what is there: as above, or with --absent in place of --adopt BATCH_ID; without either it "
        "shows what the provider has."
    ),
    "rejected": "Fix what the provider says, in the spec or its input; the next apply submits it again.",
    "not-imported": "Mend what the spec's `imports` says, or take it out to have the batch submitted.",
    "denied": "Check the provider's API key; nothing more was sent.",
    "queue-full": (
        "The provider's queue has no room for the rest: `limits.max_enqueued_tokens`. The next apply sends what "
        "fits once batches have ended."
    ),
}


class ApplySummary(Record):
    """How an apply ended.

    `failed` in the order it happened; `left` were not started; `states` are where each spec's state is and its serial;
    `command` is the apply that goes on from here; `resolve` by address the command for what is in doubt, where it takes
    more than the address; `held` by address the input file of those in doubt that only a person can settle; `blocked`
    counts the changes that wait for a person. `stranded` says that state could not be written. `alarms` are what a
    provider has too much of; the command for each is in `resolve`, too. `done` is the word for what was done.
    """

    submitted: int
    moved: int = 0
    imported: int = 0
    unchanged: int
    failed: tuple[Failed, ...] = ()
    left: int = 0
    states: tuple[tuple[str, int], ...] = ()
    command: str
    interrupted: bool = False
    stranded: bool = False
    blocked: int = 0
    resolve: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    alarms: tuple[AlarmEvent, ...] = ()
    done: str = "Applied"


def apply_text(summary: ApplySummary, style: Style = PLAIN, width: int = 80) -> str:
    """`summary` as text: one line of counts, each failure, and the command that goes on. Ends without a newline."""
    lines = _headline(summary, style, width)
    for failure in summary.failed[:SHOWN]:
        lines += _failure(failure, summary, style, width)
    if rest := summary.failed[SHOWN:]:
        lines.append(f"  … and {count(len(rest))} more failed: batchrunner state list")
    for alarm in summary.alarms[:SHOWN]:
        lines += _alarm(alarm, summary, style, width)
    return neutral("\n".join([*lines, *_onwards(summary, style, width)]))


def apply_document(plan: Plan, summary: ApplySummary) -> dict[str, Any]:
    """`summary` of an apply of `plan` as a JSON document."""
    return envelope(
        "apply",
        plan_id=plan.plan_id,
        submitted=summary.submitted,
        moved=summary.moved,
        imported=summary.imported,
        unchanged=summary.unchanged,
        failed=[_failed_object(failure) for failure in summary.failed],
        left=summary.left,
        blocked=summary.blocked,
        interrupted=summary.interrupted,
        alarms=[plain(alarm) for alarm in summary.alarms],
        states=[{"state": where, "serial": serial} for where, serial in summary.states],
        next=next_command(summary),
    )


def _failed_object(failure: Failed) -> dict[str, Any]:
    return {name: getattr(failure, name) for name in ("address", "run_key", "outcome", "code", "status", "words")}


def _alarm(alarm: AlarmEvent, summary: ApplySummary, style: Style, width: int) -> Iterator[str]:
    if isinstance(alarm, SharedBatch):
        yield f"  {style.red('!')} {printable(' and '.join(alarm.addresses[:SHOWN]))}"
        words = f"{alarm.provider} answered each with the same batch, {alarm.batch_id}: look there what it is"
        yield from paragraph(printable(words), width, indent=4)
        return
    ids = ", ".join([*([f"{alarm.kept} (in state)"] if alarm.kept else []), *alarm.others])
    yield f"  {style.red('!')} {printable(alarm.address)}"
    yield from paragraph(printable(f"{alarm.provider} has more than one batch of it: {ids}"), width, indent=4)
    if command := summary.resolve.get(alarm.address):
        yield f"      {style.bold(printable(command))}"


def _headline(summary: ApplySummary, style: Style, width: int) -> list[str]:
    unfinished = summary.interrupted or summary.left or summary.blocked
    paint = style.red if summary.failed or summary.alarms else style.yellow if unfinished else style.green
    word = "Interrupted" if summary.interrupted else summary.done
    first, *more = flow([f"{word}: {_counts(summary)}", *_states(summary)], width, indent=2)
    return [paint(f"{word}:") + first.removeprefix(f"{word}:"), *more]


def _counts(summary: ApplySummary) -> str:
    counts = f"{count(summary.submitted)} submitted"
    counts += f", {count(summary.moved)} moved" if summary.moved else ""
    counts += f", {count(summary.imported)} imported" if summary.imported else ""
    counts += f", {count(summary.unchanged)} unchanged"
    counts += f", {count(len(summary.failed))} failed"
    if summary.blocked:
        counts += f", {count(summary.blocked)} blocked"
    if summary.left:
        counts += f", {count(summary.left)} not started"
    return f"{counts}."


def _states(summary: ApplySummary) -> list[str]:
    shown = [f"{printable(where)} #{serial}" for where, serial in summary.states[:3]]
    rest = summary.states[3:]
    return [f"State {', '.join(shown)}{f' and {count(len(rest))} more' if rest else ''}."] if shown else []


def _failure(failure: Failed, summary: ApplySummary, style: Style, width: int) -> Iterator[str]:
    outcome = OUTCOMES.get(failure.outcome, printable(failure.outcome))
    http = f", HTTP {failure.status}" if failure.status else ""
    address, why = printable(failure.address), f"{outcome} ({printable(failure.code)}{http})"
    if width_of(address) + width_of(why) + 6 <= width:
        yield f"  {style.red('x')} {address}  {why}"
    else:
        yield f"  {style.red('x')} {address}"
        yield from paragraph(why, width, indent=4)
    if failure.words:
        words = printable(shorten(failure.words, LONGEST_WORDS))
        # Without a status nobody answered: the words are ours.
        yield from paragraph(f'provider: "{words}"' if failure.status else words, width, indent=4)
    if failure.outcome == "in-doubt":
        if file_id := summary.held.get(failure.address):
            yield from paragraph(f"look at the provider for a batch of the input {printable(file_id)}", width, indent=4)
        yield f"      {style.bold(printable(_resolve(failure, summary)))}"


def _resolve(failure: Failed, summary: ApplySummary) -> str:
    unlocated = f"batchrunner resolve {shlex.quote(failure.address)} --adopt BATCH_ID"
    return summary.resolve.get(failure.address, unlocated)


def _only_held(summary: ApplySummary) -> bool:
    """Whether nothing is open but what another apply would not settle."""
    going_on = summary.left or summary.interrupted
    return not going_on and bool(summary.failed) and all(each.address in summary.held for each in summary.failed)


def next_command(summary: ApplySummary) -> str:
    """The command that goes on, empty where nothing is open."""
    if _only_held(summary):
        return _resolve(summary.failed[0], summary)
    return summary.command if _unfinished(summary) else ""


def _unfinished(summary: ApplySummary) -> bool:
    # Who interrupted when all was done has nothing to go on with.
    return bool(summary.failed or summary.left or summary.stranded)


def _onwards(summary: ApplySummary, style: Style, width: int) -> list[str]:
    if not _unfinished(summary):
        return []
    outcomes = {"held" if failure.address in summary.held else failure.outcome for failure in summary.failed}
    outcomes |= {failure.code for failure in summary.failed if failure.code == FULL}
    advice = [words for outcome, words in WHAT_TO_DO.items() if outcome in outcomes]
    wrapped = [line for words in advice for line in paragraph(words, width, indent=0)]
    if _only_held(summary):
        return wrapped
    return [*wrapped, "Nothing is lost. To go on:", f"  {style.bold(printable(summary.command))}"]
