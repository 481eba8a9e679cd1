"""Which dialects there are: those built in, and those that other packages bring.

A package brings one with an entry point of the group `batchrunner.providers`, whose name is that of the dialect and
whose object makes a `Dialect` of `ProviderFacts`:

    [project.entry-points."batchrunner.providers"]
    example = "example_batches:Example"
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

from batchrunner.errors import Refused
from batchrunner.facts import ProviderFacts

if TYPE_CHECKING:
    from batchrunner.providers._dialect import Dialect

GROUP = "batchrunner.providers"
BUILT_IN = {
    "alphaedge": "AlphaEdge",
    "anthropic": "Anthropic",
    "mistral": "Mistral",
    "openai": "OpenAI",
    "together": "Together",
}


def dialect_of(facts: ProviderFacts) -> "Dialect":
    """The dialect that `facts` name. Raises `Refused` `unknown-dialect`, or `broken-dialect` where it does not load."""
    name = facts.dialect
    if name in BUILT_IN:
        module = import_module(f"batchrunner.providers.{name}")
        return cast("Dialect", getattr(module, BUILT_IN[name])(facts))
    try:
        return _brought(name)(facts)
    except Refused:
        raise
    except Exception as error:  # whatever another package may raise
        raise Refused("broken-dialect", f"the dialect `{name}` cannot be used", why=str(error)[:500]) from error


def _brought(name: str) -> "Callable[[ProviderFacts], Dialect]":
    # Looking through all packages that are installed takes as long as a whole start.
    from importlib.metadata import entry_points

    found = [*entry_points(group=GROUP, name=name)]
    if not found:
        hint = f"known are {', '.join(BUILT_IN)}; others come with packages that have an entry point `{GROUP}`"
        raise Refused("unknown-dialect", f"there is no dialect `{name}`", hint=hint)
    return cast("Callable[[ProviderFacts], Dialect]", found[0].load())
