"""References: `${vars.model}`, `${run.date}`, … in parsed scalars. One pass, no expressions, never text templating.

What is put in is not looked at again: a value that itself holds `${…}` stays as it is. `$${` stands for `${`.
"""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from batchrunner.printable import brief
from batchrunner.spec import Scalar
from batchrunner.suggestions import did_you_mean, listed

_SECRET = re.compile(r"(?i)(?:^|_)(?:KEY|APIKEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(?:_|$)")
"""Names of variables that hold secrets, as nearly all programs name them."""
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""Characters that no value may hold: controls but tab and line ends, line separators, bidirectional embeddings and
isolates (CVE-2021-42574), byte order marks, noncharacters, lone surrogates."""

LONGEST = 1 << 20
"""Characters that a text with references in it may have, before and after: more than any prompt takes."""

NOTHING: Mapping[str, Any] = MappingProxyType({})

_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_COLUMN = re.compile(r"row\.(?=\S)(?:[^{}\t\r\n]*\S)\Z")


class ReferenceProblem(NamedTuple):
    """Why a reference stands for nothing."""

    code: str
    message: str
    hint: str = ""


TOO_LONG = ReferenceProblem(
    "too-long",
    f"with its references replaced the text has more than {LONGEST:,} characters",
    "refer to shorter values, or less often",
)


class BadReferences(Exception):
    """A scalar holds references that stand for nothing; every one of them is in `problems`."""

    def __init__(self, problems: tuple[ReferenceProblem, ...]) -> None:
        super().__init__(*(problem.message for problem in problems))
        self.problems = problems


class _Unresolved(Exception):
    """Control flow between the functions of this module, never seen outside."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.problem = ReferenceProblem(code, message, hint)


class Column(NamedTuple):
    """`${row.NAME}`: the value that a row has in this column, known only when it is rendered."""

    name: str


class Scope(NamedTuple):
    """What references may stand for: values by namespace and name.

    `run` holds `date`, and `key` where the run has one before its content is known. `env` is read from `environment`,
    and only for the names in `allow_env`, which the project file decides. `has_rows` says that this is a template, in
    which `${row.NAME}` stands for a `Column`.
    """

    vars: Mapping[str, Scalar] = NOTHING
    run: Mapping[str, Scalar] = NOTHING
    matrix: Mapping[str, Scalar] = NOTHING
    batch: Mapping[str, Scalar] = NOTHING
    allow_env: Collection[str] = ()
    environment: Mapping[str, str] = NOTHING
    has_rows: bool = False

    @property
    def namespaces(self) -> Mapping[str, Mapping[str, Scalar]]:
        """The namespaces whose names are known without looking at the environment."""
        return {"vars": self.vars, "run": self.run, "matrix": self.matrix, "batch": self.batch}

    @property
    def available(self) -> tuple[str, ...]:
        """Every reference that stands for something, without `${}`."""
        known = [f"{space}.{name}" for space, names in self.namespaces.items() for name in names]
        return (*known, *(f"env.{name}" for name in self.allow_env))


def substitute(text: str, scope: Scope) -> Scalar:
    """`text` with its references replaced. A text that is one reference and nothing else keeps the value's type.

    Elsewhere a value is put in as text: `true` and `false` in lower case, numbers in Python's shortest form.
    Raises `BadReferences` with every reference of the text that is malformed or stands for nothing, and with
    `too-long` for a text of more than `LONGEST` characters, which is not made.
    """
    if "${" not in text:
        return text
    if len(text) > LONGEST:
        raise BadReferences((TOO_LONG,))
    parts = parts_of(text, scope)
    if is_reference(text):
        return parts[0]  # type: ignore[no-any-return]
    pieces = [as_text(part) for part in parts]
    # Many references to one long value are a small text that stands for a huge one.
    if sum(map(len, pieces)) > LONGEST:
        raise BadReferences((TOO_LONG,))
    return "".join(pieces)


def parts_of(text: str, scope: Scope) -> list[Any]:
    """What `text` is made of, in order: texts of its own, and the scalars and `Column`s its references stand for.

    Raises `BadReferences` with every reference that is malformed or stands for nothing.
    """
    parts: list[Scalar | Column] = []
    problems: list[ReferenceProblem] = []
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        end = match.end()
        try:
            parts.append(_value(match, scope))
        except _Unresolved as unresolved:
            problems.append(unresolved.problem)
    if problems:
        raise BadReferences(tuple(problems))
    return [*parts, text[end:]] if end < len(text) else parts


def is_reference(text: str) -> bool:
    """Whether `text` is one reference and nothing else, or one `$${`."""
    return _TOKEN.fullmatch(text) is not None


def refers(text: str) -> bool:
    """Whether `text` holds a reference, well formed or not; an escaped `$${` is none."""
    return "${" in text and any(match[0] != "$${" for match in _TOKEN.finditer(text))


def unescaped(text: str) -> str:
    """A text that holds no reference, with `$${` read as `${`."""
    return text.replace("$${", "${")


def as_text(value: Scalar) -> str:
    """A scalar as it is put into a longer text, and as an address names it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(match: re.Match[str], scope: Scope) -> Scalar | Column:
    if match[0] == "$${":
        return "${"
    inner, closed = match[1], match[2]
    if closed and _COLUMN.match(inner):
        return _column(inner, scope)
    space, dot, name = inner.partition(".")
    if not closed or not _NAME.match(inner) or (dot and not _NAME.match(name)):
        raise _Unresolved(
            "malformed-reference",
            f"`{brief(match[0])}` is not a reference",
            "a reference is `${namespace.name}`, without spaces or expressions; write `$${` for a plain `${`",
        )
    if space == "env" and dot:
        return _variable(name, scope)
    found = scope.namespaces.get(space, {}).get(name)
    if found is None:
        raise _unknown(inner, scope)
    return found


def _column(inner: str, scope: Scope) -> Column:
    if scope.has_rows:
        return Column(inner.removeprefix("row."))
    raise _Unresolved(
        "reference-unavailable",
        f"`${{{brief(inner)}}}` reads a row of a table, and there is none here",
        "rows can be used in `input.custom_id` and in texts of `input.body`",
    )


def _variable(name: str, scope: Scope) -> str:
    if _SECRET.search(name):
        raise _Unresolved(
            "env-secret",
            f"the environment variable `{brief(name)}` is named as secrets are: what specs read is shown in plans",
            "no project file can allow it, as a pull request may bring one; give the variable another name",
        )
    if name not in scope.allow_env:
        raise _Unresolved(
            "env-not-allowed",
            f"specs of this project may not read the environment variable `{brief(name)}`",
            f"its owners allow it by adding `{brief(name)}` to `policy.allow_env` in batchrunner.yaml",
        )
    value = scope.environment.get(name)
    if value is None:
        raise _Unresolved("env-unset", f"the environment variable `{name}` is not set", "set it, even to nothing")
    if FORBIDDEN.search(value):
        raise _Unresolved("bad-character", f"the environment variable `{name}` holds characters that no value may hold")
    return value


def _unknown(inner: str, scope: Scope) -> _Unresolved:
    if inner == "run.key" and scope.run:
        return _Unresolved(
            "reference-unavailable",
            "`${run.key}` is not known under `once_per: content`: the key comes from the content itself",
            "use `${run.date}`, or choose `once_per: day`",
        )
    available = (*scope.available, *(["row.NAME"] if scope.has_rows else []))
    hint = did_you_mean(inner, available, "${{{}}}") or _same_name(inner, available)
    names = f"available are {listed(available)}" if available else "nothing is available here"
    message = f"`${{{brief(inner)}}}` stands for nothing"
    return _Unresolved("unknown-reference", message, f"{hint} {names}".strip())


def _same_name(inner: str, available: Collection[str]) -> str:
    """A suggestion for `${model}`, which lacks its namespace."""
    return next((f"did you mean `${{{name}}}`?" for name in available if name.partition(".")[2] == inner), "")
