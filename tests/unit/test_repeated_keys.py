"""Keys that come twice are found, in the line and in its body, however it is written and whatever is around it."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.campaigns import examples
from support.lines import ENDPOINT, chat, codes, lines, scanned

Pairs = list[tuple[str, Any]]


def written(value: Any, comma: str = ", ", colon: str = ": ") -> str:
    """JSON of values in which lists of pairs are objects, that may have keys twice."""
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        members = (f"{written(key)}{colon}{written(each, comma, colon)}" for key, each in value)
        return "{" + comma.join(members) + "}"
    if isinstance(value, list):
        return "[" + comma.join(written(each, comma, colon) for each in value) + "]"
    return json.dumps(value)


def is_repeated(line: bytes) -> bool:
    """Whether a key comes twice where that matters, the slow way."""
    pairs = json.loads(line, object_pairs_hook=tuple)
    body = dict(pairs)["body"]
    return any(len({key for key, _ in each}) < len(each) for each in (pairs, body))


def told(data: bytes, block: int = 1 << 20) -> list[tuple[str, int]]:
    return [each for each in codes(scanned(data, block=block)) if each[0] != "duplicate-custom-id"]


BODY: Pairs = [("model", "m"), ("messages", [[("role", "user"), ("content", "Hi")]]), ("max_tokens", 5)]
LINE: Pairs = [("custom_id", "a"), ("method", "POST"), ("url", ENDPOINT), ("body", BODY)]


@pytest.mark.parametrize("name", [name for name, _ in LINE])
@pytest.mark.parametrize(("comma", "colon"), [(", ", ": "), (",", ":"), (" , ", "  : ")])
def test_a_key_of_the_line(name: str, comma: str, colon: str) -> None:
    line = written([*LINE, (name, dict(LINE)[name])], comma, colon).encode()
    (problem,) = scanned(lines(line)).diagnostics
    assert (problem.code, problem.message) == ("duplicate-key", f"`{name}` comes twice in the line")


@pytest.mark.parametrize("name", [name for name, _ in BODY])
@pytest.mark.parametrize(("comma", "colon"), [(", ", ": "), (",", ":"), (" , ", "  : ")])
def test_a_key_of_the_body(name: str, comma: str, colon: str) -> None:
    line = written([*LINE[:3], ("body", [*BODY, (name, dict(BODY)[name])])], comma, colon).encode()
    (problem,) = scanned(lines(line)).diagnostics
    assert (problem.code, problem.message) == ("duplicate-key", f"`{name}` comes twice in `body`")


def test_deeper_down_keys_are_for_others_to_judge() -> None:
    twice = [("role", "user"), ("role", "system"), ("content", "Hi")]
    assert told(lines(written([*LINE[:3], ("body", [*BODY[:1], ("messages", [twice])])]).encode())) == []


def test_keys_are_compared_as_what_they_mean() -> None:
    line = written(LINE).encode()
    assert told(lines(line[:-2] + b', "mod\\u0065l": "n"}}')) == [("duplicate-key", 1)]


@pytest.mark.parametrize("place", range(60))
def test_one_among_many_that_are_alike(place: int) -> None:
    each = [chat(f"id-{number}", max_tokens=5) for number in range(60)]
    each[place] = each[place][:-2] + b', "max_tokens": 5}}'
    assert told(lines(*each), block=2000) == [("duplicate-key", place + 1)]


@pytest.mark.parametrize(
    "tail",
    [
        b'], "messages": [{"role": "user", "content": "Hello"}]}}',
        b']}, "body": {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}}',
        b']}, "custom_id": "x"}',
        b'], "n": 1, "n": 1}}',
    ],
)
def test_what_ends_like_the_lines_before_it(tail: bytes) -> None:
    usual = [chat(f"id-{number}") for number in range(40)]
    odd = chat("odd").removesuffix(b"]}}") + tail
    json.loads(odd)
    assert told(lines(*usual, odd, *(chat(f"more-{number}") for number in range(40))), 1500) == [("duplicate-key", 41)]


names = st.sampled_from(["model", "messages", "input", "prompt", "custom_id", "url", "body", "x", "", '"', "a\\"])
values: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([1, "m", "a", '"custom_id": "a"', '", "messages": ', "\\", "é", "}", "\n", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(names, inner), min_size=1, max_size=3),
    max_leaves=5,
)
ids = st.sampled_from(["a", "b", "m", "model", "messages", '"', "é", "a\\", '", "custom_id": "', "custom_id", "x\ty"])


@st.composite
def odd_lines(draw: st.DrawFn) -> bytes:
    """A request line with keys in any order, some of which may come twice, written in any of some ways."""
    own = [("model", "m"), *draw(st.lists(st.tuples(names.filter(lambda name: name != "model"), values), max_size=4))]
    if draw(st.integers(0, 3)) == 0:
        own.append(("model", "m"))
    line = [("custom_id", draw(ids)), ("method", "POST"), ("url", ENDPOINT), ("body", draw(st.permutations(own)))]
    more = st.sampled_from([("x", 1), ("custom_id", "a"), ("url", ENDPOINT), ("custom_id", "m"), ("y", "custom_id")])
    line += draw(st.lists(more, max_size=2))
    comma, colon = draw(st.sampled_from([(", ", ": "), (",", ":"), (" ,", ": ")]))
    return written(draw(st.permutations(line)), comma, colon).encode()


@settings(max_examples=examples(150, campaign=600))
@given(
    st.lists(st.tuples(odd_lines(), st.integers(1, 4)), min_size=1, max_size=5),
    st.sampled_from([1, 60, 400, 1 << 20]),
)
@example([(written(LINE).encode(), 4), (written([*LINE, ("url", ENDPOINT)]).encode(), 1)], 200)
def test_they_are_found_in_any_lines(each: list[tuple[bytes, int]], block: int) -> None:
    rows = [row for row, times in each for _ in range(times)]
    expected = [("duplicate-key", number) for number, row in enumerate(rows, 1) if is_repeated(row)]
    assert told(lines(*rows), block) == expected[:20]
