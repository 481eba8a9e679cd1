"""What checks of providers send: small inputs, held in memory, under keys that nobody used before."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, NamedTuple
from uuid import uuid4

from batchrunner.digest import JsonValue
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Accepted, Create, Upload, Uploaded
from batchrunner.manifest import LocalFile
from batchrunner.ports import Provider
from batchrunner.remote import Tags
from batchrunner.rows import ResultLine
from batchrunner.state import Intent

OpenInput = Callable[[LocalFile], BinaryIO]
RUN_KEY = "manual:conformance"


@dataclass(frozen=True)
class ProviderUnderTest:
    """How to reach the provider to be checked: at a server that takes small batches.

    `open` opens it in the running event loop, given what opens the bytes of an input. `facts` are those that it is
    opened with. `read_line` reads one line of its results, as `batchrunner.providers.result_reader` makes it. `body`
    is that of every request, sent to `endpoint`. `seconds` is how long a batch of three requests may take, and
    `pause_seconds` how long to wait between two looks at it.
    """

    open: Callable[[OpenInput], AbstractAsyncContextManager[Provider]]
    facts: ProviderFacts
    read_line: Callable[[bytes], ResultLine | None]
    endpoint: str = "/v1/chat/completions"
    body: Mapping[str, JsonValue] = field(default_factory=lambda: _CHAT)
    completion_window: str = "24h"
    seconds: float = 60.0
    pause_seconds: float = 0.05


_CHAT: Mapping[str, JsonValue] = {
    "model": "gpt-4o-mini",
    "max_tokens": 20,
    "messages": [{"role": "user", "content": "one"}],
}


class Submission(NamedTuple):
    """A create as it was sent, what it is tagged with, and the input behind it."""

    job: Create
    tags: Tags
    source: LocalFile
    custom_ids: tuple[str, ...]


class Submitter:
    """Uploads and creates at a provider that was opened with `open_input`."""

    def __init__(self, subject: ProviderUnderTest) -> None:
        self.subject = subject
        self.contents: dict[str, bytes] = {}

    def open_input(self, source: LocalFile) -> BinaryIO:
        """The bytes of an input."""
        return io.BytesIO(self.contents[source.path])

    def input_of(self, custom_ids: tuple[str, ...]) -> LocalFile:
        """An input with a request for each id."""
        lines = (json.dumps(self._line(custom_id), separators=(",", ":")) + "\n" for custom_id in custom_ids)
        return self.input_with("".join(lines).encode(), len(custom_ids))

    def input_with(self, content: bytes, requests: int) -> LocalFile:
        """An input that holds `content`."""
        path = f"{uuid4().hex}.jsonl"
        self.contents[path] = content
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        models = (str(self.subject.body.get("model", "")),)
        return LocalFile(path=path, sha256=digest, size=len(content), requests=requests, models=models)

    def _line(self, custom_id: str) -> dict[str, JsonValue]:
        body = dict(self.subject.body)
        match self.subject.facts.request_lines:
            case "params":
                return {"custom_id": custom_id, "params": body}
            case "bare":
                return {"custom_id": custom_id, "body": body}
            case _:
                return {"custom_id": custom_id, "method": "POST", "url": self.subject.endpoint, "body": body}

    async def prepared(
        self, provider: Provider, count: int = 3, source: LocalFile | None = None, **changes: str
    ) -> Submission:
        """Everything before the create, done; `source` is another input than usual, `changes` are to the intent."""
        custom_ids = tuple(f"row-{number}" for number in range(count))
        source = source or self.input_of(custom_ids)
        key = f"br1-{uuid4().hex}"
        file_id = "" if provider.is_inline else await self.uploaded(provider, source, key)
        tags = Tags(key, "conformance/check", RUN_KEY, source.sha256, 1)
        intent = self._intent(key, source, changes)
        job = Create(
            address=tags.address,
            provider=intent.provider,
            idempotency_key=key,
            request=provider.create_request(intent, file_id, tags),
            input_file_id=file_id,
            is_own_file=not provider.is_inline,
            source=source if provider.is_inline else None,
        )
        return Submission(job, tags, source, custom_ids)

    def _intent(self, key: str, source: LocalFile, changes: Mapping[str, str]) -> Intent:
        return Intent(
            idempotency_key=key,
            fingerprint=source.sha256,
            provider="under-test",
            origin=self.subject.facts.origin,
            endpoint=changes.get("endpoint", self.subject.endpoint),
            completion_window=changes.get("completion_window", self.subject.completion_window),
            source=source,
            created_at=datetime.now(UTC).isoformat(),
        )

    async def uploaded(self, provider: Provider, source: LocalFile, key: str) -> str:
        """The id of an input's file at the provider."""
        job = Upload(address="conformance/check", provider="under-test", idempotency_key=key, source=source)
        outcome = await provider.upload(job)
        must(isinstance(outcome, Uploaded), "an upload must be taken", outcome)
        return outcome.file_id if isinstance(outcome, Uploaded) else ""

    async def submitted(self, provider: Provider, count: int = 3) -> tuple[Submission, str]:
        """A batch at the provider, and its id."""
        submission = await self.prepared(provider, count)
        return submission, await self.created(provider, submission.job)

    async def created(self, provider: Provider, job: Create) -> str:
        """The id of the batch that a create made."""
        outcome = await provider.create(job)
        must(isinstance(outcome, Accepted), "a good create must be taken", outcome)
        return outcome.batch_id if isinstance(outcome, Accepted) else ""


def must(holds: bool, duty: str, found: object = None) -> None:
    """Raise `AssertionError` with the duty that was not done, and what was found instead."""
    if not holds:
        raise AssertionError(duty if found is None else f"{duty}: {found!r}"[:2000])
