"""The `vars` of a spec, and the ones given on the command line."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from batchrunner.errors import UsageError
from batchrunner.loader.explaining import kind_of
from batchrunner.loader.findings import Finding, Findings
from batchrunner.loader.scalars import BadNumber, core_scalar
from batchrunner.printable import brief
from batchrunner.references import FORBIDDEN, refers, unescaped
from batchrunner.spec import Scalar
from batchrunner.suggestions import did_you_mean, listed

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}\Z")


def given_variables(variables: Mapping[str, str]) -> dict[str, Scalar]:
    """What `--var NAME=TEXT` gives, each text read as a plain YAML scalar; an empty one is an empty text.

    Raises `UsageError` `bad-variable` for null, a number out of range, and characters no value may hold.
    """
    return {name: _given(name, text) for name, text in variables.items()}


def _given(name: str, text: str) -> Scalar:
    try:
        value = core_scalar(text) if text else ""
    except BadNumber as error:
        raise UsageError("bad-variable", f"the variable `{brief(name)}` is not usable", why=str(error)) from None
    if value is None or (isinstance(value, str) and FORBIDDEN.search(value)):
        why = "It is null." if value is None else "It holds control or formatting characters."
        raise UsageError("bad-variable", f"the variable `{brief(name)}` is not usable", why=why)
    return value


def check_declared(given: Mapping[str, Scalar], declared: Collection[str]) -> None:
    """Raise `UsageError` `unknown-variable` for a given variable that no spec declares."""
    for name in sorted(set(given).difference(declared)):
        known = f"declared are {listed(sorted(declared))}" if declared else "no spec declares any"
        raise UsageError(
            "unknown-variable",
            f"no spec declares the variable `{brief(name)}`",
            hint=did_you_mean(name, declared) or f"{known}, under `vars`",
        )


def declared_variables(declared: Any, given: Mapping[str, Scalar], findings: Findings) -> dict[str, Scalar]:
    """The variables of one spec, the `given` ones in the place of its own. What is wrong is noted in `findings`."""
    if declared is None:
        return {}
    if not isinstance(declared, dict):
        findings.add(Finding("wrong-type", f"`vars` must be a mapping, not {kind_of(declared)}", ("vars",)))
        return {}
    return {name: _variable(name, value, given, findings) for name, value in declared.items()}


def _variable(name: str, value: Any, given: Mapping[str, Scalar], findings: Findings) -> Scalar:
    pointer = ("vars", name)
    if not NAME.match(name):
        rule = "it is letters, digits, `_` and `-`, starting with a letter or `_`"
        findings.add(Finding("bad-name", f"`{brief(name)}` is not a valid name of a variable", pointer, rule, "key"))
    if not isinstance(value, str | int | float):
        message = f"a variable is text, a number, true or false, and `{brief(name)}` is {kind_of(value)}"
        findings.add(Finding("wrong-type", message, pointer))
        return ""
    if isinstance(value, str) and refers(value):
        hint = "write it out, or put both references where they are used"
        findings.add(Finding("reference-not-allowed", "variables hold no references", pointer, hint))
    return given.get(name, unescaped(value) if isinstance(value, str) else value)
