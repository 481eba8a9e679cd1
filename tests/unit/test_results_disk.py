"""Folders of results: made once, whoever comes at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from batchrunner.results import make_folder

WORKERS, ROUNDS = 8, 100


def test_all_who_make_a_folder_at_once_have_it(tmp_path: Path) -> None:
    together = Barrier(WORKERS)

    def made(number: int) -> list[Path]:
        folders = []
        for turn in range(ROUNDS):
            together.wait(timeout=60)
            folders.append(make_folder(tmp_path / str(turn) / "results", "s", f"b{number % 2}"))
        return folders

    with ThreadPoolExecutor(WORKERS) as pool:
        folders = [folder for each in pool.map(made, range(WORKERS)) for folder in each]

    assert all(folder.is_dir() for folder in folders)
    assert {path.read_text() for path in tmp_path.glob("*/results/.gitignore")} == {"*\n"}
