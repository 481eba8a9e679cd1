"""What a project file says of providers: what editors are told of it, and what it is checked against."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from batchrunner import facts
from batchrunner.documents import Count, Name
from batchrunner.remote import RemoteStatus
from batchrunner.values import Value

Idempotency = Literal["header", "body", "list-match", "none"]
Auth = Literal["bearer", "api-key", "x-api-key"]
CustomIds = Literal["text", "word"]
RequestLines = Literal["full", "bare", "params"]
HeaderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)]
HeaderValue = Annotated[str, Field(pattern=r"^[!-~]+( [!-~]+)*$", max_length=256)]
Grant = Literal["token-exchange", "jwt-bearer"]
Encoding = Literal["form", "json"]
ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
ParameterValue = Annotated[str, Field(pattern=r"^[!-~]+( [!-~]+)*$", max_length=1024)]
StatusWord = Annotated[str, Field(pattern=r"^[^A-Z]+$", max_length=64)]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Names = Annotated[tuple[str, ...], Field(strict=False)]
ModelName = Annotated[str, Field(min_length=1, max_length=256)]
Seconds = Annotated[float, Field(gt=0, le=86_400 * 30)]
Dollars = Annotated[float, Field(ge=0, le=1_000_000_000)]
Path = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=256)]
PathOfOne = Annotated[str, Field(pattern=r"^(\{batches\}|/)([A-Za-z0-9._~/:-]|\{id\})*$", max_length=256)]
_PATHS, _LIMITS, _RETRY = facts.Paths(), facts.Limits(), facts.Retry()
_TIMEOUTS, _POLLING = facts.Timeouts(), facts.Polling()


class WorkloadToken(Value):
    """Where the token that says who a workload is comes from, when that is not GitHub Actions."""

    env: EnvironmentName | None = Field(None, description="The variable that holds it: one of GitLab's `id_tokens`.")
    file: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="The file that holds it, read anew each time: a projected token of Kubernetes."
    )


class TokenExchange(Value):
    """How a workload's own token is exchanged for a key that lives for minutes: no key is stored anywhere.

    The parameters that vendors name are fields; others go into `parameters`. What is left out is as the vendor has it.
    """

    identity_provider_id: ParameterValue | None = Field(None, description="OpenAI: the identity provider's id.")
    service_account_id: ParameterValue | None = Field(None, description="OpenAI, Anthropic: whom the workload acts as.")
    federation_rule_id: ParameterValue | None = Field(None, description="Anthropic: the rule that lets it, `fdrl_…`.")
    organization_id: ParameterValue | None = Field(None, description="Anthropic: the organization's id.")
    workspace_id: ParameterValue | None = Field(None, description="Anthropic: the workspace, where a rule has several.")
    token: WorkloadToken | None = Field(
        None, description="Where the workload's token is: `{env: NAME}` or `{file: PATH}`. Default: GitHub Actions."
    )
    audience: ParameterValue | None = Field(None, description="Whom the workload's token is meant for.")
    token_url: Annotated[str, Field(min_length=1, max_length=2048)] | None = Field(
        None, description="Where tokens are exchanged; https, or http for this machine."
    )
    grant: Grant | None = Field(None, description="`token-exchange` is RFC 8693, `jwt-bearer` RFC 7523.")
    encoding: Encoding | None = Field(None, description="How the request is written: as a form, or as JSON.")
    parameters: Annotated[Mapping[ParameterName, ParameterValue], Field(max_length=32)] = Field(
        {}, description="What else the request says. Nothing secret: others read this file."
    )


class SecretReference(Value):
    """Where a secret is kept: an environment variable or a file, never the secret itself."""

    env: EnvironmentName | None = None
    file: Annotated[str, Field(min_length=1)] | None = None
    oidc: TokenExchange | None = None


class Paths(Value):
    """Request paths; `None` means that the provider does not offer the call."""

    create_batch: Path | None = None
    batch: PathOfOne | None = _PATHS.batch
    list_batches: PathOfOne | None = _PATHS.list_batches
    cancel_batch: PathOfOne | None = _PATHS.cancel_batch
    results: PathOfOne | None = _PATHS.results
    upload_file: Path | None = _PATHS.upload_file
    list_files: Path | None = _PATHS.list_files
    file: PathOfOne | None = _PATHS.file
    file_content: PathOfOne | None = _PATHS.file_content


class Limits(Value):
    """What one batch, one line and one account may hold; `None` means that no limit is known."""

    max_in_flight: Count | None = _LIMITS.max_in_flight
    max_requests: Count | None = _LIMITS.max_requests
    max_bytes: Count | None = _LIMITS.max_bytes
    max_tokens: Count | None = _LIMITS.max_tokens
    max_enqueued_tokens: Count | None = _LIMITS.max_enqueued_tokens
    max_embedding_inputs: Count | None = _LIMITS.max_embedding_inputs
    max_custom_id: Count = _LIMITS.max_custom_id
    max_metadata: Annotated[int, Field(ge=0)] | None = _LIMITS.max_metadata
    max_metadata_key: Count | None = _LIMITS.max_metadata_key
    max_line_bytes: Count = _LIMITS.max_line_bytes
    max_reply_bytes: Count = _LIMITS.max_reply_bytes


class Retry(Value):
    """How a send is repeated: exponential with full jitter, from `base_seconds` up to `cap_seconds`.

    A server's Retry-After is honoured up to `retry_after_cap_seconds`; beyond it the send is deferred to a later run.
    `budget` tokens are shared by a run: a failure takes one, a success gives `budget_refill` back, and retries stop
    at half (gRPC proposal A6). When none is left, nothing more is sent to the provider in that run.
    """

    attempts: Annotated[int, Field(ge=1, le=20)] = _RETRY.attempts
    base_seconds: Seconds = _RETRY.base_seconds
    cap_seconds: Seconds = _RETRY.cap_seconds
    retry_after_cap_seconds: Seconds = _RETRY.retry_after_cap_seconds
    budget: Count = _RETRY.budget
    budget_refill: Annotated[float, Field(ge=0)] = _RETRY.budget_refill


class Timeouts(Value):
    """Seconds until a connection, one create attempt and one upload attempt are given up, each in total.

    `look_seconds` are for one call that only asks, or cancels; a download is given up when nothing came for
    `download_idle_seconds`.
    """

    connect_seconds: Seconds = _TIMEOUTS.connect_seconds
    create_seconds: Seconds = _TIMEOUTS.create_seconds
    upload_seconds: Seconds = _TIMEOUTS.upload_seconds
    look_seconds: Seconds = _TIMEOUTS.look_seconds
    download_idle_seconds: Seconds = _TIMEOUTS.download_idle_seconds


class Polling(Value):
    """How remote batches are watched: every `base_seconds`, more seldom while nothing changes, at most `cap_seconds`.

    `settle_seconds` is how long after an unanswered create a list may not show it yet. A batch that is not found is
    believed to be gone after `gone_looks` looks over at least `gone_seconds`. A batch that has not ended
    `overdue_seconds` after it should have expired is waited for no longer. One that completed with errors alone, and no
    counts, may name its answers until `late_output_seconds` after its end.
    """

    base_seconds: Seconds = _POLLING.base_seconds
    cap_seconds: Seconds = _POLLING.cap_seconds
    settle_seconds: Seconds = _POLLING.settle_seconds
    gone_looks: Annotated[int, Field(ge=1, le=1000)] = _POLLING.gone_looks
    gone_seconds: Annotated[float, Field(ge=0, le=86_400 * 30)] = _POLLING.gone_seconds
    overdue_seconds: Annotated[float, Field(ge=0, le=86_400 * 30)] = _POLLING.overdue_seconds
    late_output_seconds: Annotated[float, Field(ge=0, le=86_400)] = _POLLING.late_output_seconds


class ModelPrice(Value):
    """What a model costs in a batch, in US dollars for a million tokens."""

    input: Dollars
    output: Dollars = 0.0


class UrlReference(Value):
    """A URL kept in an environment variable."""

    env: EnvironmentName = Field(description="The variable's name.")


def _kind(value: object) -> str:
    return "(reference)" if isinstance(value, dict | UrlReference) else "(text)"


Url = Annotated[
    Annotated[str, Field(min_length=1, max_length=2048), Tag("(text)")] | Annotated[UrlReference, Tag("(reference)")],
    Discriminator(_kind),
]


class ProviderEntry(Value):
    """What this project says of a provider: overrides of a built-in one, or a new one with dialect, URL and key.

    The fields are those of `ProviderFacts`, all optional, with `base_url` in the place of `origin`.
    """

    dialect: Name | None = Field(
        None,
        description="How to speak to it: `alphaedge`, `anthropic`, `mistral`, `openai`, `together`, or what an"
        " installed package brings. `openai` is what most servers speak.",
    )
    base_url: Url | None = Field(
        None, description="Scheme, host and port, `/v1` allowed at the end; https, or http for this machine."
    )
    api_key: SecretReference | None = Field(
        None, description="Where its key is: `{env: NAME}`, `{file: PATH}` or `{oidc: …}`."
    )
    auth: Auth | None = Field(None, description="How the key is sent: as a bearer, or in a header of that name.")
    headers: Annotated[Mapping[HeaderName, HeaderValue], Field(max_length=16)] | None = Field(
        None, description="Headers of every request, names in lower case. Nothing secret: others read this file."
    )
    paths: Paths | None = Field(None, description="Request paths; null where a call is not offered.")
    idempotency: Idempotency | None = Field(
        None,
        description="How a create without an answer is settled: sent again with its key in a header or in the body,"
        " looked for in the list of batches, or not at all.",
    )
    key_ttl_seconds: Annotated[int, Field(ge=0, le=86_400 * 3_660)] | None = Field(
        None, description="How long it honours such a key."
    )
    metadata: Literal["sent", "kept"] | None = Field(
        None, description="Whether metadata is sent to the provider or kept in state only."
    )
    endpoints: Names | None = Field(None, description="The endpoints it offers.")
    completion_windows: Names | None = Field(None, description="The windows it offers, ranges as `24h..7d`.")
    custom_ids: CustomIds | None = Field(
        None, description="What a custom_id may be: any text, or a word of letters, digits, `_` and `-`."
    )
    one_model: bool | None = Field(None, description="Whether all requests of a file must name the same model.")
    request_lines: RequestLines | None = Field(
        None,
        description="What a line holds: `full` custom_id, method, url and body; `bare` where method and url may be left"
        " out; `params` custom_id and params.",
    )
    statuses: Mapping[StatusWord, RemoteStatus] | None = Field(
        None, description="Its own words for statuses, in lower case, and what they mean."
    )
    input_expires_after_seconds: Annotated[int, Field(ge=3_600, le=2_592_000)] | None = Field(
        None, description="When uploaded files are to be deleted by the provider, an hour to 30 days; null to not ask."
    )
    prices: Mapping[ModelName, ModelPrice] | None = Field(
        None, description="Batch prices by model, in US dollars for a million tokens. They win over any price list."
    )
    price_list: Name | None = Field(
        None, description="Whose list prices apply, as genai-prices names it; null for whoever makes the model."
    )
    discount: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="What a batch costs less than live calls: 0.5 is half; null where that is not known."
    )
    limits: Limits | None = Field(None, description="What one batch, one line and the account may hold.")
    retry: Retry | None = Field(None, description="How sends are repeated.")
    timeouts: Timeouts | None = Field(None, description="When an attempt is given up.")
    polling: Polling | None = Field(None, description="How often its batches are looked at.")
