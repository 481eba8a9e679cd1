"""Files of requests that are asked for again."""

from collections.abc import Iterator
from pathlib import Path

from batchrunner.wiring.requests import write_requests


def test_two_that_write_at_once_under_one_process_number_have_each_their_own_rows(tmp_path: Path) -> None:
    """As in two containers that share the folder, where each is process 1."""
    (tmp_path / ".batchrunner").mkdir()
    written: list[str | None] = []

    def lines() -> Iterator[bytes]:
        yield b"first\n"
        written.append(write_requests(str(tmp_path), [b"of another\n"]))
        yield b"second\n"

    written.append(write_requests(str(tmp_path), lines()))

    assert [(tmp_path / str(path)).read_text() for path in written] == ["of another\n", "first\nsecond\n"]
    assert not list(tmp_path.glob(".batchrunner/retries/*.tmp"))
