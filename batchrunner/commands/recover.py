"""`batchrunner recover`: rebuild a state that was lost from what the provider has."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchrunner.address import spec_of
from batchrunner.commands._asking import inquiry
from batchrunner.commands._console import Console, answers_yes, somebody_is_there
from batchrunner.commands._options import Output, output_options, spec_options
from batchrunner.commands._states import lock_timeout, saved
from batchrunner.errors import ExitCode, Refused, UsageError
from batchrunner.recovering import Recovery
from batchrunner.render.units import counted
from batchrunner.state import State
from batchrunner.stores import FileStore
from batchrunner.wiring import Choices, Workspace, open_workspace
from batchrunner.wiring.recovery import Discovered, discover, providers_asked, wanted
from batchrunner.wiring.running import locked
from batchrunner.wiring.typed import typed_cancel, typed_import

if TYPE_CHECKING:
    from batchrunner.render.recovery import Findings


@click.command("recover")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@spec_options
@output_options()
def command(*, paths: tuple[str, ...], yes: bool, choices: Choices, output: Output) -> int:
    """Find what the specs at PATH submitted at their providers, and record what the state lacks of it.

    Batches are known by the tags that they were sent with, or by the names of their files. Nothing is submitted, and
    nothing that the state has is changed, but that a submission without an outcome gets the one it had.
    """
    console = Console(output)
    workspace = open_workspace(paths, choices, stdin=sys.stdin.buffer.read)
    asks = inquiry(providers_asked(workspace), workspace.providers, workspace.project.root, console)
    unread: list[str] = []
    discovered = discover(workspace, wanted(workspace, unread.append), asks)
    for words in unread:
        console.warn(words)
    recovering = _Recovering(workspace, discovered, is_unread=bool(unread))
    recovering.compare()
    if not output.json:
        console.result(recovering.text(console))
    if recovering.missing:
        _approve(yes, recovering.missing)
        with locked(recovering.stores, lock_timeout(), console.warn):
            recovering.write()
    _tell(recovering, console)
    return recovering.exit_code()


@dataclass(slots=True)
class _Recovering:
    workspace: Workspace
    discovered: Discovered
    is_unread: bool
    stores: Mapping[str, FileStore] = field(init=False)
    recoveries: dict[str, Recovery] = field(default_factory=dict)
    saved: dict[str, Path | None] = field(default_factory=dict)
    """The stores that were written, and the backups of those that held something."""

    def __post_init__(self) -> None:
        self.stores = self.workspace.stores()

    @property
    def missing(self) -> int:
        """How many attempts the states lack."""
        return sum(len(each.recovered) for each in self.recoveries.values())

    def compare(self) -> None:
        """Compare what was found with the states as they are now."""
        for store in self._distinct():
            self._compare(store, store.load())

    def write(self) -> None:
        """Write what the states lack, compared once more under their locks."""
        for store in self._distinct():
            state = store.load()
            recovered = self._compare(store, state).recovered
            if recovered:
                self.saved[store.url] = saved(store, state, [each.entry for each in recovered])

    def findings(self) -> "Findings":
        """All that was found, for whoever reads it."""
        from batchrunner.render.recovery import Findings

        found, all_of = self.discovered, list(self.recoveries.values())
        alarms = [alarm for each in all_of for alarm in each.alarms]
        paths = {spec.name: spec.path for spec in self.workspace.specs}
        maybe = [(wanted, batch) for wanted, batch in found.maybe if not self._has(wanted.address, wanted.run_key)]
        return Findings(
            listed=found.listed,
            recovered=[one for each in all_of for one in each.recovered],
            known=sum(each.known for each in all_of),
            alarms=alarms,
            conflicts=[one for each in all_of for one in each.conflicts],
            strangers=found.strangers,
            maybe=[(wanted.address, wanted.run_key, batch) for wanted, batch in maybe],
            broken_off=found.broken_off,
            untold=found.untold if self.is_unread else {},
            to_import={batch.batch_id: typed_import(wanted.address, batch.batch_id, paths[spec_of(wanted.address)],
                                                       self.workspace.choices)
                       for wanted, batch in maybe},
            to_cancel={batch.batch_id: typed_cancel(alarm.provider, batch.batch_id, self.workspace.choices)
                       for alarm in alarms for batch in alarm.others},
        )  # fmt: skip

    def text(self, console: Console) -> str:
        """The findings as text."""
        from batchrunner.render.recovery import findings_text

        return findings_text(self.findings(), console.style)

    def exit_code(self) -> ExitCode:
        """Whether a person has to look at something, or another run finds more."""
        found = self.findings()
        if found.alarms or found.conflicts or found.untold:
            return ExitCode.PARTIAL
        return ExitCode.TRY_AGAIN if found.broken_off else ExitCode.DONE

    def _compare(self, store: FileStore, state: State) -> Recovery:
        self.recoveries[store.url] = self.discovered.recovery_of(store, self.stores, state)
        return self.recoveries[store.url]

    def _has(self, address: str, run_key: str) -> bool:
        return any(store.load().latest(address, run_key) for store in self._distinct())

    def _distinct(self) -> Sequence[FileStore]:
        return list({id(store): store for store in self.stores.values()}.values())


def _approve(yes: bool, missing: int) -> None:
    if yes:
        return
    if not somebody_is_there():
        raise UsageError("not-confirmed", "this changes state, and nobody is there to ask", hint="add --yes")
    if not answers_yes(f"Record {counted(missing, 'attempt')}? Nothing is submitted."):
        raise Refused("not-approved", "not approved, so nothing was changed", hint="answer yes, or add --yes")


def _tell(recovering: _Recovering, console: Console) -> None:
    if console.output.json:
        from batchrunner.render.recovery import findings_document

        saved = [{"state": url, "backup": str(backup or "")} for url, backup in recovering.saved.items()]
        console.document(findings_document(recovering.findings(), states=saved))
        return
    for url, backup in recovering.saved.items():
        kept = f" Backup: {backup}" if backup else ""
        console.result(f"Recorded {counted(len(recovering.recoveries[url].recovered), 'attempt')} in {url}.{kept}")
