"""A remote batch as its provider describes it, in one vocabulary for all providers.

The words for statuses are those of the OpenAI Batch API (platform.openai.com, "Batch API", batch object); a dialect
translates its own into them. A word that nobody knows is `unknown`, which is never taken for an end.
"""

import re
from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from batchrunner.records import Raw, Record, field

RemoteStatus = Literal[
    "validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled", "unknown"
]

TERMINAL: Collection[RemoteStatus] = frozenset({"completed", "failed", "expired", "cancelled"})
"""The statuses that nothing follows."""

NO_REPLY = Raw(b"null")


class Counts(Record):
    """How many requests of a batch there are, and what became of them so far. `failed` holds all that did not succeed.

    `total` is 0 where the provider has not counted yet.
    """

    total: int = 0
    completed: int = 0
    failed: int = 0


class Usage(Record):
    """Tokens that were paid for."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


class RemoteProblem(Record):
    """Why a provider refused a batch: its own `code` and `message`, and the `line` of the input from 1, 0 for none."""

    code: str = ""
    message: str = ""
    line: int = 0


class ResultFile(Record):
    """Something with result lines to download. `kind` says which lines are in it: `all`, or only some of them.

    `file_id` is empty where results are downloaded by the id of the batch.
    """

    kind: Literal["output", "errors", "all"]
    file_id: str = ""


class RemoteBatch(Record):
    """One remote batch at one moment. Times are RFC 3339 UTC, empty where they were not said.

    `said` is the provider's own word for the status. `files` are what can be downloaded now. `counts` and `usage` are
    None where nothing was said of them. `endpoint` and `completion_window` are what the provider says it was created
    with, empty where it says nothing. `reply` is the provider's object, verbatim.
    """

    batch_id: str
    status: RemoteStatus
    said: str = ""
    created_at: str = ""
    expires_at: str = ""
    ended_at: str = ""
    input_file_id: str = ""
    endpoint: str = ""
    completion_window: str = ""
    files: tuple[ResultFile, ...] = ()
    counts: Counts | None = None
    usage: Usage | None = None
    problems: tuple[RemoteProblem, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    reply: Raw = NO_REPLY

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in TERMINAL


class Sight(Record):
    """What was last seen of a remote batch, and when; `batch` is None where it was never seen.

    `misses` counts the looks since then that did not find it, `missed_since` is the first of them. `is_gone` once that
    was believed: a tombstone, and never a reason to submit anything again. `owed_since` is the first look that found it
    ended and perhaps without all of its files, where the provider does not say when it ended.
    """

    at: str
    batch: RemoteBatch | None = None
    misses: int = 0
    missed_since: str = ""
    is_gone: bool = False
    owed_since: str = ""

    @property
    def is_final(self) -> bool:
        """Whether looking again would show nothing new."""
        return self.is_gone or (self.batch is not None and self.batch.is_terminal)


class Tags(NamedTuple):
    """Which submission a remote batch is, in words that are sent with it as metadata where a provider takes that.

    They find a batch whose create was never answered, and rebuild a state that was lost. `retry_of` is 0 for none.
    """

    idempotency_key: str
    address: str
    run_key: str
    fingerprint: str
    attempt: int
    retry_of: int = 0

    def as_metadata(self) -> dict[str, str]:
        """The tags as metadata, without those that are longer than services take."""
        attempt = f"{self.attempt}/{self.retry_of}" if self.retry_of else str(self.attempt)
        values = (self.idempotency_key, self.address, self.run_key, self.fingerprint, attempt)
        return {name: value for name, value in zip(TAG_NAMES, values, strict=True) if len(value) <= LONGEST_TAG}


TAG_NAMES = ("batchrunner_key", "batchrunner_address", "batchrunner_run", "batchrunner_content", "batchrunner_attempt")
LONGEST_TAG = 512
_ATTEMPT = re.compile(r"([1-9][0-9]{0,8})(?:/([1-9][0-9]{0,8}))?\Z", re.ASCII)


def key_in(metadata: Mapping[str, str]) -> str:
    """The idempotency key that a remote batch was tagged with, empty where there is none."""
    return metadata.get(TAG_NAMES[0], "")


def untagged(metadata: Mapping[str, str]) -> dict[str, str]:
    """`metadata` without our tags."""
    return {name: value for name, value in metadata.items() if name not in TAG_NAMES}


def tags_in(metadata: Mapping[str, str]) -> Tags | None:
    """The tags that a remote batch came with; None where they are not all there, or are not ours."""
    key, address, run_key, fingerprint, said = (metadata.get(name, "") for name in TAG_NAMES)
    attempt = _ATTEMPT.match(said)
    if attempt is None or not (key and address and run_key and fingerprint):
        return None
    return Tags(key, address, run_key, fingerprint, int(attempt[1]), int(attempt[2] or 0))
