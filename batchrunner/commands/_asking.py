"""Asking providers from a command: keys, and who is told that a question is repeated."""

from collections.abc import Iterable, Mapping

from batchrunner.commands._console import Console
from batchrunner.commands._secrets import keep_secret
from batchrunner.facts import ProviderFacts
from batchrunner.ports import Reporter
from batchrunner.wiring.asking import Inquiry
from batchrunner.wiring.running import keys_of
from batchrunner.wiring.workspace import SANDBOX, SystemClock


class Silent:
    """A reporter that shows nothing."""

    def report(self, event: object) -> None:
        """Show nothing."""


def inquiry(
    names: Iterable[str], providers: Mapping[str, ProviderFacts], root: str, console: Console
) -> Inquiry:  # fmt: skip
    """Who asks the providers called `names`. Raises `Refused` where one has no key."""
    keys = keys_of(sorted(names), providers)
    keep_secret(key for name, key in keys.items() if name != SANDBOX)
    return Inquiry(root, providers, keys, _reporter(console))


def _reporter(console: Console) -> Reporter:
    if not console.output.progress:
        return Silent()
    from batchrunner.render.lines import LineReporter

    return LineReporter(console.warn, SystemClock())
