"""What specs declare, against what they declared at another revision: values that a reviewer is shown."""

from typing import Literal

from batchrunner.records import Record

Kind = Literal["added", "changed", "removed", "moved"]


class Difference(Record):
    """What became of one declared batch since the base revision.

    `address` is that of the whole batch, shards aside; `previous` its address at the base where it was moved. `lines`
    are a unified diff of the resolved declaration without its header, each beginning with `+`, `-` or a space;
    `omitted` counts the lines that were left out of it.
    """

    address: str
    kind: Kind
    previous: str = ""
    lines: tuple[str, ...] = ()
    omitted: int = 0


class Base(Record):
    """What a plan's specs are compared with: `revision` as it was typed, `commit` the whole id of what it names.

    `problem` says why the specs there could not be read, empty where they were; `differences` are in order of address,
    batches that are declared alike left out.
    """

    revision: str
    commit: str
    differences: tuple[Difference, ...] = ()
    problem: str = ""
