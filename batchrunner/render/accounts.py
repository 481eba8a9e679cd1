"""What a fetch brought, in words: a line for each batch, what it cost, what is still to come, and what to type next."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batchrunner.accounts import Account, Pending, Rows, summed
from batchrunner.printable import brief, printable
from batchrunner.records import Record, field, plain
from batchrunner.render.costs import UNKNOWN, cost_words
from batchrunner.render.github import neutral
from batchrunner.render.json import envelope
from batchrunner.render.layout import paragraph
from batchrunner.render.style import PLAIN, Style
from batchrunner.render.units import count, counted, size

SHOWN = 100
CODES_SHOWN = 5
PENDING_SHOWN = 8
LONGEST_WORDS = 200

PENDING = {
    "running": "not ended yet",
    "output-not-named": "ended, and its provider has not named the output file yet",
    "not-fetched": "not fetched",
}
PRICES = {
    "batch": "batch prices",
    "discount": "list prices less the provider's discount",
    "full": "prices of live calls: at most",
    "project": "prices of the project file",
}


class FetchSummary(Record):
    """How a fetch ended.

    `accounts` are by address, `folders` where each has its results, empty where nothing is here; `made` counts those
    that were not there before, `size` is in bytes downloaded. `problems` are sentences; `next` are commands.
    """

    accounts: tuple[Account, ...]
    folders: tuple[str, ...]
    made: int = 0
    size: int = 0
    problems: tuple[str, ...] = ()
    next: tuple[str, ...] = field(default_factory=tuple)


def fetch_text(summary: FetchSummary, style: Style = PLAIN, width: int = 80) -> str:
    """`summary` as text. Ends without a newline."""
    lines: list[str] = []
    for account, folder in list(zip(summary.accounts, summary.folders, strict=True))[:SHOWN]:
        lines += _account(account, folder, style, width)
    if rest := summary.accounts[SHOWN:]:
        lines.append(f"  … and {counted(len(rest), 'further batch')}: --json has them all")
    told = [line for words in summary.problems for line in paragraph(printable(words), width, 0)]
    lines += [_headline(summary, style), *told]
    if summary.next:
        lines += ["To go on:", *(f"  {style.bold(printable(command))}" for command in summary.next)]
    return neutral("\n".join(lines))


def fetch_document(summary: FetchSummary) -> dict[str, Any]:
    """`summary` as a JSON document."""
    total = summed(account.rows for account in summary.accounts)
    batches = [
        {**plain(account), "folder": folder}
        for account, folder in zip(summary.accounts, summary.folders, strict=True)
    ]  # fmt: skip
    return envelope(
        "fetch",
        rows=plain(total),
        is_complete=all(account.is_complete for account in summary.accounts),
        made=summary.made,
        downloaded=summary.size,
        batches=batches,
        problems=list(summary.problems),
        next=list(summary.next),
    )


def row_words(rows: Rows) -> str:
    """`12,000 rows: 11,990 ok, 7 error (5 transient), 3 expired`."""
    told = [f"{count(rows.ok)} ok"]
    if rows.error:
        told.append(f"{count(rows.error)} error" + (f" ({count(rows.transient)} transient)" if rows.transient else ""))
    told += [f"{count(number)} {name}" for name in ("expired", "missing") if (number := getattr(rows, name))]
    return f"{counted(rows.total, 'row')}: {', '.join(told)}"


def _account(account: Account, folder: str, style: Style, width: int) -> Iterator[str]:
    rows = account.rows
    mark = style.green("=") if not rows.failed and account.is_complete else style.yellow("!")
    yield f"{mark} {printable(account.address)} ({printable(account.run_key)})"
    if account.batches:
        yield f"    {row_words(rows)}"
    for words in _remarks(account):
        yield from paragraph(words, width, 4)
    if folder:
        yield f"    {printable(folder)}"


def _remarks(account: Account) -> Iterator[str]:
    if account.codes:
        yield _codes(account.codes)
    yield from _strange(account)
    if not account.is_known:
        yield "What was asked is neither here nor at the provider: rows without a result are not known."
    if account.batches:
        yield from _costs(account)
    yield from map(_pending, account.pending[:PENDING_SHOWN])
    if rest := account.pending[PENDING_SHOWN:]:
        yield f"… and {counted(len(rest), 'further batch')}"


def _codes(codes: Mapping[str, int]) -> str:
    most = sorted(codes.items(), key=lambda each: (-each[1], each[0]))[:CODES_SHOWN]
    shown = [f"{printable(brief(code))} {count(number)}" for code, number in most]
    rest = len(codes) - CODES_SHOWN
    return f"why: {', '.join(shown)}" + (f" and {counted(rest, 'other code')}" if rest > 0 else "")


def _strange(account: Account) -> Iterator[str]:
    rows = account.rows
    told = [
        (rows.duplicates, "result beyond the first of a row", "results beyond the first of a row", ()),
        (rows.strangers, "result of what was not asked", "results of what was not asked", account.strangers),
        (rows.unreadable, "line that is no result", "lines that are no results", account.unreadable),
        (rows.repeated, "line of the input with an id that was there before",
         "lines of the input with ids that were there before", ()),
    ]  # fmt: skip
    for number, noun, plural, examples in told:
        if number:
            named = f" ({', '.join(printable(brief(each)) for each in examples[:3])})" if examples else ""
            yield f"{counted(number, noun, plural)}{named}"


def _costs(account: Account) -> Iterator[str]:
    cost, tokens = account.cost, account.tokens
    told = []
    if tokens is not None:
        told.append(f"{count(tokens.input)} input and {count(tokens.output)} output tokens")
    if cost.low is not None:
        told.append(f"estimated {cost_words(cost.low, cost.high, frozenset())}")
    if cost.actual is not None:
        prices = " and ".join(PRICES[basis] for basis in cost.basis.split("+") if basis in PRICES)
        told.append(f"actual {cost_words(cost.actual, cost.actual, frozenset())} ({prices})")
    elif tokens is not None:
        told.append(f"actual cost {UNKNOWN}")
    if told:
        yield "; ".join(told)


def _pending(pending: Pending) -> str:
    why = PENDING.get(pending.why, f"not fetched: {printable(pending.why)}")
    status = f", {printable(pending.status)}" if pending.status else ""
    rows = f", {counted(pending.rows, 'row')}" if pending.rows else ""
    words = f': "{printable(brief(pending.words, LONGEST_WORDS))}"' if pending.words else ""
    return f"{printable(pending.address)} {printable(pending.batch_id)}: {why}{status}{rows}{words}"


def _headline(summary: FetchSummary, style: Style) -> str:
    accounts = [account for account in summary.accounts if account.batches]
    total = summed(account.rows for account in accounts)
    waiting = sum(len(account.pending) for account in summary.accounts)
    word = "Fetched:" if summary.made else "Nothing new:"
    paint = style.green if not (total.failed or waiting or summary.problems) else style.yellow
    told = [f"{counted(len(accounts), 'batch')}, {row_words(total)}"] if accounts else ["no results are here yet"]
    told += [f"{size(summary.size)} downloaded"] if summary.size else []
    told += [f"{counted(waiting, 'remote batch')} not here yet"] if waiting else []
    return f"{paint(word)} {'; '.join(told)}."


def pending_addresses(accounts: Sequence[Account], why: str) -> list[str]:
    """The addresses of what is not here for that reason."""
    return list(dict.fromkeys(each.address for account in accounts for each in account.pending if each.why == why))
