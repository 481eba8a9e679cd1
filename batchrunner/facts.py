"""What is known of a provider, as data: where it is, what it offers, its limits, and how hard it may be asked.

Every number that governs sending has its one home here, and a project file may override each of them; the rules that
such an override must keep are with the project file.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from batchrunner.records import Record, replace

MEBIBYTE = 1 << 20
KEY_MARGIN_SECONDS = 60
CLOCK_TOLERANCE = timedelta(seconds=60)
COMMON_ENDPOINTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/moderations",
    "/v1/responses",
)


class SecretReference(Record):
    """Where a secret is kept: an environment variable or a file, never the secret itself."""

    env: str | None = None
    file: str | None = None


class Paths(Record):
    """Request paths. `create_batch` is `None` where the dialect says it, `upload_file` where there are no uploads."""

    create_batch: str | None = None
    upload_file: str | None = "/v1/files"


class Limits(Record):
    """What one batch, one line and one account may hold; `None` means that no limit is known."""

    max_in_flight: int | None = None
    max_requests: int | None = None
    max_bytes: int | None = None
    max_line_bytes: int = 16 * MEBIBYTE
    max_reply_bytes: int = MEBIBYTE


class Retry(Record):
    """How a send is repeated: exponential with full jitter, from `base_seconds` up to `cap_seconds`.

    A server's Retry-After is honoured up to `retry_after_cap_seconds`; beyond it the send is deferred to a later run.
    `budget` tokens are shared by a run: a failure takes one, a success gives `budget_refill` back, and retries stop
    at half (gRPC proposal A6). When none is left, nothing more is sent to the provider in that run.
    """

    attempts: int = 5
    base_seconds: float = 0.5
    cap_seconds: float = 30.0
    retry_after_cap_seconds: float = 120.0
    budget: int = 100
    budget_refill: float = 0.5


class Timeouts(Record):
    """Seconds until a connection, one create attempt and one upload attempt are given up, each in total."""

    connect_seconds: float = 5.0
    create_seconds: float = 60.0
    upload_seconds: float = 3600.0


class ProviderFacts(Record):
    """One provider. `origin` is scheme, host and port, without a path; `key_ttl_seconds` how long a key is honoured.

    `idempotency`: `header` and `body` resend the same key after an ambiguous send, `none` holds it for a person.
    `metadata`: whether the create call takes it (`sent`) or it stays in state (`kept`).
    """

    dialect: Literal["alphaedge", "openai"] = "alphaedge"
    origin: str
    origin_env: str | None = None
    api_key: SecretReference
    paths: Paths = Paths()
    idempotency: Literal["header", "body", "none"] = "none"
    key_ttl_seconds: int = 86_400
    metadata: Literal["sent", "kept"] = "sent"
    endpoints: tuple[str, ...] | None = COMMON_ENDPOINTS
    completion_windows: tuple[str, ...] | None = None
    limits: Limits = Limits()
    retry: Retry = Retry()
    timeouts: Timeouts = Timeouts()


def key_is_alive(
    facts: ProviderFacts, first_send: datetime, now: datetime, server_time: datetime | None = None
) -> bool:
    """Whether a resend of a create at `now` reaches the provider while it still knows the key of `first_send`.

    The later of our clock and the provider's counts. A clock that stands well before the first send proves nothing:
    the key is taken for dead.
    """
    # Differences only: a time near the end of the calendar, which a provider may claim, can be subtracted from alone.
    if first_send - now > CLOCK_TOLERANCE:
        return False
    latest = now if server_time is None else max(now, server_time)
    age = (latest - first_send).total_seconds()
    return age + facts.timeouts.create_seconds + KEY_MARGIN_SECONDS <= facts.key_ttl_seconds


def built_in() -> Mapping[str, ProviderFacts]:
    """The providers that need no project file, by name."""
    return {"alphaedge": ALPHAEDGE}


# Create Batch Job is the one call that AlphaEdge documents: POST /v1/batch with input_file_id, endpoint and
# completion_window. The upload follows the convention of the OpenAI Files API.
ALPHAEDGE = ProviderFacts(
    dialect="alphaedge",
    origin="https://api.alphaedge-ai.com",
    origin_env="ALPHAEDGE_BASE_URL",
    api_key=SecretReference(env="ALPHAEDGE_API_KEY"),
    paths=Paths(create_batch="/v1/batch"),
    idempotency="header",
    metadata="kept",
)


def sandbox_facts() -> ProviderFacts:
    """The built-in sandbox. Where it listens is known only when it runs, so its origin is a name."""
    return replace(
        ALPHAEDGE,
        origin="sandbox",
        origin_env=None,
        api_key=SecretReference(env="BATCHRUNNER_SANDBOX_KEY"),
        metadata="sent",
    )
