"""Scans an opened file: the lines that it holds, or those that its rows are rendered to."""

import io
from collections.abc import Callable

from batchrunner.inputs.allowance import uncounted
from batchrunner.inputs.scan import Scan, scan_lines
from batchrunner.linerules import LineRules
from batchrunner.manifest import Template
from batchrunner.ports import TokenCounter
from batchrunner.sharder import Sharding

_BUFFER = 1 << 20


def scan_file(
    file: io.FileIO,
    *,
    path: str,
    shown: str,
    rules: LineRules,
    sharding: Sharding,
    template: Template | None,
    counter: TokenCounter | None,
    made: Callable[[int, int], None] = uncounted,
) -> Scan:
    """Check `file` to its end and cut it; with a `template` it is a table. `path` is relative to the project root,
    `shown` how messages name the file. `made` is told how many bytes are rendered, in how many rows, and may raise.

    Raises `BadTemplate` for a table that the template does not fit, `Refused` for a format that cannot be read here.
    """
    if template is None:
        return scan_lines(file, path=path, shown=shown, rules=rules, sharding=sharding, counter=counter)
    # Loaded only for those who have tables.
    from batchrunner.inputs.tables import format_of, scan_table

    return scan_table(
        io.BufferedReader(file, _BUFFER),
        path=path,
        shown=shown,
        format=format_of(path),
        template=template,
        rules=rules,
        sharding=sharding,
        counter=counter,
        made=made,
    )
