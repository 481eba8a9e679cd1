"""What inputs hold that git keeps, at a revision and now, in a few lines that can be compared."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from batchrunner.inputs import InputRefused, open_beneath, relative_to_root
from batchrunner.records import MALFORMED, Tolerant, decoder
from batchrunner.revisions import Entry, Repository
from batchrunner.spec import Batch, Spec, Table

READ = 16 << 20
"""Bytes of a file that is looked into."""
HASHED = 1 << 30
"""Bytes of a file whose git object id is computed. Of larger ones the size is compared."""
MODELS = 8
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)


class _Body(Tolerant):
    model: str = ""


class _Line(Tolerant):
    body: _Body = _Body()


_LINES = decoder(_Line)


@dataclass(slots=True)
class Contents:
    """The inputs of batches: `there` in `tree`, a revision of `repository`, and `here` beneath `root`.

    `within` says where in the repository a path lies. Of what git does not keep nothing is said: it was not there.
    """

    repository: Repository
    tree: Mapping[str, Entry]
    root: str
    within: Callable[[str], str | None]
    _read: dict[str, Sequence[str]] = field(default_factory=dict)
    _pointers: set[str] = field(default_factory=set)
    _here: dict[tuple[str, bool], Sequence[str]] = field(default_factory=dict)
    _checked_out: Mapping[str, Entry] | None = None

    def read(self, specs: Iterable[Spec]) -> None:
        """Read what `specs` name in the revision, all of it at once."""
        wanted = {}
        for spec, batch in [(of, each) for of in specs for each in of.batches]:
            entry = self.tree.get(self._path(spec, batch))
            if entry is not None and entry.is_file:
                wanted[entry.object] = isinstance(batch.declaration.input, Table)
        for name, data in self.repository.contents(wanted, READ):
            if data is not None and _POINTER.match(data):
                self._pointers.add(name)
            self._read[name] = [f"  object: {name}"] if data is None else _told(data, is_table=wanted[name])

    def there(self, spec: Spec, batch: Batch) -> Sequence[str]:
        """The lines for the input of `batch`, of a spec that was read, at the revision."""
        entry = self.tree.get(self._path(spec, batch))
        lines = self._read.get(entry.object, ()) if entry else ()
        return ["content:", *lines] if lines else ()

    def here(self, spec: Spec, batch: Batch) -> Sequence[str]:
        """The lines for the input of `batch` as it is now."""
        path = self._path(spec, batch)
        if not path or not (path in self.tree or path in self._kept()):
            return ()
        is_table = isinstance(batch.declaration.input, Table)
        if (path, is_table) not in self._here:
            self._here[path, is_table] = self._lines_here(path, spec.folder, batch.declaration.input_path, is_table)
        lines = self._here[path, is_table]
        return ["content:", *lines] if lines else ()

    def _path(self, spec: Spec, batch: Batch) -> str:
        """Where the input is in the repository, empty for none: that of a pattern is many."""
        declared = batch.declaration
        if not declared.input_path or declared.is_pattern:
            return ""
        return self.within(os.path.join(spec.folder, declared.input_path)) or ""

    def _kept(self) -> Mapping[str, Entry]:
        """The files of the commit that is checked out."""
        if self._checked_out is None:
            head, root = self.repository.head(), self.within(self.root) or ""
            self._checked_out = self.repository.tree(head, [root]) if head else {}
        return self._checked_out

    def _lines_here(self, path: str, folder: str, declared: str, is_table: bool) -> Sequence[str]:
        before = self.tree.get(path)
        known = before.object if before else ""
        try:
            with open_beneath(self.root, relative_to_root(self.root, folder, declared)) as file:
                size = os.fstat(file.fileno()).st_size
                if size <= READ and self._read.get(known, [""])[0] != f"  object: {known}":
                    return _told(file.read(READ + 1), is_table=is_table or known in self._pointers)
                return [f"  object: {_object_id(file, size, known)}"] if size <= HASHED else [f"  bytes: {size}"]
        except (InputRefused, OSError):
            return ()  # what is wrong with it was said where it was scanned


def _told(data: bytes, *, is_table: bool) -> list[str]:
    if pointer := _POINTER.match(data):
        return [f"  sha256: {pointer[1].decode()}", f"  bytes: {int(pointer[2])}"]
    lines = [f"  sha256: {hashlib.sha256(data).hexdigest()}", f"  bytes: {len(data)}"]
    return lines if is_table else [*lines, *_requests(data)]


def _requests(data: bytes) -> Iterator[str]:
    lines = [line for line in data.split(b"\n") if line.strip()]
    models = sorted(dict.fromkeys(filter(None, map(_model, lines))))
    rest = f" and {len(models) - MODELS:,} more" if len(models) > MODELS else ""
    yield f"  requests: {len(lines)}"
    if models:
        yield f"  models: {', '.join(models[:MODELS])}{rest}"


def _model(line: bytes) -> str:
    try:
        return _LINES.decode(line).body.model
    except MALFORMED:
        return ""


def _object_id(file: BinaryIO, size: int, known: str) -> str:
    """The id that git gives the content (gitformat: `blob SIZE NUL CONTENT`), by the hash that the repository uses."""
    digest = hashlib.sha256() if len(known) > 40 else hashlib.sha1(usedforsecurity=False)
    digest.update(f"blob {size}\0".encode())
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
