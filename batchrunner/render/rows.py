"""Changes as aligned rows of text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batchrunner.manifest import LocalFile
from batchrunner.plans import SYMBOLS, Change, PlannedSpec, Resume, Sendable, Submit, action_of
from batchrunner.printable import brief, printable
from batchrunner.render.costs import UNKNOWN, bill_of, bill_words, token_words
from batchrunner.render.folding import Fold
from batchrunner.render.layout import INDENT, flow, left, paragraph, pieces, right, shorten, table, width_of
from batchrunner.render.style import Paint, Style
from batchrunner.render.units import count, counted, size

ADDRESS_AT = 6
GAP = 2
NARROWEST = 16
WIDEST_BESIDE_WORDS = 36
FILE_ID = 32

Field = Callable[[Sequence[Sendable]], str]
"""What is said of the changes of one row."""
SHARED: dict[str, Field] = {
    "provider": lambda changes: printable(changes[0].provider),
    "endpoint": lambda changes: printable(changes[0].endpoint),
    "window": lambda changes: printable(changes[0].completion_window),
    "model": lambda changes: model_words(changes, printable),
}


@dataclass(frozen=True, slots=True)
class Page:
    """What rows are written on: `width` in columns, and a style."""

    width: int
    style: Style

    def paint(self, change: Change) -> Paint:
        """The colour of a change's action."""
        style = self.style
        colours = {"submit": style.green, "unchanged": style.dim, "blocked": style.red}
        return colours.get(action_of(change), style.yellow)


def shared(sendable: Sequence[Sendable]) -> dict[str, str]:
    """The fields in which all changes that send something agree, by label."""
    values = {label: {field([change]) for change in sendable} for label, field in SHARED.items()}
    return {label: value.pop() for label, value in values.items() if len(value) == 1}


def model_words(changes: Sequence[Sendable], show: Callable[[str], str]) -> str:
    """The models that local inputs ask for: `gpt-4o-mini`, of several `gpt-4o +2`; empty where none is known."""
    sources = [change.source for change in changes if isinstance(change.source, LocalFile)]
    models = sorted({model for source in sources for model in source.models})
    others = f" +{count(len(models) - 1)}" if len(models) > 1 else ""
    return show(brief(models[0])) + others if models else ""


def is_run_of(spec: PlannedSpec | None, change: Change) -> bool:
    """Whether a change's run is the one its spec is planned for, whose label may go on: `day:… (Europe/Paris)`.

    Of a spec that is keyed by content each batch has a run of its own, which says nothing to a reader.
    """
    if spec is None:
        return False
    return spec.run.split(" ")[0] in {change.run_key, change.run_key.partition(":")[0]}


def local_address(fold: Fold, spec: str) -> str:
    """The address under a heading that names the spec."""
    return printable(fold.address.removeprefix(f"{spec}/").replace(f" … {spec}/", " … "))


def sending(fold: Fold) -> list[Sendable]:
    """The changes of a row that send something."""
    changes = (fold.first, *fold.changes[1:])
    return [change for change in changes if isinstance(change, Submit | Resume)]


class SendableRows:
    """Rows of what sends something in one spec: address, input, cost and `fields`, aligned with each other."""

    def __init__(
        self,
        page: Page,
        listed: Sequence[Fold],
        fields: Sequence[Field],
        name: str,
    ) -> None:
        self._page = page
        changes = [sending(fold) for fold in listed]
        numbers = [[source, *cost] for source, cost in zip(_inputs(changes), _costs(changes), strict=True)]
        words = [[field(each) for field in fields] for each in changes]
        cells = [[*some, *more] for some, more in zip(numbers, words, strict=True)]
        under: list[list[str]] = [[] for _ in listed]
        if max(map(width_of, table(cells)), default=0) > page.width - INDENT:
            cells, under = numbers, _under(words, page.width)
        details = table(cells)
        addresses = [local_address(fold, name) for fold in listed]
        room = page.width - ADDRESS_AT - GAP - max(map(width_of, details), default=0)
        self._column = min(max(map(width_of, addresses), default=0), room)
        # Where most addresses are too long for it, a column would only push what stands under them to the right.
        if 2 * sum(width_of(address) <= self._column for address in addresses) < len(addresses):
            self._column = 0
        rows = zip(addresses, cells, details, under, strict=True)
        self._rows = {id(fold): row for fold, row in zip(listed, rows, strict=True)}

    def row(self, fold: Fold) -> list[str]:
        """One of the listed rows: a line, or more where its address is long or the fields of all have no room."""
        address, cells, detail, under = self._rows[id(fold)]
        if self._column >= min(NARROWEST, width_of(address)):
            return [*_beside(self._page, fold.first, address, self._column, detail), *under]
        return [*_above(self._page, fold.first, address), *_below(cells, detail, self._page.width), *under]


def differing(sendable: Sequence[Sendable], spec: PlannedSpec | None) -> list[Field]:
    """The fields worth a column: those in which the changes do not agree, and the run where it is not their spec's."""
    common = shared(sendable)
    fields = [field for label, field in SHARED.items() if label not in common]
    if not all(is_run_of(spec, change) for change in sendable):
        fields.append(lambda changes: printable(changes[0].run_key))
    return fields


class WordedRows:
    """Rows of those changes of one spec that send nothing: address and reason."""

    def __init__(self, page: Page, listed: Sequence[Fold], name: str) -> None:
        self._page = page
        self._name = name
        widths = (width_of(local_address(fold, name)) for fold in listed)
        self._column = min(max(widths, default=0), WIDEST_BESIDE_WORDS)

    def row(self, fold: Fold, reason: str) -> list[str]:
        """One of the listed rows, its reason below where it does not fit beside."""
        address = local_address(fold, self._name)
        room = self._page.width - ADDRESS_AT - GAP - width_of(reason)
        if width_of(address) <= room:
            # One line is read more easily than a column of two.
            return _beside(self._page, fold.first, address, min(self._column, room), reason)
        return [*_above(self._page, fold.first, address), *paragraph(reason, self._page.width)]


def _inputs(rows: Sequence[Sequence[Sendable]]) -> list[str]:
    """What each row reads: requests, bytes and, where they are known, tokens; or the file at the provider."""
    numbers = [_numbers(changes) for changes in rows]
    widths = [max(map(width_of, column)) for column in zip(*filter(None, numbers), strict=True)]
    return [
        "  ".join(map(right, cells, widths)).rstrip() if cells else _file(changes)
        for cells, changes in zip(numbers, rows, strict=True)
    ]


def _numbers(changes: Sequence[Sendable]) -> tuple[str, ...]:
    """Requests, bytes and tokens of local inputs; nothing for others."""
    sources = [change.source for change in changes if isinstance(change.source, LocalFile)]
    if len(sources) < len(changes):
        return ()
    summed = bill_of(changes)
    tokens = "" if summed.without_tokens else token_words(summed.input_tokens)
    requests = sum(source.requests for source in sources)
    return f"{count(requests)} req", size(sum(source.size for source in sources)), tokens


def _file(changes: Sequence[Sendable]) -> str:
    remote = [change.source.file_id for change in changes if not isinstance(change.source, LocalFile)]
    if len(changes) > 1:
        return f"{counted(len(remote), 'file')} there already"
    return shorten(printable(remote[0]), FILE_ID) if remote else ""


def _costs(rows: Sequence[Sequence[Sendable]]) -> list[list[str]]:
    """The cost of each row, in a column that is not there where none of them is known."""
    costs = [bill_words(bill_of(changes), UNKNOWN) for changes in rows]
    widest = max(map(width_of, costs), default=0)
    return [[right(words, widest)] if {*costs} != {UNKNOWN} else [] for words in costs]


def _symbol(page: Page, change: Change) -> str:
    return "  " + page.paint(change)(left(SYMBOLS[action_of(change)], 3)) + " "


def _above(page: Page, change: Change, address: str) -> list[str]:
    first, *rest = pieces(address, page.width - ADDRESS_AT, after=",[")
    return [_symbol(page, change) + first, *(" " * ADDRESS_AT + piece for piece in rest)]


def _beside(page: Page, change: Change, address: str, column: int, detail: str) -> list[str]:
    if width_of(address) <= column:
        return [f"{_symbol(page, change)}{left(address, column)}  {detail}"]
    return [*_above(page, change, address), " " * (ADDRESS_AT + column + GAP) + detail]


def _under(words: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """The fields of each row on lines of their own, aligned with those of the others."""
    return [
        _below(cells, detail, width) if any(cells) else [] for cells, detail in zip(words, table(words), strict=True)
    ]


def _below(cells: Sequence[str], detail: str, width: int) -> list[str]:
    """Details under an address: in their columns where these fit."""
    if INDENT + width_of(detail) <= width:
        return [" " * INDENT + detail]
    return [
        " " * INDENT + line for line in flow(filter(None, (c.strip() for c in cells)), width - INDENT, between="  ")
    ]
