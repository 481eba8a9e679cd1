"""What other packages bring: dialects, and providers, found by entry point when their name is said, and not before."""

from typing import Any

from batchrunner.catalog import COMPATIBLE, DIALECTS, built_in
from batchrunner.errors import Refused
from batchrunner.facts import ProviderFacts, SecretReference
from batchrunner.records import replace

GROUP = "batchrunner.providers"


class Providers(dict[str, ProviderFacts]):
    """Providers by name. Those that other packages bring are there once they are asked for.

    Asking raises `Refused` `broken-dialect` where a package brings one that does not load.
    """

    def __missing__(self, name: str) -> ProviderFacts:
        facts = brought_facts(name)
        if facts is None:
            raise KeyError(name)
        self[name] = facts
        return facts

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and self.get(name) is not None)

    def get(self, name: str, default: Any = None) -> Any:
        """The facts of a provider, or `default`."""
        try:
            return self[name]
        except KeyError:
            return default


def is_dialect(name: str) -> bool:
    """Whether there is such a dialect, built in or brought."""
    return name in DIALECTS or found_dialect(name) is not None


def found_dialect(name: str) -> Any:
    """What a package brings as the dialect `name`; None where none does. Raises `Refused` `broken-dialect`."""
    try:
        return _brought(name)
    except Exception as error:  # whatever another package may raise
        raise Refused("broken-dialect", f"the dialect `{name}` cannot be used", why=str(error)[:500]) from error


def brought_facts(name: str) -> ProviderFacts | None:
    """The facts that a package brings along with the dialect `name`; None where there are none."""
    facts = getattr(found_dialect(name), "facts", None)
    return facts if isinstance(facts, ProviderFacts) else None


def inherited(dialect: str) -> ProviderFacts | None:
    """What a new provider is known by once its dialect is named: all but whose it is and what it costs.

    None where nothing is known of the dialect.
    """
    base = COMPATIBLE if dialect == "openai" else built_in().get(dialect)
    if dialect not in DIALECTS:
        base = brought_facts(dialect)
    if base is None:
        return None
    return replace(base, origin="", origin_env=None, api_key=SecretReference(), price_list=None, discount=None)


def _brought(name: str) -> Any:
    # Looking through all packages that are installed takes as long as a whole start.
    from importlib.metadata import entry_points

    found = [*entry_points(group=GROUP, name=name)]
    return found[0].load() if found else None
