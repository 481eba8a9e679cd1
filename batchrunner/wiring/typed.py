"""Commands as a person would type them now, in the same folder and with the same flags, to be shown as advice."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from shlex import quote

from batchrunner.planner import REPLACEABLE
from batchrunner.plans import Blocked, Change, Plan, Unchanged
from batchrunner.records import replace
from batchrunner.wiring.workspace import SANDBOX, Choices

VALUES = "a plan keeps no values of --var: type yours in place of VALUE"
OTHERWISE = "without --adopt BATCH_ID it shows what the provider has; where that has nothing, --absent takes its place"


def typed_apply(
    paths: Sequence[str], choices: Choices, *, targets: Iterable[str] = (), replacing: Iterable[str] = ()
) -> str:
    """The apply of `paths` with the choices that were made."""
    wanted = [f"--target {quote(target)}" for target in targets]
    again = [f"--replace {quote(address)}" for address in replacing]
    flags = (*_flags(choices), *map(quote, _catching_up(choices)))
    return " ".join(["batchrunner apply", *map(quote, paths), *flags, *wanted, *again])


def typed_validate(paths: Sequence[str], choices: Choices) -> str:
    """The check of `paths` with the choices that were made; empty where there are none."""
    return " ".join(["batchrunner validate", *map(quote, paths), *_flags(choices)]) if paths else ""


def typed_wait(plan: Plan, choices: Choices) -> str:
    """The wait for what `plan` submits; empty where its specs came through standard input."""
    paths = [quote(spec.path) for spec in plan.specs]
    state = ["--state", quote(choices.state)] if choices.state else []
    sandbox = ["--sandbox"] if not choices.sandbox and any(c.provider == SANDBOX for c in plan.sendable) else []
    profile = profile_of(plan)
    named = ["--profile", quote(profile)] if profile and not choices.profile else []
    words = ["batchrunner wait", *paths, *state, *named, *_around(choices), *sandbox]
    return "" if "-" in paths else " ".join(words)


def typed_catch_up(path: str, choices: Choices, number: int) -> str:
    """The plan that catches up `number` missed intervals of the spec at `path`, which is quoted."""
    targets = [f"--target {quote(target)}" for target in choices.targets]
    since = [f"--since {quote(choices.since)}"] if choices.since else []
    return " ".join(["batchrunner plan", path, f"--catch-up {number}", *since, *_flags(choices), *targets])


def typed_missing(path: str, choices: Choices) -> str:
    """The list of missed intervals of the spec at `path`; it may be kept in a plan, so it has no values of `--var`."""
    since = [f"--since {quote(choices.since)}"] if choices.since else []
    named = [f"--{name} {quote(value)}" for name, value in _named(choices)]
    sandbox = ["--sandbox"] if choices.sandbox else []
    return " ".join(["batchrunner runs", quote(path), "--missing", *since, *named, *sandbox])


def typed_plan(plan: Plan, out: str) -> str:
    """The plan of the same specs, made anew and saved in the same place."""
    targets = [f"--target {quote(target)}" for target in plan.targets]
    typed = ["batchrunner plan", *(quote(spec.path) for spec in plan.specs), *map(quote, plan.flags), *targets]
    command = " ".join([*typed, "--out", quote(out)])
    return f"{command} ({VALUES})" if "--var" in plan.flags else command


def kept_flags(choices: Choices) -> tuple[str, ...]:
    """The choices that a plan keeps, word by word: not `--replace`, which may be done by the time one plans anew."""
    words = [word for name, value in _named(choices) for word in (f"--{name}", value)]
    words += [word for name in choices.variables for word in ("--var", f"{name}=VALUE")]
    return (*words, *_catching_up(choices), *(["--sandbox"] if choices.sandbox else []))


def typed_resolve(address: str, state_url: str, profile: str) -> str:
    """How one says that the provider has what is in doubt; it names the state, so that it works from where we are."""
    return f"batchrunner resolve {quote(address)} --state {quote(state_url)}{_with(profile)} --adopt BATCH_ID"


def typed_keep(address: str, run_key: str, batch_id: str, state_url: str, profile: str) -> str:
    """How one keeps one of several batches of a submission, and stops the others."""
    named = f"{quote(address)} --state {quote(state_url)}{_with(profile)} --run-key {quote(run_key)}"
    return f"batchrunner resolve {named} --adopt {quote(batch_id)} --cancel-others"


def typed_import(address: str, batch_id: str, path: str, choices: Choices) -> str:
    """How one takes a batch that was made elsewhere for the batch of a spec."""
    return " ".join(["batchrunner state import", quote(address), quote(batch_id), quote(path), *_flags(choices)])


def typed_cancel(provider: str, batch_id: str, choices: Choices) -> str:
    """How one stops a batch that no state has."""
    words = ["batchrunner cancel --provider", quote(provider), "--batch-id", quote(batch_id), *_around(choices)]
    return " ".join(words)


def with_typed_hint(change: Change, path: str, state_url: str, choices: Choices) -> Change:
    """A change whose hint can be pasted, where it has one; others as they are."""
    if isinstance(change, Unchanged) and change.hint:
        return replace(change, hint=" ".join([change.hint, "--state", quote(state_url), *_around(choices)]))
    if not isinstance(change, Blocked):
        return change
    if change.reason == "move-conflict":
        return change
    if change.reason in REPLACEABLE:
        return replace(change, hint=typed_apply([path], choices, replacing=[change.replacing or change.address]))
    explanation = "; ".join(filter(None, [change.explanation, OTHERWISE]))
    return replace(change, hint=typed_resolve(change.address, state_url, choices.profile), explanation=explanation)


def _with(profile: str) -> str:
    return f" --profile {quote(profile)}" if profile else ""


def _around(choices: Choices) -> Iterator[str]:
    """What says which project is meant, where the state is named already."""
    yield from (f"--{name} {quote(value)}" for name in ("project", "profile") if (value := getattr(choices, name)))
    if choices.sandbox:
        yield "--sandbox"


def profile_of(plan: Plan) -> str:
    """The profile that a plan was made with, empty for none."""
    return next((value for flag, value in pairwise(plan.flags) if flag == "--profile"), "")


def _flags(choices: Choices) -> Iterator[str]:
    yield from (f"--{name} {quote(value)}" for name, value in _named(choices))
    yield from (f"--var {quote(f'{name}={value}')}" for name, value in choices.variables.items())
    if choices.sandbox:
        yield "--sandbox"


def _catching_up(choices: Choices) -> Iterator[str]:
    if choices.catch_up:
        yield from ("--catch-up", str(choices.catch_up))
        yield from ("--since", choices.since) if choices.since else ()


def _named(choices: Choices) -> Iterator[tuple[str, str]]:
    for name in ("project", "profile", "state", "run_key", "at"):
        if value := getattr(choices, name):
            yield name.replace("_", "-"), value
