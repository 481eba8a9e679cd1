"""Where creates and uploads are handed in, with their keys."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from batchrunner.sandbox.faults import Kind
from batchrunner.sandbox.gate import Gate, Submission
from batchrunner.sandbox.objects import ApiError, batch_object, encode, file_object
from batchrunner.sandbox.orders import Order, read_order
from batchrunner.sandbox.records import Batch, StoredFile, new_id
from batchrunner.sandbox.settings import SandboxSettings
from batchrunner.sandbox.standing import standing
from batchrunner.sandbox.storage import Claim, Committed, Storage
from batchrunner.sandbox.uploads import receive

CREATE_BYTES = 1_048_576
KEY_CHARACTERS = 255


class Counter:
    """Takes creates and uploads, one after the other, exactly once per key."""

    def __init__(self, settings: SandboxSettings, storage: Storage, gate: Gate) -> None:
        self._settings = settings
        self._storage = storage
        self._gate = gate

    async def create(self, request: Request) -> Response:
        """`POST /v1/batch`, `POST /v1/batches`."""
        return await self._gate.take("create", request, self._read_create)

    async def upload(self, request: Request) -> Response:
        """`POST /v1/files`."""
        return await self._gate.take("upload", request, self._read_upload)

    async def _read_create(self, request: Request) -> Submission:
        body = await _read_body(request)
        order = read_order(body)
        self._check_file(order.input_file_id)
        key, claim = self._claim("create", request, hashlib.sha256(body).digest())
        return _Create(self._storage, self._settings, order, _batch_prefix(request), key, claim)

    async def _read_upload(self, request: Request) -> Submission:
        part = self._storage.path(new_id("part-"))
        upload = await receive(request.headers.get("content-type", ""), request.stream(), part)
        try:
            key, claim = self._claim("upload", request, upload.digest)
        except ApiError:
            part.unlink()
            raise
        file = StoredFile(new_id("file-"), 0.0, upload.size, upload.filename, upload.purpose, "upload", key)
        return _Upload(self._storage, self._settings, file, part, claim, upload.lifetime)

    def _check_file(self, file_id: str) -> None:
        # Any other id is taken for a file that was uploaded before this sandbox began.
        if file_id.startswith("file-missing") or self._storage.is_gone(file_id, self._settings.clock()):
            message = f"No such File object: {file_id}"
            raise ApiError(400, message, param="input_file_id", code="file_not_found")

    def _claim(self, kind: Kind, request: Request, digest: bytes) -> tuple[str | None, Claim | None]:
        key = request.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= KEY_CHARACTERS:
            message = f"An Idempotency-Key has 1 to {KEY_CHARACTERS} characters."
            raise ApiError(400, message, param="Idempotency-Key", code="invalid_value")
        if key is None or not self._settings.honour_keys:
            return key, None
        now = self._settings.clock()
        return key, Claim(kind, key, digest, now, now - self._settings.key_ttl)


@dataclass(frozen=True, slots=True)
class _Create:
    storage: Storage
    settings: SandboxSettings
    order: Order
    prefix: str
    key: str | None
    claim: Claim | None

    def commit(self) -> Committed:
        now, order = self.settings.clock(), self.order
        batch = Batch(
            new_id(self.prefix),
            now,
            input_file_id=order.input_file_id,
            endpoint=order.endpoint,
            completion_window=order.completion_window,
            metadata=order.metadata,
            idempotency_key=self.key,
        )
        body = encode(batch_object(standing(batch, self.settings.timings, now)))
        return self.storage.add_batch(batch, body, self.claim)


@dataclass(frozen=True, slots=True)
class _Upload:
    storage: Storage
    settings: SandboxSettings
    file: StoredFile
    part: Path
    claim: Claim | None
    lifetime: int | None

    def commit(self) -> Committed:
        now = self.settings.clock()
        file = replace(self.file, created_at=now, expires_at=None if self.lifetime is None else now + self.lifetime)
        try:
            return self.storage.add_upload(file, self.part, encode(file_object(file)), self.claim)
        finally:
            self.part.unlink(missing_ok=True)


def _batch_prefix(request: Request) -> str:
    """AlphaEdge's ids have a dash where OpenAI's have an underscore."""
    return "batch-" if request.url.path == "/v1/batch" else "batch_"


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > CREATE_BYTES:
            raise ApiError(413, f"The body of a request may have {CREATE_BYTES} bytes.", code="request_too_large")
    return bytes(body)
