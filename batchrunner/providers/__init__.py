"""Batch services: facts about each, dialects that speak to them, and the one client that sends.

Importing this package loads no HTTP client; opening a provider does.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Protocol

from batchrunner.events import Event
from batchrunner.facts import ProviderFacts
from batchrunner.manifest import LocalFile
from batchrunner.ports import Clock, Provider

if TYPE_CHECKING:
    from batchrunner.providers._wire import Transport
    from batchrunner.rows import ResultLine

__all__ = ["OpenProvider", "open_provider", "result_reader"]


class OpenProvider(Provider, Protocol):
    """A provider with connections to close."""

    async def aclose(self) -> None:
        """Close every connection."""
        ...


def open_provider(
    name: str,
    facts: ProviderFacts,
    key: str,
    *,
    open_input: Callable[[LocalFile], BinaryIO],
    clock: Clock,
    report: Callable[[Event], None],
    stopping: Callable[[], bool],
    transport: "Transport | None" = None,
) -> OpenProvider:
    """The provider called `name` (words only), described by `facts`, for one run in one event loop.

    `key` goes to the origin in `facts` and nowhere else. `open_input` opens the bytes of a job's source, and ends
    where they do. `report` gets `Retrying` and `Uploading`. Once `stopping` says so, what is in
    flight is finished and nothing is sent again. `transport` is closed with the provider.

    Raises `Refused` `unusable-api-key` or `bad-base-url`. Connects to nothing.
    """
    from batchrunner.providers._dialects import dialect_of
    from batchrunner.providers._http import Client
    from batchrunner.providers.service import Service

    client = Client(name, facts, key, report=report, stopping=stopping, transport=transport)
    return Service(dialect_of(facts), client, facts, open_input=open_input, clock=clock, report=report)


def result_reader(facts: ProviderFacts) -> "Callable[[bytes], ResultLine | None]":
    """What reads one line of results of a provider, without its line end: None for what is none. It never raises.

    Raises `Refused` as a dialect that is not there does. Loads no HTTP client.
    """
    from batchrunner.providers._dialects import dialect_of

    return dialect_of(facts).read_line
