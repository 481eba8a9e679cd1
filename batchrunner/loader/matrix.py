"""Matrix expansion: a plain product in the order it is written, less what `exclude` names."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from batchrunner.address import MATRIX_VALUE, NAME
from batchrunner.loader.explaining import kind_of, label_of, wrong_type
from batchrunner.loader.findings import Finding, Findings
from batchrunner.loader.places import Pointer
from batchrunner.printable import brief
from batchrunner.references import as_text, refers
from batchrunner.spec import Scalar
from batchrunner.suggestions import did_you_mean, listed

MAX_MEMBERS = 256

Member = Mapping[str, Scalar]
"""One combination: a value for each key."""


class MatrixReader(NamedTuple):
    """Reads the matrix of the declaration at `pointer`, noting in `findings` whatever is wrong with it."""

    pointer: Pointer
    findings: Findings

    def members(self, declared: Mapping[str, Any]) -> Sequence[Member]:
        """The combinations of a declaration: one that is empty where it has no matrix, none where that is wrong."""
        if "matrix" not in declared:
            if "exclude" in declared:
                self._note("bad-value", "`exclude` takes from a `matrix`, and there is none", "exclude", target="key")
            return [{}]
        axes = self._axes(declared["matrix"])
        if axes is None:
            return []
        count = prod(map(len, axes.values()))
        if count > MAX_MEMBERS:
            self._note(
                "matrix-too-large", f"the matrix makes {count:,} batches; at most {MAX_MEMBERS} may be", "matrix"
            )
            return []
        members: list[Member] = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
        return self._without(members, axes, declared.get("exclude", []))

    def _axes(self, matrix: Any) -> dict[str, list[Scalar]] | None:
        if not isinstance(matrix, dict):
            self._add(wrong_type("`matrix`", "a mapping", matrix), "matrix")
            return None
        if not matrix:
            self._note("empty-matrix", "the matrix is empty", "matrix", hint="give it a list of values, or delete it")
            return None
        sound = [self._is_axis(key, values) for key, values in matrix.items()]
        return matrix if all(sound) else None

    def _is_axis(self, key: str, values: Any) -> bool:
        before = len(self.findings)
        if not NAME.match(key):
            rule = "it is lower-case letters, digits, `.`, `_` and `-`, starting with a letter or digit"
            self._note("bad-name", f"`{brief(key)}` is not a valid matrix key", "matrix", key, hint=rule, target="key")
        if not isinstance(values, list):
            self._add(wrong_type(f"`matrix.{brief(key)}`", "a list", values), "matrix", key)
        elif not values:
            self._note(
                "empty-matrix", f"`matrix.{brief(key)}` has no values", "matrix", key, hint="add one, or delete it"
            )
        else:
            self._check_values(key, values)
        return len(self.findings) == before

    def _check_values(self, key: str, values: list[Any]) -> None:
        seen: set[str] = set()
        for index, value in enumerate(values):
            problem = _value_problem(value)
            if problem:
                self._add(problem, "matrix", key, index)
            elif as_text(value) in seen:
                self._note("duplicate-value", f"`{as_text(value)}` is there twice", "matrix", key, index)
            else:
                seen.add(as_text(value))

    def _without(self, members: list[Member], axes: Mapping[str, list[Scalar]], exclude: Any) -> list[Member]:
        if not isinstance(exclude, list):
            self._add(wrong_type("`exclude`", "a list", exclude), "exclude")
            return []
        texts = {key: [as_text(value) for value in values] for key, values in axes.items()}
        rules = [rule for index, rule in enumerate(exclude) if self._is_rule(index, rule, texts)]
        kept = _uncovered(members, rules) if rules else members
        if not kept:
            self._note("empty-matrix", "everything in the matrix is excluded", "exclude", target="key")
        return kept

    def _is_rule(self, index: int, rule: Any, axes: Mapping[str, list[str]]) -> bool:
        if rule == {}:
            self._note("bad-value", "an empty exclude names nothing", "exclude", index, hint="delete it")
            return False
        if not isinstance(rule, dict):
            self._note("wrong-type", f"{label_of(('exclude', index))} must be a mapping, not {kind_of(rule)}",
                       "exclude", index)  # fmt: skip
            return False
        problems = [problem for key, value in rule.items() for problem in self._rule_problems(index, key, value, axes)]
        for problem in problems:
            self.findings.add(problem)
        return not problems

    def _rule_problems(self, index: int, key: str, value: Any, axes: Mapping[str, list[str]]) -> Iterator[Finding]:
        pointer = (*self.pointer, "exclude", index, key)
        if key not in axes:
            hint = did_you_mean(key, axes) or f"its keys are {listed(axes)}"
            yield Finding("unknown-key", f"the matrix has no key `{brief(key)}`", pointer, hint, "key")
        elif _value_problem(value) or as_text(value) not in axes[key]:
            texts = axes[key]
            shown = brief(as_text(value)) if isinstance(value, str | int | float) else kind_of(value)
            hint = did_you_mean(shown, texts) or f"its values are {listed(texts)}"
            yield Finding("exclude-unmatched", f"nothing in the matrix has `{key}={shown}`", pointer, hint)

    def _add(self, words: tuple[str, str, str], *way: str | int) -> None:
        code, message, hint = words
        self._note(code, message, *way, hint=hint)

    def _note(self, code: str, message: str, *way: str | int, hint: str = "", target: Any = "value") -> None:
        self.findings.add(Finding(code, message, (*self.pointer, *way), hint, target))


def _value_problem(value: Any) -> tuple[str, str, str] | None:
    """Why a value cannot be one of a matrix: it goes into addresses, which people type and shells read."""
    if not isinstance(value, str | int | float):
        return "wrong-type", f"a matrix value is text or a number, not {kind_of(value)}", ""
    if isinstance(value, str) and refers(value):
        return "reference-not-allowed", "matrix values are written out: they name batches", ""
    if not MATRIX_VALUE.match(as_text(value)):
        rule = "it is 1 to 64 characters without `[ ] , = # * ?`, and no space at either end"
        return "bad-value", f"`{brief(as_text(value))}` is not a valid matrix value", rule
    return None


def _uncovered(members: Sequence[Member], rules: Sequence[Mapping[str, Any]]) -> list[Member]:
    """The members that no rule names: sets of them as bits, as there may be many of both."""
    holding: dict[tuple[str, str], int] = {}
    for number, member in enumerate(members):
        for key, value in member.items():
            pair = (key, as_text(value))
            holding[pair] = holding.get(pair, 0) | 1 << number
    everything = (1 << len(members)) - 1
    covered = 0
    for rule in rules:
        named = everything
        for key, value in rule.items():
            named &= holding[key, as_text(value)]
        covered |= named
    return [member for number, member in enumerate(members) if not covered >> number & 1]
