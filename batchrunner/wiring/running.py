"""Everything an apply needs around the applier: locks, keys, providers, the committing thread, signals."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from batchrunner import records
from batchrunner.address import spec_of
from batchrunner.applier import Brake, Report, Tools, apply_plan
from batchrunner.errors import ExitCode, Refused, Terminated
from batchrunner.executors import LocalExecutor
from batchrunner.facts import ProviderFacts
from batchrunner.inputs import open_content
from batchrunner.plans import Move, Plan
from batchrunner.ports import Executor, Reporter
from batchrunner.providers import OpenProvider, open_provider
from batchrunner.settings import environment
from batchrunner.staleness import outstanding
from batchrunner.state import Entry, State
from batchrunner.stores import FileStore
from batchrunner.stores.committer import GroupCommitter
from batchrunner.sweeper import Lookout
from batchrunner.wiring.credentials import key_of, renewal_of
from batchrunner.wiring.places import OWN_FOLDER, hide_from_git
from batchrunner.wiring.waves import room_for
from batchrunner.wiring.workspace import SANDBOX, SystemClock

T = TypeVar("T")
SANDBOX_KEY = "sandbox"


@contextmanager
def locked(stores: Mapping[str, FileStore], timeout: float, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the locks of all `stores`, taken in one order everywhere so that two applies cannot wait for each other."""
    with ExitStack() as stack:
        for store in sorted({id(s): s for s in stores.values()}.values(), key=lambda s: os.path.abspath(s.url)):
            stack.enter_context(store.lock(timeout, waiting))
        yield


def _say(words: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class Sending:
    """What a plan is sent with. `root` is where its inputs lie; `keys` are the providers' secrets.

    `say` tells the person who stops the run what happens now.
    """

    root: str
    providers: Mapping[str, ProviderFacts]
    keys: Mapping[str, str]
    concurrency: int
    brake: Brake
    say: Callable[[str], None] = _say


def needed_keys(plan: Plan, states: Mapping[str, State], providers: Mapping[str, ProviderFacts]) -> dict[str, str]:
    """The secret of every provider that the plan still has to send to or import from, as `states` say.

    Raises `Refused` before anything is written or sent.
    """
    return keys_of({change.provider for change in outstanding(plan, states)}, providers)


def keys_of(names: Iterable[str], providers: Mapping[str, ProviderFacts]) -> dict[str, str]:
    """The secrets of the providers called `names`. Raises `Refused` `missing-key`, `unknown-provider`."""
    for name in names:
        if name not in providers:
            raise Refused("unknown-provider", f"provider {name} is not configured here",
                          hint="declare it in the project file, or run this where that is")  # fmt: skip
    keys, missing = {}, list[Refused]()
    for name in sorted(names):
        try:
            keys[name] = SANDBOX_KEY if name == SANDBOX else key_of(name, providers[name], environment())
        except Refused as error:
            if error.code != "missing-key":
                raise
            missing.append(error)
    if missing:
        raise missing[0] if len(missing) == 1 else _all_missing(missing)
    return keys


def _all_missing(errors: Sequence[Refused]) -> Refused:
    """One error for keys of several providers that are not there: who sets one should not meet the next."""
    why = " ".join(f"{error.message[:1].upper()}{error.message[1:]}: {error.why}" for error in errors)
    hint = "Set all of them and run the same command again, or try without keys: add --sandbox."
    return Refused("missing-key", f"the keys of {len(errors)} providers are missing", why=why, hint=hint)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a checked plan stands on, under its locks: states and stores by spec name.

    `pending` are the moves that there is still something to do for. They come first: `after_moves`.
    """

    states: Mapping[str, State]
    stores: Mapping[str, FileStore]
    pending: tuple[Move, ...] = ()

    def after_moves(self, reporter: Reporter) -> "Ground":
        """The same, once what is pending was carried out and is durable. Raises `StateError`."""
        if not self.pending:
            return self
        from batchrunner.wiring.moving import carry_out

        return Ground(carry_out(self.pending, self.stores, reporter), self.stores)

    def store_of(self, entry: Entry) -> FileStore:
        """Where an entry is kept."""
        return self.stores[spec_of(entry.address)]

    def fold(self) -> None:
        """Bring all that was written into the snapshots."""
        for store in {id(store): store for store in self.stores.values()}.values():
            store.fold()


def send(plan: Plan, ground: Ground, sending: Sending, reporter: Reporter) -> Report:
    """Apply a checked plan under its locks, then fold what was written into the snapshots. Moves come first."""
    moved, ground = len(ground.pending), ground.after_moves(reporter)
    if not (plan.sendable or plan.imports):
        return Report(moved=moved)
    with _sandbox(sending) as facts:
        report = asyncio.run(_send(plan, ground, replace(sending, providers=facts), reporter))
    report.moved = moved
    if report.state_error is None:
        ground.fold()
    return report


def follow(sending: Sending, reporter: Reporter, verb: Callable[[Executor], Awaitable[T]]) -> T:
    """Run `verb`, which only follows up on what was submitted, with the providers that `sending` has keys for.

    SIGINT and SIGTERM pull its brake.
    """
    with _sandbox(sending) as facts:
        return asyncio.run(_follow(replace(sending, providers=facts), reporter, verb))


async def _follow(sending: Sending, reporter: Reporter, verb: Callable[[Executor], Awaitable[T]]) -> T:
    providers = {name: _provider(name, sending, reporter) for name in sending.keys}
    with stopping_on_signals(sending.brake, sending.say):
        try:
            return await verb(LocalExecutor(providers))
        finally:
            for provider in providers.values():
                await provider.aclose()


async def _send(plan: Plan, ground: Ground, sending: Sending, reporter: Reporter) -> Report:
    lookout = Lookout(reporter, SystemClock())
    providers = {name: _provider(name, sending, lookout) for name in sending.keys}
    executor = LocalExecutor(providers)
    committer = GroupCommitter(ground.store_of)
    tools = Tools(
        providers=providers,
        executor=lookout.beside(executor),
        committer=committer,
        reporter=lookout,
        clock=SystemClock(),
        brake=sending.brake,
        concurrency=sending.concurrency,
    )
    with stopping_on_signals(sending.brake, sending.say):
        try:
            tools = replace(tools, room=await room_for(plan, ground.states, sending.providers, tools))
            report = await apply_plan(plan, ground.states, tools)
            if not sending.brake.pulled:
                run_keys = {change.idempotency_key: change.run_key for change in plan.sendable}
                report.alarms = await lookout.sweep(executor, run_keys, ground.states.values())
            return report
        finally:
            await committer.aclose()
            for provider in providers.values():
                await provider.aclose()


def _provider(name: str, sending: Sending, reporter: Reporter) -> OpenProvider:
    return open_provider(
        name,
        sending.providers[name],
        sending.keys[name],
        open_input=lambda source: open_content(sending.root, source),
        clock=SystemClock(),
        report=reporter.report,
        stopping=lambda: sending.brake.pulled,
        renewal=renewal_of(name, sending.providers[name]),
    )


@contextmanager
def stopping_on_signals(brake: Brake, say: Callable[[str], None]) -> Iterator[None]:
    """The first SIGINT or SIGTERM pulls the brake, a second one leaves at once: what is durable stays so."""
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        if brake.reason in _CODES:
            say("Left at once. Nothing is lost: run the same command again.")
            os._exit(_CODES[brake.reason])
        brake.reason = _NAMES[number]
        say("Stopping: what is in flight is finished. Once more to leave at once.")

    before = {number: signal.getsignal(number) for number in _NAMES}
    for number in _NAMES:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


_NAMES = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_CODES = {"interrupted": ExitCode.INTERRUPTED, "terminated": ExitCode.TERMINATED}


def interrupted(brake: Brake) -> ExitCode | None:
    """The exit code of a run that a signal stopped."""
    return _CODES.get(brake.reason)


def interruption(brake: Brake) -> KeyboardInterrupt:
    """What to raise in a run that a signal stopped, where it cannot go on with less."""
    return Terminated() if interrupted(brake) == ExitCode.TERMINATED else KeyboardInterrupt()


@contextmanager
def _sandbox(sending: Sending) -> Iterator[Mapping[str, ProviderFacts]]:
    """The providers, with the sandbox running where the plan sends to it."""
    if SANDBOX not in sending.keys:
        yield sending.providers
        return
    from batchrunner.sandbox import SandboxSettings, running

    settings = SandboxSettings(_sandbox_database(sending.root), key=SANDBOX_KEY, habits=frozenset({"any-lines"}))
    with running(settings) as sandbox:
        facts = records.replace(sending.providers[SANDBOX], origin=sandbox.base_url)
        yield {**sending.providers, SANDBOX: facts}


def _sandbox_database(root: str) -> Path:
    folder = Path(root, OWN_FOLDER)
    folder.mkdir(mode=0o700, exist_ok=True)
    hide_from_git(folder)
    return folder / "sandbox.sqlite3"
