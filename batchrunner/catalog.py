"""The providers that need no project file, and what a new one inherits from the dialect that it names.

Only what a provider documents is here: what is not known is left open, for a project file to say. Read were AlphaEdge's
Create Batch Job, OpenAI's OpenAPI description (2.3.0), and the clients that the others publish.
"""

from collections.abc import Mapping
from typing import Literal

from batchrunner.facts import Limits, Paths, Polling, ProviderFacts, SecretReference, TokenExchange
from batchrunner.records import Record, field, replace

HUNDRED_MB = 100_000_000

# Create Batch Job is the one call that AlphaEdge documents: POST /v1/batch with input_file_id, endpoint and
# completion_window. The upload follows the convention of the OpenAI Files API, and so do the limits of a batch: more
# than every service takes is split rather than refused hours later.
ALPHAEDGE = ProviderFacts(
    dialect="alphaedge",
    origin="https://api.alphaedge-ai.com",
    origin_env="ALPHAEDGE_BASE_URL",
    api_key=SecretReference(env="ALPHAEDGE_API_KEY"),
    paths=Paths(create_batch="/v1/batch"),
    idempotency="header",
    metadata="kept",
    limits=Limits(max_requests=50_000, max_bytes=2 * HUNDRED_MB, max_embedding_inputs=50_000),
)

OPENAI = ProviderFacts(
    dialect="openai",
    origin="https://api.openai.com",
    origin_env="OPENAI_BASE_URL",
    api_key=SecretReference(env="OPENAI_API_KEY"),
    paths=Paths(create_batch="/v1/batches"),
    idempotency="list-match",
    endpoints=(
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/images/edits",
        "/v1/images/generations",
        "/v1/moderations",
        "/v1/responses",
        "/v1/videos",
    ),
    completion_windows=("24h",),
    one_model=True,
    price_list="openai",
    discount=0.5,
    limits=Limits(
        max_requests=50_000,
        max_bytes=2 * HUNDRED_MB,
        max_embedding_inputs=50_000,
        max_metadata=16,
        max_metadata_key=64,
    ),
)


def _below(root: str) -> Paths:
    """OpenAI's paths where they do not start with `/v1`."""
    return Paths(
        create_batch=f"{root}/batches",
        upload_file=f"{root}/files",
        list_files=f"{root}/files",
        file=f"{root}/files/{{id}}",
        file_content=f"{root}/files/{{id}}/content",
    )


# The name of the resource is in the host. Endpoints depend on what is deployed; batches are not ended at 24 hours.
AZURE = replace(
    OPENAI,
    origin="${AZURE_OPENAI_ENDPOINT}",
    origin_env="AZURE_OPENAI_ENDPOINT",
    api_key=SecretReference(env="AZURE_OPENAI_API_KEY"),
    auth="api-key",
    paths=_below("/openai/v1"),
    endpoints=None,
    price_list="azure",
    limits=replace(OPENAI.limits, max_requests=100_000, max_embedding_inputs=None),
    polling=Polling(base_seconds=60.0, cap_seconds=300.0),
)

GROQ = replace(
    OPENAI,
    origin="https://api.groq.com",
    origin_env=None,
    api_key=SecretReference(env="GROQ_API_KEY"),
    paths=_below("/openai/v1"),
    endpoints=("/v1/chat/completions",),
    completion_windows=("24h..7d",),
    one_model=False,
    price_list="groq",
    limits=replace(OPENAI.limits, max_bytes=HUNDRED_MB, max_embedding_inputs=None),
)

# The model is named on the job, so there is one of it. How many entries metadata may have is not said.
MISTRAL = ProviderFacts(
    dialect="mistral",
    origin="https://api.mistral.ai",
    api_key=SecretReference(env="MISTRAL_API_KEY"),
    paths=Paths(create_batch="/v1/batch/jobs"),
    idempotency="list-match",
    endpoints=(
        "/v1/audio/transcriptions",
        "/v1/chat/classifications",
        "/v1/chat/completions",
        "/v1/chat/moderations",
        "/v1/classifications",
        "/v1/conversations",
        "/v1/embeddings",
        "/v1/fim/completions",
        "/v1/moderations",
        "/v1/ocr",
    ),
    completion_windows=("1h..168h",),
    one_model=True,
    request_lines="bare",
    statuses={
        "queued": "validating",
        "running": "in_progress",
        "success": "completed",
        "timeout_exceeded": "expired",
        "cancellation_requested": "cancelling",
    },
    price_list="mistral",
    discount=0.5,
    limits=Limits(max_requests=1_000_000, max_bytes=512_000_000, max_metadata_key=32),
)

# Up to half off, for some models: how much for which is not said in a form that could be kept here.
TOGETHER = ProviderFacts(
    dialect="together",
    origin="https://api.together.ai",
    api_key=SecretReference(env="TOGETHER_API_KEY"),
    paths=Paths(create_batch="/v1/batches", upload_file="/v1/files/upload"),
    idempotency="list-match",
    metadata="kept",
    endpoints=("/v1/audio/transcriptions", "/v1/audio/translations", "/v1/chat/completions"),
    completion_windows=("24h",),
    request_lines="bare",
    price_list="together",
    limits=Limits(
        max_requests=50_000,
        max_bytes=HUNDRED_MB,
        max_custom_id=64,
        max_enqueued_tokens=30_000_000_000,
    ),
)

# Requests travel in the create, and nothing of ours can be put beside them: no key, no metadata, no file of our own.
ANTHROPIC = ProviderFacts(
    dialect="anthropic",
    origin="https://api.anthropic.com",
    api_key=SecretReference(env="ANTHROPIC_API_KEY"),
    auth="x-api-key",
    headers={"anthropic-version": "2026-10-21"},
    paths=Paths(
        create_batch="/v1/messages/batches",
        results="{batches}/{id}/results",
        upload_file=None,
        list_files=None,
        file=None,
        file_content=None,
    ),
    idempotency="none",
    metadata="kept",
    endpoints=("/v1/messages",),
    completion_windows=("24h",),
    custom_ids="word",
    request_lines="params",
    price_list="anthropic",
    discount=0.5,
    limits=Limits(max_requests=100_000, max_bytes=256_000_000, max_custom_id=64),
    statuses={"ended": "completed"},
)


class Federation(Record):
    """What is known of a provider that takes tokens of workloads for keys. It cannot do without `required` parameters.

    Requests are sent with `auth`, and with `headers` beside those they have.
    """

    exchange: TokenExchange
    required: tuple[str, ...]
    auth: Literal["bearer", "api-key", "x-api-key"] = "bearer"
    headers: Mapping[str, str] = field(default_factory=dict)


# OpenAI: developers.openai.com/api/reference/workload-identity-federation. Anthropic: "WIF reference" in its platform
# documentation; the values of anthropic-beta are those that its Python client sends.
FEDERATIONS = {
    "openai": Federation(
        exchange=TokenExchange(
            token_url="https://auth.openai.com/oauth/token",  # noqa: S106 - where tokens are made is no secret
            grant="token-exchange",
            encoding="json",
            audience="https://api.openai.com/v1",
        ),
        required=("identity_provider_id", "service_account_id"),
    ),
    "anthropic": Federation(
        exchange=TokenExchange(
            token_url="https://api.anthropic.com/v1/oauth/token",  # noqa: S106
            grant="jwt-bearer",
            encoding="json",
            audience="https://api.anthropic.com",
            headers={"anthropic-beta": "oidc-federation-2026-04-01"},
        ),
        required=("federation_rule_id", "organization_id", "service_account_id"),
        headers={"anthropic-beta": "oauth-2025-04-20"},
    ),
}

DIALECTS = ("alphaedge", "anthropic", "mistral", "openai", "together")
_BUILT_IN = {
    "alphaedge": ALPHAEDGE,
    "anthropic": ANTHROPIC,
    "azure": AZURE,
    "groq": GROQ,
    "mistral": MISTRAL,
    "openai": OPENAI,
    "together": TOGETHER,
}

# Of a server that merely speaks as OpenAI does nothing is known of what it takes beyond the shapes.
COMPATIBLE = replace(
    ALPHAEDGE,
    dialect="openai",
    paths=OPENAI.paths,
    idempotency="list-match",
    metadata="sent",
    limits=replace(OPENAI.limits, max_metadata_key=64),
)


def built_in() -> Mapping[str, ProviderFacts]:
    """The providers that need no project file, by name."""
    return _BUILT_IN


def sandbox_facts() -> ProviderFacts:
    """The built-in sandbox. Where it listens is known only when it runs, so its origin is a name."""
    return replace(
        ALPHAEDGE,
        origin="sandbox",
        origin_env=None,
        api_key=SecretReference(env="BATCHRUNNER_SANDBOX_KEY"),
        metadata="sent",
        polling=Polling(base_seconds=0.25, cap_seconds=2.0),
    )
