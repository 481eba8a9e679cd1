"""Pages of documentation, carried out: their files are written, their commands run, their programs too.

    problems = carry_out(Page.read(file), folder)          [] where everything is as the page says

What is done with each block is said in `tests/docs/test_pages.py`, for those who write pages.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import yaml
from support.forking import FUNCTION
from support.markdown import Block, Page, Run, runs

from batchrunner.commands import group
from batchrunner.errors import BatchrunnerError
from batchrunner.loader import load_project
from batchrunner.sandbox import Faults, SandboxSettings, Timings, running

ROOT = Path(__file__).parents[2]
HOME = "/home/ada"
"""What a page shows in the place of the folder above its repository."""
KEY = "a-key"
MARK = "--- end of command "
SET_UPS = ("specs", "provider", "git", "empty")
FILES = ("yaml", "json", "jsonl", "csv", "toml", "ini", "dockerfile", "text", "gitignore", "groovy", "sql", "make")
PROGRAMS = {
    *("batchrunner", ".venv/bin/batchrunner", ".venv/bin/pip", ".venv/bin/pytest", "pip", "python", "python3"),
    *("cat", "cd", "chmod", "cp", "crontab", "curl", "echo", "export", "jq", "ls", "mkdir", "mv", "source", "tail"),
    *("docker", "gh", "git", "glab", "kubectl", "pre-commit", "prek", "uv", "uvx"),
}
"""What an `sh` block may name besides variables; of `batchrunner`, the command and its options are checked."""


class Shell:
    """One bash for a whole page, so that `cd`, `export` and `$?` mean what they mean to a reader."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
        if "FORKING" in environment:
            self.run(FUNCTION)

    def run(self, command: str) -> tuple[str, int]:
        """What a command prints, both streams in order, and its exit code."""
        assert self.process.stdin
        assert self.process.stdout
        told = f"eval {shlex.quote(command)} </dev/null; __=$?; printf '\\n{MARK}%d\\n' $__; (exit $__)\n"
        self.process.stdin.write(told.encode())
        self.process.stdin.flush()
        printed = b""
        for line in self.process.stdout:
            if line.startswith(MARK.encode()):
                return printed.removesuffix(b"\n").decode(), int(line.removeprefix(MARK.encode()))
            printed += line
        raise AssertionError(f"the shell ended: {command}")

    def close(self) -> None:
        """End the shell and what it left in the background."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.communicate()


@dataclass
class Walk:
    """A page on its way: what it found wrong so far, and what should be written instead."""

    page: Page
    folder: Path
    shell: Shell
    problems: list[str] = field(default_factory=list)
    news: list[tuple[Block, str]] = field(default_factory=list)

    def wrong(self, block: Block, what: str) -> None:
        self.problems.append(f"{self.page.file.name}:{block.first + 1}: {what}")

    def run(self, block: Block, command: str) -> str:
        printed, code = self.shell.run(command)
        if code in {126, 127} or "Traceback" in printed:
            self.wrong(block, f"`{command}` ended with {code}: {printed}")
        return printed.replace(str(self.folder.parent), HOME)


@contextmanager
def forking(folder: Path) -> Iterator[dict[str, str]]:
    """A server of forks in `folder`, for the shells whose environment has what is yielded."""
    folder.mkdir()
    os.mkfifo(folder / "orders")
    # README's first command installs no tokenizer, and what is shown depends on it.
    (folder / "sitecustomize.py").write_text('import sys\nsys.modules["rs_bpe"] = None\n')
    command = [sys.executable, "-W", "error", str(Path(__file__).with_name("forking.py")), str(folder)]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(folder), "PYTHONPATH": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as server:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        try:
            yield {"FORKING": str(folder)}
        finally:
            server.terminate()


def carry_out(page: Page, folder: Path, not_run: Mapping[str, str] = {}, more: Mapping[str, str] = {}) -> Walk:
    """Do all that the page says, in a repository made in `folder`. `not_run` are first lines of blocks to leave.

    `more` goes into the environment of its commands.
    """
    with prepared(page.set_up, folder) as (repository, environment):
        walk = Walk(page, repository, Shell(repository, {**environment, **more}))
        try:
            for block in page.blocks():
                if not block.lines or block.lines[0] not in not_run:
                    _take(walk, block)
        finally:
            walk.shell.close()
    return walk


@contextmanager
def prepared(words: Sequence[str], folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A repository as the set-up of a page wants it, and the environment of its commands."""
    unknown = [word for word in words if word not in SET_UPS and not word.startswith("fault=")]
    assert not unknown, f"set-up: {unknown}"
    repository, home = folder / "repository", folder / "home"
    home.mkdir()
    repository.mkdir()
    # README's first command installs no tokenizer, and what is shown depends on it.
    (home / "sitecustomize.py").write_text('import sys\nsys.modules["rs_bpe"] = None\n')
    environment = {
        "BATCHRUNNER_CACHE": "off",
        "GIT_AUTHOR_DATE": "2026-11-22T02:30:00Z",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_COMMITTER_DATE": "2026-11-22T02:30:00Z",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "init.defaultBranch",
        "GIT_CONFIG_VALUE_0": "main",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(home),
        "TMPDIR": str(home),
        "TZ": "UTC",
    }
    if "specs" in words:
        ignored = shutil.ignore_patterns("*.state.*", ".batchrunner", "results")
        shutil.copytree(ROOT / "specs", repository / "specs", ignore=ignored)
    with ExitStack() as stack:
        faults = [word.removeprefix("fault=") for word in words if word.startswith("fault=")]
        if "provider" in words or faults:
            at_once = Timings(validating=0.0, in_progress=0.0, finalizing=0.0)
            database = folder / "provider.sqlite3"
            settings = SandboxSettings(database, key=KEY, faults=Faults.parse(faults), timings=at_once)
            base_url = stack.enter_context(running(settings)).base_url
            environment |= {"ALPHAEDGE_BASE_URL": base_url, "ALPHAEDGE_API_KEY": KEY}
        _under_git(repository, words, environment)
        yield repository, environment


def _under_git(repository: Path, words: Sequence[str], environment: Mapping[str, str]) -> None:
    if "git" in words:
        (repository / ".gitignore").write_text("*.state.lock\n*.state.journal.jsonl\n")
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Specs"]):
            subprocess.run(["git", *command], cwd=repository, env=dict(environment), check=True)
    elif "empty" not in words:
        (repository / ".git").mkdir()


def _take(walk: Walk, block: Block) -> None:
    if block.said("prints"):
        _compare(walk, block, walk.run(block, block.said("prints")).splitlines(keepends=True))
    elif block.said("copy of"):
        _compare(walk, block, (ROOT / block.said("copy of")).read_text().splitlines(keepends=True))
    elif block.path:
        _write(walk, block)
    elif block.language in _HANDLERS:
        _HANDLERS[block.language](walk, block)
    else:
        walk.wrong(block, f"nothing is done with this block ({block.language or 'no language'}): {block.lines[:1]}")


def _compare(walk: Walk, block: Block, printed: Sequence[str]) -> None:
    if not alike("".join(printed), block.lines):
        walk.wrong(block, f"not what it prints:\n{''.join(printed)}")
        walk.news.append((block, "".join(printed)))


def _write(walk: Walk, block: Block) -> None:
    known = [*FILES, "python", "sh", "markdown"]
    path = (walk.folder / block.path).resolve()
    if block.language not in known or not path.is_relative_to(walk.folder):
        return walk.wrong(block, f"cannot be the file {block.path}: {block.language}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")
    check = _CHECKS.get(block.language)
    try:
        if check:
            check(walk, block, path)
    except (BatchrunnerError, yaml.YAMLError, ValueError, SyntaxError) as error:
        walk.wrong(block, f"{block.path}: {error}")
    return None


def _check_yaml(walk: Walk, block: Block, path: Path) -> None:
    document = next(iter(yaml.safe_load_all(block.text)), None)
    keys = set(document) if isinstance(document, dict) else set()
    if keys & {"providers", "policy", "state", "project", "profiles", "notify"}:
        load_project(str(path), walk.folder)
    elif "batches" in keys and "broken" not in block.path:
        printed = walk.run(block, f"batchrunner validate {shlex.quote(block.path)}")
        if "Valid: " not in printed:
            walk.wrong(block, printed)


def _check_python(walk: Walk, block: Block, path: Path) -> None:
    compile(block.text, str(path), "exec")


def _check_json(walk: Walk, block: Block, path: Path) -> None:
    for text in block.lines if block.language == "jsonl" else [block.text]:
        yaml.safe_load(text)


def _console(walk: Walk, block: Block) -> None:
    try:
        typed = runs(block)
    except ValueError as error:
        return walk.wrong(block, str(error))
    printed = [walk.run(block, run.command) for run in typed]
    for run, text in zip(typed, printed, strict=True):
        if not alike(text, run.shown):
            walk.wrong(block, f"`{run.command}` prints:\n{text}")
    if not all(alike(text, run.shown) for run, text in zip(typed, printed, strict=True)):
        walk.news.append((block, "".join(map(_shown, typed, printed))))
    return None


def _shown(run: Run, printed: str) -> str:
    """A run as it should be shown: what is alike stays as it is, elisions among it."""
    lines = run.shown if alike(printed, run.shown) else printed.splitlines()
    return "".join(f"{line}\n" for line in [*run.typed, *lines])


def _python(walk: Walk, block: Block) -> None:
    printed, code = walk.shell.run(f"python -W error -c {shlex.quote(block.text)}")
    if code:
        walk.wrong(block, f"ended with {code}:\n{printed}")


def _sh(walk: Walk, block: Block) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        for words in simple_commands(line):
            problem = unknown_program(words) or misused(words)
            if problem:
                walk.wrong(block, problem)


def simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a line, without comments, redirections and the variables set before them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set(";|&()"):
            if words:
                yield words
            words = []
        elif words or not re.match(r"[A-Za-z_]\w*=", word):
            words.append(word)


def unknown_program(words: Sequence[str]) -> str:
    """What is wrong with the program that is named."""
    return "" if words[0] in PROGRAMS else f"`{words[0]}` is no program that these pages use"


def misused(words: Sequence[str]) -> str:
    """What is wrong with how `batchrunner` is called: parsed by the commands themselves, and not carried out."""
    if words[0].rpartition("/")[2] != "batchrunner":
        return ""
    command: click.Command = group
    context: click.Context | None = None
    rest = [*words[1 : next((at for at, word in enumerate(words) if set(word) <= set("<>")), len(words))]]
    try:
        while True:
            context = command.make_context(command.name or "batchrunner", rest, parent=context)
            if not isinstance(command, click.Group):
                return ""
            name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
            assert found, name
            command = found
    except click.exceptions.Exit:
        return ""
    except click.UsageError as error:
        return f"`{' '.join(words)}`: {error.format_message()}"


_HANDLERS: Mapping[str, Callable[[Walk, Block], None]] = {"console": _console, "python": _python, "sh": _sh}
_CHECKS: Mapping[str, Callable[[Walk, Block, Path], None]] = {
    "yaml": _check_yaml,
    "python": _check_python,
    "json": _check_json,
    "jsonl": _check_json,
}


UNSTEADY = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", "TIME"),
    (r"\b(\d{4}-\d\d-\d\d )?\d\d:\d\d(:\d\d)?\b", "TIME"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\bweek:\d{4}-W\d\d\b", "week:WEEK"),
    (r"\bmonth:\d{4}-\d\d\b", "month:MONTH"),
    (r"\bhour:DATET\d\d\b", "hour:HOUR"),
    (r"\b\d{8}T\d{6}Z?\b", "TIME"),
    (r"\b(batch|file)-[0-9a-f]{24}\b", r"\1-ID"),
    (r"\bbr1-[a-z2-7]{32}\b", "KEY"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"\b(sha256:)?[0-9a-f]{40,64}\b", "DIGEST"),
    (r"content:[0-9a-f]{12}", "content:DIGEST"),
    (r"\bsha256:[0-9a-f]{12}\b", "DIGEST"),
    (r"(?<=[(`])[0-9a-f]{12}(?=[)`])", "COMMIT"),
    (r"\b(batch_req|resp|chatcmpl)[-_][0-9a-f]{24}\b", r"\1-ID"),
    (r"^\[([\w/.-]+) [0-9a-f]{7,}\]", r"[\1 COMMIT]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\bpid \d+ on \S+,", "pid PID on HOST,"),
    (r"\bPython 3\.\d+\.\d+\w*", "Python 3"),
    (r"\b\d+ s apart\b", "N s apart"),
    (r"\b[\d,.]+ (GB are free|files may be open)", r"N \1"),
    (r"\(\d+/\d+\)", "(N/N)"),
    (r" *\b\d+ (s|min|h|d) (ago|left)\b *", r" AGE \2 "),
    (r"^( +ADDRESS +STATUS.*)$", lambda found: " ".join(found[0].split())),
    (r" #\d+", " #N"),
    # Prices change with every release of the list that they are from.
    (r" *(from |≤ )?<?\$[\d.,]*\d(\N{EN DASH}[\d.,]*\d)?", " COST"),
    (r"genai-prices [\d.]+\d", "genai-prices N"),
)
"""What differs from run to run, and the word that stands for it."""


def comparable(text: str) -> list[str]:
    """Lines without what differs from run to run; events that are close to each other in a fixed order."""
    for pattern, stand_in in UNSTEADY:
        text = re.sub(pattern, stand_in, text, flags=re.MULTILINE)  # type: ignore[call-overload]
    found: list[str] = []
    events: list[str] = []
    for line in [*(line.rstrip() for line in text.splitlines()), ""]:
        if line.startswith("TIME "):
            events.append(line)
        else:
            found += [*sorted(events), line]
            events = []
    return found[:-1]


def alike(printed: str, shown: Sequence[str]) -> bool:
    """Whether a page shows what was printed. A line `…` stands for any number of lines."""
    wanted, parts = comparable("\n".join(shown)), [[]]
    for line in wanted:
        if line.strip() == "…":
            parts.append([])
        else:
            parts[-1].append(line)
    return _in_order(comparable(printed), parts)


def _in_order(lines: Sequence[str], parts: Sequence[Sequence[str]]) -> bool:
    if len(parts) == 1:
        return list(lines) == list(parts[0])
    first, *middle, last = map(list, parts)
    if lines[: len(first)] != first or lines[len(lines) - len(last) :] != last:
        return False
    at, end = len(first), len(lines) - len(last)
    for part in middle:
        at = next((n for n in range(at, end - len(part) + 1) if lines[n : n + len(part)] == part), -1)
        if at < 0:
            return False
        at += len(part)
    return at <= end
