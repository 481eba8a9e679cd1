"""The row ledger: whatever a provider sends back, each row of an input ends in exactly one way, in its place."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchrunner.catalog import built_in
from batchrunner.errors import Refused
from batchrunner.manifest import LocalFile
from batchrunner.providers import result_reader
from batchrunner.results import Asked, InputMoved, RawFile, Shard, Sheet, ids_of, lines_by_id, write_ledger
from batchrunner.results import lines as lines_module
from batchrunner.results.lines import blocks_of
from batchrunner.rows import OUTCOMES

READ = result_reader(built_in()["alphaedge"])
ANSWERS = ("ok", "error", "transient", "expired", "missing")


def request(custom_id: str) -> bytes:
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/x", "body": {}}).encode() + b"\n"


def result(custom_id: str, answer: str, mark: object = 0) -> bytes:
    line: dict[str, object] = {"id": f"req-{mark}", "custom_id": custom_id, "response": None, "error": None}
    if answer == "ok":
        line["response"] = {"status_code": 200, "body": {"usage": {"prompt_tokens": 2, "completion_tokens": 3}}}
    elif answer in {"error", "transient"}:
        status = 400 if answer == "error" else 429
        line["response"] = {"status_code": status, "body": {"error": {"code": "no", "message": "No."}}}
    else:
        code = {"expired": "batch_expired", "missing": "batch_cancelled"}[answer]
        line["error"] = {"code": code, "message": "Too late."}
    return json.dumps(line).encode() + b"\n"


def sheet_of(folder: Path, asked: bytes | None, *files: bytes, attempt: int = 1) -> Sheet:
    sheet = Sheet(None if asked is None else ids_of(BytesIO(asked)))
    for number, content in enumerate(files):
        path = folder / f"{attempt}-{number}.jsonl"
        path.write_bytes(content)
        sheet.take(RawFile(path, f"batch-{attempt}", attempt), READ)
    return sheet


def written(folder: Path, *sheets: Sheet) -> tuple[list[str], list[dict[str, object]]]:
    """The ids of the rows that are ok, and the other rows."""
    write_ledger(folder, [Shard(sheet, READ) for sheet in sheets])
    ok = [json.loads(line)["custom_id"] for line in (folder / "results.jsonl").read_bytes().splitlines()]
    return ok, [json.loads(line) for line in (folder / "errors.jsonl").read_bytes().splitlines()]


# Any story.

IDS = st.one_of(st.sampled_from(["a", "a ", "é", "\x1b[31m", "\n", '"', "::error::", "\u202e", "0"]),
                st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6))  # fmt: skip


@dataclass(frozen=True)
class Story:
    """A shard: its ids in order, and for each attempt the lines that came back, by file."""

    ids: tuple[str, ...]
    attempts: tuple[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], ...]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    ids = tuple(draw(st.lists(IDS, min_size=1, max_size=12, unique=True)))
    attempts = []
    for number in range(draw(st.integers(1, 3))):
        asked = ids if number == 0 else tuple(each for each in ids if draw(st.booleans()))
        lines = [(each, draw(st.sampled_from([*ANSWERS, ""]))) for each in asked]
        lines = [line for line in lines if line[1]]
        lines += draw(st.lists(st.tuples(st.one_of(IDS, st.sampled_from(ids)), st.sampled_from(ANSWERS)), max_size=4))
        attempts.append((asked, tuple(draw(st.permutations(lines)))))
    return Story(ids, tuple(attempts))


@settings(max_examples=200, deadline=None)
@given(st.lists(stories(), min_size=1, max_size=3), st.sampled_from([b"\n", b"\r\n", b"\n\n"]), st.booleans())
def test_every_row_ends_in_one_way_and_in_its_place(shards: Sequence[Story], end: bytes, torn: bool) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        sheets = []
        for place, story in enumerate(shards):
            inside = folder / str(place)
            inside.mkdir()
            sheets.append(merged(inside, story, end, torn))
        ok, others = written(folder, *sheets)

    expected = [(each, expected_outcome(each, story)) for story in shards for each in story.ids]
    assert ok == [each for each, outcome in expected if outcome == "ok"]
    assert [row["custom_id"] for row in others] == [each for each, outcome in expected if outcome != "ok"]
    assert [row["outcome"] for row in others] == [word(outcome) for _, outcome in expected if outcome != "ok"]
    assert [row["transient"] for row in others] == [o == "transient" for _, o in expected if o != "ok"]
    for sheet, story in zip(sheets, shards, strict=True):
        tally = sheet.tally()
        assert tally.total == len(story.ids) == sum(getattr(tally, outcome) for outcome in OUTCOMES)
        lines = sum(len(lines) for _, lines in story.attempts)
        assert tally.strangers + tally.duplicates <= lines


def merged(folder: Path, story: Story, end: bytes, torn: bool) -> Sheet:
    base = None
    for number, (asked, lines) in enumerate(story.attempts, 1):
        half = len(lines) // 2
        files = [end.join(result(*line).rstrip() for line in part) for part in (lines[:half], lines[half:])]
        if torn:
            files[1] += b'\n{"custom_id": "a", "resp'
        sheet = sheet_of(folder, b"".join(map(request, asked)), *files, attempt=number)
        if base is None:
            base = sheet
        else:
            base.merge(sheet)
    assert base is not None
    return base


def word(outcome: str) -> str:
    return "error" if outcome == "transient" else outcome


def expected_outcome(custom_id: str, story: Story) -> str:
    """By the rules, one by one: ok stays ok; of others the later attempt, and in it the first; silence says nothing."""
    now = ""
    for asked, lines in story.attempts:
        said = [answer for each, answer in lines if each == custom_id] if custom_id in asked else []
        answer = "ok" if "ok" in said else said[0] if said else ""
        if now != "ok" and answer and (answer != "missing" or not now):
            now = answer
    return now or "missing"


# What is strange.


def test_lines_are_copied_byte_for_byte(tmp_path: Path) -> None:
    odd = b' {"response" : {"body":{}, "status_code" :200},  "custom_id": "a\\u0062"}\r\n'
    sheet = sheet_of(tmp_path, request("ab") + request("c"), result("c", "ok") + odd)

    write_ledger(tmp_path, [Shard(sheet, READ)])

    assert (tmp_path / "results.jsonl").read_bytes() == odd + result("c", "ok")


def test_a_last_line_without_an_end_gets_one(tmp_path: Path) -> None:
    first = sheet_of(tmp_path, request("a"), result("a", "ok").rstrip(), attempt=1)
    second = sheet_of(tmp_path, request("b"), result("b", "ok").rstrip(), attempt=2)

    assert written(tmp_path, first, second)[0] == ["a", "b"]


def test_marks_and_blank_lines_are_no_lines(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + result("a", "ok") + b"\r\n\n  \n" + result("b", "ok")

    sheet = sheet_of(tmp_path, b"\xef\xbb\xbf" + request("a") + b"\n\n" + request("b"), content)

    assert written(tmp_path, sheet)[0] == ["a", "b"]
    assert sheet.unreadable.count == 0


def test_an_empty_file_leaves_all_rows_missing(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, request("a") + request("b"), b"")

    assert (sheet.tally().missing, sheet.tally().total) == (2, 2)
    assert [row["code"] for row in written(tmp_path, sheet)[1]] == ["", ""]


@pytest.mark.parametrize(
    "line",
    [
        b"null", b"[]", b"{}", b"nonsense", b'{"custom_id": 3}', b'{"custom_id": "a"', b'{"custom_id": null}', b"\x00",
        b'{"custom_id":"a","response":{"status_code":200,"body":{"x":"\xff\xfe"}}}', b"[" * 100_000,
        b'{"custom_id":"a","response":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, b'{"custom_id":"\\ud800"}',
    ],
    ids=range(12),
)  # fmt: skip
def test_lines_that_are_no_results_are_counted_and_named(tmp_path: Path, line: bytes) -> None:
    sheet = sheet_of(tmp_path, request("a") + request("b"), result("b", "ok") + line + b"\n")

    assert (sheet.tally().ok, sheet.tally().total) == (1, 2)
    assert sheet.unreadable.count + sheet.tally().strangers + sheet.tally().error == 1
    assert all(name.endswith("0.jsonl:2") for name in sheet.unreadable.shown)


def test_ids_that_differ_in_escapes_alone_are_one(tmp_path: Path) -> None:
    asked = b'{"custom_id": "\\u0061"}\n{"custom_id": "a"}\n'
    answered = result("a", "error") + result("a", "ok").replace(b'"a"', b'"\\u0061"')

    sheet = sheet_of(tmp_path, asked, answered)

    assert (sheet.tally().ok, sheet.tally().total, sheet.tally().duplicates, sheet.repeated) == (1, 1, 1, 1)


def test_a_line_of_many_megabytes_is_copied(tmp_path: Path) -> None:
    large = result("a", "ok").replace(b'"req-0"', b'"' + b"x" * 100_000_000 + b'"')
    sheet = sheet_of(tmp_path, request("b") + request("a"), large + result("b", "ok"))

    write_ledger(tmp_path, [Shard(sheet, READ)])

    with (tmp_path / "results.jsonl").open("rb") as file:
        assert file.readline() == result("b", "ok")
        assert sha256(file.read()).digest() == sha256(large).digest()


@pytest.mark.parametrize("longest", [100, 300_000, 1_000_000])
def test_lines_beyond_all_measure_are_passed_over(monkeypatch: pytest.MonkeyPatch, longest: int) -> None:
    monkeypatch.setattr(lines_module, "LONGEST", longest)
    content = b"a\n" + b"x" * 2_000_000 + b"\nb\n" + b"y" * 900 + b"\n" + b"z" * 3_000_000

    found = [
        (block.start + offset, line)
        for block in blocks_of(BytesIO(content))
        for offset, line in offsets(block.data)
        if block.is_text and line.strip()
    ]

    assert (0, b"a") in found
    assert (2_000_003, b"b") in found
    assert all(content[start : start + len(line)] == line for start, line in found)


def offsets(data: bytes) -> Sequence[tuple[int, bytes]]:
    found, start = [], 0
    for line in data.split(b"\n"):
        found.append((start, line))
        start += len(line) + 1
    return found


def test_many_blocks_are_one_file(tmp_path: Path) -> None:
    ids = [f"row-{number}" for number in range(5_000)]
    asked = b"".join(map(request, ids))
    answered = b"".join(result(each, "ok", mark="é" * 50) for each in reversed(ids))

    sheet = sheet_of(tmp_path, asked, answered)

    assert written(tmp_path, sheet)[0] == ids
    assert sheet.usage is not None
    assert (sheet.usage.input_tokens, sheet.usage.output_tokens) == (10_000, 15_000)


def test_files_that_do_not_fit_into_memory_are_read_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchrunner.results.copying.Room.take", lambda *_: None)
    ids = [f"row-{number}" for number in range(3_000)]
    order = [*ids[1_000:], *reversed(ids[:1_000])]

    sheet = sheet_of(tmp_path, b"".join(map(request, ids)), b"".join(result(each, "ok") for each in order).rstrip())

    assert written(tmp_path, sheet)[0] == ids


# What was asked.


def test_rows_of_unknown_inputs_are_those_that_were_answered(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, None, result("b", "ok") + result("a", "error") + result("b", "ok"))
    sheet.merge(sheet_of(tmp_path, request("a"), result("a", "ok"), attempt=2))

    assert not sheet.is_known
    assert (sheet.tally().ok, sheet.tally().missing, sheet.tally().duplicates) == (2, 0, 1)
    assert written(tmp_path, sheet)[0] == ["b", "a"]


def test_an_input_with_other_bytes_is_refused() -> None:
    content = request("a")
    source = LocalFile(path="x", sha256=f"sha256:{sha256(content).hexdigest()}", size=len(content), requests=1)

    assert ids_of(BytesIO(content), source) == Asked({"a": 0})
    with pytest.raises(InputMoved):
        ids_of(BytesIO(content.replace(b"POST", b"post")), source)


def test_lines_of_an_input_without_an_id_are_counted() -> None:
    content = request("a") + b"nonsense\n\n" + request("b") + request("a")

    assert ids_of(BytesIO(content)) == Asked({"a": 0, "b": 1}, repeated=1, unreadable=1)
    assert list(lines_by_id(BytesIO(content))) == [("a", request("a").rstrip()), ("b", request("b").rstrip())]


# What is written.


def test_a_failure_leaves_the_files_as_they_were(tmp_path: Path) -> None:
    good = sheet_of(tmp_path, request("a"), result("a", "ok"))
    write_ledger(tmp_path, [Shard(good, READ)])
    before = (tmp_path / "results.jsonl").read_bytes()

    def broken() -> Shard:
        (tmp_path / "1-0.jsonl").unlink()
        return Shard(good, READ)

    with pytest.raises(Refused):
        write_ledger(tmp_path, lazily(lambda: Shard(good, READ), broken))

    assert (tmp_path / "results.jsonl").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["errors.jsonl", "results.jsonl"]


def lazily(*makers: Callable[[], Shard]):  # type: ignore[no-untyped-def]
    for make in makers:
        yield make()


def test_errors_say_who_answered_and_why(tmp_path: Path) -> None:
    base = sheet_of(tmp_path, request("a") + request("b") + request("c"), result("a", "error") + result("b", "error"))
    base.merge(sheet_of(tmp_path, request("b"), result("b", "transient"), attempt=3))

    assert written(tmp_path, base)[1] == [
        {"custom_id": "a", "outcome": "error", "code": "no", "message": "No.", "status_code": 400, "transient": False,
         "attempt": 1, "batch_id": "batch-1"},
        {"custom_id": "b", "outcome": "error", "code": "no", "message": "No.", "status_code": 429, "transient": True,
         "attempt": 3, "batch_id": "batch-3"},
        {"custom_id": "c", "outcome": "missing", "code": "", "message": "", "status_code": 0, "transient": False,
         "attempt": 0, "batch_id": ""},
    ]  # fmt: skip
