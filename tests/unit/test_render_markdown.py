"""Whatever specs, inputs and providers are called: a comment holds our markup and their text, never their markup."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from batchrunner.manifest import LocalFile, ProviderFile
from batchrunner.plans import Blocked, Change, Notice, Orphan, Plan, PlannedSpec, Refusal, Submit, Unchanged
from batchrunner.pricing import Estimate
from batchrunner.render.fences import code, marker
from batchrunner.render.markdown import LIMIT, plan_markdown

PARSER = MarkdownIt("commonmark").enable("table")
OURS = re.compile(r"<!-- batchrunner:plan:[A-Za-z0-9%/._~,:-]* -->|<details><summary>[\w, ]+</summary>|</details>")
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
    return plan(*changes, text=text, targets=(text, "x"), warned=1)


def tokens(markdown: str) -> list[Token]:
    flat: list[Token] = []
    for token in PARSER.parse(markdown):
        flat += [token, *(token.children or ())]
    return flat


def prose(markdown: str) -> str:
    """What is text to a renderer: where mentions, issue numbers and bare links would be found."""
    return "\n".join(token.content for token in tokens(markdown) if token.type == "text")


SKELETON = plan_markdown(full("x"))


@given(HOSTILE)
def test_data_is_never_markup(text: str) -> None:
    found = tokens(plan_markdown(full(text)))
    assert not {"link_open", "image", "html_inline"} & {token.type for token in found}
    for token in found:
        if token.type == "html_block":
            assert all(OURS.fullmatch(line) for line in token.content.strip().split("\n"))


@given(HOSTILE)
def test_data_is_never_prose(text: str) -> None:
    said = prose(plan_markdown(full(text)))
    assert "@" not in said
    assert "#" not in said
    assert "e.example" not in said


@given(HOSTILE)
def test_the_document_keeps_its_shape(text: str) -> None:
    def shape(markdown: str) -> list[str]:
        kinds = {"heading_open", "table_open", "th_open", "td_open", "tr_open", "fence", "html_block", "list_item_open"}
        return [token.type for token in tokens(markdown) if token.type in kinds]

    assert shape(plan_markdown(full(text or "x"))) == shape(SKELETON)


@given(HOSTILE)
def test_githubs_own_cell_rule_sees_nine_cells(text: str) -> None:
    rows = [line for line in plan_markdown(full(text)).split("\n") if line.startswith("|") and "submit" in line]
    assert len(rows) == 2
    for row in rows:
        assert len(GFM_CELL.findall(row.removeprefix("|"))) == 9


@given(HOSTILE)
def test_there_is_one_marker_and_it_is_ours(text: str) -> None:
    written = plan_markdown(full(text))
    assert written.count("<!--") == written.count("-->") == 1
    assert written.startswith("<!-- batchrunner:plan:")


@given(HOSTILE)
def test_nothing_in_it_moves_a_cursor_or_is_a_command(text: str) -> None:
    written = plan_markdown(full(text))
    assert all(character == "\n" or character.isprintable() or character == "\ufe0f" for character in written)
    assert not [line for line in written.split("\n") if line.lstrip().startswith("::")]


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
    assert re.search(r"\d,\d{3} more", written)
    assert written.count("<details>") == written.count("</details>")


def test_rows_and_remainder_add_up() -> None:
    written = plan_markdown(plan(*(submit(f"n/{i}") for i in range(10_000))))
    rows = written.count("\N{HEAVY PLUS SIGN} submit")
    assert f"| … | {10_000 - rows:,} more: {2 * (10_000 - rows):,} requests" in written


def test_an_empty_plan_says_so() -> None:
    assert "### batchrunner plan: no changes\n" in plan_markdown(plan())


def test_what_comes_next_cannot_be_pasted_as_another_run() -> None:
    """A plan does not know that it was made with --sandbox, --run-key or --replace."""
    written = plan_markdown(plan(submit("nightly/a")))
    assert "all the flags of this plan" in written
    assert "batchrunner apply nightly" not in written
    assert "Next" not in plan_markdown(plan())
