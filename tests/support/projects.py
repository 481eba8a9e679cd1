"""Project files that are wrong."""

from pathlib import Path

import pytest

from batchrunner.errors import Diagnostic, InvalidFiles
from batchrunner.loader import load_project


def mistakes(folder: Path, text: str) -> list[Diagnostic]:
    """What is wrong with a project file, as `validate` would list it."""
    file = folder / "batchrunner.yaml"
    file.write_text(text)
    with pytest.raises(InvalidFiles) as refused:
        load_project(str(file), folder)
    return list(refused.value.diagnostics)
