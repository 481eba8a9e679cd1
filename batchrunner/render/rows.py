"""Changes as aligned rows of text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batchrunner.manifest import LocalFile
from batchrunner.plans import SYMBOLS, Change, PlannedSpec, Sendable, action_of
from batchrunner.printable import printable
from batchrunner.render.layout import INDENT, flow, left, paragraph, pieces, right, shorten, table, width_of
from batchrunner.render.style import Paint, Style
from batchrunner.render.units import count, size

ADDRESS_AT = 6
GAP = 2
NARROWEST = 16
WIDEST_BESIDE_WORDS = 36
FILE_ID = 32

Field = Callable[[Sendable], str]
SHARED: dict[str, Field] = {
    "provider": lambda change: printable(change.provider),
    "endpoint": lambda change: printable(change.endpoint),
    "window": lambda change: printable(change.completion_window),
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
    values = {label: {field(change) for change in sendable} for label, field in SHARED.items()}
    return {label: value.pop() for label, value in values.items() if len(value) == 1}


def is_run_of(spec: PlannedSpec | None, change: Change) -> bool:
    """Whether a change's run is the one its spec is planned for (whose label may go on: `day:… (Europe/Paris)`)."""
    return spec is not None and (spec.run == change.run_key or spec.run.startswith(f"{change.run_key} "))


def local_address(change: Change, spec: str) -> str:
    """The address under a heading that names the spec."""
    return printable(change.address.removeprefix(f"{spec}/"))


class SendableRows:
    """Rows of those changes of one spec that send something: address, input and `fields`, aligned with each other."""

    def __init__(
        self,
        page: Page,
        listed: Sequence[Sendable],
        fields: Sequence[Field],
        name: str,
    ) -> None:
        self._page = page
        inputs = zip(_inputs(listed), listed, strict=True)
        cells = [[source, *(field(change) for field in fields)] for source, change in inputs]
        details = table(cells)
        addresses = [local_address(change, name) for change in listed]
        room = page.width - ADDRESS_AT - GAP - max(map(width_of, details), default=0)
        self._column = min(max(map(width_of, addresses), default=0), room)
        rows = zip(addresses, cells, details, strict=True)
        self._rows = {id(change): row for change, row in zip(listed, rows, strict=True)}

    def row(self, change: Sendable) -> list[str]:
        """The row of one of the listed changes: a line, or more where its address is long."""
        address, cells, detail = self._rows[id(change)]
        if self._column >= min(NARROWEST, width_of(address)):
            return _beside(self._page, change, address, self._column, detail)
        return [*_above(self._page, change, address), *_indented(cells, self._page.width)]


def differing(sendable: Sequence[Sendable], spec: PlannedSpec | None) -> list[Field]:
    """The fields worth a column: those in which the changes do not agree, and the run where it is not their spec's."""
    common = shared(sendable)
    fields = [field for label, field in SHARED.items() if label not in common]
    if not all(is_run_of(spec, change) for change in sendable):
        fields.append(lambda change: printable(change.run_key))
    return fields


class WordedRows:
    """Rows of those changes of one spec that send nothing: address and reason."""

    def __init__(self, page: Page, listed: Sequence[Change], name: str) -> None:
        self._page = page
        self._name = name
        widths = (width_of(local_address(change, name)) for change in listed)
        self._column = min(max(widths, default=0), WIDEST_BESIDE_WORDS)

    def row(self, change: Change, reason: str) -> list[str]:
        """The row of one of the listed changes, its reason below where it does not fit beside."""
        address = local_address(change, self._name)
        if max(width_of(address), self._column) + width_of(reason) <= self._page.width - ADDRESS_AT - GAP:
            return _beside(self._page, change, address, self._column, reason)
        return [*_above(self._page, change, address), *paragraph(reason, self._page.width)]


def _inputs(changes: Sequence[Sendable]) -> list[str]:
    local = [change.source for change in changes if isinstance(change.source, LocalFile)]
    requests = max((len(_requests(source)) for source in local), default=0)
    sizes = max((len(size(source.size)) for source in local), default=0)
    return [
        f"{right(_requests(change.source), requests)}  {right(size(change.source.size), sizes)}"
        if isinstance(change.source, LocalFile)
        else shorten(printable(change.source.file_id), FILE_ID)
        for change in changes
    ]


def _requests(source: LocalFile) -> str:
    return f"{count(source.requests)} req"


def _symbol(page: Page, change: Change) -> str:
    return "  " + page.paint(change)(left(SYMBOLS[action_of(change)], 3)) + " "


def _above(page: Page, change: Change, address: str) -> list[str]:
    first, *rest = pieces(address, page.width - ADDRESS_AT, after=",[")
    return [_symbol(page, change) + first, *(" " * ADDRESS_AT + piece for piece in rest)]


def _beside(page: Page, change: Change, address: str, column: int, detail: str) -> list[str]:
    if width_of(address) <= column:
        return [f"{_symbol(page, change)}{left(address, column)}  {detail}"]
    return [*_above(page, change, address), " " * (ADDRESS_AT + column + GAP) + detail]


def _indented(cells: Sequence[str], width: int) -> list[str]:
    return [" " * INDENT + line for line in flow((c.strip() for c in cells), width - INDENT, between="  ")]
