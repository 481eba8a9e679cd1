"""What one send means: the whole table, for every status, with and without an unaccounted earlier send."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.catalog import ALPHAEDGE
from batchrunner.jobs import Accepted, Denied, Rejected
from batchrunner.providers._calls import NotSent, Reply, Unknown
from batchrunner.providers._verdicts import Again, Meaning, code_of, judge, meaning_of
from batchrunner.providers.alphaedge import AlphaEdge

NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
DIALECT = AlphaEdge(ALPHAEDGE)
GOOD = b'{"id":"batch_1","object":"batch","status":"validating","created_at":1,"input_file_id":"file-1"}'


def judged(result, *, in_doubt=False, key="sk-canary"):
    return judge(
        result,
        in_doubt=in_doubt,
        read=lambda body: DIALECT.read_created(body, "file-1"),
        redact=lambda text: text.replace(key, "[redacted]"),
        now=NOW,
    )


SUCCESS = set(range(200, 300))
CLIENT_ERRORS = set(range(400, 500)) - {401, 403, 408, 429}
AMBIGUOUS = set(range(1000)) - SUCCESS - CLIENT_ERRORS - {401, 403, 429}


@pytest.mark.parametrize("in_doubt", [False, True])
def test_every_status_has_its_meaning(in_doubt):
    refused = {400, 413, 422} if in_doubt else CLIENT_ERRORS
    by_meaning = {meaning: set() for meaning in Meaning}
    for status in range(1000):
        by_meaning[meaning_of(status, in_doubt=in_doubt)].add(status)
    assert by_meaning == {
        Meaning.TAKEN: SUCCESS,
        Meaning.DENIED: {401, 403},
        Meaning.SAFE: {429},
        Meaning.REFUSED: refused,
        Meaning.AMBIGUOUS: AMBIGUOUS | (CLIENT_ERRORS - refused),
    }


@given(st.integers(min_value=0, max_value=999), st.booleans())
def test_no_status_is_without_a_meaning_and_a_word(status, in_doubt):
    assert meaning_of(status, in_doubt=in_doubt) in Meaning
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code_of(status, in_doubt=in_doubt))


@given(st.integers(min_value=0, max_value=999))
def test_an_unaccounted_send_never_turns_a_refusal_into_less_doubt(status):
    before, after = meaning_of(status, in_doubt=False), meaning_of(status, in_doubt=True)
    assert after is before or (before is Meaning.REFUSED and after is Meaning.AMBIGUOUS)


def test_nothing_sent_is_safe_and_anything_unknown_is_ambiguous():
    assert judged(NotSent("connect-failed", "no")) == Again("connect-failed", words="no")
    assert judged(Unknown("timeout", "late")) == Again("timeout", words="late", ambiguous=True)


def test_a_usable_2xx_is_accepted_with_its_reply():
    outcome = judged(Reply(201, {}, GOOD))
    assert isinstance(outcome, Accepted)
    assert (outcome.batch_id, outcome.status, bytes(outcome.reply)) == ("batch_1", "validating", GOOD)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b'{"id":"batch_1"', "not JSON"),
        (b'{"id":"batch_1","n":NaN}', "not JSON"),
        (b'{"id":"batch_1","n":-Infinity}', "not JSON"),
        (b'{"id":"batch_1","s":"\xff"}', "not JSON"),
        (b'{"id":"batch_1","s":"\\ud800"}', "not JSON"),
        (b"\xef\xbb\xbf" + GOOD, "not JSON"),
        (b'{"id":"batch_1","d":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"id":"batch_1","n":' + b"1" * 5000 + b"}", "not JSON"),
        (b'{"id":"batch_1","n":1e999}', "cannot be kept"),
        (b"[]", "not an object"),
        (b'"batch_1"', "not an object"),
        (b"null", "not an object"),
        (b"{}", "no usable id"),
        (b'{"id":null}', "no usable id"),
        (b'{"id":7}', "no usable id"),
        (b'{"id":""}', "no usable id"),
        (b'{"id":"a b"}', "no usable id"),
        (b'{"id":"../../files/f1?x=1"}', "no usable id"),
        (b'{"id":"a..b"}', "no usable id"),
        (b'{"id":"batch_1\\n"}', "no usable id"),
        (b'{"id":"' + b"x" * 129 + b'"}', "no usable id"),
        (b'{"id":"batch_1","input_file_id":"file-2"}', "another input file"),
        (b'{"id":"batch_1","input_file_id":null}', "another input file"),
        (b'{"job":{"id":"batch_1"}}', "no usable id"),
    ],
)
def test_a_2xx_that_proves_nothing_is_ambiguous(body, reason):
    again = judged(Reply(200, {}, body))
    assert isinstance(again, Again)
    assert again.ambiguous
    assert again.code == "unusable-reply"
    assert reason in again.words
    assert len(again.words) <= 500


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"b.A-1_"}',
        b'{"id":"batch_1","created_at":"2026-11-22T02:31:00Z","status":"WARMING_UP"}',
        b'{"id":"batch_1","status":7,"object":"job","extra":{"deep":[1]}}',
        b'{"id":"batch_1","completion_window":"1d","endpoint":"/chat"}',
        b'{"id":"batch_1","id":"batch_1"}',
        b'{"id":"' + b"x" * 128 + b'"}',
        b'{"id":"batch_1","input_file_id":"file-1","request_counts":null}',
    ],
)
def test_an_odd_but_usable_2xx_is_accepted(body):
    assert isinstance(judged(Reply(200, {}, body)), Accepted)


def test_a_reply_is_kept_as_it_was_sent_on_one_line():
    outcome = judged(Reply(200, {}, b'{\n  "id": "batch_1",\r\n "n": 1.50, "u": "\\u00e9"\n}'))
    assert bytes(outcome.reply) == b'{"id":"batch_1","n":1.50,"u":"\\u00e9"}'


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 405, 410, 415, 418])
def test_a_refusal_has_the_providers_words(status):
    outcome = judged(Reply(status, {}, b'{"error":{"message":"no such file"}}'))
    assert outcome == Rejected(code=code_of(status, in_doubt=False), status=status, words="no such file")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_denied(status):
    outcome = judged(Reply(status, {}, b'{"error":"wrong key sk-canary"}'))
    assert isinstance(outcome, Denied)
    assert outcome.words == "wrong key [redacted]"


def test_conflict_on_a_resend_means_in_progress():
    again = judged(Reply(409, {"retry-after": "2"}, b""), in_doubt=True)
    assert again == Again("in-progress", 409, "", ambiguous=True, retry_after=2.0)


def test_a_redirect_says_what_to_check():
    again = judged(Reply(307, {"location": "https://evil.example/sk-canary"}, b""))
    assert again.ambiguous
    assert "check the provider's base_url" in again.words
    assert "sk-canary" not in again.words


header_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=40)
headers = st.dictionaries(
    st.sampled_from(["retry-after", "retry-after-ms", "date", "x-request-id", "location"]), header_text
)
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "error", "message", "detail", "input_file_id", "status"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.integers(min_value=0, max_value=999),
    headers,
    st.binary(max_size=200) | json_like.map(lambda value: json.dumps(value).encode()),
    st.booleans(),
)
def test_any_reply_has_a_verdict(status, headers, body, in_doubt):
    verdict = judged(Reply(status, headers, body), in_doubt=in_doubt)
    assert isinstance(verdict, Accepted | Rejected | Denied | Again)
    assert len(getattr(verdict, "words", "")) <= 500
    if isinstance(verdict, Accepted):
        assert 200 <= status < 300
