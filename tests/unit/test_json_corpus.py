"""The JSON parsing test suite (github.com/nst/JSONTestSuite, MIT) against everything that reads request lines.

Its files are cases: `n_` must be refused, `y_` accepted, `i_` either. They are taken for lines themselves, and for a
value within a line, at the top of it, in its body, and as the messages that lines differ in.
"""

import json
from pathlib import Path

import pytest
from support.lines import EMBEDDINGS, ENDPOINT, chat, codes, lines, scanned

CASES = sorted((Path(__file__).parents[1] / "corpora" / "json").glob("[niy]_*.json"))
SHAPE = {"not-an-object", "missing-required-parameter", "wrong-type"}

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)


def request_with(*, line: bytes = b"", body: bytes = b"", messages: bytes = b"[]") -> bytes:
    return b'{"custom_id": "odd", "method": "POST", "url": "%b"%b, "body": {"model": "m", "messages": %b%b}}' % (
        ENDPOINT.encode(),
        line,
        messages,
        body,
    )


def verdict(line: bytes, *, block: int = 1 << 20) -> set[str]:
    """The codes of what is wrong with a line among others that are alike, which stay what they are."""
    before, after = [chat(f"a{n}") for n in range(20)], [chat(f"b{n}") for n in range(20)]
    found = codes(scanned(lines(*before, line, *after), block=block))
    assert all(21 <= number <= 21 + line.count(b"\n") for _, number in found)
    return {code for code, _ in found}


def test_the_suite_is_there() -> None:
    assert len(CASES) >= 300


@each_case
def test_as_a_line(case: Path) -> None:
    data = case.read_bytes()
    if case.stem.startswith("y_"):
        data = data.replace(b"\n", b" ")  # white space, which a line cannot have
    found = {each.code for each in scanned(data).diagnostics}
    assert found, "no case is a request"
    assert found <= SHAPE or not case.stem.startswith("y_")


@each_case
def test_as_a_value_in_a_line(case: Path) -> None:
    data = case.read_bytes()
    if case.stem.startswith("y_"):
        data = data.replace(b"\n", b" ")
    for place in ("line", "body", "messages"):
        line = request_with(**{place: data if place == "messages" else b', "x": ' + data})
        for block in (1 << 20, 1000):
            found = verdict(line, block=block)
            if case.stem.startswith("n_") and not _is_sound_inside(line):
                assert found, (place, block)
            elif case.stem.startswith("y_"):
                assert not found, (place, block)


@each_case
def test_as_what_is_embedded(case: Path) -> None:
    line = b'{"custom_id": "a", "method": "POST", "url": "%b", "body": {"model": "m", "input": %b}}' % (
        EMBEDDINGS.encode(),
        case.read_bytes().replace(b"\n", b" "),
    )
    found = codes(scanned(lines(line), endpoint=EMBEDDINGS))
    assert not case.stem.startswith("y_") or not found


def _is_sound_inside(line: bytes) -> bool:
    """Some cases are wrong alone, but right with what comes before and after them."""
    try:
        json.loads(line.decode(), parse_constant=_refused)
    except (ValueError, RecursionError):
        return False
    return b"\n" not in line


def _refused(name: str) -> None:
    raise ValueError(name)
