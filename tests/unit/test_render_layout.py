"""Columns: nothing is lost, nothing is wider than it may be."""

from hypothesis import given
from hypothesis import strategies as st

from batchrunner.render.layout import flow, hanging, left, paragraph, pieces, right, shorten, table, width_of, wrapped

PRINTABLE = st.text(st.characters(blacklist_categories=("C", "Z")), max_size=60)
WORDS = st.lists(st.text("abc日本/[,", min_size=1, max_size=30), min_size=1, max_size=12)


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert width_of("abc") == 3
    assert width_of("日本") == 4
    assert width_of("e\u0301") == 1


@given(PRINTABLE, st.integers(0, 80))
def test_padding_reaches_the_width(text: str, width: int) -> None:
    assert width_of(left(text, width)) == width_of(right(text, width)) == max(width, width_of(text))


@given(PRINTABLE, st.integers(2, 40))
def test_shortening_keeps_both_ends(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    if len(text) > limit > 2:
        head, tail = short.split("…", 1) if text.count("…") == 0 else (short[:1], short[-1:])
        assert text.startswith(head)
        assert text.endswith(tail)


@given(PRINTABLE, st.integers(2, 40), st.sampled_from(["", ",[", "/"]))
def test_pieces_lose_nothing_and_fit(text: str, width: int, after: str) -> None:
    cut = pieces(text, width, after=after)
    assert "".join(cut) == text
    assert all(width_of(piece) <= width for piece in cut)


def test_pieces_are_cut_behind_a_separator() -> None:
    assert pieces("name[lang=en,model=mini]", 16, after=",[") == ["name[lang=en,", "model=mini]"]


@given(WORDS, st.integers(8, 40), st.integers(0, 4))
def test_flowing_loses_nothing_and_fits(words: list[str], width: int, indent: int) -> None:
    lines = flow(words, width, indent=indent)
    assert "".join("".join(lines).split()) == "".join(words)
    assert all(width_of(line) <= width for line in lines)
    assert all(line.startswith(" " * indent) for line in lines[1:])


def test_a_paragraph_is_wrapped_between_words() -> None:
    assert paragraph("one two three", 12, indent=4) == ["    one two", "    three"]


def test_a_table_is_aligned_without_trailing_spaces() -> None:
    assert table([["a", "bb"], ["日本", ""]]) == ["a     bb", "日本"]


def test_advice_hangs_and_commands_stay_whole() -> None:
    advice = "change the specs, or ask who owns the project file: `batchrunner plan specs/a.yaml` says more"
    assert hanging(advice, 40, 4).split("\n") == [
        "change the specs, or ask who owns",
        "    the project file:",
        "    `batchrunner plan specs/a.yaml` says",
        "    more",
    ]
    command = "batchrunner plan specs/nightly.yaml --run-key 2026-11-20 --out plan.json"
    assert hanging(command, 40, 4) == command
    assert hanging(advice, 0, 4) == advice


@given(WORDS, st.integers(1, 60))
def test_hanging_loses_nothing(words: list[str], width: int) -> None:
    assert hanging(" ".join(words), width, 2).split() == words


def test_lines_beside_a_result_are_set_in_where_they_go_on() -> None:
    assert wrapped("02:30 fetched    nightly/a[lang=en]  batch-1  1.1 kB\nAll: batchrunner fetch specs", 45) == (
        "02:30 fetched    nightly/a[lang=en]  batch-1\n  1.1 kB\nAll: batchrunner fetch specs"
    )
    assert wrapped("To wait: batchrunner wait specs/nightly.yaml", 24) == (
        "To wait:\n  batchrunner wait specs/nightly.yaml"
    )
    assert wrapped("  as  it  is", 0) == "  as  it  is"
