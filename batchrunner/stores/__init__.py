"""Where state is kept, opened by URL."""

import re
from collections.abc import Mapping
from pathlib import Path

from batchrunner.errors import Refused
from batchrunner.printable import is_unicode
from batchrunner.state import State
from batchrunner.stores._salvage import RepairReport
from batchrunner.stores.file import FileStore

__all__ = ["FileStore", "RepairReport", "load_states", "open_store"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


def open_store(url_or_path: str, *, spec_name: str, default: Path, base: Path = Path()) -> FileStore:
    """The store at `file:PATH` or a plain path, relative to `base`; at `default` where that is empty.

    A path that ends in `.json` is the state file itself, any other a directory that holds `SPEC_NAME.state.json`.
    Paths are taken as they are written, without percent-decoding. Raises `Refused`: `unknown-store` for other schemes,
    `not-utf-8` for a path that a plan could not hold.
    """
    if not is_unicode(url_or_path):
        raise Refused("not-utf-8", "no state can be kept at a path that is not UTF-8", where=url_or_path,
                      why="plans name the state, and they are UTF-8", hint="rename the file or its folder")  # fmt: skip
    if not url_or_path:
        return FileStore(default)
    path = base / _path_in(url_or_path)
    return FileStore(path if path.suffix == ".json" else path / f"{spec_name}.state.json")


def load_states(stores: Mapping[str, FileStore]) -> dict[str, State]:
    """The states in `stores`, by the same names: of those that share a store one object, which is read once."""
    loaded = {id(store): store.load() for store in {id(store): store for store in stores.values()}.values()}
    return {name: loaded[id(store)] for name, store in stores.items()}


def _path_in(url_or_path: str) -> str:
    scheme = _SCHEME.match(url_or_path)
    if scheme is None:
        return url_or_path
    rest = url_or_path[scheme.end() :]
    if scheme[1].lower() != "file" or not rest or (rest.startswith("//") and not rest.startswith("///")):
        raise _unknown(scheme[1])
    return rest.removeprefix("//")


def _unknown(scheme: str) -> Refused:
    # Only the scheme is named: the rest of a URL may hold a password.
    return Refused(
        "unknown-store",
        f"no state can be kept at a `{scheme[:32]}:` URL like this one",
        why="this version keeps state in files: `file:PATH`, or a path",
        hint="a path with a colon in it is written ./like:this",
    )
