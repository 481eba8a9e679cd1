"""What follow-up commands are about: specs by path, batches by address, or all that a state knows."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

import click

from batchrunner.address import spec_of
from batchrunner.commands._options import word_option
from batchrunner.commands._secrets import keep_secret
from batchrunner.commands._states import (
    FOLDERS,
    Sought,
    find_stores,
    no_such_address,
    project_sought,
    state_options,
    usual_folder,
)
from batchrunner.errors import Refused
from batchrunner.loader import spec_names
from batchrunner.loader.files import STDIN, SUFFIXES
from batchrunner.project import Project
from batchrunner.settings import Settings, environment
from batchrunner.stores import FileStore
from batchrunner.wiring.following import Followed
from batchrunner.wiring.places import SANDBOX, apart_of, state_url, store_of_spec
from batchrunner.wiring.workspace import effective_providers

F = TypeVar("F", bound=Callable[..., Any])


def followed_options(command: F) -> F:
    """Add arguments and options that say which batches are meant; the command receives one `followed: Followed`.

    And as `words` how one types the same again.

    Each word is a spec, or what may stand for several, where there is such a file, and an address otherwise.
    """

    @click.argument("words", nargs=-1, metavar="[PATH|ADDRESS]...")
    @word_option("--run-key", metavar="KEY", help="Only this run.")
    @click.option("--target", "targets", multiple=True, metavar="ADDRESS", help="The same as ADDRESS.")
    @state_options
    @wraps(command)
    def with_followed(
        *args: Any, words: tuple[str, ...], targets: tuple[str, ...], run_key: str, sought: Sought, **kwargs: Any
    ) -> Any:
        followed = find_followed((*words, *targets), run_key, sought)
        run = ("--run-key", run_key) if run_key else ()
        return command(*args, followed=followed, sought=sought, words=(*words, *targets, *run), **kwargs)

    return with_followed  # type: ignore[return-value]


def find_followed(words: Sequence[str], run_key: str, sought: Sought) -> Followed:
    """What `words` mean. Raises `Refused` `no-state`, `no-such-address`, `InvalidFiles`."""
    paths = [word for word in words if _is_path(word)]
    patterns = tuple(word for word in words if word not in paths)
    names = spec_names(paths, sys.stdin.buffer.read) if paths else {}
    project = _project(next(iter(names), ""), sought)
    followed = Followed(
        project=project,
        providers=effective_providers(project, environment(), sandbox=sought.sandbox),
        stores=tuple(_stores(names, project, sought)),
        specs=frozenset(names.values()),
        patterns=patterns,
        run_key=run_key,
    )
    _check_patterns(followed, sought)
    return followed


def paths_of(names: Iterable[str], words: Sequence[str], followed: Followed) -> list[str]:
    """What one types for the specs called `names`: the paths among `words`, or else files that lie where one looks.

    Empty where not all of them are found.
    """
    if typed := [word for word in words if _is_path(word)]:
        return typed
    folders = dict.fromkeys([*(Path(store.url).parent for store in followed.stores), *FOLDERS])
    found = [next(filter(os.path.isfile, _files(name, folders)), "") for name in names]
    return found if all(found) else []


def _files(name: str, folders: Iterable[Path]) -> Iterator[str]:
    return (str(folder / f"{name}{suffix}") for folder in folders for suffix in SUFFIXES)


def _is_path(word: str) -> bool:
    return word == STDIN or word.endswith(SUFFIXES) or os.path.exists(word)


def _project(path: str, sought: Sought) -> Project:
    return project_sought(sought, Path(path).parent if path else usual_folder())


def _stores(names: dict[str, str], project: Project, sought: Sought) -> Sequence[FileStore]:
    if not names:
        return find_stores(sought)
    url = sought.state or state_url(Settings.read(environment()), project)
    apart = apart_of(project, sandbox=sought.sandbox)
    stores = [store_of_spec(path, name, url, apart) for path, name in names.items()]
    return list({os.path.abspath(store.url): store for store in stores}.values())


def _check_patterns(followed: Followed, sought: Sought) -> None:
    known = {address for state in followed.states().states.values() for address in state.batches}
    for pattern in followed.patterns:
        one = Followed(followed.project, followed.providers, followed.stores, patterns=(pattern,))
        if not any(one.is_about(address, "") for address in known):
            raise no_such_address(pattern, followed.stores, sought)


def keys_for(names: set[str], followed: Followed) -> dict[str, str]:
    """The secrets of the providers called `names`; from now on they are shown nowhere. Raises `Refused`."""
    from batchrunner.wiring.running import keys_of  # what sends is not for those who only look, or complete a word

    keys = keys_of(names, followed.providers)
    keep_secret(key for name, key in keys.items() if name != SANDBOX)
    return keys


def require_some(found: Sequence[object], what: str, followed: Followed, words: Sequence[str], sought: Sought) -> None:
    """Raise `Refused` `nothing-submitted` where there is nothing to do it with."""
    if found:
        return
    paths = paths_of(map(spec_of, followed.patterns), words, followed) or ["PATH"]
    run = ["--run-key", followed.run_key] if followed.run_key else []
    typed = sought.typed(" ".join(["apply", *map(quote, [*paths, *run])]))
    raise Refused("nothing-submitted", f"there is no {what}", hint=typed)
