"""Batch services: dialects that speak to them, and the one client that sends.

Importing this package loads no HTTP client; opening a provider does.

A service that none of the built-in dialects speaks to is a class in a package of your own. It builds requests and reads
replies, and never sends anything; most are an `OpenAI` of which a few methods differ:

    from batchrunner.providers import Call, OpenAI, ProviderFacts, SecretReference

    class Example(OpenAI):
        facts = ProviderFacts(
            dialect="example",
            origin="https://api.example.com",
            api_key=SecretReference(env="EXAMPLE_API_KEY"),
            idempotency="list-match",
        )

        def look_call(self, batch_id):
            return Call("GET", f"/v1/jobs/{batch_id}", (), b"", 30.0)

The class is made from `ProviderFacts`, those of the project file laid over its own `facts`, which may be missing. It is
found by the entry point of its name, once a spec or a project file says that name as `provider` or `dialect`:

    [project.entry-points."batchrunner.providers"]
    example = "example_batches:Example"

Nothing that a provider sent is trusted: a reply that proves nothing is read as `Unusable`, never as an exception, and
`is_usable_id` says which ids may be put into a path. `batchrunner.testing.check_dialect` and `check_provider` have the
checks that every dialect must pass. `Dialect` says what all of its methods are for.
"""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, Protocol

from batchrunner.events import Event
from batchrunner.facts import ProviderFacts, SecretReference
from batchrunner.manifest import LocalFile
from batchrunner.ports import Clock, Provider

if TYPE_CHECKING:
    from batchrunner.providers._calls import Call, Reply
    from batchrunner.providers._dialect import BatchesPage, Dialect
    from batchrunner.providers._finding import FilesPage, ListedFile
    from batchrunner.providers._listing import is_usable_id
    from batchrunner.providers._multipart import Framing
    from batchrunner.providers._verdicts import Unusable
    from batchrunner.providers._wire import Transport
    from batchrunner.providers.openai import OpenAI
    from batchrunner.rows import ResultLine

__all__ = [
    "BatchesPage",
    "Call",
    "Dialect",
    "FilesPage",
    "Framing",
    "ListedFile",
    "OpenAI",
    "OpenProvider",
    "ProviderFacts",
    "Reply",
    "SecretReference",
    "Unusable",
    "is_usable_id",
    "open_provider",
    "result_reader",
]

_PARTS = {
    "BatchesPage": "_dialect",
    "Call": "_calls",
    "Dialect": "_dialect",
    "FilesPage": "_finding",
    "Framing": "_multipart",
    "ListedFile": "_finding",
    "OpenAI": "openai",
    "Reply": "_calls",
    "Unusable": "_verdicts",
    "is_usable_id": "_listing",
}


def __getattr__(name: str) -> object:
    """What dialects are made of, loaded for those who write one."""
    if name not in _PARTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PARTS[name]}"), name)


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
    renewal: "Callable[[str], Awaitable[str]] | None" = None,
) -> OpenProvider:
    """The provider called `name` (words only), described by `facts`, for one run in one event loop.

    `key` goes to the origin in `facts` and nowhere else. `open_input` opens the bytes of a job's source, and ends
    where they do. `report` gets `Retrying` and `Uploading`. Once `stopping` says so, what is in
    flight is finished and nothing is sent again. `transport` is closed with the provider. `renewal` gives the key to
    send with now, where keys do not live long; it is told the one that the provider refused, empty for none.

    Raises `Refused` `unusable-api-key` or `bad-base-url`. Connects to nothing.
    """
    from batchrunner.providers._dialects import dialect_of
    from batchrunner.providers._http import Client
    from batchrunner.providers.service import Service

    client = Client(name, facts, key, report=report, stopping=stopping, transport=transport, renewal=renewal)
    return Service(dialect_of(facts), client, facts, open_input=open_input, clock=clock, report=report)


def result_reader(facts: ProviderFacts) -> "Callable[[bytes], ResultLine | None]":
    """What reads one line of results of a provider, without its line end: None for what is none. It never raises.

    Raises `Refused` as a dialect that is not there does. Loads no HTTP client.
    """
    from batchrunner.providers._dialects import dialect_of

    return dialect_of(facts).read_line
