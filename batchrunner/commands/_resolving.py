"""Showing what a provider has of a submission in doubt, and stopping what it has too much of."""

from collections.abc import Collection, Mapping, Sequence
from shlex import quote
from typing import NamedTuple

from batchrunner.commands._console import Console
from batchrunner.commands._states import Sought
from batchrunner.errors import Refused
from batchrunner.jobs import Outcome, Seen
from batchrunner.matching import Candidate
from batchrunner.remote import RemoteBatch
from batchrunner.state import Entry
from batchrunner.wiring.resolving import Witness

SHOWN = 5


class Advice(NamedTuple):
    """What a person was told. `sole` is the one batch that is certain to be it, empty where there is not just one."""

    sole: str


def advise(entry: Entry, witness: Witness, sought: Sought, console: Console) -> Advice:
    """Show the candidates for `entry`, why each of them may be it, and the commands that settle it."""
    found: Sequence[Candidate] = ()
    why = witness.why_not
    if not why:
        try:
            found = witness.candidates(entry.attempt)
        except Refused as error:
            if error.code != "list-not-offered":
                raise
            why = error.message
    certain = [each for each in found if each.is_certain]
    shown = _Shown(entry, witness.provider, found, _commands(entry, found, sought, is_known=not why), why)
    if console.output.json:
        _document(shown, console)
    else:
        _text(shown, console)
    return Advice(certain[0].batch.batch_id if len(certain) == 1 else "")


class _Shown(NamedTuple):
    entry: Entry
    provider: str
    found: Sequence[Candidate]
    commands: Sequence[str]
    why: str


def _commands(entry: Entry, found: Sequence[Candidate], sought: Sought, *, is_known: bool) -> list[str]:
    words = f"resolve {quote(entry.address)} --run-key {quote(entry.run_key)}"
    certain = [each.batch.batch_id for each in found if each.is_certain]
    if certain:
        more = " --cancel-others" if len(certain) > 1 else ""
        return [sought.typed(f"{words} --adopt {quote(each)}{more}") for each in certain[:SHOWN]]
    ids = [each.batch.batch_id for each in found[:SHOWN]] or ([] if is_known else ["BATCH_ID"])
    force = " --force" if found else ""
    return [
        *(sought.typed(f"{words} --adopt {quote(each)}") for each in ids),
        sought.typed(f"{words} --absent{force}"),
    ]


def _text(shown: _Shown, console: Console) -> None:
    from batchrunner.render.candidates import candidates_text

    if shown.why:
        console.note(f"{shown.why}: look there yourself.")
    found = None if shown.why else shown.found
    console.result(candidates_text(shown.entry, shown.provider, found, shown.commands, console.style))


def _document(shown: _Shown, console: Console) -> None:
    from batchrunner.render.candidates import candidate_object

    entry, attempt = shown.entry, shown.entry.attempt
    console.document({"format_version": "1.0", "command": "resolve", "address": entry.address,
                      "run_key": entry.run_key, "status": attempt.status, "batch_id": attempt.batch_id,
                      "provider": shown.provider, "not_asked": shown.why,
                      "candidates": [candidate_object(each) for each in shown.found],
                      "next": list(shown.commands)})  # fmt: skip


class Stopped(NamedTuple):
    """What became of a batch that was to be stopped, in a word."""

    word: str
    is_stopped: bool


def cancel_others(witness: Witness, others: Collection[RemoteBatch]) -> Mapping[str, Stopped]:
    """Stop `others`; what became of each, by id."""
    return {each: _stopped(said) for each, said in witness.cancel([one.batch_id for one in others]).items()}


def _stopped(said: Outcome) -> Stopped:
    if isinstance(said, Seen):
        status = said.batch.status
        return Stopped(status, said.batch.is_terminal or status == "cancelling")
    return Stopped(getattr(said, "code", "") or "unknown", False)
