"""What was submitted: attempts by address and run key, and how an attempt moves on.

    (absent) ─▶ intended ─upload─▶ uploaded ─send─▶ submitted | rejected | in-doubt | deferred

An intent is durable before any byte is sent. An attempt found `intended` or `uploaded` when state is loaded may have
been sent by a process that died: it is unresolved, as `in-doubt` is. `deferred` is known not to have been accepted.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from batchrunner.address import natural, spec_of
from batchrunner.manifest import LocalFile, Source
from batchrunner.pricing import Estimate
from batchrunner.records import Raw, Record, field, replace
from batchrunner.remote import NO_REPLY, ResultFile, Sight, Usage, key_in
from batchrunner.rows import Tally

Status = Literal["intended", "uploaded", "in-doubt", "deferred", "submitted", "rejected"]

FORMAT = "batchrunner.state"
FORMAT_VERSION = 3


class Submission(Record):
    """What is sent and paid for, under which key, and to whom.

    `origin` is where it may be sent: scheme, host and port, or `sandbox`. `estimate` is what it should cost, None where
    nothing is known of its requests. `retry_of` is the number of the attempt whose rows this asks for again, 0 where
    it is no retry: results of all attempts with one `retry_of`, and of the attempt it names, belong together.
    """

    idempotency_key: str
    fingerprint: str
    provider: str
    origin: str
    endpoint: str
    completion_window: str
    source: Source
    metadata: dict[str, str] = field(default_factory=dict)
    estimate: Estimate | None = None
    retry_of: int = 0

    def as_fields(self) -> dict[str, Any]:
        """The fields of a submission alone, to make another kind of it."""
        return {name: getattr(self, name) for name in Submission.__struct_fields__}


class Intent(Submission):
    """One submission, as it was decided. Written once, sent as it stands, never recomputed.

    `plan_id` is the plan that decided it; `created_at` an RFC 3339 UTC time.
    """

    plan_id: str = ""
    created_at: str


class Problem(Record):
    """Why an attempt is there: a kebab-case `code`, the HTTP `status` (0: none), the provider's own `words`."""

    code: str
    status: int = 0
    words: str = ""


class FetchedFile(Record):
    """Result lines on this disk: `path` is where, as it was when they were fetched, `size` in bytes."""

    source: ResultFile
    path: str
    size: int
    sha256: str


class Fetched(Record):
    """What was fetched of an attempt, and when (RFC 3339 UTC): its `tally` is of its own rows, other attempts aside."""

    at: str
    files: tuple[FetchedFile, ...] = ()
    tally: Tally = Tally()
    usage: Usage | None = None


class Attempt(Record):
    """One attempt and what became of it.

    `request` is the exact body of the create, once its file id is known; `sent_at` when the first create that is not
    accounted for may have left, empty where none can have; `reply` is the returned batch object, `upload_reply` the
    file object, both verbatim. `sight` is what was last seen of the remote batch, `fetched` what is here of its
    results, None for nothing; neither changes the attempt's `version`. `input_removed_at` is when the uploaded file was
    deleted on request.
    """

    number: int
    status: Status
    intent: Intent
    updated_at: str
    file_id: str = ""
    request: str = ""
    sent_at: str = ""
    batch_id: str = ""
    adopted: bool = False
    problem: Problem | None = None
    upload_reply: Raw = NO_REPLY
    reply: Raw = NO_REPLY
    sight: Sight | None = None
    fetched: Fetched | None = None
    input_removed_at: str = ""

    @property
    def version(self) -> str:
        """Changes whenever the attempt does."""
        return f"{self.number}.{self.status}.{self.updated_at}"

    @property
    def may_be_sent(self) -> bool:
        """Whether its create has left, or may have, and was not refused."""
        return self.status == "submitted" or bool(self.sent_at)

    @property
    def is_retry(self) -> bool:
        """Whether it asks again for rows of an earlier attempt, rather than for a batch that a spec declares."""
        return self.intent.retry_of > 0

    @property
    def has_own_file(self) -> bool:
        """Whether `file_id` was uploaded for it, as far as is known: a batch made elsewhere may read anybody's file."""
        is_told = (
            self.sight is not None
            and self.sight.batch is not None
            and (key_in(self.sight.batch.metadata) == self.intent.idempotency_key)
        )
        is_ours = not self.adopted or self.upload_reply != NO_REPLY or is_told
        return bool(self.file_id) and isinstance(self.intent.source, LocalFile) and is_ours

    @property
    def is_open(self) -> bool:
        """Whether a remote batch was returned for it that has not ended, as far as is known."""
        return self.status == "submitted" and not (self.sight is not None and self.sight.is_final)

    @property
    def unresolved(self) -> bool:
        """Whether the provider may have it, or is still owed it."""
        return self.status in {"intended", "uploaded", "in-doubt", "deferred"}


class Entry(Record):
    """One line of history: the attempt of an address in a run, as it now stands."""

    address: str
    run_key: str
    attempt: Attempt


class State:
    """Attempts by address and run key, oldest first. Mutable, and owned by one writer: a store.

    `lineage` is the state's birth id, `serial` counts its durable revisions.
    """

    __slots__ = ("batches", "lineage", "serial")

    def __init__(
        self, lineage: str, serial: int = 0, batches: dict[str, dict[str, list[Attempt]]] | None = None
    ) -> None:
        self.lineage = lineage
        self.serial = serial
        self.batches = {} if batches is None else batches

    def latest(self, address: str, run_key: str) -> Attempt | None:
        """The newest attempt of an address in a run."""
        attempts = self.batches.get(address, {}).get(run_key)
        return attempts[-1] if attempts else None

    def numbered(self, address: str, run_key: str, number: int) -> Attempt | None:
        """The attempt of an address in a run that has this number."""
        attempts = self.batches.get(address, {}).get(run_key, ())
        return next((attempt for attempt in attempts if attempt.number == number), None)

    def entries(self) -> Iterator[Entry]:
        """Every attempt, by address, run key and number."""
        for address in sorted(self.batches):
            for run_key, attempts in self.batches[address].items():
                for attempt in attempts:
                    yield Entry(address=address, run_key=run_key, attempt=attempt)

    def addresses_of(self, spec: str) -> list[str]:
        """The addresses of the spec called `spec`, as a person counts them."""
        return sorted((address for address in self.batches if spec_of(address) == spec), key=natural)

    def record(self, entries: Iterable[Entry]) -> None:
        """Take in entries in order: an attempt replaces the one of its number or follows the last."""
        for entry in entries:
            attempts = self.batches.setdefault(entry.address, {}).setdefault(entry.run_key, [])
            if attempts and attempts[-1].number == entry.attempt.number:
                attempts[-1] = entry.attempt
            else:
                _insert(attempts, entry.attempt)


def distinct(states: Iterable[State]) -> list[State]:
    """Each of `states` once: specs that share a store have one in common."""
    return list({id(state): state for state in states}.values())


def _insert(attempts: list[Attempt], attempt: Attempt) -> None:
    for index, known in enumerate(attempts):
        if known.number >= attempt.number:
            attempts[index : index + (known.number == attempt.number)] = [attempt]
            return
    attempts.append(attempt)


def newest_paid(attempts: Sequence[Attempt]) -> Attempt | None:
    """What a run of an address was last paid for as it was declared: the newest that was submitted and is no retry."""
    return next((each for each in reversed(attempts) if each.status == "submitted" and not each.is_retry), None)


def moved(attempt: Attempt, status: Status, at: str, **changes: object) -> Attempt:
    """`attempt` with a new status at time `at` and other fields replaced; an earlier problem is dropped."""
    return replace(attempt, **{"status": status, "updated_at": at, "problem": None, **changes})
