"""What is known of a provider, as data: where it is, what it offers, its limits, and how hard it may be asked.

Every number that governs sending has its one home here, and a project file may override each of them; the rules that
such an override must keep are with the project file.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from batchrunner.records import Record, field
from batchrunner.remote import RemoteStatus

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


class WorkloadToken(Record):
    """Where the token that says who a workload is comes from; neither: GitHub Actions is asked for one."""

    env: str | None = None
    file: str | None = None


class TokenExchange(Record):
    """How a workload's own token becomes an access token of a provider: OAuth 2.0, by RFC 8693 or RFC 7523.

    `token_url` is asked with `parameters`, sent as a form or as JSON, and with `headers`. `audience` is whom the
    workload's token must be meant for, None for whatever the issuer takes.
    """

    token_url: str
    grant: Literal["token-exchange", "jwt-bearer"]
    encoding: Literal["form", "json"] = "form"
    token: WorkloadToken = WorkloadToken()
    audience: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class SecretReference(Record):
    """Where a secret is kept: an environment variable or a file, never the secret itself. Or how to exchange for it."""

    env: str | None = None
    file: str | None = None
    oidc: TokenExchange | None = None


class Paths(Record):
    """Request paths. `create_batch` is `None` where the dialect says it, the others where the call is not offered.

    `{id}` stands for the batch or the file that is meant, `{batches}` for the path of the create.
    """

    create_batch: str | None = None
    batch: str | None = "{batches}/{id}"
    list_batches: str | None = "{batches}"
    cancel_batch: str | None = "{batches}/{id}/cancel"
    results: str | None = None
    upload_file: str | None = "/v1/files"
    list_files: str | None = "/v1/files"
    file: str | None = "/v1/files/{id}"
    file_content: str | None = "/v1/files/{id}/content"


class Limits(Record):
    """What one batch, one line and one account may hold; `None` means that no limit is known.

    `max_tokens` are input tokens of a batch, taken as a quarter of its bytes. `max_embedding_inputs` counts the texts
    of all requests of a batch. `max_custom_id` is in characters. `max_enqueued_tokens` are input tokens of all batches
    of one model that have not ended. `max_metadata` counts the entries of metadata that is sent, ours among them,
    and `max_metadata_key` the characters of a key.
    """

    max_in_flight: int | None = None
    max_requests: int | None = None
    max_bytes: int | None = None
    max_tokens: int | None = None
    max_enqueued_tokens: int | None = None
    max_embedding_inputs: int | None = None
    max_custom_id: int = 512
    max_metadata: int | None = None
    max_metadata_key: int | None = None
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
    """Seconds until a connection, one create attempt and one upload attempt are given up, each in total.

    `look_seconds` are for one call that only asks, or cancels; a download is given up when nothing came for
    `download_idle_seconds`.
    """

    connect_seconds: float = 5.0
    create_seconds: float = 60.0
    upload_seconds: float = 3600.0
    look_seconds: float = 30.0
    download_idle_seconds: float = 60.0


class Polling(Record):
    """How remote batches are watched: every `base_seconds`, more seldom while nothing changes, at most `cap_seconds`.

    `settle_seconds` is how long after an unanswered create a list may not show it yet. A batch that is not found is
    believed to be gone after `gone_looks` looks over at least `gone_seconds`. A batch that has not ended
    `overdue_seconds` after it should have expired is waited for no longer. One that completed with errors alone, and no
    counts, may name its answers until `late_output_seconds` after its end.
    """

    base_seconds: float = 10.0
    cap_seconds: float = 120.0
    settle_seconds: float = 30.0
    gone_looks: int = 5
    gone_seconds: float = 600.0
    overdue_seconds: float = 3600.0
    late_output_seconds: float = 120.0


class ModelPrice(Record):
    """What a model costs in a batch: US dollars for a million tokens."""

    input: float
    output: float = 0.0


class ProviderFacts(Record):
    """One provider. `origin` is scheme, host and port, without a path; `key_ttl_seconds` how long a key is honoured.

    `auth` is how the key is sent: as a `bearer`, or in a header of that name. `headers` go with every request.

    `idempotency`: `header` and `body` resend the same key after an ambiguous send, `list-match` looks for the batch in
    the provider's list before it sends again, `none` holds it for a person. `statuses` are the provider's own words
    for statuses, in lower case, where the dialect does not know them.
    `metadata`: whether the create call takes it (`sent`) or it stays in state (`kept`). `completion_windows` may hold
    ranges: `24h..7d`. `custom_ids`: whether they are any `text`, or a `word` of letters, digits, `_` and `-`.
    `one_model`: whether all requests of a file must name the same model. `request_lines` is the form of a line: `full`
    with `custom_id`, `method`, `url` and `body`, `bare` where `method` and `url` may be left out, `params` with
    `custom_id` and `params`. `input_expires_after_seconds` is asked for with each upload where it is set.

    `prices` are by model, and win. `price_list` is whose list prices apply, as genai-prices names providers; None for
    whoever makes the model. `discount` is what a batch costs less than live calls, as a fraction, None where unknown.
    """

    dialect: str = "alphaedge"
    origin: str
    origin_env: str | None = None
    api_key: SecretReference
    auth: Literal["bearer", "api-key", "x-api-key"] = "bearer"
    headers: dict[str, str] = field(default_factory=dict)
    paths: Paths = Paths()
    idempotency: Literal["header", "body", "list-match", "none"] = "none"
    key_ttl_seconds: int = 86_400
    metadata: Literal["sent", "kept"] = "sent"
    endpoints: tuple[str, ...] | None = COMMON_ENDPOINTS
    completion_windows: tuple[str, ...] | None = None
    custom_ids: Literal["text", "word"] = "text"
    one_model: bool = False
    request_lines: Literal["full", "bare", "params"] = "full"
    statuses: dict[str, RemoteStatus] = field(default_factory=dict)
    input_expires_after_seconds: int | None = None
    prices: dict[str, ModelPrice] = field(default_factory=dict)
    price_list: str | None = None
    discount: float | None = None
    limits: Limits = Limits()
    retry: Retry = Retry()
    timeouts: Timeouts = Timeouts()
    polling: Polling = Polling()


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
