"""What kills commands is right about which of them it tells of."""

from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from support.killing import Killer, killing


class Impatient:
    """A stream whose first line nobody waits for."""

    def __init__(self, stream: IO[str]) -> None:
        self.close: Callable[[], None] = stream.close
        self.readline = self._give_up
        self._patient = stream.readline

    def _give_up(self) -> str:
        self.readline = self._patient
        raise TimeoutError


def test_a_test_that_took_too_long_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    with killing() as killer:
        process = killer._process
        process.stdout = Impatient(process.stdout)  # type: ignore[assignment, arg-type]
        with pytest.raises(TimeoutError):
            run(killer, tmp_path, "--help")
        assert run(killer, tmp_path, "--version").startswith("batchrunner ")


def run(killer: Killer, folder: Path, *arguments: str) -> str:
    return killer.run(folder, *arguments, environment={}).out
