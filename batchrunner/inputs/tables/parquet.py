"""Tables in Parquet, read batch by batch. The only module that imports pyarrow, and only when a table is opened."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from batchrunner.errors import Refused
from batchrunner.inputs.tables.pages import largest_value, pages_from, rows_of
from batchrunner.inputs.tables.problems import BadTable, Report, RowProblem
from batchrunner.inputs.tables.reading import KnownColumn, Row
from batchrunner.printable import brief

if TYPE_CHECKING:
    import pyarrow
    from pyarrow import parquet

_BATCH = 512
"""Rows read at a time: enough to make reading cheap, few enough to keep long texts out of memory."""
_BUFFER = 1 << 20
_WRITE_ANEW = "write the file anew as Parquet; a table of another kind has to end in .csv, .tsv or .jsonl"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_PER_SECOND: Mapping[str, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class _Unsupported(Exception):
    """Control flow, never seen outside: the type that JSON has nothing for."""


class _Form(NamedTuple):
    """How values of a type are read: cast to `target`, and made plain by `plain` where they are not yet."""

    target: "pyarrow.DataType"
    plain: Callable[[Any], Any] | None = None


class ParquetReader:
    """Reads numbers, true and false, text, null, lists and structs as they are; dates and timestamps as ISO 8601 text,
    those with a zone in UTC; decimals as text, exactly. Other columns cannot be used.

    Raises `BadTable` for what is no Parquet file, `Refused` where pyarrow is not installed.
    """

    has_header = True
    has_lines = False

    def __init__(self, stream: BinaryIO, report: Report) -> None:
        self._report = report
        self._stream = stream
        self._file = _opened(stream)
        self._forms: dict[str, _Form] = {}
        self.columns: dict[str, KnownColumn] = {}
        schema = self._file.schema_arrow
        times = Counter(schema.names)
        try:
            for field in schema:
                self.columns[field.name] = self._known(field, times[field.name] > 1)
        except UnicodeDecodeError as error:  # a time zone that is not text, however deep in a type
            raise _unreadable(error) from None

    def _known(self, field: "pyarrow.Field", is_repeated: bool) -> KnownColumn:
        if is_repeated:
            return KnownColumn("comes more than once in the table")
        try:
            form = self._forms[field.name] = _form(field.type)
        except _Unsupported as unsupported:
            return KnownColumn(f"holds {brief(str(unsupported))}, which JSON does not have")
        return KnownColumn(is_nested=_is_nested(form.target))

    def rows(self, columns: Sequence[str], skip: int) -> Iterator[Row]:
        """The rows but for the first `skip`, with their values in `columns`."""
        place, groups = self._groups_after(skip)
        skip -= place
        try:
            number = min((self._rows_at_once(group, columns) for group in groups), default=_BATCH)
            for batch in self._file.iter_batches(number, groups, list(columns), use_threads=False):
                skipped = min(skip, batch.num_rows)
                skip -= skipped
                yield from self._read(batch.slice(skipped), columns, place + skipped)
                place += batch.num_rows
        except BadTable as bad:
            self._report(bad.problem)
        except (_errors(), OSError) as error:
            self._report(
                RowProblem(place + 1, "unreadable-table", f"the row cannot be read: {_first_line(error)}", _WRITE_ANEW)
            )

    def _rows_at_once(self, group: int, columns: Sequence[str]) -> int:
        """How many rows of a row group are read at a time. Raises `BadTable` for pages that are too large."""
        metadata, size = self._file.metadata.row_group(group), 1
        for index, chunk in enumerate(map(metadata.column, range(metadata.num_columns))):
            if any(f"{chunk.path_in_schema}.".startswith(f"{column}.") for column in columns):
                starts = (chunk.dictionary_page_offset, chunk.data_page_offset)
                pages = pages_from(self._stream, starts, chunk.total_compressed_size)
                size += largest_value(pages, self._file.schema.column(index).max_repetition_level > 0)
        return min(_BATCH, rows_of(size))

    def _groups_after(self, skip: int) -> tuple[int, list[int]]:
        """How many rows come before the row group in which reading starts, and the groups from there."""
        metadata, before, group = self._file.metadata, 0, 0
        while group < metadata.num_row_groups and before + metadata.row_group(group).num_rows <= skip:
            before += metadata.row_group(group).num_rows
            group += 1
        return before, list(range(group, metadata.num_row_groups))

    def _read(self, batch: "pyarrow.RecordBatch", columns: Sequence[str], before: int) -> Iterator[Row]:
        if not columns:
            yield from ((before + number, ()) for number in range(1, batch.num_rows + 1))
            return
        try:
            values = [_values(batch.column(column), self._forms[column]) for column in columns]
        except (ValueError, OverflowError) as error:
            if batch.num_rows > 1:
                for index in range(batch.num_rows):
                    yield from self._read(batch.slice(index, 1), columns, before + index)
                return
            self._report(RowProblem(before + 1, "unreadable-value", f"a value cannot be read: {_first_line(error)}"))
            return
        yield from enumerate(zip(*values, strict=True), before + 1)


def _opened(stream: BinaryIO) -> "parquet.ParquetFile":
    try:
        from pyarrow import parquet
    except ImportError:
        raise Refused(
            "parquet-not-installed",
            "reading Parquet tables needs pyarrow, which is not installed",
            hint='pip install "batchrunner[parquet]"',
        ) from None
    try:
        # Buffered: whole column chunks would be read into memory otherwise.
        return parquet.ParquetFile(stream, buffer_size=_BUFFER, pre_buffer=False)
    except (_errors(), OSError, UnicodeDecodeError) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> BadTable:
    message = f"the file cannot be read as Parquet: {_first_line(error)}"
    return BadTable(RowProblem(0, "unreadable-table", message, _WRITE_ANEW))


def _errors() -> type[Exception]:
    import pyarrow

    return pyarrow.ArrowException  # type: ignore[no-any-return]


def _first_line(error: Exception) -> str:
    return brief(str(error).partition("\n")[0], 200)


def _values(column: "pyarrow.Array", form: _Form) -> Sequence[Any]:
    if column.type != form.target:
        column = column.cast(form.target)
    values: list[Any] = column.to_pylist()
    return values if form.plain is None else [*map(form.plain, values)]


def _form(kind: "pyarrow.DataType") -> _Form:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _form(kind.value_type)
    if _is_plain(kind):
        return _Form(kind)
    if types.is_decimal(kind):
        return _Form(kind, _unless_null(_decimal_text))
    if types.is_date(kind) or types.is_timestamp(kind):
        return _time_form(kind)
    if types.is_struct(kind):
        return _struct_form(kind)
    return _list_form(kind)


def _is_plain(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    are_plain = (
        types.is_integer,
        types.is_floating,
        types.is_boolean,
        types.is_string,
        types.is_large_string,
        types.is_string_view,
        types.is_null,
    )
    return any(is_plain(kind) for is_plain in are_plain)


def _is_nested(kind: "pyarrow.DataType") -> bool:
    """Whether values that are read as this are lists or objects. All others are text or numbers once they are plain."""
    from pyarrow import types

    return bool(types.is_nested(kind))


def _list_form(kind: "pyarrow.DataType") -> _Form:
    import pyarrow
    from pyarrow import types

    lists = (types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_list_view, types.is_large_list_view)
    if not any(is_list(kind) for is_list in lists):
        raise _Unsupported(kind)
    inner = _form(kind.value_type)
    target = kind if inner.target == kind.value_type else pyarrow.large_list(inner.target)
    if (plain := inner.plain) is None:
        return _Form(target)
    return _Form(target, _unless_null(lambda values: [*map(plain, values)]))


def _struct_form(kind: "pyarrow.DataType") -> _Form:
    import pyarrow

    names = [field.name for field in kind]
    if len(set(names)) < len(names):
        raise _Unsupported(kind)
    forms = {field.name: _form(field.type) for field in kind}
    target = pyarrow.struct([(name, form.target) for name, form in forms.items()])
    plains = {name: form.plain for name, form in forms.items() if form.plain is not None}
    if not plains:
        return _Form(target)
    return _Form(target, _unless_null(lambda value: {**value, **{name: plains[name](value[name]) for name in plains}}))


def _time_form(kind: "pyarrow.DataType") -> _Form:
    """Times are read as the numbers that they are: Python's own have no nanoseconds."""
    import pyarrow
    from pyarrow import types

    if types.is_date32(kind):
        return _Form(pyarrow.int32(), _unless_null(_day_text))
    if types.is_date64(kind):
        return _Form(pyarrow.int64(), _unless_null(lambda milliseconds: _day_text(milliseconds // 86_400_000)))
    has_zone, per_second = kind.tz is not None, _PER_SECOND[kind.unit]
    return _Form(pyarrow.int64(), _unless_null(lambda ticks: _time_text(ticks, per_second, has_zone)))


def _unless_null(plain: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`plain` for values that may be null."""
    return lambda value: None if value is None else plain(value)


def _decimal_text(value: Decimal) -> str:
    return format(value, "f")


def _day_text(days: int) -> str:
    return date.fromordinal(_EPOCH_DAY + days).isoformat()


def _time_text(ticks: int, per_second: int, has_zone: bool) -> str:
    """A time since 1970 in ISO 8601, with as many digits of its fraction as it has."""
    seconds, rest = divmod(ticks, per_second)
    text = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    fraction = f"{rest * (10**9 // per_second):09}".rstrip("0")
    return text + (f".{fraction}" if fraction else "") + ("+00:00" if has_zone else "")
