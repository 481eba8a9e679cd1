"""The folder of results as files are fetched into it."""

import os
from pathlib import Path

from batchrunner.jobs import Downloaded
from batchrunner.remote import ResultFile
from batchrunner.results.disk import PART, make_folder, settle, sha256_of, size_of, writing_to
from batchrunner.results.names import folder_of, raw_name
from batchrunner.state import Entry, FetchedFile

RAW = "raw"
INPUT = "input"


class ResultsShelf:
    """The `Shelf` port over the folder `top`; paths that go to state are relative to `root` where they are beneath it.

    `kind` in place of that of a file is part of its name where it is given: `input` for what was asked.
    """

    def __init__(self, top: Path, root: Path, kind: str = "") -> None:
        self.top = top
        self._root = root
        self._kind = kind

    def folder(self, address: str, run_key: str) -> Path:
        """Where the results of a run of a batch are."""
        return self.top.joinpath(*folder_of(address, run_key))

    def path(self, entry: Entry, file: ResultFile) -> Path:
        """Where a file is once it is whole."""
        name = raw_name(file.file_id if self._kind else entry.attempt.batch_id, self._kind or file.kind)
        return self.folder(entry.address, entry.run_key) / RAW / name

    def found(self, entry: Entry, file: ResultFile) -> FetchedFile | None:
        """The file, where it is here whole. Its digest is taken where state does not know it."""
        path = self.path(entry, file)
        size = size_of(path)
        if size is None:
            return None
        noted = entry.attempt.fetched.files if entry.attempt.fetched else ()
        known = next((each for each in noted if each.source == file), None)
        if known is not None:
            return self._noted(path, file, size, known.sha256) if known.size == size else None
        with writing_to(path):
            return self._noted(path, file, size, sha256_of(path))

    def lacks(self, entry: Entry, file: ResultFile) -> bool:
        """Whether a file has still to be brought, as far as its size tells."""
        size, noted = size_of(self.path(entry, file)), entry.attempt.fetched
        sizes = {each.size for each in (noted.files if noted else ()) if each.source == file}
        return size is None or bool(sizes and size not in sizes)

    def target(self, entry: Entry, file: ResultFile) -> str:
        """The path of what is not whole yet, its folder made."""
        make_folder(self.top, *folder_of(entry.address, entry.run_key), RAW)
        path = self.path(entry, file)
        part = path.with_name(f"{path.name}{PART}")
        if part.is_symlink():
            with writing_to(part):
                part.unlink()
        return str(part)

    def keep(self, entry: Entry, file: ResultFile, whole: Downloaded) -> FetchedFile:
        """Give what is whole its name."""
        path = self.path(entry, file)
        settle(path.with_name(f"{path.name}{PART}"), path)
        return self._noted(path, file, whole.size, whole.sha256)

    def _noted(self, path: Path, file: ResultFile, size: int, sha256: str) -> FetchedFile:
        where = os.path.relpath(path, self._root) if path.is_relative_to(self._root) else str(path)
        return FetchedFile(source=file, path=where, size=size, sha256=sha256)
