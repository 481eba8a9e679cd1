"""What one pass over a file of request lines finds, whatever is in it."""

import hashlib
import json
import threading
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.lines import EMBEDDINGS, ENDPOINT, chat, codes, embedding, lines, notes, request, scanned, stream_of, whole

from batchrunner.errors import Diagnostic
from batchrunner.inputs import digest_input, scan_lines
from batchrunner.inputs.findings import LISTED
from batchrunner.inputs.ledger import MAX_MODELS
from batchrunner.jsonl import MAX_MODEL
from batchrunner.linerules import LineRules
from batchrunner.sharder import Sharding

WHOLE = Sharding(is_allowed=False)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# What a good file is.


def test_a_good_file() -> None:
    data = lines(chat("a"), chat("b", model="z"), chat("c"))
    scan = scanned(data)
    file = whole(scan)
    assert (scan.diagnostics, scan.unlisted, scan.notices) == ((), 0, ())
    assert (file.path, file.size, file.requests, file.models) == ("data/x.jsonl", len(data), 3, ("m", "z"))
    assert (file.sha256, file.part, scan.requests) == (digest(data), None, 3)


def test_the_last_line_needs_no_end() -> None:
    scan = scanned(lines(chat("a")) + chat("b"))
    assert (scan.diagnostics, scan.notices, whole(scan).requests) == ((), (), 2)


@pytest.mark.parametrize(
    ("end", "found"),
    [
        (b"\n", [("blank-lines", "specs/data/x.jsonl:3")]),
        (b"\n \t\n\r\n", [("blank-lines", "specs/data/x.jsonl:3")]),
        (b"  ", [("blank-lines", "specs/data/x.jsonl:3")]),
    ],
)
def test_blank_lines_at_the_end_are_sent_and_said(end: bytes, found: list[tuple[str, str]]) -> None:
    data = lines(chat("a"), chat("b")) + end
    for block in (1 << 20, 16, 1):
        scan = scanned(data, block=block)
        assert (codes(scan), notes(scan)) == ([], found)
        assert (whole(scan).requests, whole(scan).size, whole(scan).sha256) == (2, len(data), digest(data))


def test_line_ends_of_another_system_are_said_once() -> None:
    data = lines(*(chat(str(number)) + b"\r" for number in range(50)))
    for block in (1 << 20, 512):
        scan = scanned(data, block=block)
        assert (codes(scan), notes(scan)) == ([], [("crlf", "specs/data/x.jsonl:1")])
        assert whole(scan).sha256 == digest(data)


def test_the_rest_of_a_line_that_is_too_long_is_no_blank_line() -> None:
    data = lines(request("a"), b"x" * 1000)
    assert codes(scanned(data, block=7, sharding=Sharding(max_bytes=200), max_line_bytes=100)) == [("line-too-long", 2)]


def test_up_to_256_models_are_named() -> None:
    each = [request(str(n), body={"model": f"m{n:03}"}) for n in range(MAX_MODELS + 2)]
    assert len(whole(scanned(lines(*each[:MAX_MODELS]))).models) == MAX_MODELS
    assert codes(scanned(lines(*each))) == [("too-many-models", MAX_MODELS + 1)]


def test_a_model_has_a_name_and_no_essay() -> None:
    each = [request(str(n), body={"model": "m" * n}) for n in (MAX_MODEL, MAX_MODEL + 1)]
    assert codes(scanned(lines(*each))) == [("wrong-type", 2)]


def test_a_line_of_more_values_than_are_looked_into() -> None:
    line = chat("a", extra=["x"] * 10)
    line = line.replace(b'"content": "Hello"', b'"content": [' + b"[]," * 300_000 + b"[]]")
    ((demand,),) = (part.demands for part in scanned(lines(line)).parts)
    assert demand.input_tokens == round(len(line) / 4)


# What is wrong with a file.


@pytest.mark.parametrize("block", [1 << 20, 100, 7])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [("empty-file", 0)]),
        (b"\n", [("empty-file", 0)]),
        (lines(b"\r"), [("empty-file", 0)]),
        (lines(request("a"), b"", request("b")), [("blank-line", 2)]),
        (b"\n\n" + lines(request("a"), b"  ", request("b")), [("blank-line", 1), ("blank-line", 2), ("blank-line", 4)]),
        (b"\xef\xbb\xbf" + lines(request("a"), request("b")), [("byte-order-mark", 1)]),
        (lines(request("a"), b"\xef\xbb\xbf" + request("b")), [("invalid-json-line", 2)]),
        (
            lines(request("a"), b"\xef\xbb\xbf" + request("a"), request("a")),
            [("invalid-json-line", 2), ("duplicate-custom-id", 3)],
        ),
        (lines(request("a"), b"{}"), [("missing-required-parameter", 2)]),
        (lines(b"[]", request("a"), b"nonsense"), [("not-an-object", 1), ("invalid-json-line", 3)]),
        (lines(request("a", method="GET")), [("bad-method", 1)]),
        (lines(request("a", url="/v1/x")), [("url-mismatch", 1)]),
        (lines(request("a", body={"model": "m", "stream": True})), [("streaming-unsupported", 1)]),
        (lines(request("a", body={})), [("missing-required-parameter", 1)]),
        (lines(request("a", body={"model": ""})), [("missing-required-parameter", 1)]),
        (lines(request("")), [("bad-custom-id", 1)]),
        (lines(b"\xff"), [("not-utf-8", 1)]),
        (lines(request("a"), request("b"), request("a")), [("duplicate-custom-id", 3)]),
        (lines(*[request("a")] * 3), [("duplicate-custom-id", 2), ("duplicate-custom-id", 3)]),
        (b"\xef\xbb\xbf" + lines(request("a"), request("a")), [("byte-order-mark", 1), ("duplicate-custom-id", 2)]),
        (lines(request("é"), request("é").replace(b"\\u00e9", "é".encode())), [("duplicate-custom-id", 2)]),
        (lines(request("a"), request("A"), request("a ")), []),
        (lines(request("a"), request("b")[:-1] + b',"url":"/v1/x"}'), [("url-mismatch", 2)]),
        (lines(request("a"), request("b")[:-1] + b',"method":"POST"}'), [("duplicate-key", 2)]),
        (lines(request("a")[:-2] + b',"\\u006dodel":"m"}}'), [("duplicate-key", 1)]),
        (lines(chat("a"), chat("b").replace(b"}\n", b"}"), chat("c") + chat("d")), [("invalid-json-line", 3)]),
        (lines(chat("a").replace(b": [", b": [\n")), [("invalid-json-line", 1), ("invalid-json-line", 2)]),
    ],
)
def test_problems_and_their_lines(data: bytes, expected: list[tuple[str, int]], block: int) -> None:
    assert codes(scanned(data, block=block)) == expected


def test_a_problem_says_where_in_the_users_words() -> None:
    (told,) = scanned(lines(request("a"), request("a"))).diagnostics
    assert (told.where, told.provider_code) == ("specs/data/x.jsonl:2:1", "duplicate_custom_id")
    assert told.message == "`custom_id` 'a' was already used on line 1"
    (told,) = scanned(b"").diagnostics
    assert (told.where, told.provider_code) == ("specs/data/x.jsonl", "empty_file")


@pytest.mark.parametrize(
    ("data", "code", "hint"),
    [
        (lines(request("a"), request("a")), "duplicate-custom-id", "an id of its own"),
        (lines(request("a" * 2000)), "line-too-long", "make several requests of it"),
        (b"", "empty-file", "write one request object a line"),
        (lines(request(method="GET")), "bad-method", 'write `"method": "POST"`'),
        (lines(request(body={"model": 4})), "wrong-type", "name the model in quotes"),
        (lines(request(body={})), "missing-required-parameter", "name the model in quotes"),
    ],
)
def test_a_problem_says_what_to_do(data: bytes, code: str, hint: str) -> None:
    (told,) = scanned(data, max_line_bytes=1000).diagnostics
    assert told.code == code
    assert hint in told.hint


NOTHING_ASKED = {"messages": [{"role": "user", "content": ""}], "input": [], "prompt": None, "mesages": "Hello"}


@pytest.mark.parametrize(
    "body", [{}, NOTHING_ASKED, {"messages": None, "max_tokens": 5}, {"input": [{"type": "text"}]}]
)
def test_requests_of_which_none_asks_anything_are_noticed(body: dict[str, object]) -> None:
    each = [request(str(number), body={"model": "m", **body}) for number in range(3)]
    scan = scanned(lines(*each))
    assert (codes(scan), notes(scan)) == ([], [("no-prompt", "specs/data/x.jsonl")])
    assert scan.notices[0].is_warning
    words = "no request has a prompt: neither `messages`, `input` nor `prompt` holds text"
    assert scan.notices[0].message == words
    assert not scanned(lines(*each, chat("last"))).notices


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "?"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]}]},
        {"input": [0]},
        {"prompt": {"id": "pmpt_1"}},
        {"instructions": "Say something."},
    ],
)
def test_a_prompt_may_be_short_or_no_text(body: dict[str, object]) -> None:
    assert not scanned(lines(request(body={"model": "m", **body}))).notices


def test_where_nothing_needs_to_be_asked_nothing_is_noticed() -> None:
    rules = LineRules(endpoint="/v1/images/generations")
    data = lines(request(url=rules.endpoint))
    with stream_of(data) as stream:
        assert not scan_lines(stream, path="x", shown="x", rules=rules, sharding=Sharding()).notices


def test_a_line_that_is_refused_does_not_use_up_its_id() -> None:
    assert codes(scanned(lines(request("a", url="/v1/x"), request("a")))) == [("url-mismatch", 1)]


def test_the_first_twenty_are_shown_and_the_rest_counted() -> None:
    scan = scanned(lines(*[b"{}"] * 70))
    assert (len(scan.diagnostics), scan.unlisted, whole(scan).requests) == (LISTED, 50, 70)


@pytest.mark.parametrize("block", [1 << 20, 64])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_lines_up_to_the_limit_are_read(end: bytes, block: int) -> None:
    longest = len(request("a"))
    assert codes(scanned(request("a") + end, max_line_bytes=longest, block=block)) == []
    assert codes(scanned(request("a") + b" " + end, max_line_bytes=longest, block=block)) == [("line-too-long", 1)]


@pytest.mark.parametrize("block", [1 << 20, 200, 64, 5])
@pytest.mark.parametrize("rest", [b"", request("b") + b" " * 200 + request("a"), request("a"), b" " * 300])
def test_a_long_line_is_one_line(rest: bytes, block: int) -> None:
    # Both what fits into the limit and what lies behind it look like lines of their own.
    long_line = request("a") + b" " * 3 + rest
    data = lines(request("a"), long_line, request("c"), request("a"))
    scan = scanned(data, max_line_bytes=len(request("a")) + 1, block=block)
    assert codes(scan) == [("line-too-long", 2), ("duplicate-custom-id", 4)]
    assert (whole(scan).requests, whole(scan).size, whole(scan).sha256) == (4, len(data), digest(data))


def test_a_long_line_among_lines_that_are_alike() -> None:
    data = lines(*(chat(f"{number:03}") for number in range(50)), chat("long", "x" * 10))
    expected = [("line-too-long", 51)]
    assert codes(scanned(data, max_line_bytes=len(chat("000")) + 5, block=1000)) == expected


@pytest.mark.parametrize("block", [1 << 20, 700])
def test_an_object_over_two_lines_among_lines_that_are_alike(block: int) -> None:
    each = [chat(f"{number:03}") for number in range(50)]
    each[40] = each[40].replace(b"[{", b"[\n{")
    assert codes(scanned(lines(*each), block=block)) == [("invalid-json-line", 41), ("invalid-json-line", 42)]


def test_one_model_where_a_service_wants_it() -> None:
    data = lines(request("a"), request("b", body={"model": "other"}), request("c"))
    assert codes(scanned(data)) == []
    scan = scanned(data, one_model=True)
    assert codes(scan) == [("model-mismatch", 2)]
    assert scan.diagnostics[0].provider_code == "model_mismatch"


@pytest.mark.parametrize("block", [1 << 20, 300])
def test_models_that_change_after_many_lines(block: int) -> None:
    of = [*(chat(f"a{n}", model="one") for n in range(20)), *(chat(f"b{n}", model="two") for n in range(18))]
    scan = scanned(lines(*of), one_model=True, block=block)
    assert codes(scan) == [("model-mismatch", line) for line in range(21, 39)]


@pytest.mark.parametrize("block", [1 << 20, 300])
def test_ids_are_words_where_a_service_wants_it(block: int) -> None:
    data = lines(*(chat(f"{n}-_Az") for n in range(20)), chat("no!"), chat("no way"), chat("é"), chat("a"))
    assert codes(scanned(data, block=block)) == []
    expected = [("bad-custom-id", line) for line in (21, 22, 23)]
    assert codes(scanned(data, custom_ids="word", block=block)) == expected


@pytest.mark.parametrize("block", [1 << 20, 300])
def test_ids_have_a_longest_length(block: int) -> None:
    data = lines(*(chat(f"{n:04}") for n in range(20)), chat("12345"))
    assert codes(scanned(data, max_custom_id=4, block=block)) == [("bad-custom-id", 21)]


def test_what_a_batch_may_hold() -> None:
    data = lines(request("a"), request("b"), request("c"))
    most = Sharding(max_requests=3, max_bytes=len(data), is_allowed=False)
    assert codes(scanned(data, sharding=most)) == []
    less = Sharding(max_requests=2, max_bytes=len(data) - 1, max_tokens=40, is_allowed=False)
    scan = scanned(data, sharding=less)
    assert codes(scan) == [("too-many-tasks", 0), ("too-many-bytes", 0), ("too-many-tokens", 0)]
    assert "3 requests; the provider takes 2" in scan.diagnostics[0].message
    assert scan.diagnostics[0].provider_code == "too_many_tasks"


# What requests ask for.


def demand(scan_data: bytes, **options: object) -> tuple[int, int, int, int | None]:
    (part,) = scanned(scan_data, **options).parts  # type: ignore[arg-type]
    (only,) = part.demands
    return only.requests, only.size, only.input_tokens, only.output_tokens


@pytest.mark.parametrize(
    ("bodies", "most"),
    [
        ([{"max_tokens": 5}, {"max_completion_tokens": 7}], 12),
        ([{"max_tokens": 5, "max_output_tokens": 11}], 5),
        ([{"max_output_tokens": 1}], None),
        ([{"max_tokens": 5, "n": 0}], 5),
        ([{"max_tokens": 5, "n": 2, "best_of": 4}], 20),
        ([{"max_tokens": 5, "n": 3}, {"max_tokens": 5, "n": None}], 20),
        ([{"max_tokens": 5, "max_completion_tokens": 7}], 7),
        ([{"max_tokens": 5}, {}], None),
        ([{"max_tokens": None}], None),
        ([{"max_tokens": 0}], 0),
    ],
)
def test_the_most_that_can_be_answered(bodies: list[dict[str, int | None]], most: int | None) -> None:
    data = lines(*(chat(str(n), **body) for n, body in enumerate(bodies)))
    assert demand(data)[3] == most


@pytest.mark.parametrize(
    ("endpoint", "most"),
    [("/v1/responses", 11), ("/v1/completions", 5), ("/v1/chat/completions", 7), ("/v1/other", 11)],
)
def test_only_the_limits_that_an_endpoint_has_bound_its_answers(endpoint: str, most: int) -> None:
    limits = {"max_tokens": 5, "max_completion_tokens": 7, "max_output_tokens": 11}
    data = lines(request("a", url=endpoint, body={"model": "m", "input": "", **limits}))
    assert demand(data, endpoint=endpoint)[3] == most


@pytest.mark.parametrize("endpoint", [EMBEDDINGS, "/v1/moderations"])
def test_embeddings_are_answered_without_tokens(endpoint: str) -> None:
    assert demand(lines(request("a", url=endpoint)), endpoint=endpoint)[3] == 0


def test_demands_are_by_model() -> None:
    data = lines(chat("a", model="y", max_tokens=1), chat("b", model="x"), chat("c", model="y", max_tokens=2))
    (part,) = scanned(data).parts
    assert [(each.model, each.requests, each.output_tokens) for each in part.demands] == [("x", 1, None), ("y", 2, 3)]
    assert sum(each.size for each in part.demands) == len(data)


@pytest.mark.parametrize(
    ("body", "texts", "tokens"),
    [
        ({"messages": [{"role": "user", "content": "Hello"}, {"role": "user", "content": "You"}]}, "HelloYou", 0),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hé"}, {"type": "image_url"}]}]}, "Hé", 0),
        ({"prompt": "Hello", "n": 2}, "Hello", 0),
        ({"prompt": ["Hello", "You"]}, "HelloYou", 0),
        ({"input": [[1, 2, 3], [4]]}, "", 4),
        ({"input": "Hello", "instructions": "Be brief"}, "HelloBe brief", 0),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]}, "Hello", 0),
        ({"messages": [], "system": "Be brief"}, "Be brief", 0),
        ({"messages": [], "tools": [{"type": "x"}]}, '[{"type":"x"}]', 0),
        ({"messages": 10**30}, "", 1),
        ({}, "", 0),
    ],
)
def test_the_texts_of_a_prompt_are_counted(body: dict[str, object], texts: str, tokens: int) -> None:
    line = request("a", body={"model": "m", **body})
    assert demand(lines(line))[2] == round(len(texts.encode()) / 4 + tokens)


def test_a_prompt_nested_as_deeply_as_can_be_read() -> None:
    for depth in range(900, 1000, 7):
        deep = b"[" * depth + b"1" + b"]" * depth
        scan = scanned(lines(chat("a", x=1).replace(b'"x": 1', b'"input": ' + deep)))
        assert {code for code, _ in codes(scan)} <= {"too-deep"}


class Words:
    """Counts words, for one model only."""

    def name(self, model: str) -> str:
        return "words" if model == "m" else ""

    def count(self, text: str, model: str) -> int:
        assert model == "m"
        return len(text.split())


def test_a_tokenizer_counts_where_there_is_one() -> None:
    data = lines(chat("a", "two words"), chat("b", "abcdefgh", model="other"))
    scan = scanned(data, counter=Words())
    assert (scan.counted_by, [each.input_tokens for each in scan.parts[0].demands]) == ("bytes/4+words", [2, 2])
    assert scanned(lines(chat("a")), counter=Words()).counted_by == "words"
    assert scanned(lines(chat("a"))).counted_by == "bytes/4"


def test_a_sample_stands_for_the_rest() -> None:
    data = lines(*(chat(f"{n:05}", "word " * (n % 20)) for n in range(5000)))
    first = demand(data, counter=Words())[2]
    assert first == pytest.approx(5000 * 9.5, rel=0.03)
    assert demand(data, counter=Words(), block=4000)[2] == first, "the same lines, the same sample"


def test_long_texts_are_counted_from_their_start() -> None:
    data = lines(chat("a", "word " * 100_000))
    assert demand(data, counter=Words())[2] == pytest.approx(100_000, rel=0.001)


@pytest.mark.parametrize(
    ("value", "count"),
    [("text", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1], [2, 3]], 2), ([-1], 1), ([], 0), (None, 1), (..., 0)],
)
def test_inputs_of_embeddings_are_counted(value: object, count: int) -> None:
    line = embedding("a", value) if value is not ... else request("a", url=EMBEDDINGS)
    for most, expected in ((count, []), (count - 1, [("too-many-embedding-inputs", 0)])):
        sharding = Sharding(max_embedding_inputs=most, is_allowed=False)
        assert codes(scanned(lines(line), sharding=sharding, endpoint=EMBEDDINGS)) == expected


@pytest.mark.parametrize("block", [1 << 20, 900])
def test_inputs_are_counted_beside_longer_things(block: int) -> None:
    data = lines(*(embedding(f"{n:02}", ["a", "b"], messages=["long" * 20, n, n]) for n in range(30)))
    for most, expected in ((60, []), (59, [("too-many-embedding-inputs", 0)])):
        sharding = Sharding(max_embedding_inputs=most, is_allowed=False)
        assert codes(scanned(data, sharding=sharding, endpoint=EMBEDDINGS, block=block)) == expected


# Any file at all.

fragments = st.sampled_from(
    [
        request("a"), request("b"), request("c"), request("a", body={"model": "m2"}), request("d", method="PUT"),
        request("e", body={"model": "m", "stream": True}), b"", b" ", b"{", b"[]", b"\xef\xbb\xbf", b"\xff", b"\r",
        b"\n", b"\n", b"\n", b'{"custom_id":"a"', b"x" * 150, b" " * 90, request("f")[:-1] + b',"url":1}',
        *(chat(f"{n}", "x" * n) + b"\n" for n in range(9)), *(chat(f"{n}", "é\n", seed=n) + b"\n" for n in range(3)),
    ]
)  # fmt: skip


def naive(data: bytes, longest: int) -> tuple[int, Counter[str], set[str]]:
    """The rules once more, the slow way: the file in memory, `json.loads`, a dictionary of ids."""
    found: Counter[str] = Counter()
    ids: set[str] = set()
    rows = data.split(b"\n")
    if rows[-1] == b"":
        rows.pop()
    ending = 0
    while rows and len(rows[-1]) <= longest and not rows[-1].strip():
        rows.pop()
        ending += 1
    count = 0
    for number, row in enumerate(rows, 1):
        if not row.strip() and len(row) <= longest:
            found["blank-line"] += 1
            continue
        count += 1
        if number == 1 and row.startswith(b"\xef\xbb\xbf"):
            found["byte-order-mark"] += 1
            row = row[3:]
        if len(row.removesuffix(b"\r")) > longest:
            found["line-too-long"] += 1
            continue
        code, custom_id = naive_line(row)
        if code:
            found[code] += 1
        elif custom_id in ids:
            found["duplicate-custom-id"] += 1
        ids.add(custom_id)
    found["empty-file"] = int(not count)
    notices = {"blank-lines"} if ending and not set(found) - {"blank-line"} and count else set()
    return count, +found, notices


def naive_line(row: bytes) -> tuple[str, str]:
    if not row.strip():
        return "blank-line", ""
    try:
        text = row.decode()
        document = json.loads(text)
        pairs = json.loads(text, object_pairs_hook=list)
    except UnicodeDecodeError:
        return "not-utf-8", ""
    except ValueError:
        return "invalid-json-line", ""
    if not isinstance(document, dict):
        return "not-an-object", ""
    if not {"custom_id", "method", "url", "body"} <= set(document):
        return "missing-required-parameter", ""
    if not isinstance(document["url"], str):
        return "wrong-type", ""
    if document["method"] != "POST":
        return "bad-method", ""
    if document["body"].get("stream"):
        return "streaming-unsupported", ""
    return "duplicate-key" if len(pairs) > len(document) else "", document["custom_id"]


@settings(max_examples=400)
@given(st.lists(fragments, max_size=14).map(b"".join), st.sampled_from([1, 10, 150, 1000]))
def test_a_pass_finds_what_a_naive_reading_finds(data: bytes, block: int) -> None:
    scan = scanned(data, max_line_bytes=140, block=block)
    count, found, notices = naive(data, 140)
    assert Counter(each.code for each in scan.diagnostics) == found
    assert (whole(scan).requests, whole(scan).size) == (count, len(data))
    assert whole(scan).sha256 == digest(data)
    assert notices <= {each.code for each in scan.notices}


@given(st.binary(max_size=200))
def test_any_bytes_have_their_digest(data: bytes) -> None:
    with stream_of(data) as stream:
        assert digest_input(stream) == digest(data)
    assert whole(scanned(data)).sha256 == digest(data)


def test_what_reading_raises_gets_through_and_leaves_no_thread() -> None:
    class Broken:
        def __init__(self) -> None:
            self.left = 3

        def read(self, size: int, /) -> bytes:
            self.left -= 1
            if not self.left:
                raise OSError("the disk is gone")
            return lines(*(chat(str(n)) for n in range(1000)))[:size]

        def seek(self, offset: int, /) -> int:
            raise AssertionError("read again")

    before = threading.active_count()
    with pytest.raises(OSError, match="the disk is gone"):
        scan_lines(Broken(), path="x", shown="x", rules=LineRules(ENDPOINT), sharding=Sharding())
    assert threading.active_count() == before


def test_every_code_of_a_provider_is_one_of_ours() -> None:
    (told,) = scanned(lines(request("a", url="/v1/x"))).diagnostics
    assert isinstance(told, Diagnostic)
    assert told.provider_code == "url_mismatch"
