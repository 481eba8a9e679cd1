"""Whether the addresses of `--target` and `--replace` name anything: a typing mistake is not an empty plan."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from shlex import quote

from batchrunner.address import concerns, is_address, matches, whole_of
from batchrunner.errors import UsageError
from batchrunner.state import State, distinct
from batchrunner.suggestions import did_you_mean
from batchrunner.wiring.workspace import Choices, Workspace

_LISTED = 12


def check_batches(workspace: Workspace, states: Mapping[str, State]) -> None:
    """Refuse targets and replacements of batches that are not there, before any input is read. Raises `UsageError`."""
    choices = workspace.choices
    known = [batch.address for spec in workspace.specs for batch in spec.batches]
    recorded = _recorded(states)
    inexact = sorted(word for word in choices.replace if not _is_exact(word, known))
    _check_replacements_are_exact(inexact, known)
    strangers = [target for target in choices.targets if not _names_any(target, known, recorded)] + inexact
    if strangers:
        raise UsageError(
            "no-such-address",
            f"no batch is called {', '.join(strangers)}",
            why=f"There is {_some(known) or 'none'}.",
            hint=did_you_mean(strangers[0], known) or "an address is SPEC/BATCH, quoted where it has brackets",
        )
    _check_replacements_are_targeted(choices)


def check_shards(choices: Choices, addresses: Collection[str], states: Mapping[str, State]) -> None:
    """Refuse targets and replacements of shards that are not there; `addresses` are what inputs were cut into.

    Raises `UsageError`.
    """
    known = [*addresses, *_recorded(states)]
    strangers = [t for t in choices.targets if "#" in t and not any(matches(t, address) for address in known)]
    strangers += sorted(word for word in choices.replace if "#" in word and word not in addresses)
    if strangers:
        raise UsageError(
            "no-such-address",
            f"no shard is called {', '.join(strangers)}",
            why=" ".join(_how_cut(strangers[0], addresses)),
            hint="name one of those, or the batch without a number for all of them",
        )


def _names_any(target: str, known: Iterable[str], recorded: Iterable[str]) -> bool:
    return any(concerns(target, whole) for whole in known) or any(matches(target, address) for address in recorded)


def _recorded(states: Mapping[str, State]) -> list[str]:
    return [address for state in distinct(states.values()) for address in state.batches]


def _is_exact(word: str, known: Collection[str]) -> bool:
    return is_address(word) and whole_of(word) in known


def _some(addresses: Sequence[str]) -> str:
    return f"{', '.join(addresses[:_LISTED])}{', …' if len(addresses) > _LISTED else ''}"


def _how_cut(stranger: str, addresses: Iterable[str]) -> Iterable[str]:
    """How many shards there are of each batch that was meant."""
    counts: dict[str, int] = {}
    for address in addresses:
        whole = whole_of(address)
        if concerns(stranger, whole):
            counts[whole] = counts.get(whole, 0) + ("#" in address)
    for whole, count in list(counts.items())[:_LISTED]:
        ends = f"{whole}#1 … #{count}" if count > 1 else f"{whole}#1"
        yield f"There is {ends}." if count else f"{whole} is one batch, not cut into shards."


def _check_replacements_are_exact(inexact: Iterable[str], known: Iterable[str]) -> None:
    """Each replacement costs money, so it is named in full: a pattern could grow."""
    for word in inexact:
        if near := [address for address in known if concerns(word, address)]:
            raise UsageError(
                "no-such-address",
                f"--replace takes one exact address, and no batch is called {word}",
                why=f"It could mean {_some(near)}.",
                hint=f"--replace {quote(near[0])}, once for each batch that is to be paid for again",
            )


def _check_replacements_are_targeted(choices: Choices) -> None:
    missed = [address for address in sorted(choices.replace) if not any(matches(t, address) for t in choices.targets)]
    if choices.targets and missed:
        raise UsageError(
            "replace-not-targeted",
            f"--replace {', '.join(missed)} is outside of --target",
            hint="target it too, or leave --target out",
        )
