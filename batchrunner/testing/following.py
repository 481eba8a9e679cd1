"""How checks of providers follow up on a batch that they submitted."""

import asyncio
import tempfile
from pathlib import Path

from batchrunner.jobs import Download, Downloaded, Look, Outcome, Seen
from batchrunner.ports import Provider
from batchrunner.remote import RemoteBatch, ResultFile, key_in
from batchrunner.testing.submitting import ProviderUnderTest, Submission, must


async def ended(provider: Provider, subject: ProviderUnderTest, batch_id: str) -> RemoteBatch:
    """The batch once it has ended and, where it is completed, has said where its results are."""
    seen: Outcome | None = None
    for _ in range(max(1, round(subject.seconds / subject.pause_seconds))):
        seen = await provider.follow(Look(address="", provider="", batch_id=batch_id))
        must(isinstance(seen, Seen), "a batch must be seen", seen)
        batch = seen.batch if isinstance(seen, Seen) else None
        if batch and batch.is_terminal and (batch.files or batch.status != "completed"):
            return batch
        await asyncio.sleep(subject.pause_seconds)
    raise AssertionError(f"a small batch must end in {subject.seconds:g} s: {seen!r}"[:2000])


async def lines_of(provider: Provider, batch: RemoteBatch, already: bytes = b"") -> bytes:
    """All result lines of a batch; `already` is what is here of its first file."""
    with tempfile.TemporaryDirectory() as folder:
        parts = [already, *(b"" for _ in batch.files[1:])]
        return b"".join([await _downloaded(provider, batch, file, Path(folder, file.kind), part)
                         for file, part in zip(batch.files, parts, strict=True)])  # fmt: skip


async def _downloaded(provider: Provider, batch: RemoteBatch, file: ResultFile, target: Path, already: bytes) -> bytes:
    _start(target, already)
    job = Download(address="", provider="", batch_id=batch.batch_id, file=file, target=str(target))
    outcome = await provider.follow(job)
    content = _content(target)
    is_whole = isinstance(outcome, Downloaded) and outcome.size == len(content)
    must(is_whole, "results must be downloaded", outcome)
    return content


def _start(target: Path, already: bytes) -> None:
    target.write_bytes(already)


def _content(target: Path) -> bytes:
    return target.read_bytes()


def is_known(batch: RemoteBatch, submission: Submission, subject: ProviderUnderTest) -> bool:
    """Whether a listed batch says which submission it is, where that can be said at all."""
    by_key = key_in(batch.metadata) == submission.tags.idempotency_key
    by_file = bool(batch.input_file_id) and batch.input_file_id == submission.job.input_file_id
    return by_key or by_file or subject.facts.idempotency == "none"
