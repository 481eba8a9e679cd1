"""Looking at remote batches from a command: which, with which keys, and what is said of how it went."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from batchrunner.applier import Brake
from batchrunner.commands._console import Console
from batchrunner.commands._screens import opened_screen
from batchrunner.commands._secrets import keep_secret
from batchrunner.errors import ExitCode
from batchrunner.facts import ProviderFacts
from batchrunner.polling import awaits_output, polling_at
from batchrunner.ports import AttemptName, Reporter
from batchrunner.printable import printable
from batchrunner.render.standings import Typed
from batchrunner.standing import Standing, deciding, standing_of
from batchrunner.state import Entry
from batchrunner.stores import FileStore
from batchrunner.watcher import Report
from batchrunner.wiring.following import name_of, providers_of
from batchrunner.wiring.running import Sending, interrupted, keys_of
from batchrunner.wiring.watching import Watching, polling_of, sorted_by_reach
from batchrunner.wiring.workspace import SANDBOX, SystemClock


@dataclass(frozen=True, slots=True)
class Scope:
    """Where batches are looked at: `root` is the project's, `store_of` says where an address is kept.

    `typed` makes a whole command of its first words.
    """

    root: str
    providers: Mapping[str, ProviderFacts]
    store_of: Callable[[str], FileStore]
    typed: Typed

    def standings(self, entries: Iterable[Entry]) -> list[Standing]:
        """Where `entries` stand now."""
        now, polling = SystemClock().now(), polling_of(self.providers)
        usual = next(iter(polling.values()))
        return [standing_of(entry, now, polling.get(entry.attempt.intent.provider, usual)) for entry in entries]


@dataclass(frozen=True, slots=True)
class Manner:
    """How to look: `once`, or until all have ended; `patience` and `interval` in seconds, None for as it comes."""

    once: bool = False
    patience: float | None = None
    interval: float | None = None


@dataclass(slots=True)
class Looked:
    """`entries` as they are now, in their order, and how looking at them went.

    `elsewhere` says by provider why batches of it cannot be asked for from here. `stopped` is the exit code of a run
    that a signal stopped.
    """

    entries: list[Entry]
    report: Report = field(default_factory=Report)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    stopped: ExitCode | None = None


def may_show_news(entry: Entry, providers: Mapping[str, ProviderFacts]) -> bool:
    """Whether looking at an attempt again may show something new."""
    attempt = entry.attempt
    polling = polling_at(attempt.intent.provider, providers)
    return attempt.is_open or (attempt.status == "submitted" and awaits_output(attempt.sight, polling))


def look(
    entries: Sequence[Entry], scope: Scope, manner: Manner, console: Console, *, watcher: Reporter | None = None
) -> Looked:
    """Look at those of `entries` that have not ended. `watcher` is told what happens, beside the person.

    Raises `Refused` `missing-key` before anything is asked.
    """
    reach = sorted_by_reach([entry for entry in entries if may_show_news(entry, scope.providers)], scope.providers)
    if not reach.here:
        return Looked(list(entries), elsewhere=reach.elsewhere)
    keys = keys_of(providers_of(reach.here), scope.providers)
    keep_secret(key for name, key in keys.items() if name != SANDBOX)
    brake = Brake()
    with opened_screen(console, len(reach.here), watching=True, watcher=watcher) as screen:
        sending = Sending(scope.root, scope.providers, keys, 16, brake, screen.say)
        watching = Watching(scope.store_of, sending, screen.reporter, manner.interval, manner.patience)
        report = watching.refresh(reach.here) if manner.once else watching.watch(reach.here)
    now: dict[AttemptName, Entry] = {name_of(entry): entry for entry in report.entries}
    looked = [now.get(name_of(entry), entry) for entry in entries]
    return Looked(looked, report, reach.elsewhere, interrupted(brake))


def tell_troubles(looked: Looked, console: Console) -> None:
    """Say what kept us from looking, or from noting it."""
    report = looked.report
    for why in looked.elsewhere.values():
        console.warn(f"Not looked at: {printable(why)}.")
    for provider, denied in report.denied.items():
        console.warn(f"Not looked at: {printable(provider)} refused the key ({_said(denied.code, denied.status)}"
                     f"{_words(denied.words)}). Check the provider's API key.")  # fmt: skip
    for provider, blind in report.blind.items():
        console.warn(f"Not looked at: {printable(provider)} does not offer it{_words(blind.words)}.")
    for provider, trouble in report.troubled.items():
        console.warn(f"Could not look at {printable(provider)} just now ({_said(trouble.code, trouble.status)}"
                     f"{_words(trouble.words)}); that says nothing of its batches.")  # fmt: skip
    if report.state_error:
        error = report.state_error
        why = f" ({printable(error.why)})" if error.why else ""
        console.warn(f"What was seen is not in state: {printable(error.message)}{why}.")
    elif report.unsaved:
        console.warn("What was seen is not in state: another command holds its lock. The next look notes it.")


def _said(code: str, status: int) -> str:
    return printable(code) + (f", HTTP {status}" if status else "")


def _words(words: str) -> str:
    return f': "{printable(words[:300])}"' if words else ""


def exit_code(standings: Sequence[Standing], looked: Looked, *, waited: bool) -> ExitCode:
    """A stop first, then what cannot be asked, what is not over, what went wrong, and what is in doubt."""
    report = looked.report
    if looked.stopped is not None:
        return looked.stopped
    if report.denied or (waited and (report.blind or looked.elsewhere)):
        return ExitCode.REFUSED
    if report.timed_out:
        return ExitCode.TRY_AGAIN
    verdicts = {standing.verdict for standing in deciding(standings)}
    if "failed" in verdicts:
        return ExitCode.REMOTE_FAILED
    partial = verdicts & ({"held", "owed", "refused"} if waited else {"held"})
    return ExitCode.PARTIAL if partial else ExitCode.DONE


def command_line(verb: str, words: Sequence[str], typed: Typed) -> str:
    """`verb` for the same batches, as one would type it."""
    return typed(" ".join([verb, *map(quote, words)]))
