"""A job on a pull request from anybody: what it has to lose, what it runs, and what must hold for all that it says."""

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.campaigns import CAMPAIGN
from support.hostile.repository import MARK, Hostile, lay_out
from support.killing import Ended, Killer

CANARY = "cnry7q"
SECRET = f"{CANARY}-5d41402abc4b2a76b9719d911017c592"
CODES = frozenset({0, 1, 3, 4, 64, 75})
CPU_SECONDS = 2.0 if CAMPAIGN in os.environ else 6.0
"""Of a day only what runs away is caught: beside all the other tests a second is worth less. Campaigns run alone."""
PEAK_MIB = 200.0
FORMS = ("text", "json", "markdown", "github", "gitlab", "gitlab-report")
CHECKED = ("text", "json", "github", "gitlab")
UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_RUNNER = re.compile(r"^[\s\ufeff]*::|##\[")
_OURS = re.compile(r"::(error|warning|notice) ((file|line|col|endLine|endColumn|title|where)=[^,:]*,?)*::")
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_FRAME = re.compile(
    r"(<!-- batchrunner:[\w:%/.~,-]* -->|<details( open)?>|<summary>[\w ,:·]+</summary>|</details>|\s)*"
)
_LIVE = re.compile(rf"(?i){MARK}|@\w|#\d|https?:|www\.|:\w+:|\$|\[\^|!\[|]\(|&#|(?<!\w)GH-\d")


@dataclass(frozen=True)
class Said:
    """What one command of a job said, and what it left in the files of its runner."""

    arguments: tuple[str, ...]
    form: str
    ended: Ended
    summary: str
    outputs: str
    others: Mapping[str, str]

    @property
    def everything(self) -> str:
        """All bytes that somebody else may read."""
        return "\n".join((self.ended.out, self.ended.err, self.summary, self.outputs, *self.others.values()))


@dataclass
class Job:
    """A runner's folders: the repository checked out, a home with secrets, and files of others beside it."""

    folder: Path
    killer: Killer
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("work", "outside", "home", "runner"):
            (self.folder / name).mkdir(parents=True)
        lay_out(SECRETS, self.folder, {})
        self.variables = {
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "CI": "true", "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request", "GITHUB_REPOSITORY": "acme/specs", "GITHUB_WORKSPACE": str(self.root),
            "HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "runner"), "BATCHRUNNER_CACHE": "off",
            "COLUMNS": "80", "PYTHONWARNINGS": "error", **dict.fromkeys(KEYS, SECRET),
            "DATABASE_URL": f"postgresql://user:{SECRET}@db.internal/prod",
            **{name: str(self.folder / "runner" / name) for name in RUNNER_FILES},
        }  # fmt: skip

    @property
    def root(self) -> Path:
        """The repository."""
        return self.folder / "work"

    def check_out(self, hostile: Hostile) -> None:
        """Lay `hostile` out as the repository, with the credentials that a checkout leaves behind."""
        words = {"@OUTSIDE@": str(self.folder / "outside"), "@HOME@": str(self.folder / "home"),
                 "@ROOT@": str(self.root), "@SECRET@": SECRET}  # fmt: skip
        lay_out({".git/config": CHECKOUT, ".git/HEAD": "ref: refs/heads/main\n"}, self.root, {})
        lay_out(hostile.files, self.root, words)

    def run(self, hostile: Hostile, *arguments: str, form: str) -> Said:
        """One command of the job."""
        for name in RUNNER_FILES:
            (self.folder / "runner" / name).write_bytes(b"")
        forbidden = [self.folder / "outside", self.folder / "home", "/etc/passwd", "/proc", "/dev/zero", "/dev/urandom",
                     "/dev/tty", "/dev/full", self.root / ".git"]  # fmt: skip
        environment = {**self.variables, **hostile.environment}
        ended = self.killer.run(self.root, *arguments, environment=environment, seconds=60, forbidden=forbidden)
        found = {name: (self.folder / "runner" / name).read_bytes().decode() for name in RUNNER_FILES}
        plan = self.plan.read_bytes().decode() if self.plan.exists() else ""
        others = {**{name: text for name, text in found.items() if name not in KNOWN}, "plan": plan}
        self.plan.unlink(missing_ok=True)
        return Said(arguments, form, ended, found["GITHUB_STEP_SUMMARY"], found["GITHUB_OUTPUT"], others)

    @property
    def plan(self) -> Path:
        """Where the job saves its plan."""
        return self.folder / "runner" / "plan.json"

    def commands(self, hostile: Hostile, most: int = len(FORMS)) -> Iterator[Said]:
        """Everything a job on a pull request runs, one after the other, in `most` of the forms."""
        if hostile.shown:
            for form in FORMS[:most]:
                yield self.run(hostile, "show", hostile.shown, "--format", form, form=form)
            return
        for form in CHECKED[:most]:
            yield self.run(hostile, "validate", *hostile.paths, "--format", form, form=form)
        for form in FORMS[:most]:
            saved = ("--out", str(self.plan)) if form == "text" else ()
            yield self.run(hostile, "plan", *hostile.paths, "--format", form, *saved, *hostile.flags, form=form)


RUNNER_FILES = ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")
KNOWN = RUNNER_FILES[:2]
KEYS = ("ALPHAEDGE_API_KEY", "OPENAI_API_KEY", "GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "AWS_SECRET_ACCESS_KEY",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "PWNED")  # fmt: skip
CHECKOUT = f'[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic {SECRET}\n'
SECRETS = {
    "outside/secret.yaml": f"name: secret\nnote: {SECRET}\nbatches: [{SECRET}]\n{SECRET}: 1\n",
    "outside/secret.jsonl": f'{{"custom_id": "{SECRET}"}}\n{SECRET}\n',
    "outside/secret.json": f'{{"format": "{SECRET}", "{SECRET}": 1}}\n',
    "home/.netrc": f"machine api.alphaedge-ai.com login x password {SECRET}\n",
    "home/.aws/credentials": f"[default]\naws_secret_access_key = {SECRET}\n",
    "home/secret.jsonl": f"{SECRET}\n",
}


def check(said: Said, *, may_open: str = "") -> None:
    """What must hold for every command on whatever repository. Raises `AssertionError`.

    With `may_open`, a pattern, what it matches of a note may be opened, wherever it is.
    """
    may = re.compile(may_open or r"(?!)")
    noted = [each for each in said.ended.audit.splitlines() if not (each.startswith(LOOKING) and may.search(each))]
    assert not noted, noted
    check_ended(said.ended)
    for disguise in DISGUISES:
        assert disguise not in said.everything.lower(), f"the secret got out, as {disguise}"
    check_stream(said.ended.err, annotates=False)
    CHECKS[said.form](said.ended.out)
    if said.summary:
        check_markdown(said.summary)
    check_outputs(said.outputs)
    for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE"):
        assert not said.others[name], f"{name} was written to"


LOOKING = ("open ", "os.listdir ", "os.scandir ")


def check_ended(ended: Ended) -> None:
    """It ended as it may, and took and touched no more than it may."""
    assert ended.code in CODES, ended
    assert "Traceback" not in ended.out + ended.err, ended
    assert "internal-error" not in ended.out + ended.err, ended
    assert ended.cpu < CPU_SECONDS, f"{ended.cpu:.2f} s of CPU"
    assert ended.peak < PEAK_MIB, f"{ended.peak:.0f} MiB"


def check_stream(text: str, *, annotates: bool) -> None:
    """Lines for people and a runner's log: no command but ours, nothing that has no shape."""
    for each in re.split(r"\r\n|[\r\n]", text):
        assert not UNPRINTABLE.search(each), ascii(each)
        if _RUNNER.search(each):
            assert annotates, ascii(each)
            assert _OURS.match(each), ascii(each)
            assert "##[" not in each, ascii(each)


def check_json(text: str) -> None:
    """One document, which is no command either where it is printed into a log."""
    if text:
        json.loads(text)
        assert not [each for each in text.split("\n") if _RUNNER.search(each)], "a command in a document"


def check_markdown(text: str) -> None:
    """Nothing from outside is anything but code."""
    check_stream(text, annotates=False)
    for token in _tokens(text):
        assert token.type not in {"link_open", "image", "html_inline", "code_block"}, token
        if token.type == "html_block":
            assert _FRAME.fullmatch(token.content), ascii(token.content)
        if token.type == "text":
            assert not _LIVE.search(token.content), ascii(token.content)
        if token.type == "fence":
            assert MARK not in token.info, ascii(token.info)
    assert text.count("<!-- batchrunner:") <= 1


def _tokens(text: str) -> Iterator[Token]:
    for token in _PARSER.parse(text):
        yield token
        yield from token.children or ()


def check_outputs(text: str) -> None:
    """What the runner takes from GITHUB_OUTPUT is named by us: `name=value`, or `name<<DELIMITER` and lines."""
    lines = iter(text.split("\n"))
    for each in lines:
        if not each:
            continue
        name, delimiter = re.fullmatch(r"([a-z][a-z0-9_-]*)(?:=.*|<<(.+))", each, re.DOTALL).groups()  # type: ignore[union-attr]
        assert MARK not in name, name
        if delimiter:
            assert any(line == delimiter for line in lines), "a value without an end"


def _disguises() -> Iterator[str]:
    """The secret as it would be carried out, in lower case: some of it as it is, or all of it in another form."""
    yield CANARY
    yield CANARY[::-1]
    yield CANARY.encode().hex()
    for padding in ("", "x", "xx"):
        yield base64.b64encode((padding + SECRET).encode()).decode()[4:40].lower()


DISGUISES = tuple(_disguises())
CHECKS = {
    "text": lambda text: check_stream(text, annotates=False),
    "json": check_json,
    "markdown": check_markdown,
    "github": lambda text: check_stream(text, annotates=True),
    "gitlab": check_json,
    "gitlab-report": check_json,
}
