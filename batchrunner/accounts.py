"""What became of all requests of a batch in one run, over its shards and their retries, in figures. Pure."""

from collections.abc import Iterable

from batchrunner.records import Record, field
from batchrunner.remote import Usage
from batchrunner.rows import Tally

FORMAT_VERSION = "1.0"


class Rows(Record, omit_defaults=False):
    """How many requests ended how, each in exactly one way; `transient` are those of the errors that may pass.

    `duplicates` are result lines beyond the first of a request, `strangers` lines of what was not asked, `unreadable`
    lines that are no results. `repeated` are lines of the input with an id that an earlier one has.
    """

    total: int = 0
    ok: int = 0
    error: int = 0
    transient: int = 0
    expired: int = 0
    missing: int = 0
    duplicates: int = 0
    strangers: int = 0
    unreadable: int = 0
    repeated: int = 0

    @property
    def failed(self) -> int:
        """How many are not ok."""
        return self.total - self.ok

    @property
    def mendable(self) -> int:
        """How many may end better when they are asked again."""
        return self.transient + self.expired + self.missing


class Tokens(Record, omit_defaults=False):
    """Tokens that were paid for; `cached` are among the `input`."""

    input: int = 0
    cached: int = 0
    output: int = 0


class FetchedBatch(Record, omit_defaults=False):
    """A remote batch whose results are here. `rows` are its own; `files` their names in `raw`."""

    address: str
    attempt: int
    retry_of: int
    batch_id: str
    status: str
    rows: Rows
    tokens: Tokens | None = None
    files: tuple[str, ...] = ()


class Pending(Record, omit_defaults=False):
    """A remote batch whose results are not here: `why` in a kebab-case word, and in the provider's `words`.

    `rows` is how many requests it has, 0 where nobody knows.
    """

    address: str
    attempt: int
    retry_of: int
    batch_id: str
    status: str
    why: str
    words: str = ""
    rows: int = 0


class Cost(Record, omit_defaults=False):
    """US dollars: as it was estimated, from `low` to `high`, and what the tokens cost that were used.

    None is unknown. `basis` says what the prices of `actual` are, as with an `Estimate`.
    """

    low: float | None = None
    high: float | None = None
    actual: float | None = None
    basis: str = ""


class Account(Record, omit_defaults=False):
    """The account of a batch in a run; what `summary.json` holds.

    Not `is_known` where nobody knows what was asked: then nothing can be missing. Not `is_complete` where results are
    still to come. `codes` counts the reasons of rows that are not ok. `unreadable` and `strangers` name the first of
    those. `superseded` are batches that were submitted before a replacement, whose rows are not in it. `made_of` is a
    digest of all that it was made from; sizes are in bytes.
    """

    format_version: str = FORMAT_VERSION
    address: str
    run_key: str
    rows: Rows
    is_known: bool = True
    is_complete: bool = True
    batches: tuple[FetchedBatch, ...] = ()
    pending: tuple[Pending, ...] = ()
    superseded: tuple[str, ...] = ()
    codes: dict[str, int] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    tokens: Tokens | None = None
    cost: Cost = Cost()
    results_size: int = 0
    errors_size: int = 0
    made_of: str = ""


def rows_of(tally: Tally, unreadable: int = 0, repeated: int = 0) -> Rows:
    """`tally` as an account has it."""
    return Rows(
        total=tally.total,
        ok=tally.ok,
        error=tally.error,
        transient=tally.transient,
        expired=tally.expired,
        missing=tally.missing,
        duplicates=tally.duplicates,
        strangers=tally.strangers,
        unreadable=unreadable,
        repeated=repeated,
    )


def summed(each: Iterable[Rows]) -> Rows:
    """The sum of several."""
    rows = list(each)
    names = Rows.__struct_fields__
    return Rows(**{name: sum(getattr(one, name) for one in rows) for name in names})


def tokens_of(usages: Iterable[Usage | None]) -> Tokens | None:
    """The sum of what was used, as far as it is known; None where nothing is."""
    known = [usage for usage in usages if usage is not None]
    if not known:
        return None
    return Tokens(
        input=sum(usage.input_tokens for usage in known),
        cached=sum(usage.cached_tokens for usage in known),
        output=sum(usage.output_tokens for usage in known),
    )


def tally_of(rows: Rows) -> Tally:
    """The tally that became `rows`."""
    return Tally(**{name: getattr(rows, name) for name in Tally.__struct_fields__})


def usage_of(tokens: Tokens | None) -> Usage | None:
    """The usage that became `tokens`."""
    if tokens is None:
        return None
    return Usage(input_tokens=tokens.input, cached_tokens=tokens.cached, output_tokens=tokens.output)
