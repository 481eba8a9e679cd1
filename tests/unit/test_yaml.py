"""The strict YAML reader: YAML 1.2 core values, and one kind of error whatever the bytes."""

import gc
import json
import math
import string
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from batchrunner.loader import InvalidText, read_yaml
from batchrunner.loader.strict import MAX_DEPTH, MAX_NODES
from batchrunner.loader.text import MAX_BYTES, TextProblem
from batchrunner.references import FORBIDDEN

CORE = [
    ("NO", "NO"), ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("N", "N"), ("nO", "nO"),
    ("22:22", "22:22"), ("10:00:00", "10:00:00"), ("190:20:30.15", "190:20:30.15"), ("1:30", "1:30"),
    ("2026-11-22", "2026-11-22"), ("2026-13-45", "2026-13-45"), ("2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"),
    ("017", 17), ("0o17", 15), ("08", 8), ("0x1F", 31), ("+1", 1), ("-0", 0), ("-12", -12), ("1_000", "1_000"),
    ("0b11", "0b11"), ("0o8", "0o8"), ("0x", "0x"), ("0xG", "0xG"), ("-0x1F", "-0x1F"),
    ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-1.5E-2", -0.015), ("1e", "1e"), (".", "."),
    ("+", "+"), ("1.2.3", "1.2.3"), ("١٢", "١٢"),
    ("true", True), ("True", True), ("TRUE", True), ("tRUE", "tRUE"), ("false", False), ("False", False),
    ("FALSE", False), ("null", None), ("Null", None), ("NULL", None), ("~", None), ("nULL", "nULL"),
    ("=", "="), ("'12'", "12"), ('"true"', "true"), ("'~'", "~"), ("''", ""), ('"22:22"', "22:22"), ("|-\n  12", "12"),
]  # fmt: skip
NOT_NUMBERS = [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1e999", "-1e999", "9" * 41, "0x" + "f" * 40, "1" * 5000]
HOSTILE = {
    "laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20)),
    "brackets": "[" * 25_000,
    "closed brackets": "[" * 25_000 + "]" * 25_000,
    "braces": "{a: " * 25_000,
    "dashes": "- " * 25_000,
    "question marks": "? " * 25_000,
    "deep blocks": "".join(" " * i + "a:\n" for i in range(1_000)),
    "many items": "-\n" * 300_000,
    "many keys": "".join(f"k{i}: 1\n" for i in range(150_000)),
    "base 60": "a: " + ":".join(["1", *["59"] * 100_000]) + "\n- b",
    "recursive": "&a [*a]",
    "recursive key": "&a {*a : 1}",
    "merge": "a: &a {x: 1}\nb: {<<: *a}",
    "merges": "<<: [{a: 1}, {b: 2}]",
    "python": "!!python/object/apply:os.system ['id']",
    "set": "!!set {a}",
    "non-specific tag": "! a",
    "verbatim tag": "!<tag:yaml.org,2002:str> a",
    "tagged key": "!!str a: 1",
    "int": "!!int foo",
    "timestamp": "!!timestamp foo",
    "nul": "a: \0",
    "byte order marks": "\ufeff\ufeffa: 1",
    "next line": "a: \x85b",
    "separator": "a: 'x\u2028y'",
    "surrogate escape": '"\\ud800"',
    "beyond unicode": '"\\U00110000"',
    "two documents": "--- a\n--- b",
    "yaml version": "%YAML 1.2\n--- no",
    "future version": "%YAML 9.9\n--- no",
    "tag directive": "%TAG ! tag:evil,2000:\n--- x",
    "key of nothing": ": a",
    "list as key": "[a]: 1",
    "mapping as key": "{{a: 1}: 2}",
    "numbers as keys": "{1: a, true: b, 1.0: c}",
    "duplicate merge": "<<: {a: 1}\n<<: {b: 2}",
    "tab": "\ta: 1",
    "anchor bomb": "".join(f"- &x{i} [*x{i - 1}, *x{i - 1}]\n" if i else "- &x0 a\n" for i in range(40)),
    "deep aliases": "".join(f"- &x{i} [[[[[[[[*x{i - 1}]]]]]]]]\n" if i else "- &x0 a\n" for i in range(8)),
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), CORE)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    read = read_yaml(f"key: {text}\n".encode()).value
    assert read == {"key": value}
    assert type(read["key"]) is type(value)


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_numbers_that_no_field_could_mean_are_refused(text: str) -> None:
    with pytest.raises(InvalidText) as raised:
        read_yaml(f"key: {text}\n".encode())
    assert [problem.code for problem in raised.value.problems] == ["bad-number"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused_with_the_one_error(name: str) -> None:
    with pytest.raises(InvalidText):
        read_yaml(HOSTILE[name].encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    readable_or_refused(data)


@given(st.text(alphabet="ab:-?,[]{}&*!|>'\"%@`#~<\\ \n\t0123xX.é\u202e$", max_size=120))
def test_no_text_of_indicators_raises_anything_else(text: str) -> None:
    readable_or_refused(text.encode())


@given(st.recursive(st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=8),
                    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=6), below, max_size=4),
                    max_leaves=20))  # fmt: skip
@example("\b")
def test_json_documents_read_as_json(value: Any) -> None:
    """JSON is YAML (1.2.2 §1.3), but for what a value of ours may not hold."""
    text = json.dumps(value, ensure_ascii=True)
    if any(escape in text for escape in ("\\u", "\\b", "\\f")):
        readable_or_refused(text.encode())  # surrogate pairs and forbidden characters
    else:
        assert read_yaml(text.encode()).value == value


NAUGHTY = [
    "undefined", "NaN", "1/0", "0x0", "''", '"', "`'\"", "<script>", "${HOME}", "田中さん", "Ω≈ç√", "👩🏽‍💻", "ﷺ",
    "\t", " lead", "trail ", "- a", "a: b", "#x", "? x", "| x", "%d", "!x", "&a", "*a", "\\", "\\n", "{}", "[]", "no",
    "null", "~", "017", "1e3", "22:22", "2026-11-22", "<<", "=", "...", "---", "١٢٣", "e\u0301", "\u200d", "\u00a0",
]  # fmt: skip


@pytest.mark.parametrize("text", NAUGHTY)
def test_quoted_strings_survive(text: str) -> None:
    for quoted in (json.dumps(text, ensure_ascii=False), json.dumps(text), "'" + text.replace("'", "''") + "'"):
        if quoted[0] == '"' and any(ord(character) > 0xFFFF for character in text) and "\\ud" in quoted:
            continue  # JSON writes these as surrogate pairs, which YAML does not know
        assert read_yaml(f"key: {quoted}".encode()).value == {"key": text}


@given(st.text())
def test_any_quoted_string_survives_or_holds_what_is_forbidden(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    if FORBIDDEN.search(text):
        with pytest.raises(InvalidText):
            read_yaml(f"key: {quoted}".encode("utf-8", "surrogatepass"))
    elif not set(text) & set("\r\n\t "):
        assert read_yaml(f"key: {quoted}".encode()).value == {"key": text}


@given(st.text(alphabet=string.printable, max_size=60))
def test_plain_scalars_are_text_or_json_like_values(text: str) -> None:
    try:
        value = read_yaml(text.encode()).value
    except InvalidText:
        return
    assert finite(value)


def test_an_alias_stands_for_its_anchor() -> None:
    assert read_yaml(b"x-a: &a {k: [1, 2]}\nb: *a\nc: [*a, *a]\n").value["c"] == [{"k": [1, 2]}] * 2


def test_an_anchor_may_be_named_again() -> None:
    assert read_yaml(b"- &a 1\n- *a\n- &a 2\n- *a\n").value == [1, 1, 2, 2]


def test_depth_and_size_are_allowed_up_to_their_limits() -> None:
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read_yaml(deepest.encode()).value is not None
    with pytest.raises(InvalidText, match="levels"):
        read_yaml(f"[{deepest}]".encode())
    assert len(read_yaml(b"- a\n" * MAX_NODES).value) == MAX_NODES
    with pytest.raises(InvalidText, match="values"):
        read_yaml(b"- a\n" * (MAX_NODES + 1))
    long = b"- &a " + b"x" * 1_000_000 + b"\n- &b [*a, *a]\n" + b"- *b\n" * 15
    assert len(read_yaml(long).value) == 17
    with pytest.raises(InvalidText, match="characters, counting aliases"):
        read_yaml(long + b"- *b\n")
    assert read_yaml(b"#" * MAX_BYTES).value is None
    with pytest.raises(InvalidText, match="MiB"):
        read_yaml(b"#" * (MAX_BYTES + 1))


def test_a_byte_order_mark_is_taken_off() -> None:
    assert read_yaml(b"\xef\xbb\xbfa: 1\n").value == {"a": 1}


def test_of_a_duplicate_key_the_first_counts_and_both_are_told() -> None:
    document = read_yaml(b"a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert document.value == {"a": 1, "b": {"c": 1}}
    assert [(problem.code, *problem.place[:2]) for problem in document.problems if problem.place] == [
        ("duplicate-key", 2, 11),
        ("duplicate-key", 3, 1),
    ]


def test_all_problems_that_can_be_read_past_are_told_at_once() -> None:
    with pytest.raises(InvalidText) as raised:
        read_yaml(b"a: !x 1\n1: b\n<<: {}\nc: *d\ne: .inf\na: 2\n[\n")
    codes = [problem.code for problem in raised.value.problems]
    assert codes == ["tag", "bad-key", "merge-key", "unknown-alias", "bad-number", "duplicate-key", "yaml-syntax"]


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_left_as_it_was(enabled: bool) -> None:
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        read_yaml(b"a: 1")
        with pytest.raises(InvalidText):
            read_yaml(b"[")
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


# The Python parser takes seconds for the large ones, whose limits are the reader's own.
@pytest.mark.parametrize("name", [name for name, text in HOSTILE.items() if len(text) < 60_000])
def test_the_python_parser_refuses_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    with pytest.raises(InvalidText):
        read_yaml(HOSTILE[name].encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(("text", "value"), CORE)
def test_the_python_parser_reads_the_same(text: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    test_scalars_follow_the_core_schema(text, value)


def readable_or_refused(data: bytes) -> None:
    problems: tuple[TextProblem, ...] = ()
    try:
        problems = read_yaml(data).problems
    except InvalidText as error:
        problems = error.problems
    assert all(problem.code and (problem.place is None or min(problem.place) >= 1) for problem in problems)


def finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and finite(below) for key, below in value.items())
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)
