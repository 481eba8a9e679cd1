"""What `--catch-up` adds to a plan: intervals that were missed, newest first.

Newest first, because those are what somebody still waits for, and whose inputs are most likely still there. One whose
inputs are gone is passed over with a warning, and takes nobody's place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from batchrunner.coverage import Coverage, Occurrence
from batchrunner.errors import InvalidFiles, Refused, UsageError
from batchrunner.plans import Notice
from batchrunner.spec import Batch, Spec
from batchrunner.state import State
from batchrunner.wiring.declared import coverage_of, declared_for
from batchrunner.wiring.scanning import scan_inputs
from batchrunner.wiring.typed import typed_missing

if TYPE_CHECKING:
    from batchrunner.inputs import Scan
    from batchrunner.wiring.workspace import Workspace

MOST_TRIED = 1000
"""Missed intervals of a spec whose inputs are looked for."""


@dataclass(slots=True)
class Missed:
    """What is planned beside the current run. `workspaces` have one spec each, for one interval, and its `scans`."""

    workspaces: "list[tuple[Workspace, Mapping[str, Scan]]]" = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def runs(self, spec: str) -> list[str]:
        """The run keys that are caught up of the spec of this name."""
        keys = [each.run.key for workspace, _ in self.workspaces for each in workspace.specs if each.name == spec]
        return list(dict.fromkeys(keys))


def missed(workspace: "Workspace", states: Mapping[str, State]) -> Missed:
    """What `--catch-up` asks for, nothing where it was not given.

    Raises `UsageError` `catch-up-of-one-run`, `since-without-catch-up`, `bad-time`, `too-many-intervals`.
    """
    found, choices = Missed(), workspace.choices
    if not choices.catch_up:
        return found
    if choices.run_key or workspace.settings.run_key:
        raise UsageError("catch-up-of-one-run", "--catch-up does not go with a run key",
                         why="A run key names the one run that is meant.",
                         hint="leave out --run-key and BATCHRUNNER_RUN_KEY, or --catch-up")  # fmt: skip
    for spec in workspace.specs:
        if spec.run.once_per == "content":
            words = "once_per: content has no intervals, so there is nothing to catch up"
            found.notices.append(Notice(code="caught-up", message=words, where=spec.path))
        else:
            _Catching(workspace, spec, found).catch_up(coverage_of(workspace, spec, states[spec.name]))
    return found


@dataclass(slots=True)
class _Catching:
    workspace: "Workspace"
    spec: Spec
    found: Missed

    def catch_up(self, coverage: Coverage) -> None:
        over = [each for each in coverage.intervals if not each.is_current]
        missing = [each for each in over if each.missing]
        # What a crash left in doubt is gone on with by itself, and is of the number that was asked for.
        in_doubt = sum(bool(each.unresolved) and not each.missing for each in over)
        room = max(self.workspace.choices.catch_up - in_doubt, 0)
        tried = iter(missing[:MOST_TRIED])
        while room and (each := next(tried, None)):
            room -= self._plan(each)
        self._say_what_is_left(missing, len(list(tried)) + len(missing[MOST_TRIED:]))

    def _say_what_is_left(self, missing: Sequence[Occurrence], left: int) -> None:
        if not missing:
            self._note("caught-up", "no interval is missing")
        elif left:
            more = "1 more missed interval is" if left == 1 else f"{left:,} more missed intervals are"
            typed = typed_missing(self.spec.path, self.workspace.choices)
            self._note("more-missed", f"{more} not in this plan; to list what is missing: {typed}")

    def _note(self, code: str, words: str) -> None:
        self.found.notices.append(Notice(code=code, message=words, where=self.spec.path))

    def _plan(self, occurrence: Occurrence) -> bool:
        """Take in what is missing of an interval; whether there was any whose input is there."""
        key = occurrence.run_key
        try:
            then = declared_for(self.workspace, self.spec, key)
        except (InvalidFiles, Refused) as error:
            self._pass_over(key, self.spec.path, error)
            return False
        batches = tuple(batch for batch in then.batches if batch.address in occurrence.missing)
        whole = _with(self.workspace, then, batches)
        try:
            plannable = [self._scanned(whole)]
        except InvalidFiles:
            # Some input is gone: each batch for itself, so that one keeps no other back.
            plannable = list(self._one_by_one(then, batches))
        self.found.workspaces += plannable
        return bool(plannable)

    def _one_by_one(self, then: Spec, batches: Sequence[Batch]) -> "Iterator[tuple[Workspace, Mapping[str, Scan]]]":
        for batch in batches:
            try:
                yield self._scanned(_with(self.workspace, then, (batch,)))
            except InvalidFiles as error:
                self._pass_over(then.run.key, batch.address, error)

    def _scanned(self, workspace: "Workspace") -> "tuple[Workspace, Mapping[str, Scan]]":
        expanded = workspace.expanded()
        return expanded, scan_inputs(expanded)

    def _pass_over(self, key: str, where: str, error: InvalidFiles | Refused) -> None:
        why = error.diagnostics[0].message if isinstance(error, InvalidFiles) else error.message
        message = f"{key} is missed, and passed over: {why}"
        self.found.notices.append(Notice(code="interval-skipped", message=message, where=where))


def _with(workspace: "Workspace", spec: Spec, batches: Sequence[Batch]) -> "Workspace":
    """`workspace` for `batches` of `spec` alone, without what is moved or imported: that is of the run of now."""
    return replace(workspace, specs=(replace(spec, batches=tuple(batches), moved=(), imports=()),))
