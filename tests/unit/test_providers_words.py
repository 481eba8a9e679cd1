"""The provider's own words: which ones, how many, and never the key."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.errors import Refused
from batchrunner.providers._bearer import Bearer
from batchrunner.providers._calls import Reply
from batchrunner.providers._words import words_of

KEY = "sk-canary-0123456789"


def said(body: bytes, **headers: str) -> str:
    renamed = {name.replace("_", "-"): value for name, value in headers.items()}
    return words_of(Reply(400, renamed, body), Bearer(KEY, provider="p").redact)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error":{"message":"a","code":"c"},"detail":"b","message":"d"}', "a"),
        (b'{"error":"a","detail":"b"}', "a"),
        (b'{"error":{"type":"x"},"detail":"b"}', "b"),
        (b'{"detail":[{"loc":["body"],"msg":"bad"}]}', '[{"loc":["body"],"msg":"bad"}]'),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"object":"error","message":"d"}', "d"),
        (b'{"other":1}', '{"other":1}'),
        (b'"just text"', "just text"),
        (b"<html>Bad Gateway</html>\n", "<html>Bad Gateway</html>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b'{"error":{"message":"\\u001b[31mred"}}', "\x1b[31mred"),
        (b"[" * 1000, "[" * 500),
        (b"", ""),
        (b"null", "null"),
    ],
)
def test_the_first_thing_that_was_said(body, words):
    assert said(body) == words


def test_the_request_id_survives_long_words():
    words = said(b'{"error":"' + b"x" * 10_000 + b'"}', x_request_id="req_7")
    assert len(words) == 500
    assert words.endswith(" (request req_7)")
    assert said(b"", x_request_id="req_7") == "(request req_7)"


@given(st.text(max_size=600), st.text(max_size=600), st.text(max_size=150))
def test_the_key_is_never_repeated(before, after, request_id):
    words = said(f"{before}{KEY}{after}".encode(), x_request_id=request_id + KEY)
    assert KEY not in words
    assert len(words) <= 500


def test_a_key_written_in_escapes_is_found():
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
    assert said(f'{{"error":"your key {escaped}"}}'.encode()) == "your key [redacted]"


SLASHED = 'sk/canary"0123\\456789/'


@st.composite
def spelled(draw: st.DrawFn, key: str = SLASHED) -> str:
    """The key as a JSON string may hold it: each character plain or escaped in one of its ways."""
    short = {"/": ["/", "\\/"], '"': ['\\"'], "\\": ["\\\\"]}
    ways = [[*short.get(each, [each]), f"\\u{ord(each):04x}", f"\\u{ord(each):04X}"] for each in key]
    return "".join(draw(st.sampled_from(way)) for way in ways)


@given(spelled())
def test_no_spelling_of_the_key_is_kept(spelling):
    bearer = Bearer(SLASHED, provider="p")
    document = f'{{"id":"b-{spelling}","note":"\\n{spelling}\\t"}}'
    assert SLASHED in json.loads(document)["id"]
    kept = {"id": "b-[redacted]", "note": "\n[redacted]\t"}
    assert json.loads(bearer.redact_reply(document.encode())) == kept
    assert json.loads(bearer.redact(document)) == kept
    within = json.dumps(document)
    assert json.loads(json.loads(bearer.redact_reply(within.encode()))) == kept


@pytest.mark.parametrize("cut", [b'{"error":"%s', b"%s", b'{"a":"%s","b":\xff}'])
def test_a_key_in_escapes_is_found_where_the_json_is_broken(cut):
    escaped = "".join(f"\\u{ord(letter):04X}" for letter in KEY).encode()
    assert "[redacted]" in said(cut % escaped)
    assert "\\u" not in said(cut % escaped)


def test_a_reply_without_the_key_is_kept_byte_for_byte():
    body = b'{"id":"batch_1","path":"\\/v1\\/x","e":"\\u00e9","s":"\\u0073"}'
    assert Bearer(KEY, provider="p").redact_reply(body) == body


def test_the_key_is_not_in_what_python_shows():
    bearer = Bearer(KEY, provider="p")
    assert KEY not in f"{bearer!r} {bearer} {[bearer]}"


def test_a_short_key_is_not_looked_for_in_replies():
    assert Bearer("sandbox", provider="p").redact_reply(b'{"id":"batch-sandbox-1"}') == b'{"id":"batch-sandbox-1"}'
    assert Bearer(KEY, provider="p").redact_reply(f'{{"id":"{KEY}"}}'.encode()) == b'{"id":"[redacted]"}'


@pytest.mark.parametrize("key", ["", " ", "a b", "a\n", "a\r\nX-Evil: 1", "clé", "\x00"])
def test_a_key_that_cannot_be_a_header_is_refused_unseen(key):
    with pytest.raises(Refused) as caught:
        Bearer(key, provider="p")
    shown = f"{caught.value} {caught.value.why} {caught.value.hint}"
    assert caught.value.code == "unusable-api-key"
    assert not key.strip() or key not in shown
