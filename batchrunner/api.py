"""The Python interface: what the commands do, as functions.

import batchrunner

workspace = batchrunner.load("specs/nightly.yaml", sandbox=True)
print(batchrunner.plan(workspace).counts)
report = batchrunner.apply(workspace)
for batch in batchrunner.wait(workspace):
    print(batch.address, batch.word)

What goes wrong is raised as one of `batchrunner.errors`, all of them a `BatchrunnerError` with `code`, `message`,
`where`, `why` and `hint`:

from batchrunner.errors import InvalidFiles, Refused, TryAgain, UsageError

try:
    workspace = batchrunner.load("specs/")
except InvalidFiles as invalid:
    for problem in invalid.diagnostics:
        print(problem.where, problem.code, problem.message)
"""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from batchrunner.errors import UsageError
from batchrunner.wiring import Choices, Workspace, open_workspace

if TYPE_CHECKING:
    from batchrunner.applier import Report
    from batchrunner.plans import Plan
    from batchrunner.ports import Reporter
    from batchrunner.standing import Standing

__all__ = ["apply", "load", "plan", "wait"]


def load(
    *paths: str | os.PathLike[str],
    project: str = "",
    state: str = "",
    variables: Mapping[str, str] | None = None,
    run_key: str = "",
    at: str = "",
    targets: Iterable[str] = (),
    replace: Iterable[str] = (),
    sandbox: bool = False,
    profile: str = "",
) -> Workspace:
    """Load the specs at `paths` (files, directories, globs) as the command line would with the same flags.

    Raises `InvalidFiles` with every problem found, `Refused` or `UsageError`; `TypeError` for what is no path.
    """
    choices = Choices(
        project=project,
        state=state,
        run_key=run_key,
        at=at,
        variables=variables or {},
        targets=tuple(targets),
        replace=frozenset(replace),
        sandbox=sandbox,
        profile=profile,
    )
    if not paths:
        raise UsageError("usage", "load needs at least one path", hint='batchrunner.load("specs/nightly.yaml")')
    return open_workspace([_text(path) for path in paths], choices, stdin=bytes)


def _text(path: object) -> str:
    text: object = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        kind = type(text).__name__
        raise TypeError(f"load takes paths one by one, each a str or a Path, not a {kind}: batchrunner.load(*paths)")
    return text


def plan(workspace: Workspace) -> "Plan":
    """What `apply` would do now. Opens no connection, reads no credential, takes no lock."""
    from batchrunner.stores import load_states
    from batchrunner.wiring.planning import plan_workspace

    stores = workspace.stores()
    return plan_workspace(workspace, stores, load_states(stores))


def apply(
    workspace: Workspace, *, concurrency: int = 16, lock_timeout: float = 30.0, reporter: "Reporter | None" = None
) -> "Report":
    """Plan and submit under the state's lock, each batch once; call it from the main thread.

    Returns how it ended; a batch that failed is in the report, not an exception. Raises `TryAgain` where the lock is
    held for longer than `lock_timeout` seconds, `Refused` where a key is missing, or the project's policy refuses.
    """
    from batchrunner.applier import Brake, Report
    from batchrunner.policy import refused
    from batchrunner.wiring.preparing import Patience, prepared_from_specs
    from batchrunner.wiring.running import Sending, needed_keys, send
    from batchrunner.wiring.silence import Silent

    with prepared_from_specs(workspace, Patience(lock_timeout, lambda _holder: None)) as prepared:
        if prepared.refusals:
            raise refused(prepared.refusals, prepared.project_file)
        if not prepared.plan.settling:
            return Report()
        keys = needed_keys(prepared.plan, prepared.ground.states, prepared.providers)
        sending = Sending(prepared.root, prepared.providers, keys, concurrency, Brake())
        return send(prepared.plan, prepared.ground, sending, reporter or Silent())


def wait(
    workspace: Workspace,
    *,
    timeout: float | None = None,
    interval: float | None = None,
    reporter: "Reporter | None" = None,
) -> "tuple[Standing, ...]":
    """Wait until the batches of the runs that the specs are about have ended; call it from the main thread.

    Looks every `interval` seconds, None for what the provider's `polling` says. Returns where each batch stands: its
    `verdict` is `done`, `failed`, or `open` where `timeout` seconds, or a signal, ended the waiting first. Raises
    `Refused` where a key is missing or a provider cannot be asked.
    """
    from batchrunner.wiring.awaiting import wait_workspace
    from batchrunner.wiring.silence import Silent

    return wait_workspace(workspace, reporter or Silent(), timeout, interval)
