"""What every dialect must do, as checks that need no test framework, no network and no server.

    def test_my_dialect():
        check_dialect(MyDialect, MyDialect.facts)

With pytest, `@pytest.mark.parametrize("check", DIALECT_CHECKS)` names the one that failed. How a dialect gets on with a
server is checked by `check_provider`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Accepted, Create, Upload, Uploaded
from batchrunner.manifest import LocalFile
from batchrunner.records import MALFORMED, decode, encode, replace
from batchrunner.remote import RemoteBatch, RemoteStatus, ResultFile, Tags
from batchrunner.rows import OUTCOMES, ResultLine
from batchrunner.state import Intent
from batchrunner.testing.hostile import HOSTILE_IDS, replies, result_lines
from batchrunner.testing.submitting import must

_KEY = "br1-abcdefghijklmnopqrstuvwxyz234567"
_FILE = "file-abc123"
_ID = "batch_abc-1.2"
_TAGS = Tags(_KEY, "s/b", "day:2026-11-22", "sha256:00", 1)
_SOURCE = LocalFile(path="in.jsonl", sha256="sha256:" + "0" * 64, size=3, requests=2, models=("m",))
_SINCE = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True)
class DialectUnderTest:
    """A dialect, as `make` builds it from `facts`."""

    make: Callable[[ProviderFacts], Any]
    facts: ProviderFacts

    def dialect(self, **changes: Any) -> Any:
        """The dialect, with facts changed."""
        return self.make(replace(self.facts, **changes))


def check_dialect(make: Callable[[ProviderFacts], Any], facts: ProviderFacts) -> None:
    """Run every check. Raises `AssertionError` naming the duty not done."""
    subject = DialectUnderTest(make, facts)
    for check in DIALECT_CHECKS:
        check(subject)


def creates_are_the_same_every_time(subject: DialectUnderTest) -> None:
    """The body of a create is one line of JSON, and depends on nothing but what it is made from."""
    metadata = {"team": "support", "a": "é"}
    first = subject.dialect().create_request(_intent(subject, metadata), _FILE, _TAGS)
    again = subject.dialect().create_request(_intent(subject, dict(reversed(metadata.items()))), _FILE, _TAGS)
    must(first == again, "two creates of one intent differ")
    must("\n" not in first, "a create has several lines")
    must(isinstance(json.loads(first), dict), "a create is no JSON object")


def creates_say_what_they_are_of(subject: DialectUnderTest) -> None:
    """The file and, where metadata is sent, the metadata and our tags are in a create."""
    dialect = subject.dialect()
    said = dialect.create_request(_intent(subject, {"team": "support"}), _FILE, _TAGS)
    must(dialect.is_inline or _FILE in said, "a create does not name its file")
    for text in ("support", *_TAGS.as_metadata().values()) if subject.facts.metadata == "sent" else ():
        must(text in said, f"a create does not send {text}, though its provider takes metadata")


def creates_are_sent_as_they_were_stored(subject: DialectUnderTest) -> None:
    """The stored request is the body, byte for byte; its key goes with it where the provider honours one."""
    for mode in ("header", "none"):
        dialect = subject.dialect(idempotency=mode)
        call = dialect.create_call(_create('{"b":1, "a":"é"}'))
        must(call.method == "POST", "a create is no POST")
        must(dialect.is_inline or call.body == '{"b":1, "a":"é"}'.encode(), "a create is not what was stored")
        has_key = any(value == _KEY for _, value in call.headers)
        must(has_key == (mode == "header"), f"the key of a create is{'' if has_key else ' not'} in a header")


def inline_requests_are_framed(subject: DialectUnderTest) -> None:
    """Requests that travel in a create are all there, in order, whatever their number and size."""
    dialect = subject.dialect()
    if not dialect.is_inline:
        return
    for count in (0, 1, 3, 2000):
        sent = [{"custom_id": f"r-{number}", "params": {"text": "x" * 100}} for number in range(count)]
        body = b"".join(dialect.inline_pieces(json.dumps(each).encode() + b"\n" for each in sent))
        must(sent in json.loads(body).values(), f"{count} requests do not arrive as they were")


def uploads_are_named_by_key_and_content(subject: DialectUnderTest) -> None:
    """An upload that was not answered is found by its name, and the same bytes go around it every time."""
    dialect = subject.dialect()
    if dialect.upload_path is None:
        must(
            dialect.is_inline or bool(dialect.upload_missing), "it takes no upload, and does not say what to do instead"
        )
        return
    job = Upload(address="s/b", provider="p", idempotency_key=_KEY, source=_SOURCE)
    must(dialect.upload_frame(job) == subject.dialect().upload_frame(job), "two uploads of one file differ")
    name = dialect.upload_name(job)
    must(_KEY in name, "an upload is not named by its key")
    must(name.encode() in dialect.upload_frame(job).head, "an upload is not sent under its name")


def calls_stay_where_they_belong(subject: DialectUnderTest) -> None:
    """Every path is a path, and no id of a provider leads out of it."""
    dialect = subject.dialect()
    for call in filter(None, _calls(dialect, _ID)):
        must(_is_path(call.path), f"a call goes to {call.path!r}")
    for identity in HOSTILE_IDS:
        calls = [call for call in _calls(dialect, identity) if call is not None]
        must(not calls, f"the id {identity!r} is put into a path")


def replies_are_never_trusted(subject: DialectUnderTest) -> None:
    """Whatever a reply holds, reading it raises nothing, and nothing that is read from it is unusable."""
    dialect = subject.dialect()
    for body in replies():
        _check_created(dialect.read_created(body, _FILE))
        _check_file(dialect.read_file(body))
        _check_batch(dialect.read_batch(body))
        page = dialect.read_survey(body, "")
        for batch in getattr(page, "batches", ()):
            _check_batch(batch)
        for file in getattr(dialect.read_page(body, ""), "files", ()):
            _check_file(file.uploaded)


def lists_come_to_an_end(subject: DialectUnderTest) -> None:
    """An empty page is the last one."""
    dialect = subject.dialect()
    for body in (b"[]", b'{"data":[]}', b'{"data":[],"has_more":true,"last_id":null}'):
        for page in (dialect.read_survey(body, ""), dialect.read_page(body, "")):
            must(not getattr(page, "after", ""), f"a list goes on after an empty page: {body!r}")


def unknown_words_are_no_end(subject: DialectUnderTest) -> None:
    """A status that nobody knows is not taken for an end."""
    for name in ("status", "processing_status"):
        body = json.dumps({"id": _ID, name: "reticulating", "created_at": 1}).encode()
        batch = subject.dialect().read_batch(body)
        must(not getattr(batch, "is_terminal", False), "an unknown status ends a batch")


def lines_are_never_trusted(subject: DialectUnderTest) -> None:
    """Whatever a line of results holds, reading it raises nothing, and says one of four things."""
    read = subject.dialect().read_line
    for line in (*result_lines(), *replies()):
        found = read(line)
        if found is not None:
            must(isinstance(found, ResultLine), "a line is read as something else")
            must(isinstance(found.custom_id, str), "a line is about no id")
            must(found.outcome in OUTCOMES, f"a line ends in {found.outcome!r}")


def _intent(subject: DialectUnderTest, metadata: dict[str, str]) -> Intent:
    facts = subject.facts
    return Intent(
        idempotency_key=_KEY,
        fingerprint="sha256:00",
        provider="p",
        origin=facts.origin,
        endpoint=(facts.endpoints or ("/v1/chat/completions",))[0],
        completion_window="24h",
        source=_SOURCE,
        metadata=metadata,
        created_at="2026-11-22T02:30:00Z",
    )


def _create(request: str) -> Create:
    return Create(address="s/b", provider="p", idempotency_key=_KEY, request=request, input_file_id=_FILE)


def _calls(dialect: Any, identity: str) -> Iterator[Any]:
    yield dialect.look_call(identity)
    yield dialect.cancel_call(identity)
    yield dialect.content_call(identity, ResultFile(kind="all"), 0)
    if identity and not dialect.is_inline:
        yield dialect.content_call(_ID, ResultFile(kind="output", file_id=identity), 9)
    yield dialect.remove_call(identity)
    if identity == _ID:
        yield dialect.survey_call("", None)
        yield dialect.survey_call("", _SINCE)
        yield dialect.create_call(_create("{}"))


def _is_path(path: str) -> bool:
    return path.startswith("/") and not path.startswith("//") and not {*"?#{}\\ "} & {*path} and ".." not in path


def _check_created(found: Any) -> None:
    if isinstance(found, Accepted):
        _check_id(found.batch_id)
        _check_kept(found)


def _check_file(found: Any) -> None:
    if isinstance(found, Uploaded):
        _check_id(found.file_id)
        _check_kept(found)


def _check_batch(batch: Any) -> None:
    if not isinstance(batch, RemoteBatch):
        return
    _check_id(batch.batch_id)
    for file in batch.files:
        must(not file.file_id or _is_id(file.file_id), f"a file is called {file.file_id!r}")
    for time in filter(None, (batch.created_at, batch.expires_at, batch.ended_at)):
        must(datetime.fromisoformat(time).tzinfo is not None, f"{time} is in no time zone")
    must(batch.status in get_args(RemoteStatus), f"a batch is {batch.status!r}")
    _check_kept(batch)


def _check_id(identity: str) -> None:
    must(_is_id(identity), f"an id is {identity!r}")


def _is_id(identity: str) -> bool:
    return identity not in HOSTILE_IDS and 0 < len(identity) <= 128 and identity.isascii()


def _check_kept(found: Any) -> None:
    """State is written with it, and must be read back."""
    try:
        must(decode(encode(found), type(found), what="it") == found, "what is kept is read back as something else")
    except MALFORMED as error:
        raise AssertionError(f"what is kept cannot be written: {error}") from None


DIALECT_CHECKS: Sequence[Callable[[DialectUnderTest], None]] = (
    creates_are_the_same_every_time,
    creates_say_what_they_are_of,
    creates_are_sent_as_they_were_stored,
    inline_requests_are_framed,
    uploads_are_named_by_key_and_content,
    calls_stay_where_they_belong,
    replies_are_never_trusted,
    lists_come_to_an_end,
    unknown_words_are_no_end,
    lines_are_never_trusted,
)
"""Every check. Each takes a `DialectUnderTest` and raises `AssertionError` naming the duty not done."""
