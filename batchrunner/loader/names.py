"""The names of specs alone, for commands that follow up on what was submitted: the rest of them may be wrong by now."""

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

from batchrunner.errors import Diagnostic, InvalidFiles
from batchrunner.loader.files import STDIN, find_specs, read_source
from batchrunner.loader.strict import read_yaml
from batchrunner.loader.text import InvalidText


def spec_names(paths: Sequence[str], stdin: Callable[[], bytes]) -> dict[str, str]:
    """The name of each spec that `paths` stand for, by its file. Raises `InvalidFiles`."""
    return {path: _name_of(path, stdin) for path in find_specs(paths)}


def _name_of(path: str, stdin: Callable[[], bytes]) -> str:
    source = read_source(path, stdin)
    try:
        document = read_yaml(source.data).value
    except InvalidText:
        raise _unreadable(path) from None
    return name_in(document, path)


def name_in(document: Any, path: str) -> str:
    """The name of the spec that is read from `path`: what it says, else that of its file."""
    said = document.get("name") if isinstance(document, dict) else None
    return said if isinstance(said, str) else "stdin" if path == STDIN else PurePath(path).stem


def _unreadable(path: str) -> InvalidFiles:
    message = "this is no spec that can be read"
    hint = f"batchrunner validate {path}"
    return InvalidFiles((Diagnostic(code="unreadable-spec", message=message, path=path, hint=hint),))
