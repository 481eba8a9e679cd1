"""Paths that lead elsewhere, and files that are none: as inputs, tables, specs, folders and project files."""

from collections.abc import Iterator

from support.hostile.repository import (
    FIELDS,
    GOOD,
    Content,
    Folder,
    Hostile,
    Link,
    Listening,
    Pipe,
    Sparse,
    batch,
    line,
)

LINK = "../data/in.jsonl"
LEADING = {
    "passwd": "/etc/passwd",
    "environ": "/proc/self/environ",
    "environ-of-parent": "/proc/1/environ",
    "descriptor": "/proc/self/fd/0",
    "memory": "/proc/self/mem",
    "zero": "/dev/zero",
    "random": "/dev/urandom",
    "standard-input": "/dev/stdin",
    "terminal": "/dev/tty",
    "full": "/dev/full",
    "outside": "@OUTSIDE@/secret.jsonl",
    "home": "@HOME@/.netrc",
    "upwards": "../../outside/secret.jsonl",
    "far-upwards": "../" * 40 + "etc/passwd",
    "git-config": "../.git/config",
    "git-head": "../.git/HEAD",
    "workflow-secrets": "../.env",
}
"""Where inputs should not lead: named as they are, and linked to."""
WRITTEN = {
    "tilde": "~/.netrc",
    "file-url": "file:///etc/passwd",
    "http-url": "http://127.0.0.1:9/pwned.jsonl",
    "https-url": "https://pwned.example/pwned.jsonl",
    "metadata-service": "http://169.254.169.254/latest/meta-data/iam/security-credentials/pwned.jsonl",
    "s3-url": "s3://pwned/pwned.jsonl",
    "unc": "//pwned.example/share/pwned.jsonl",
    "backslashes": "..\\..\\outside\\secret.jsonl",
    "percent": "%2e%2e/%2e%2e/outside/secret.jsonl",
    "dots": "../data/..././../../outside/secret.jsonl",
    "root": "/",
    "dot": ".",
    "dots-alone": "..",
    "slashes": "..///..///.git///config",
    "nul": "../data/in.jsonl\\0.txt",
    "long-name": "a" * 300 + ".jsonl",
    "long-path": "a/" * 2000 + "a.jsonl",
    "command": "$(touch @OUTSIDE@/pwned).jsonl",
    "backticks": "`touch @OUTSIDE@/pwned`.jsonl",
    "pipe": "|cat /etc/passwd",
    "option": "--upload-pack=pwned.jsonl",
    "home-variable": "$HOME/.netrc",
    "glob-upwards": "../../*/*.jsonl",
    "glob-of-root": "/**/*",
    "glob-of-git": "../.git/*",
    "glob-hidden": "../.*",
}
STRANGE: dict[str, Content] = {
    "pipe": Pipe(),
    "socket": Listening(),
    "folder": Folder(),
    "dangling": Link("nowhere.jsonl"),
    "loop": Link("in.jsonl"),
    "sparse": Sparse(40 << 20),
    "empty": b"",
    "link-inside": Link("other.jsonl"),
}


def named() -> Iterator[Hostile]:
    """Inputs that name what they must not."""
    for name, path in {**LEADING, **WRITTEN}.items():
        spec = batch(name="a", input=f'"{path}"')
        yield Hostile("paths-named", name, {"specs/s.yaml": spec, ".env": "PWNED=@SECRET@\n"})


def linked() -> Iterator[Hostile]:
    """Inputs that are links to it, and other things that are no files."""
    for name, target in LEADING.items():
        files: dict[str, Content] = {"specs/s.yaml": batch(input=LINK), "data/in.jsonl": Link(target),
                                     ".env": "PWNED=@SECRET@\n"}  # fmt: skip
        yield Hostile("paths-linked", name, files)
    for name, content in STRANGE.items():
        strange = {"specs/s.yaml": batch(input=LINK), "data/in.jsonl": content, "data/other.jsonl": line("a")}
        yield Hostile("paths-strange", name, strange)


def tables() -> Iterator[Hostile]:
    """Tables that are links, and folders that are."""
    table = "{rows: ../data/t.csv, custom_id: '${row.a}', body: {model: m, input: '${row.b}'}}"
    for name in ("passwd", "environ", "zero", "outside", "home", "git-config"):
        files = {"specs/s.yaml": batch(input=table), "data/t.csv": Link(LEADING[name])}
        yield Hostile("tables-linked", name, files)
    for name, target in {"outside": "@OUTSIDE@", "root": "/", "home": "@HOME@", "itself": ".", "proc": "/proc/self",
                         "git": ".git"}.items():  # fmt: skip
        pattern = {"specs/s.yaml": batch(input='"../data/**/*"'), "data": Link(target)}
        yield Hostile("folders-linked", f"pattern-{name}", pattern)
        plain = {"specs/s.yaml": batch(input="../data/secret.jsonl"), "data": Link(target)}
        yield Hostile("folders-linked", f"name-{name}", plain)


def specs() -> Iterator[Hostile]:
    """Specs that are links: what a diagnostic quotes of them must not be of another file."""
    for name, target in {**LEADING, "secret-spec": "@OUTSIDE@/secret.yaml", "dangling": "nowhere.yaml",
                         "loop": "s.yaml", "folder": "@OUTSIDE@"}.items():  # fmt: skip
        yield Hostile("specs-linked", name, {"specs/s.yaml": Link(target), ".env": "PWNED=@SECRET@\n"})
    yield Hostile("specs-linked", "whole-folder", {"specs": Link("@OUTSIDE@")})
    yield Hostile("specs-linked", "whole-folder-named", {"specs": Link("@OUTSIDE@")}, paths=("specs/secret.yaml",))
    for name, content in STRANGE.items():
        yield Hostile("specs-strange", name, {"specs/s.yaml": content, "specs/good.yaml": GOOD})


def projects() -> Iterator[Hostile]:
    """Project files that are links or no files."""
    for name in ("passwd", "environ", "zero", "outside", "home", "git-config"):
        files: dict[str, Content] = {"specs/s.yaml": GOOD, "batchrunner.yaml": Link(LEADING[name])}
        yield Hostile("project-linked", name, files)
    for name, content in STRANGE.items():
        strange: dict[str, Content] = {"specs/s.yaml": GOOD, "batchrunner.yaml": content}
        yield Hostile("project-strange", name, strange)


def names() -> Iterator[Hostile]:
    """Names of files that a shell, a log or a person reads otherwise."""
    for name, file in {
        "not-utf-8": "\udcff\udcfe.yaml",
        "option": "--out=pwned.yaml",
        "dash": "-.yaml",
        "confusable": "ｓ.yaml",  # noqa: RUF001
        "right-to-left": "s\u202elmay.yaml",
        "line-end": "s\n::error::pwned.yaml",
        "carriage-return": "s\r::error::pwned.yaml",
        "escape": "\x1b[2Js.yaml",
        "quotes": "'\"`$(pwned).yaml",
        "spaces": "   .yaml",
        "longest": "s" * 250 + ".yaml",
        "glob": "[*?].yaml",
        "two-forms": "é.yaml",
    }.items():
        other = f"name: other\nbatches: [{{name: b, {FIELDS}}}]\n"
        yield Hostile("names", name, {f"specs/{file}": other, "specs/two.yaml": GOOD, "specs/e\u0301.yaml": GOOD})
