"""How much a command may make of little: small files must not stand for hours of work, or for a plan nobody can hold.

Whoever proposes a change has all its files planned, by a job that is not his. A file that is read once costs what it is
long; tables that are rendered, and files that are read again for each batch, cost what they are multiplied by.
"""

from batchrunner.inputs.opening import InputRefused
from batchrunner.sharder import MAX_SHARDS

MADE = 128_000_000
"""Bytes that are made of whatever files, which takes about half a second."""
TIMES = 128
"""How many bytes more are made of each byte of a table: a prompt before every row is to be expected."""
AGAIN = 8
"""How often files of request lines are read once more, for batches that cut them otherwise, beside."""
ROW = 256
"""Bytes that are made in the time that a row takes beside."""
PLANNED = 32 << 20
"""Characters of templates in a plan, which has that of each shard."""


def uncounted(_size: int, _rows: int = 0) -> None:
    """For what may be made however large it becomes."""


class Allowance:
    """What a command has made so far. With `most`, that many bytes may be, whatever the files hold.

    All methods raise `InputRefused` where it becomes too much.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._known: set[str] = set()
        self._held = 0
        self._worth = 0
        self._made = 0
        self._planned = 0
        self._shards = 0

    @property
    def is_spent(self) -> bool:
        """Whether something became too much."""
        return self._made > self._limit or self._planned > PLANNED or self._shards > MAX_SHARDS

    def admit(self, path: str, size: int, *, is_table: bool) -> bool:
        """Allow for what the file at `path` is worth; whether it was there before."""
        if path in self._known:
            return True
        self._known.add(path)
        self._held += size
        self._worth += size * (TIMES if is_table else AGAIN)
        return False

    def make(self, size: int, rows: int = 0) -> None:
        """Count `size` bytes, in so many `rows`, that are made of a file that holds others, or fewer."""
        self._made += size + rows * ROW
        if self._made > self._limit:
            words = f"the inputs stand for more than {self._limit / 1e6:,.0f} MB of requests"
            hint = (
                "use fewer rows or a shorter template, or `--target` fewer batches; if it is meant, set "
                "BATCHRUNNER_MAX_RENDERED to the megabytes that it takes"
            )
            raise InputRefused("renders-too-much", f"{words}, and the files hold {self._held / 1e6:,.1f} MB", hint)

    def plan(self, parts: int, template: int) -> None:
        """Count an input that was cut into `parts`, each of which a plan has with a template of so many characters."""
        self._planned += parts * template
        self._shards += parts - 1
        if self._shards > MAX_SHARDS:
            words = f"the inputs together would make more than {MAX_SHARDS:,} shards"
            raise InputRefused("too-many-shards", words, "let `shard` hold more, or `--target` fewer batches")
        if self._planned > PLANNED:
            words = f"the plan would hold more than {PLANNED:,} characters of templates: it has that of each shard"
            raise InputRefused("plan-too-large", words, "let `shard` hold more, or `--target` fewer batches")

    @property
    def _limit(self) -> int:
        return MADE + self._worth if self._most is None else self._most
