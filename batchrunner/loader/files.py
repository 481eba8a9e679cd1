"""The files that paths on the command line stand for, and their bytes."""

import os
import stat
from collections.abc import Callable, Sequence

from batchrunner.errors import Diagnostic, InvalidFiles
from batchrunner.loader.confines import YAML, refuse_leading_out
from batchrunner.loader.findings import Source
from batchrunner.loader.text import MAX_BYTES
from batchrunner.printable import is_unicode
from batchrunner.suggestions import did_you_mean

STDIN = "-"
PROJECT_FILE = "batchrunner.yaml"
FIRST = "batchrunner init writes a first one"
SUFFIXES = YAML
_GLOB = frozenset("*?[")


def find_specs(paths: Sequence[str]) -> tuple[str, ...]:
    """The specs that `paths` stand for, each once, in order: a file is itself, `-` standard input, a directory its
    `*.yaml` and `*.yml` that are neither hidden nor the project file, a pattern what it matches (`**` for any depth).

    Raises `InvalidFiles`: `no-such-file`, `no-specs` for a directory or pattern without one, `not-a-spec`,
    `not-utf-8` for a path that a plan could not hold, `outside-root` for a link that leads out of the repository.
    """
    found: dict[str, str] = {}
    wrong: list[Diagnostic] = []
    for path in paths:
        try:
            for spec in _specs_at(path):
                _require_unicode(spec)
                found.setdefault(_identity(spec), spec)
        except InvalidFiles as error:
            wrong += error.diagnostics
    if wrong:
        raise InvalidFiles(tuple(wrong))
    return tuple(found.values())


def _identity(path: str) -> str:
    return path if path == STDIN else os.path.realpath(path)


def _require_unicode(path: str) -> None:
    if not is_unicode(path):
        raise _refused(path, "not-utf-8", "the path is not UTF-8, and plans are", "rename the file or its folder")


def _specs_at(path: str) -> Sequence[str]:
    if path == STDIN:
        return [path]
    if "\0" in path:
        raise _refused(path, "no-such-file", "a path cannot hold a NUL character")
    if os.path.isdir(path):
        refuse_leading_out(path)
        return _in_directory(path)
    if not os.path.exists(path) and _GLOB.intersection(path):
        return _matching(path)
    if not os.path.exists(path):
        raise _refused(path, "no-such-file", "there is no such file", _similar(path))
    if not path.endswith(SUFFIXES):
        raise _refused(path, "not-a-spec", "a spec is a .yaml file", _not_a_spec(path))
    if os.path.basename(path) == PROJECT_FILE:
        raise _refused(path, "not-a-spec", "this is the project file", "give the specs, or their directory")
    return [path]


def _in_directory(path: str) -> Sequence[str]:
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise _refused(path, "unreadable-file", f"the directory cannot be read: {error.strerror}") from None
    specs = [os.path.join(path, name) for name in names if _is_spec(path, name)]
    if not specs:
        below = any(_has_specs(os.path.join(path, name)) for name in names)
        within = f"folders in it are not searched; give '{os.path.join(path, '**', '*.yaml')}'"
        hint = within if below else FIRST
        raise _refused(path, "no-specs", "there is no spec (*.yaml) in this directory", hint)
    return specs


def _has_specs(folder: str) -> bool:
    try:
        return not os.path.islink(folder) and any(name.endswith(SUFFIXES) for name in os.listdir(folder))
    except OSError:
        return False


def _matching(pattern: str) -> Sequence[str]:
    from glob import glob

    specs = sorted(path for path in glob(pattern, recursive=True) if _is_spec(*os.path.split(path)))
    if not specs:
        raise _refused(pattern, "no-specs", "no spec (*.yaml) matches this pattern", FIRST)
    return specs


def _is_spec(folder: str, name: str) -> bool:
    return is_spec_name(name) and os.path.isfile(os.path.join(folder, name))


def has_spec(folder: str, stem: str) -> bool:
    """Whether the file of a spec is in `folder`, called `stem` and an ending of specs."""
    return any(os.path.exists(os.path.join(folder, f"{stem}{suffix}")) for suffix in SUFFIXES)


def is_spec_name(name: str) -> bool:
    """Whether a file of this name, in a folder that is given, is taken for a spec."""
    return name.endswith(SUFFIXES) and not name.startswith(".") and name != PROJECT_FILE


def _similar(path: str) -> str:
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return ""
    return did_you_mean(name, names, os.path.join(folder.replace("{", "{{").replace("}", "}}"), "{}"))


def _not_a_spec(path: str) -> str:
    return "`apply` and `show` take a saved plan" if path.endswith(".json") else "rename it to end in .yaml"


def _refused(path: str, code: str, message: str, hint: str = "") -> InvalidFiles:
    return InvalidFiles((Diagnostic(code=code, message=message, path=path, hint=hint),))


def read_source(path: str, stdin: Callable[[], bytes]) -> Source:
    """The bytes of a spec. Raises `InvalidFiles` `unreadable-file`."""
    return Source(path, stdin()) if path == STDIN else read_file(path)


def read_file(path: str) -> Source:
    """The bytes of `path`, one more than the limit at most.

    Raises `InvalidFiles`: `unreadable-file`, or `outside-root` and `not-a-spec` for a link that leads elsewhere.
    """
    refuse_leading_out(path)
    try:
        # Opened without waiting: a pipe nobody writes to must not hold the command.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _refused(path, "unreadable-file", "this is not a regular file")
            return Source(path, file.read(MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "not a path"
        raise _refused(path, "unreadable-file", f"the file cannot be read: {words}") from None
