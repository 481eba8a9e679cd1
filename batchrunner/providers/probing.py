"""Asks a provider what costs nothing, once each, to learn whether it can be reached and takes the key."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from batchrunner.checkups import Facts
from batchrunner.facts import ProviderFacts
from batchrunner.providers._calls import Call, Reply, Result
from batchrunner.providers._dialect import Dialect
from batchrunner.providers._dialects import dialect_of
from batchrunner.providers._times import http_date
from batchrunner.providers._wire import Wire
from batchrunner.providers._words import words_of

MODELS = "/v1/models"
"""Listed by every service that speaks as OpenAI does, and asked for only where there is no list of our own."""
_ABSENT = frozenset({404, 405, 410, 501})
_DENIED = frozenset({401, 403})


async def probe(name: str, facts: ProviderFacts, key: str, seconds: float) -> Facts:
    """What the provider called `name` answers, within `seconds` in all. Never raises for what a network does.

    Without a `key` only a connection is made. Raises `Refused` as opening a provider does.
    """
    try:
        async with asyncio.timeout(seconds):
            return await (_asked(name, facts, key) if key else _connected(facts))
    except TimeoutError:
        return Facts(reached=False, code="timeout", words=f"no answer within {seconds:g} seconds")


async def _connected(facts: ProviderFacts) -> Facts:
    """Whether a connection can be made, TLS and all."""
    parts = urlsplit(facts.origin)
    is_secure = parts.scheme == "https"
    try:
        _, writer = await asyncio.open_connection(
            parts.hostname or "", parts.port or (443 if is_secure else 80), ssl=is_secure or None
        )
    except OSError as error:
        return Facts(reached=False, code="connect-failed", words=str(error))
    writer.close()
    return Facts(reached=True)


async def _asked(name: str, facts: ProviderFacts, key: str) -> Facts:
    wire = Wire(name, facts, key, stopping=lambda: False, in_flight=1)
    try:
        return await _Asking(wire, facts).ask(dialect_of(facts))
    finally:
        await wire.aclose()


class _Asking:
    def __init__(self, wire: Wire, facts: ProviderFacts) -> None:
        self._wire = wire
        self._facts = facts
        self._skew: float | None = None

    async def ask(self, dialect: Dialect) -> Facts:
        """The lists of batches and of files; that of models where neither is there."""
        offered: dict[str, bool] = {}
        last: Result | None = None
        for what, call in self._calls(dialect):
            if what == "models" and any(offered.values()):
                break
            last = await self._sent(call)
            if not isinstance(last, Reply) or last.status in _DENIED:
                break
            offered[what] = last.status not in _ABSENT
        return self._facts_of(last, offered)

    def _calls(self, dialect: Dialect) -> Iterator[tuple[str, Call]]:
        batches = dialect.survey_call("", None)
        if batches is not None:
            yield "batches", batches
        if dialect.list_path is not None:
            yield "files", dialect.list_call("")
        yield "models", Call("GET", MODELS, (), b"", self._facts.timeouts.look_seconds)

    async def _sent(self, call: Call) -> Result:
        result = await self._wire.send(call)
        if isinstance(result, Reply) and (said := http_date(result.headers.get("date", ""))) is not None:
            self._skew = (datetime.now(UTC) - said).total_seconds()
        return result

    def _facts_of(self, last: Result | None, offered: dict[str, bool]) -> Facts:
        common = partial(
            Facts, lists_batches=offered.get("batches", False), lists_files=offered.get("files", False), skew=self._skew
        )
        if not isinstance(last, Reply):
            code, words = (last.code, last.words) if last else ("", "")
            return common(reached=bool(offered), code=code, words=self._wire.redact(words))
        if last.status in _DENIED:
            words = words_of(last, self._wire.redact)
            return common(reached=True, status=last.status, accepts_key=False, words=words)
        answered = any(offered.values())
        good = answered and (last.status in _ABSENT or last.status < 400)
        words = "" if good or last.status in _ABSENT else words_of(last, self._wire.redact)
        return common(reached=True, status=last.status, accepts_key=True if good else None, words=words)
