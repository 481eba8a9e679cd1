"""Each code that the source can show is explained, and nothing else is.

The source is read: every word with a hyphen that stands there as a text is a code, unless it is listed here as
something else; so are the words without one that are given to what makes errors.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import Desk

from batchrunner.errors import ExitCode
from batchrunner.explanations import FAMILIES, explanations_of, pasted
from batchrunner.policy import RULES

ROOT = Path(__file__).parents[2] / "batchrunner"
NOT_OURS = ("explanations", "sandbox", "testing", "starters")
"""Explanations are what is checked; what the sandbox says is said by a provider."""
ENTRIES = [(family, entry) for family in FAMILIES for entry in family.entries]
NO_CODES = {
    "options and values": "run-key list-match api-key x-api-key own-file demo-github no-reader gitlab-report",
    "tags of records": "local-file provider-file files-surveyed survey-files remove-file shared-batch",
    "git": "cat-file check-ignore ls-files ls-tree rev-parse",
    "what happened to an attempt": "input-removed",
    "OAuth": "jwt-bearer token-exchange oauth-2025-04-20 oidc-federation-2026-04-01",
    "headers": "accept-encoding anthropic-beta anthropic-version content-encoding content-length content-range "
    "content-type idempotency-key if-range proxy-authorization retry-after retry-after-ms transfer-encoding user-agent "
    "webhook-id webhook-signature webhook-timestamp x-request-id x-should-retry",
    "occasions of webhooks": "apply-failed apply-succeeded apply-unchanged batch-ended batch-failed fetch-failed "
    "fetch-succeeded wait-failed",
    "encodings": "utf-8 latin-1",
    "habits of the sandbox": "any-lines",
    "a path of Together": "batch-api",
}
MADE_UP = {
    "state-not-read": "`state-not-{what}`, stores/file.py",
    "too-many-bytes": "`too-many-{what}`, inputs/ledger.py",
    "too-many-tokens": "`too-many-{what}`, inputs/ledger.py",
    "too-many-embedding-inputs": "`too-many-{what}`, inputs/ledger.py",
    "unknown-endpoint": "`unknown-{words}`, loader/offers.py",
    "unknown-window": "`unknown-{words}`, loader/offers.py",
}
"""Codes that are put together where they are shown."""
MAKERS = {
    *("Again", "BatchrunnerError", "Deferred", "Denied", "Diagnostic", "Finding", "FieldProblem", "InDoubt"),
    *("InputRefused", "LineProblem", "Notice", "Problem", "ReferenceProblem", "Refused", "Rejected", "RowProblem"),
    *("StaleError", "StateError", "TextProblem", "TryAgain", "Unknown", "UsageError"),
    *("_Broken", "_Unresolved", "_Unusable", "_note", "_refuse", "_refused", "_stop", "notice"),
    *("failure", "ok", "skipped", "warning"),
}
HYPHENED, WORD = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+"), re.compile(r"[a-z]+")


def trees() -> Iterator[ast.Module]:
    for path in sorted(ROOT.rglob("*.py")):
        if path.relative_to(ROOT).parts[0] not in NOT_OURS:
            yield ast.parse(path.read_text(encoding="utf-8"))


def texts(tree: ast.AST) -> Iterator[str]:
    return (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))


def given(tree: ast.AST) -> Iterator[str]:
    """What is given as a code to what makes errors."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        codes = [word.value for word in call.keywords if word.arg in {"code", "reason", "id"}]
        for value in [*call.args[:1], *codes] if name in MAKERS else codes:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


@pytest.fixture(scope="module")
def source() -> tuple[set[str], set[str]]:
    """All texts of the source, and those that are codes."""
    others = {word for words in NO_CODES.values() for word in words.split()}
    read = [*trees()]
    everything = {text for tree in read for text in texts(tree)}
    codes = {text for text in everything if HYPHENED.fullmatch(text)} - others
    return everything, codes | {text for tree in read for text in given(tree) if WORD.fullmatch(text)}


def test_each_code_of_the_source_is_explained(source: tuple[set[str], set[str]]) -> None:
    _, codes = source
    assert codes - {entry.code for _, entry in ENTRIES} == set()
    assert {"lock-held", "usage", "in-doubt", "table"} <= codes


def test_each_rule_of_the_policy_is_explained() -> None:
    explained = {entry.code for family, entry in ENTRIES if family.name == "policy"}
    assert explained - {"policy-refused", "max_cost_usd"} == {rule.__name__.strip("_") for rule in RULES}


def test_each_explained_code_is_in_the_source(source: tuple[set[str], set[str]]) -> None:
    everything, _ = source
    assert {entry.code for _, entry in ENTRIES} - everything == set(MADE_UP)


def test_what_is_no_code_is_there(source: tuple[set[str], set[str]]) -> None:
    everything, _ = source
    assert {word for words in NO_CODES.values() for word in words.split()} <= everything


def test_an_explanation_can_be_read() -> None:
    for family, entry in ENTRIES:
        assert [found for found in explanations_of(entry.code, FAMILIES) if found == (family, entry)], entry
        assert len(entry.title) <= 80, entry
        assert re.fullmatch(r"([A-Z`]|batchrunner|git ).*[^.]", entry.title), entry
        assert all(re.fullmatch(r".*\.", text) for text in (entry.cause, entry.remedy)), entry
        codes = {code for code in (entry.exits or family.exits).split(", ") if code}
        assert {int(code) for code in codes} <= {int(code) for code in ExitCode}, entry


def test_a_code_has_one_explanation_in_a_family() -> None:
    names = [(family.name, entry.code) for family, entry in ENTRIES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "shown",
    [
        "unknown-key",
        "error[unknown-key]",
        "error[unknown-key]: unknown key `completion_windw`",
        "Error: error[unknown-key]",
        "unknown_key",
        "UNKNOWN-KEY",
        "`unknown-key`",
        ' "unknown-key":',
        "[unknown-key]",
    ],
)
def test_a_code_may_be_pasted_as_it_was_shown(shown: str) -> None:
    assert [entry.code for _, entry in explanations_of(pasted(shown), FAMILIES)][:1] == ["unknown-key"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_code_with_two_meanings_has_both(desk: Desk) -> None:
    ran = desk.run("explain", "error[missing-key]")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("missing-key: ") == 2
    assert "\n         export ALPHAEDGE_API_KEY=…\n" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


def test_json_says_the_same(desk: Desk) -> None:
    found = desk.run("explain", "max_cost_usd", "--json").document["explanations"]
    assert [(each["code"], each["family"], each["exit_codes"]) for each in found] == [("max_cost_usd", "policy", [1])]
    everything = desk.run("explain", "--json").document["explanations"]
    assert len(everything) == len(ENTRIES)


def test_without_a_code_all_are_listed(desk: Desk) -> None:
    ran = desk.run("explain")
    listed = {line.split()[0] for line in ran.out.splitlines() if line.startswith("  ") and line.strip()}
    assert {entry.code for _, entry in ENTRIES} <= listed
    assert max(map(len, ran.out.splitlines())) <= 80


def test_an_unknown_code_is_answered_with_the_nearest(desk: Desk) -> None:
    ran = desk.run("explain", "error[unknwon-key]")
    assert (ran.code, ran.out) == (64, "")
    assert "did you mean `batchrunner explain unknown-key`?" in ran.err
    assert "\x1b" not in desk.run("explain", "\x1b[31mred").err


def test_what_a_run_shows_can_be_explained(desk: Desk) -> None:
    desk.write("s.yaml", "batches: [{name: a, input_file_id: f, endpoint: /v1/embeddings, colour: red}]\n")
    shown = desk.run("validate", "s.yaml")
    assert shown.code == 1
    assert "unknown-key: A key that nobody knows" in desk.run("explain", shown.err.splitlines()[0]).out
