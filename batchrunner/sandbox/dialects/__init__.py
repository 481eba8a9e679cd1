"""The families of providers that the sandbox can speak as."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from batchrunner.sandbox.dialects.anthropic import Anthropic
from batchrunner.sandbox.dialects.mistral import Mistral
from batchrunner.sandbox.dialects.openai import Azure, Groq, OpenAI
from batchrunner.sandbox.dialects.together import Together
from batchrunner.sandbox.speech import Speech

SPEECHES: Final[Mapping[str, type[OpenAI]]] = MappingProxyType(
    {
        "openai": OpenAI,
        "alphaedge": OpenAI,
        "azure": Azure,
        "groq": Groq,
        "mistral": Mistral,
        "together": Together,
        "anthropic": Anthropic,
    }
)


def speech_of(dialect: str, habits: frozenset[str]) -> Speech:
    """The speech of that name, with these habits."""
    return SPEECHES[dialect](habits)
