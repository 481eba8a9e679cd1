"""Counts anew what a saved plan submits, where the policy limits it: who can write a plan can say anything in it."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchrunner.address import whole_of
from batchrunner.errors import InvalidFiles, StaleError
from batchrunner.facts import ProviderFacts
from batchrunner.manifest import LocalFile
from batchrunner.plans import Change, Refusal, Sendable, Submit
from batchrunner.policy import refusals, rules_of
from batchrunner.project import Project
from batchrunner.records import encode, replace
from batchrunner.wiring.estimates import Asked, Name, priced
from batchrunner.wiring.workspace import SANDBOX, SystemClock

if TYPE_CHECKING:
    from batchrunner.inputs import Beneath, Scan, ScannedPart
    from batchrunner.ports import TokenCounter

COUNTED = frozenset({"max_cost_usd", "max_requests", "allowed_models"})
"""Rules about what the requests of an input are: only reading them tells."""


def broken_rules(
    unsent: Sequence[Sendable], project: Project, providers: Mapping[str, ProviderFacts]
) -> tuple[Refusal, ...]:
    """The rules of the policy of `project` that submitting `unsent`, which a saved plan says, would break.

    Requests, models and tokens are counted in the inputs, which are what was planned byte for byte; prices are those of
    now. Raises `StaleError` `plan-altered` where the plan says other things of them, `InvalidFiles`.
    """
    paid = [change for change in unsent if _is_paid(change)]
    if not paid or not COUNTED.intersection(rules_of(project.policy)):
        return refusals(unsent, project.policy)
    asked = _counted(paid, project.root, providers)
    if project.policy.max_cost_usd is None:  # loading prices takes a while
        return refusals(unsent, project.policy)
    bare: list[Change] = [replace(change, estimate=None) if _is_paid(change) else change for change in unsent]
    return priced(bare, asked, SystemClock().now(), project.policy).refusals


def _is_paid(change: Sendable) -> bool:
    return isinstance(change, Submit) and change.provider != SANDBOX


class _Local(NamedTuple):
    """A change that uploads `source`."""

    change: Sendable
    source: LocalFile

    @property
    def batch(self) -> Name:
        """The batch in a run that it is of: one shard of it, or all."""
        return whole_of(self.change.address), self.change.run_key


def _counted(paid: Iterable[Sendable], root: str, providers: Mapping[str, ProviderFacts]) -> Mapping[Name, Asked]:
    """What `paid` changes with a local input ask for."""
    from batchrunner.estimating import token_counter
    from batchrunner.inputs import Beneath

    local = [_Local(change, change.source) for change in paid if isinstance(change.source, LocalFile)]
    with Beneath(root) as beneath:
        inputs = _Inputs(beneath, root, providers, token_counter())
        batches = groupby(sorted(local, key=lambda each: each.batch), lambda each: each.batch)
        return {name: asked for _, shards in batches for name, asked in inputs.asked([*shards])}


@dataclass(slots=True)
class _Inputs:
    """Inputs, each scanned once however many runs send it: all shards in one pass, cut where the plan has cut them."""

    beneath: "Beneath"
    root: str
    providers: Mapping[str, ProviderFacts]
    counter: "TokenCounter | None"
    scans: "dict[bytes, Scan]" = field(default_factory=dict)

    def asked(self, shards: Sequence[_Local]) -> Iterator[tuple[Name, Asked]]:
        """What `shards`, which are of one batch in one run, ask for."""
        first = shards[0]
        scan = self._scan(first, _requests_of(each.source for each in shards))
        parts = {part.file.start: part for part in scan.parts}
        for each in shards:
            part = parts.get(each.source.start)
            if part is None or not _is_planned(part, first, each):
                raise _altered(each)
            facts = self.providers[each.change.provider]
            yield (each.change.address, each.change.run_key), Asked(part.demands, scan.counted_by, facts)

    def _scan(self, first: _Local, planned: tuple[int, ...]) -> "Scan":
        """The input of `first`, in parts of so many requests as are `planned`."""
        name = encode([first.change.provider, first.change.endpoint, first.source.path, first.source.template, planned])
        if name not in self.scans:
            self.scans[name] = self._read(first, planned)
        scan = self.scans[name]
        if scan.diagnostics:
            raise InvalidFiles(scan.diagnostics, unlisted=scan.unlisted)
        return scan

    def _read(self, first: _Local, planned: tuple[int, ...]) -> "Scan":
        from batchrunner.inputs import InputRefused, SteadyFile, scan_file
        from batchrunner.linerules import LineRules
        from batchrunner.sharder import Sharding
        from batchrunner.templates import BadTemplate

        path = first.source.path
        try:
            descriptor, status = self.beneath.descriptor(path)
            with os.fdopen(descriptor, "rb", buffering=0):
                return scan_file(
                    SteadyFile(descriptor, status),
                    path=path,
                    shown=os.path.relpath(Path(self.root, path)),
                    rules=LineRules.of(first.change.endpoint, self.providers[first.change.provider]),
                    sharding=Sharding(planned=planned),
                    template=first.source.template,
                    counter=self.counter,
                )
        except (InputRefused, BadTemplate):
            raise _altered(first) from None


def _requests_of(shards: Iterable[LocalFile]) -> tuple[int, ...]:
    """How many requests each part has where a content is cut as `shards` of it, some of which may be missing, say."""
    begins = [(shard.part.before if shard.part else 0, shard.requests) for shard in shards]
    cuts = sorted({0, *(before for before, _ in begins), *(before + requests for before, requests in begins)})
    return tuple(stop - start for start, stop in pairwise(cuts))


def _is_planned(part: "ScannedPart", first: _Local, planned: _Local) -> bool:
    """Whether `part` is what the plan says of a shard beside `first`."""
    source = planned.source
    found = replace(part.file, part=source.part, blake3=source.blake3 and part.file.blake3)
    same = (planned.change.provider, planned.change.endpoint) == (first.change.provider, first.change.endpoint)
    return same and found == source


def _altered(planned: _Local) -> StaleError:
    words = f"the plan says other things of the input of {planned.change.address} than are in it"
    return StaleError("plan-altered", words, where=planned.source.path, why="It was edited after it was made.",
                      hint="Plan again.")  # fmt: skip
