"""Which dialects there are: those built in, and those that other packages bring."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

from batchrunner.errors import Refused
from batchrunner.extensions import GROUP, found_dialect
from batchrunner.facts import ProviderFacts

if TYPE_CHECKING:
    from batchrunner.providers._dialect import Dialect

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
    make = found_dialect(name)
    if make is None:
        hint = f"known are {', '.join(BUILT_IN)}; others come with packages, by an entry point of the group {GROUP}"
        raise Refused("unknown-dialect", f"there is no dialect `{name}`", hint=hint)
    try:
        return cast("Dialect", make(facts))
    except Exception as error:  # whatever another package may raise
        raise Refused("broken-dialect", f"the dialect `{name}` cannot be used", why=str(error)[:500]) from error
