"""What is known of a provider, as data: where it is, what it offers, its limits, and how hard it may be asked.

Every number that governs sending has its one home here, and a project file may override each of them.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from batchrunner.values import Value

Names = Annotated[tuple[str, ...], Field(strict=False)]
Seconds = Annotated[float, Field(gt=0, le=86_400 * 30)]
Count = Annotated[int, Field(gt=0)]
Path = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=256)]

MEBIBYTE = 1 << 20
COMMON_ENDPOINTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/moderations",
    "/v1/responses",
)


class SecretReference(Value):
    """Where a secret is kept: an environment variable or a file, never the secret itself."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    file: Annotated[str, Field(min_length=1)] | None = None


class Paths(Value):
    """Request paths; `None` means that the provider does not offer the call."""

    create_batch: Path = "/v1/batch"
    upload_file: Path | None = "/v1/files"


class Limits(Value):
    """What one batch, one line and one account may hold; `None` means that no limit is known."""

    max_in_flight: Count | None = None
    max_requests: Count | None = None
    max_bytes: Count | None = None
    max_line_bytes: Count = 16 * MEBIBYTE
    max_reply_bytes: Count = MEBIBYTE


class Retry(Value):
    """How a send is repeated: exponential with full jitter, from `base_seconds` up to `cap_seconds`.

    A server's Retry-After is honoured up to `retry_after_cap_seconds`; beyond it the send is deferred to a later run.
    `budget` tokens are shared by a run: a failure takes one, a success gives `budget_refill` back, and retries stop
    below half (gRPC proposal A6).
    """

    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    base_seconds: Seconds = 0.5
    cap_seconds: Seconds = 30.0
    retry_after_cap_seconds: Seconds = 120.0
    budget: Count = 100
    budget_refill: Annotated[float, Field(ge=0)] = 0.5


class Timeouts(Value):
    """Seconds until a connection, one create attempt and one upload attempt are given up, each in total."""

    connect_seconds: Seconds = 5.0
    create_seconds: Seconds = 60.0
    upload_seconds: Seconds = 3600.0


class ProviderFacts(Value):
    """One provider. `origin` is scheme, host and port, without a path; `key_ttl_seconds` how long a key is honoured.

    `idempotency`: `header` and `body` resend the same key after an ambiguous send, `none` holds it for a person.
    `metadata`: whether the create call takes it (`sent`) or it stays in state (`kept`).
    """

    dialect: Literal["alphaedge", "openai"] = "alphaedge"
    origin: Annotated[str, Field(min_length=1, max_length=2048)]
    origin_env: str | None = None
    api_key: SecretReference
    paths: Paths = Paths()
    idempotency: Literal["header", "body", "none"] = "none"
    key_ttl_seconds: Annotated[int, Field(ge=0)] = 86_400
    metadata: Literal["sent", "kept"] = "sent"
    endpoints: Names | None = COMMON_ENDPOINTS
    completion_windows: Names | None = None
    limits: Limits = Limits()
    retry: Retry = Retry()
    timeouts: Timeouts = Timeouts()


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
    idempotency="header",
    metadata="kept",
)


def sandbox_facts() -> ProviderFacts:
    """The built-in sandbox. Where it listens is known only when it runs, so its origin is a name."""
    return ALPHAEDGE.model_copy(
        update={
            "origin": "sandbox",
            "origin_env": None,
            "api_key": SecretReference(env="BATCHRUNNER_SANDBOX_KEY"),
            "metadata": "sent",
        }
    )
