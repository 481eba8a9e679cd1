"""Reads a git repository at a revision: the only module that runs git.

Nothing of the repository is executed and nothing in it is written: no hook, filter, pager, alias or fetch. What is read
is what was committed, whatever the work tree, the index or replacement objects say.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import NamedTuple

from batchrunner.errors import Refused

TOGETHER = 32 << 20
"""Bytes that are held at a time."""
FILES = frozenset({"100644", "100755"})
_COMMIT = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_SANE = (
    "--no-pager",
    "--no-optional-locks",
    "--no-replace-objects",
    # A folder of the work tree that looks like a bare repository brings a configuration of its own, and programs in it.
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "protocol.allow=never"),
)
_KEPT = re.compile(r"GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)\Z")
"""Where a runner says whose repositories may be read (`safe.directory`)."""
_FIXED = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    # Before git 2.45, of what a partial clone has not got, this alone keeps it from asking the network.
    "GIT_ALLOW_PROTOCOL": "none",
}


class Entry(NamedTuple):
    """What is committed at a path: `mode` as git writes it, and the id of the content."""

    mode: str
    object: str

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, and neither a link nor a submodule."""
        return self.mode in FILES


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository whose work tree is the folder `top`. `variables` is the environment that git runs in."""

    top: str
    variables: Mapping[str, str]

    def commit(self, revision: str) -> str:
        """The id of the commit that `revision` names. Raises `Refused` `bad-revision`, and as `tree` does."""
        if revision.startswith("-") or "\0" in revision:
            raise _bad(revision, "A revision does not begin with `-`.", "name a branch, a tag or a commit")
        done = self._done("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if b"repository" in done.stderr:
            raise _refused(done.stderr, self.top)
        found = done.stdout.strip()
        if done.returncode or not _COMMIT.match(found):
            raise self._unknown(revision)
        return found.decode()

    def head(self) -> str:
        """The id of the commit that is checked out, empty where there is none yet."""
        return self._done("rev-parse", "--verify", "--quiet", "HEAD^{commit}").stdout.decode().strip()

    def ignored(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of `paths`, relative to the top, where a file would not be committed; none where git does not say."""
        asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
        found = self._done("check-ignore", "--no-index", "--stdin", "-z", given=asked).stdout
        return frozenset(os.fsdecode(path) for path in found.split(b"\0") if path)

    def tracked(self, *patterns: str) -> list[str]:
        """The files in the index that `patterns` name, `*` standing for any text; none where git does not say."""
        listed = self._done("ls-files", "-z", "--", *patterns).stdout
        return [name.decode("utf-8", "backslashreplace") for name in listed.split(b"\0") if name]

    def tree(self, commit: str, paths: Sequence[str]) -> dict[str, Entry]:
        """What `commit` holds at and below `paths`, which are relative to the top; `""` is all of it.

        Raises `Refused`: `git-missing`, `git-refused` with git's own words.
        """
        below = [] if "" in paths else ["--", *paths]
        listed = self._run("ls-tree", "-r", "-z", "--full-tree", commit, *below)
        return dict(map(_entry, filter(None, listed.split(b"\0"))))

    def contents(self, objects: Iterable[str], most: int) -> Iterator[tuple[str, bytes | None]]:
        """Each of `objects` with its bytes; None where these are more than `most`, or not in this clone."""
        room, together = TOGETHER, list[str]()
        for name, size in self._sizes(list(dict.fromkeys(objects))):
            if not 0 <= size <= most:
                yield name, None
                continue
            if size > room:
                yield from self._read(together)
                room, together = TOGETHER, []
            room -= size
            together.append(name)
        yield from self._read(together)

    def _sizes(self, objects: Sequence[str]) -> Iterator[tuple[str, int]]:
        """The bytes of each; -1 for what is not here, and for all where git would have to fetch one of them first."""
        done = self._done("cat-file", "--batch-check", given="".join(f"{name}\n" for name in objects).encode())
        if done.returncode and b"promisor" not in done.stderr:
            raise _refused(done.stderr, self.top)
        if done.returncode:
            yield from ((name, -1) for name in objects)
            return
        for line in done.stdout.splitlines():
            name, kind, *size = line.decode().split(" ")
            yield name, int(size[0]) if kind == "blob" and size else -1

    def _read(self, objects: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        asked = "".join(f"{name}\n" for name in objects).encode()
        answer = self._run("cat-file", "--batch", given=asked) if objects else b""
        at = 0
        while at < len(answer):
            end = answer.index(b"\n", at)
            name, kind, *size = answer[at:end].decode().split(" ")
            length = int(size[0]) if kind == "blob" and size else -1
            yield name, answer[end + 1 : end + 1 + length] if length >= 0 else None
            at = end + 1 + length + 1

    def _run(self, *arguments: str, given: bytes = b"") -> bytes:
        done = self._done(*arguments, given=given)
        if done.returncode:
            raise _refused(done.stderr, self.top)
        return done.stdout

    def _done(self, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(  # noqa: S603
            [_git(self.variables), *_SANE, *arguments],
            cwd=self.top,
            env=_environment(self.variables),
            input=given,
            capture_output=True,
            check=False,
        )

    def _unknown(self, revision: str) -> Refused:
        shallow = self._run("rev-parse", "--is-shallow-repository").strip() == b"true"
        if not shallow:
            return _bad(revision, "", "git fetch origin; git branch --all and git tag list what there is")
        why = "This clone is shallow: it holds only the newest commits."
        return _bad(revision, why, f"{_fetching(revision)}. actions/checkout fetches everything with `fetch-depth: 0`")


def _fetching(revision: str) -> str:
    """What brings `revision` into a shallow clone."""
    if re.fullmatch(r"[0-9a-f]{40,64}", revision):
        return f"git fetch --depth=1 origin {revision}"
    if re.search(r"[~^@:]", revision):
        return "git fetch --deepen=50"
    branch = revision.removeprefix("origin/")
    fetch = f"git fetch --depth=1 origin {quote(f'+{branch}:refs/remotes/origin/{branch}')}"
    return f"{fetch}, then --base {quote(f'origin/{branch}')}"


def _git(variables: Mapping[str, str]) -> str:
    """Where git is. Not where the work tree says: a relative folder in PATH would be looked for in there."""
    folders = filter(os.path.isabs, variables.get("PATH", os.defpath).split(os.pathsep))
    found = next((path for folder in folders if os.access(path := os.path.join(folder, "git"), os.X_OK)), None)
    if found is None:
        raise Refused("git-missing", "git is not installed, and --base reads the repository with it",
                      hint="install git, or plan without --base")  # fmt: skip
    return found


def _entry(line: bytes) -> tuple[str, Entry]:
    fields, _, path = line.partition(b"\t")
    mode, _, name = fields.decode().split(" ")
    return os.fsdecode(path), Entry(mode, name)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """`variables` less what would lead git to another repository or make it run something, as hooks set it."""
    inherited = {name: value for name, value in variables.items() if not name.startswith("GIT_") or _KEPT.match(name)}
    return {**inherited, **_FIXED}


def _bad(revision: str, why: str, hint: str) -> Refused:
    return Refused("bad-revision", f"there is no commit `{revision}` in this clone", where="--base", why=why, hint=hint)


def _refused(stderr: bytes, top: str) -> Refused:
    words = stderr.decode(errors="replace").strip().partition("\n")[0].removeprefix("fatal: ")
    owner = "dubious ownership" in words
    hint = f"git config --global --add safe.directory {quote(top)}" if owner else "try the same with git itself"
    return Refused("git-refused", "git cannot read this repository", where=top, why=words, hint=hint)
