"""Every rule of a spec and of a project file, broken, with the words a person gets.

Each folder under `errors` holds the files and `expected.txt`. BATCHRUNNER_UPDATE_GOLDENS=1 writes the latter anew.
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from batchrunner.errors import InvalidFiles
from batchrunner.loader import find_specs, load_project, load_specs
from batchrunner.render.diagnostics import diagnostics_text

CASES = Path(__file__).parent / "errors"
ENVIRONMENT = {"HOME": "/home/canary", "CONTROL": "canary\x1b[31m"}
PROJECT = "policy: {allow_env: [DATASET, CONTROL]}\n"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_errors_read_as_expected(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / case
    shutil.copytree(CASES / case, folder)
    if not (folder / "batchrunner.yaml").exists():
        (folder / "batchrunner.yaml").write_text(PROJECT)
    monkeypatch.chdir(folder)

    shown = _errors_of(sorted(path.name for path in folder.glob("*.yaml") if path.name != "batchrunner.yaml"))

    assert "canary" not in shown
    assert all(line.isprintable() for line in shown.splitlines())
    expected = CASES / case / "expected.txt"
    if os.environ.get("BATCHRUNNER_UPDATE_GOLDENS"):
        expected.write_text(shown, encoding="utf-8")
    assert shown == expected.read_text(encoding="utf-8")


def _errors_of(paths: list[str]) -> str:
    with pytest.raises(InvalidFiles) as raised:
        load_specs(
            find_specs(paths),
            project=load_project(None, Path()),
            environment=ENVIRONMENT,
            variables={},
            now=datetime(2026, 11, 22, 2, 31, tzinfo=UTC),
            run_key=None,
            stdin=bytes,
        )
    return diagnostics_text(raised.value.diagnostics, unlisted=raised.value.unlisted) + "\n"
