"""Folders of results: made once, whoever comes at the same moment."""

import subprocess
import sys
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


FULL = """
import pathlib, resource, sys
from batchrunner.errors import Refused
from batchrunner.results import make_folder

resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    make_folder(pathlib.Path(sys.argv[1]))
except Refused as error:
    sys.exit(error.code)
"""


def test_a_folder_made_on_a_full_disk_is_hidden_once_there_is_room(tmp_path: Path) -> None:
    top = tmp_path / "results"
    done = subprocess.run([sys.executable, "-c", FULL, str(top)], capture_output=True, text=True, check=False)
    assert done.stderr == "results-not-written\n"
    assert make_folder(top).joinpath(".gitignore").read_text() == "*\n"
