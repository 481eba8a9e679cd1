"""Where creates and uploads are handed in, with their keys."""

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from batchrunner.sandbox import lifecycle
from batchrunner.sandbox.faults import Kind
from batchrunner.sandbox.gate import Gate, Submission
from batchrunner.sandbox.inline import write_lines
from batchrunner.sandbox.objects import ApiError, encode
from batchrunner.sandbox.orders import Order
from batchrunner.sandbox.records import Batch, LineProblem, Result, StoredFile, new_id
from batchrunner.sandbox.settings import SandboxSettings
from batchrunner.sandbox.speech import Speech
from batchrunner.sandbox.standing import standing
from batchrunner.sandbox.storage import Claim, Committed, Storage
from batchrunner.sandbox.uploads import receive

CREATE_BYTES = 1_048_576
INLINE_BYTES = 268_435_456
KEY_CHARACTERS = 255
BYTES_A_TOKEN = 4


class Counter:
    """Takes creates and uploads, one after the other, exactly once per key."""

    def __init__(self, settings: SandboxSettings, storage: Storage, gate: Gate, speech: Speech) -> None:
        self._settings = settings
        self._storage = storage
        self._gate = gate
        self._speech = speech

    async def create(self, request: Request) -> Response:
        """A batch is to be made."""
        return await self._gate.take("create", request, self._read_create)

    async def upload(self, request: Request) -> Response:
        """A file is sent."""
        return await self._gate.take("upload", request, self._read_upload)

    async def _read_create(self, request: Request) -> Submission:
        if self._speech.is_inline:
            return await self._read_inline(request)
        body = b"".join([chunk async for chunk in _capped(request.stream(), CREATE_BYTES)])
        order = self._speech.read_order(body)
        self._check_file(order.input_file_id)
        key, claim = self._claim("create", request, hashlib.sha256(body).digest(), order.key)
        return _Create(self._storage, self._settings, self._speech, order, request.url.path, key, claim)

    async def _read_inline(self, request: Request) -> Submission:
        body, lines = (self._storage.path(new_id("part-")) for _ in range(2))
        try:
            digest = await _store(_capped(request.stream(), INLINE_BYTES), body)
            key, claim = self._claim("create", request, digest)
            requests = await asyncio.to_thread(write_lines, body, lines)
            file = StoredFile(new_id("file-"), 0.0, lines.stat().st_size, "requests.jsonl", "batch", "inline")
        except BaseException:
            lines.unlink(missing_ok=True)
            raise
        finally:
            body.unlink(missing_ok=True)
        order = self._speech.read_order(file.id.encode())
        inline = _Inline(file, lines, requests)
        return _Create(self._storage, self._settings, self._speech, order, request.url.path, key, claim, inline)

    async def _read_upload(self, request: Request) -> Submission:
        part = self._storage.path(new_id("part-"))
        upload = await receive(request.headers.get("content-type", ""), request.stream(), part)
        try:
            key, claim = self._claim("upload", request, upload.digest)
        except ApiError:
            part.unlink()
            raise
        file = StoredFile(self._speech.file_id(), 0.0, upload.size, upload.filename, upload.purpose, "upload", key)
        return _Upload(self._storage, self._settings, self._speech, file, part, claim, upload.lifetime)

    def _check_file(self, file_id: str) -> None:
        # Any other id is taken for a file that was uploaded before this sandbox began.
        if file_id.startswith("file-missing") or self._storage.is_gone(file_id, self._settings.clock()):
            message = f"No such File object: {file_id}"
            raise ApiError(400, message, param="input_file_id", code="file_not_found")

    def _claim(
        self, kind: Kind, request: Request, digest: bytes, in_body: str | None = None
    ) -> tuple[str | None, Claim | None]:
        key = request.headers.get("idempotency-key", in_body)
        if key is not None and not 1 <= len(key) <= KEY_CHARACTERS:
            message = f"An Idempotency-Key has 1 to {KEY_CHARACTERS} characters."
            raise ApiError(400, message, param="Idempotency-Key", code="invalid_value")
        if key is None or not self._settings.honour_keys:
            return key, None
        now = self._settings.clock()
        return key, Claim(kind, key, digest, now, now - self._settings.key_ttl)


@dataclass(frozen=True, slots=True)
class _Inline:
    """Requests that came with a create: the file they will be, where their lines are now, and how many there are."""

    file: StoredFile
    lines: Path
    requests: int


@dataclass(frozen=True, slots=True)
class _Create:
    storage: Storage
    settings: SandboxSettings
    speech: Speech
    order: Order
    path: str
    key: str | None
    claim: Claim | None
    inline: _Inline | None = None

    def commit(self) -> Committed:
        batch = self._batch()
        body = encode(self.speech.created(self._shown(batch)))
        if self.inline is None:
            committed = self.storage.add_batch(batch, body, self.claim)
        else:
            file = replace(self.inline.file, id=batch.input_file_id, created_at=batch.created_at)
            committed = self.storage.add_batch(batch, body, self.claim, (file, self.inline.lines))
        return replace(committed, status=self.speech.created_status)

    def release(self) -> None:
        if self.inline is not None:
            self.inline.lines.unlink(missing_ok=True)

    def _batch(self) -> Batch:
        now, order = self.settings.clock(), self.order
        input_file_id = order.input_file_id if self.inline is None else new_id("file-")
        tokens = self._tokens(now)
        return Batch(
            self.speech.batch_id(self.path),
            now,
            input_file_id=input_file_id,
            endpoint=order.endpoint,
            completion_window=order.completion_window,
            metadata=order.metadata,
            idempotency_key=self.key,
            model=order.model,
            tokens=tokens,
            result=self._refusal(tokens, now),
        )

    def _tokens(self, now: float) -> int:
        file = self.inline.file if self.inline else self.storage.file(self.order.input_file_id, now)
        return file.bytes // BYTES_A_TOKEN if file else 0

    def _refusal(self, tokens: int, now: float) -> Result | None:
        most = self.settings.max_enqueued_tokens
        if most is None or tokens + self._enqueued(now) <= most:
            return None
        message = (
            f"Enqueued token limit reached for this organization. Limit: {most} enqueued tokens. "
            "Please try again once some in_progress batches have been completed."
        )
        return Result(problems=(LineProblem("token_limit_exceeded", message),), is_final=True)

    def _enqueued(self, now: float) -> int:
        batches = self.storage.unfinished()
        pace = self.settings.pace
        return sum(one.tokens for one in batches if lifecycle.status(one, pace, now) not in lifecycle.TERMINAL)

    def _shown(self, batch: Batch) -> dict[str, object]:
        counted = replace(batch, result=Result(total=self.inline.requests)) if self.inline else batch
        return self.speech.batch(standing(counted, self.settings.pace, batch.created_at, self.settings.habits), "")


@dataclass(frozen=True, slots=True)
class _Upload:
    storage: Storage
    settings: SandboxSettings
    speech: Speech
    file: StoredFile
    part: Path
    claim: Claim | None
    lifetime: int | None

    def commit(self) -> Committed:
        now = self.settings.clock()
        file = replace(self.file, created_at=now, expires_at=None if self.lifetime is None else now + self.lifetime)
        return self.storage.add_upload(file, self.part, encode(self.speech.file(file)), self.claim)

    def release(self) -> None:
        self.part.unlink(missing_ok=True)


async def _capped(chunks: AsyncIterable[bytes], most: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise ApiError(413, f"The body of a request may have {most} bytes.", code="request_too_large")
        yield chunk


async def _store(chunks: AsyncIterable[bytes], target: Path) -> bytes:
    """Write to the disk; the sha256 of what was written."""
    digest = hashlib.sha256()
    with target.open("wb") as sink:
        async for chunk in chunks:
            digest.update(chunk)
            sink.write(chunk)
    return digest.digest()
