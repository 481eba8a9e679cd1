"""Whatever specs, inputs and providers are called: a comment holds our markup and their text, never their markup."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from batchrunner.comparison import Base, Difference
from batchrunner.errors import Diagnostic, InvalidFiles, Refused
from batchrunner.manifest import LocalFile, ProviderFile
from batchrunner.plans import (
    Blocked,
    Change,
    Import,
    Move,
    Notice,
    Orphan,
    Plan,
    PlannedSpec,
    Refusal,
    Submit,
    Unchanged,
)
from batchrunner.pricing import Estimate
from batchrunner.records import replace
from batchrunner.render.failures import failure_markdown
from batchrunner.render.fences import code, lines_block, marker
from batchrunner.render.markdown import LIMIT, plan_markdown

PARSER = MarkdownIt("commonmark").enable("table")
OURS = re.compile(r"<!-- batchrunner:plan:[A-Za-z0-9%/._~,:-]* -->|<details><summary>[\w,: ]+</summary>|</details>")
# GFM's own rule for the cells of a row: https://github.com/github/cmark-gfm/blob/master/extensions/ext_scanners.re
GFM_CELL = re.compile(r"((?:\\[|!\"#$%&'()*+,./:;<=>?@\[\\\]^_`{}~-]|[^|\r\n])+)\|")

FRAGMENTS = [
    "`", "``", "```", "~~~", "|", "\\|", "\\", "\n", "\r\n", "@everyone", "#12", "[x](http://e.example)", "](", "[",
    "![i](http://e.example/i.png)", "<img src=x>", "<!--", "-->", "<!-- batchrunner:plan:specs/a.yaml -->", "<b>",
    "http://e.example", "www.e.example", "&amp;", "\x1b[2J", "\u202e", "\u200b", "*", "_", "> ", "- ", "# ", " ", "x",
    "</details>", "é", "日", "::error::", "##[error]", "%0A", "]",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join)


def submit(text: str, file_id: str | None = None) -> Submit:
    local = LocalFile(path=text, sha256=text, size=10, requests=2, models=(text, f"{text}x"))
    return Submit(
        address=text,
        run_key=text,
        reason=text or "new",
        attempt=1,
        idempotency_key=text,
        fingerprint=text,
        provider=text,
        origin=text,
        endpoint=text,
        completion_window=text,
        source=local if file_id is None else ProviderFile(file_id=file_id),
        estimate=None if file_id else estimate(text),
    )


def estimate(text: str) -> Estimate:
    return Estimate(
        input_tokens=10, output_tokens=None, counted_by=text, cost_low=1.0, basis=f"full+{text}", unpriced=(text,),
        price_lists=(text,),
    )  # fmt: skip


def plan(
    *changes: Change, text: str = "nightly", specs: int = 1, targets: tuple[str, ...] = (), warned: int = 0
) -> Plan:
    named = PlannedSpec(name=text, path=text, sha256=text, run=text, state=text, lineage="l", serial=12)
    return Plan(
        created_at="",
        tool_version="",
        plan_id=text,
        specs=(named,) * specs,
        changes=changes,
        targets=targets,
        notices=(Notice(code=text, message=text, where=text),) * warned,
        refusals=(Refusal(rule=text, message=text, address=text),) * warned,
    )


def full(text: str) -> Plan:
    changes = (
        submit(text),
        submit(text, file_id=text),
        Unchanged(
            address=text, run_key=text, reason="already-submitted", batch_id=text, submitted_at=text, status=text
        ),
        Unchanged(address=text, run_key=text, reason="failed-remotely", batch_id=text, submitted_at=text),
        Blocked(address=text, run_key=text, reason="in-doubt-held", hint=text, batch_id=text, explanation=text),
        Blocked(address=text, run_key=text, reason=text, hint=text),
        Orphan(address=text, run_key=text, reason="not-in-specs", batch_id=text),
    )
    base = Base(
        revision=text,
        commit=text,
        head=text,
        problem=text,
        differences=(
            Difference(address=text, kind="changed", lines=("@@", f" {text}", f"-{text}", f"+{text}")),
            Difference(address=text, kind="moved", previous=text, omitted=7),
            Difference(address=text, kind="added", lines=(f"+{text}",) * 2),
            Difference(address=f"{text}x", kind="removed", lines=(f"-{text}",)),
        ),
    )
    made = plan(*changes, *taken_over(text), text=text, targets=(text, "x"), warned=1)
    return replace(made, paths=(text, "x"), rules=(text, "max_cost_usd"), base=base)


def taken_over(text: str) -> tuple[Change, ...]:
    bought = submit(text, file_id=text)
    names = ("address", "run_key", "idempotency_key", "fingerprint", "provider", "origin", "endpoint", "attempt",
             "completion_window", "source")  # fmt: skip
    same = {name: getattr(bought, name) for name in names}
    return (
        Move(address=text, reason="declared-in-moved", previous=text, previous_state=text),
        Import(**same, reason="declared-in-imports", batch_id=text),
    )


def tokens(markdown: str) -> list[Token]:
    flat: list[Token] = []
    for token in PARSER.parse(markdown):
        flat += [token, *(token.children or ())]
    return flat


def prose(markdown: str) -> str:
    """What is text to a renderer: where mentions, issue numbers and bare links would be found."""
    return "\n".join(token.content for token in tokens(markdown) if token.type == "text")


SKELETON = plan_markdown(full("x"))


@settings(deadline=None)
@given(HOSTILE)
def test_data_is_never_markup(text: str) -> None:
    found = tokens(plan_markdown(full(text)))
    assert not {"link_open", "image", "html_inline"} & {token.type for token in found}
    for token in found:
        if token.type == "html_block":
            assert all(OURS.fullmatch(line) for line in token.content.strip().split("\n"))


@settings(deadline=None)
@given(HOSTILE)
def test_data_is_never_prose(text: str) -> None:
    said = prose(plan_markdown(full(text)))
    assert "@" not in said
    assert "#" not in said
    assert "e.example" not in said


@settings(deadline=None)
@given(HOSTILE)
def test_the_document_keeps_its_shape(text: str) -> None:
    def shape(markdown: str) -> list[str]:
        kinds = {"heading_open", "table_open", "th_open", "td_open", "tr_open", "fence", "html_block", "list_item_open"}
        return [token.type for token in tokens(markdown) if token.type in kinds]

    assert shape(plan_markdown(full(text or "x"))) == shape(SKELETON)


@settings(deadline=None)
@given(HOSTILE)
def test_githubs_own_cell_rule_sees_nine_cells(text: str) -> None:
    rows = [line for line in plan_markdown(full(text)).split("\n") if line.startswith("|") and "submit" in line]
    assert len(rows) == 2
    for row in rows:
        assert len(GFM_CELL.findall(row.removeprefix("|"))) == 9


@settings(deadline=None)
@given(HOSTILE)
def test_there_is_one_marker_and_it_is_ours(text: str) -> None:
    written = plan_markdown(full(text))
    assert written.count("<!--") == written.count("-->") == 1
    assert written.startswith("<!-- batchrunner:plan:")


@settings(deadline=None)
@given(HOSTILE)
def test_nothing_in_it_moves_a_cursor_or_is_a_command(text: str) -> None:
    written = plan_markdown(full(text))
    assert all(character == "\n" or character.isprintable() or character == "\ufe0f" for character in written)
    assert not [line for line in written.split("\n") if line.lstrip().startswith("::")]


@settings(deadline=None)
@given(HOSTILE)
def test_a_code_span_is_one_code_span(text: str) -> None:
    children = PARSER.parseInline(code(text))[0].children or []
    assert [child.type for child in children] == ["code_inline"]


def test_the_marker_depends_on_the_specs_alone() -> None:
    assert marker(("specs/a.yaml", "specs/b.yaml")) == "<!-- batchrunner:plan:specs/a.yaml,specs/b.yaml -->"
    assert marker(("a,b",)) != marker(("a", "b"))
    assert len(marker(tuple(f"specs/{i}.yaml" for i in range(500)))) < 150


@pytest.mark.parametrize("kind", ["submit", "blocked", "unchanged", "orphan", "specs", "warned", "everything"])
def test_any_plan_fits_and_says_how_much_is_left_out(kind: str) -> None:
    number, long = 3_000, "`" * 3 + "\u202e" * 60
    many: dict[str, tuple[Change, ...]] = {
        "submit": tuple(submit(f"n/{long}{i}") for i in range(number)),
        "blocked": tuple(
            Blocked(address=f"n/{long}{i}", run_key="r", reason="in-doubt-held", hint=long * 9) for i in range(number)
        ),
        "unchanged": tuple(
            Unchanged(address=f"n/{i}", run_key="r", reason="already-submitted", batch_id=long, submitted_at="")
            for i in range(number)
        ),
        "orphan": tuple(Orphan(address=f"n/{i}", run_key="r", reason="not-in-specs") for i in range(number)),
        "specs": (),
        "warned": (),
    }
    many["everything"] = tuple(change for changes in many.values() for change in changes)
    written = plan_markdown(
        plan(
            *many[kind],
            text=long,
            specs=number if kind in {"specs", "everything"} else 1,
            targets=(long,) * 50,
            warned=number if kind in {"warned", "everything"} else 0,
        )
    )
    assert len(written) <= LIMIT
    assert re.search(r"\d,\d{3} (more|batches)", written)
    assert written.count("<details>") == written.count("</details>")


def test_batches_that_are_alike_are_one_row_with_their_sums() -> None:
    members = [replace(submit(f"n/a[i={i}]"), run_key="day:2026-11-22", reason="new", provider="p", endpoint="/e",
                       completion_window="24h", source=LocalFile(path=f"{i}", sha256="s", size=10, requests=2))
               for i in range(10_000)]  # fmt: skip
    written = plan_markdown(plan(*members))
    assert written.count("\N{HEAVY PLUS SIGN} submit") == 1
    assert "| `n/a[…] (10,000 batches)` | " in written
    assert " | 20,000 | 100.0 kB | " in written
    assert "### batchrunner plan: 10,000 to submit · " in written
    assert len(written) < 6_000


def test_runs_of_content_are_alike() -> None:
    found = [Unchanged(address=f"n/a{i}", run_key=f"content:{i:012x}", reason="already-submitted", batch_id=f"b{i}",
                       submitted_at="2026-11-22T02:31:00Z") for i in range(10_000)]  # fmt: skip
    written = plan_markdown(plan(*found))
    assert "- `n/a0 … n/a9999 (10,000 batches)`: already submitted for `content` at " in written
    assert "10,000 batches" in written


def test_differences_that_are_alike_are_told_once_and_all_are_counted() -> None:
    lines = ("@@", "-model: a", "+model: b")
    many = [Difference(address=f"n/a[i={i}]", kind="changed", lines=(" x: " + str(i), *lines)) for i in range(3_000)]
    odd = [Difference(address=f"n/b{i}", kind="changed", lines=(f"+x: {i}" + "y" * 200,)) for i in range(3_000)]
    base = Base(revision="main", commit="c" * 40, differences=(*many, *odd))
    written = plan_markdown(replace(plan(), base=base))
    assert len(written) <= LIMIT
    assert "Declared otherwise than at the base: 6,000 changed" in written
    assert "`n/a[i=0]` and 2,999 batches alike" in written
    shown = written.count("changed `n/b")
    assert f"- … and {3_000 - shown:,} more batches" in written


def test_a_base_without_differences_says_so() -> None:
    base = Base(revision="main", commit="0123456789abcdef")
    written = plan_markdown(replace(plan(), base=base))
    assert "- against `main` `0123456789ab`\n" in written
    assert "\nDeclared as at the base.\n" in written


def test_which_rules_passed_and_which_did_not() -> None:
    some = replace(plan(), rules=("max_cost_usd", "allowed_models"))
    assert "- policy ✅ passed: `max_cost_usd`, `allowed_models`\n" in plan_markdown(some)
    broken = replace(some, refusals=(Refusal(rule="max_cost_usd", message="m"),))
    assert "- policy ⛔ broken: `max_cost_usd`, ✅ passed: `allowed_models`\n" in plan_markdown(broken)


@settings(deadline=None)
@given(HOSTILE, st.sampled_from(["", "    ", " "]))
def test_a_block_holds_its_lines_whatever_they_are(text: str, before: str) -> None:
    lines = [before + text, "`" * 3, f" {text}", "~~~"]
    found = PARSER.parse(lines_block(lines, "diff"))
    assert [token.type for token in found] == ["fence"]
    assert found[0].content.count("\n") == len(lines)


def invalid(text: str) -> InvalidFiles:
    problem = Diagnostic("bad-value", text, text, 3, 4, source=text, hint=text)
    return InvalidFiles((problem, Diagnostic(text, text, text)), unlisted=3)


@settings(deadline=None)
@given(HOSTILE)
def test_a_comment_about_invalid_specs_holds_no_markup_of_theirs(text: str) -> None:
    for error in (invalid(text), Refused(text, text, where=text, why=text, hint=text)):
        written = failure_markdown(error, (text, "x"))
        found = tokens(written)
        assert not {"link_open", "image", "html_inline"} & {token.type for token in found}
        assert [token.type for token in found].count("heading_open") == 1
        assert all(OURS.fullmatch(token.content.strip()) for token in found if token.type == "html_block")
        assert written.count("<!--") == 1
        assert not {"@", "#", "e.example"} & set(re.findall(r"[@#]|e\.example", prose(written)))
        assert not [line for line in written.split("\n") if line.lstrip().startswith("::")]


def test_a_comment_about_invalid_specs_says_what_and_where() -> None:
    problem = Diagnostic(
        "unknown-key", "unknown key `x`", "specs/a.yaml", 6, 5, source="    x: 1", hint="did you mean `y`?"
    )
    assert failure_markdown(InvalidFiles((problem,)), ("specs/",)) == (
        "<!-- batchrunner:plan:specs/ -->\n### batchrunner plan: ⛔ specs are invalid · 1 error in 1 file\n\n"
        "Nothing is planned, and nothing can be applied.\n\n"
        "- `specs/a.yaml:6:5` `unknown-key`: `` unknown key `x` ``\n  in `x: 1`\n  help: ``did you mean `y`?``\n"
    )


def test_a_comment_about_many_problems_fits_and_counts_the_rest() -> None:
    many = tuple(Diagnostic("c", "m" * 200, f"specs/{i}.yaml", source="s" * 300) for i in range(200))
    written = failure_markdown(InvalidFiles(many, unlisted=1_000), ("specs/",))
    assert len(written) <= LIMIT
    assert "1,200 errors in 200 files" in written
    shown = written.count("- `specs/")
    assert f"- … and {1_200 - shown:,} more\n" in written


def test_one_comment_is_found_again_whether_or_not_its_specs_are_valid() -> None:
    first = plan_markdown(replace(plan(), paths=("specs/",))).split("\n")[0]
    assert first == failure_markdown(invalid("x"), ("specs/",)).split("\n")[0] == "<!-- batchrunner:plan:specs/ -->"


def test_rows_and_remainder_add_up() -> None:
    written = plan_markdown(plan(*(submit(f"n/{i}") for i in range(10_000))))
    rows = written.count("\N{HEAVY PLUS SIGN} submit")
    assert f"| … | {10_000 - rows:,} more: {2 * (10_000 - rows):,} requests" in written


def test_what_is_renamed_alone_is_a_change() -> None:
    written = plan_markdown(plan(*taken_over("n/a")))
    assert "### batchrunner plan: 1 to import · 1 to move\n" in written
    assert "#### ➡️ 1 renamed, 📥 1 taken over from the provider: nothing is paid for" in written


def test_an_empty_plan_says_so() -> None:
    assert "### batchrunner plan: no changes\n" in plan_markdown(plan())


def test_what_comes_next_cannot_be_pasted_as_another_run() -> None:
    """A plan does not know that it was made with --sandbox, --run-key or --replace."""
    written = plan_markdown(plan(submit("nightly/a")))
    assert "all the flags of this plan" in written
    assert "batchrunner apply nightly" not in written
    assert "Next" not in plan_markdown(plan())


def test_what_is_saved_is_named() -> None:
    written = plan_markdown(plan(submit("nightly/a")), "out dir/plan.json")
    assert written.endswith("saved as `plan.json`: `batchrunner apply` with it applies exactly that.\n")
    assert "--out" not in written
