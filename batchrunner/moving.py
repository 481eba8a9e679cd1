"""States as `moved` blocks make them: what is called otherwise now, under its new name. Pure.

All runs, attempts and shards of a batch go along; nothing of them is changed, and keys that are stored stay. What was
moved already is nothing to move. Where a crash left it in two states, the copies are the same submissions: they are
one, as far along as either is.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import NamedTuple

from batchrunner.address import is_targeted, natural, spec_of, whole_of
from batchrunner.plans import Blocked, Move
from batchrunner.renaming import Renaming
from batchrunner.state import Attempt, State

Runs = dict[str, list[Attempt]]


class Conflict(NamedTuple):
    """A move that cannot be: `previous` and `address` both have attempts of `run_key`, at different submissions.

    `forgotten` is the one of the two that can be forgotten there, in `state`, so that nothing is paid for again.
    """

    previous: str
    address: str
    run_key: str
    state: str
    forgotten: str
    batch_id: str
    other_id: str


@dataclass(slots=True)
class Relocation:
    """Moves made one after the other on copies of states. `states` are by spec, one for all that share a place.

    `moves` are those that there is something to do for, `conflicts` those that cannot be.
    """

    states: Mapping[str, State]
    urls: Mapping[str, str]
    moves: list[Move]
    conflicts: list[Conflict]

    def move(self, previous: str, address: str) -> None:
        """Call `previous` and its shards `address`, where state has them."""
        source, target = self.states[spec_of(previous)], self.states[spec_of(address)]
        moving = {each: source.batches[each] for each in source.batches if whole_of(each) == previous}
        if not moving:
            return
        renamed = {address + each.removeprefix(previous): runs for each, runs in moving.items()}
        there = {each: runs for each, runs in target.batches.items() if whole_of(each) == address}
        run_key = _clash(renamed, there)
        if run_key is not None:
            self.conflicts.append(self._conflict(previous, address, run_key, renamed, there))
            return
        for each in moving:
            del source.batches[each]
        for each, runs in renamed.items():
            target.batches[each] = _joined(runs, target.batches.get(each, {}))
        elsewhere = "" if source is target else self.urls[spec_of(previous)]
        self.moves.append(
            Move(address=address, reason="declared-in-moved", previous=previous, previous_state=elsewhere)
        )

    def _conflict(
        self, previous: str, address: str, run_key: str, renamed: Mapping[str, Runs], there: Mapping[str, Runs]
    ) -> Conflict:
        new, old = _sent(there, run_key), _sent(renamed, run_key)
        forgotten = address if old and not new else previous
        return Conflict(previous, address, run_key, self.urls[spec_of(forgotten)], forgotten,
                        new.batch_id if new else "", old.batch_id if old else "")  # fmt: skip


def relocation(states: Mapping[str, State], urls: Mapping[str, str]) -> Relocation:
    """Nothing moved yet. `states` and `urls` are by spec; a state that several specs share is one object."""
    copies: dict[int, State] = {}
    for state in states.values():
        if id(state) not in copies:
            copies[id(state)] = State(state.lineage, state.serial, dict(state.batches))
    return Relocation({name: copies[id(state)] for name, state in states.items()}, urls, [], [])


def relocate(spec: str, renaming: Renaming, relocating: Relocation, targets: Collection[str]) -> None:
    """Move what `renaming`, of `spec`, says and what is targeted, in `relocating`."""
    for previous in _named(renaming, relocating.states):
        address = renaming.now(previous)
        if address != previous and spec_of(address) == spec and is_targeted(address, targets):
            relocating.move(previous, address)


def _named(renaming: Renaming, states: Mapping[str, State]) -> list[str]:
    """Every whole that the sources of `renaming` hold, in order."""
    sources = renaming.sources()
    found = {whole_of(each) for name in sources if name in states for each in states[name].batches
             if spec_of(each) in sources}  # fmt: skip
    return sorted(found, key=natural)


def carried_out(moves: Iterable[Move], states: Mapping[str, State], urls: Mapping[str, str]) -> Relocation:
    """`states` as `moves` make them, and those of `moves` that there is still something to do for."""
    relocating = relocation(states, urls)
    for move in moves:
        relocating.move(move.previous, move.address)
    return relocating


def _clash(renamed: Mapping[str, Runs], there: Mapping[str, Runs]) -> str | None:
    """The first run in which both have something that is not the same; None where they can be joined."""
    for run_key in sorted({run_key for runs in there.values() for run_key in runs}):
        mine = {each: runs[run_key] for each, runs in renamed.items() if run_key in runs}
        others = {each: runs[run_key] for each, runs in there.items() if run_key in runs}
        if mine and not all(each in mine and _are_same(mine[each], others[each]) for each in others):
            return run_key
    return None


def _are_same(some: Sequence[Attempt], others: Sequence[Attempt]) -> bool:
    """Whether these are copies of the same submissions, of which one may have more."""
    mine, theirs = ({(each.number, each.intent.idempotency_key) for each in attempts} for attempts in (some, others))
    return mine <= theirs or theirs <= mine


def _joined(runs: Runs, there: Runs) -> Runs:
    return {**there, **{run_key: _further(attempts, there.get(run_key, ())) for run_key, attempts in runs.items()}}


def _further(some: Sequence[Attempt], others: Sequence[Attempt]) -> list[Attempt]:
    """Of each attempt the copy that is further along."""
    by_number = {each.number: each for each in some}
    for each in others:
        known = by_number.get(each.number)
        if known is None or each.updated_at >= known.updated_at:
            by_number[each.number] = each
    return [by_number[number] for number in sorted(by_number)]


def _sent(batches: Mapping[str, Runs], run_key: str) -> Attempt | None:
    """The first attempt of a run that was paid for, or may have been."""
    attempts = (each for address in sorted(batches) for each in batches[address].get(run_key, ()))
    return next((each for each in attempts if each.may_be_sent), None)


def blocked_by(conflict: Conflict) -> Blocked:
    """What is planned of a batch whose history cannot be told from that of the name it had."""
    other = f" as {conflict.other_id}" if conflict.other_id else ""
    words = f"{conflict.previous} has an attempt{other} for it too: forget one of the two, or take the move out"
    forget = f"batchrunner state rm {quote(conflict.forgotten)} --run-key {quote(conflict.run_key)}"
    return Blocked(
        address=conflict.address,
        run_key=conflict.run_key,
        reason="move-conflict",
        hint=f"{forget} --state {quote(conflict.state)}",
        batch_id=conflict.batch_id,
        explanation=words,
    )
