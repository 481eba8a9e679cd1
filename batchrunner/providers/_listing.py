"""A page of OpenAI's list of files, as values. Other people's JSON: what cannot be used is passed over."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from batchrunner.jobs import Uploaded
from batchrunner.moments import time_of
from batchrunner.providers._finding import FilesPage, ListedFile
from batchrunner.providers._verdicts import Unusable
from batchrunner.records import MALFORMED, Raw, Tolerant, decoder

PURPOSE = "batch"
PAGE_FILES = 100
_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_LOST = frozenset({"error", "failed", "expired", "canceled", "cancelled", "deleting", "deleted"})

Time = int | float | str | None


class _Page(Tolerant):
    data: tuple[Raw, ...]
    has_more: bool | None = None


class _File(Tolerant):
    id: str
    filename: str
    bytes: int
    created_at: Time = None
    expires_at: Time = None
    purpose: str | None = None
    status: str | None = None


class _Dated(Tolerant):
    id: str
    created_at: Time = None


_read_page = decoder(_Page).decode
_read_file = decoder(_File).decode
_read_dated = decoder(_Dated).decode


def is_usable_id(identity: str) -> bool:
    """Whether an id that a provider gave may be kept and put into a URL."""
    return _ID.fullmatch(identity) is not None and ".." not in identity and identity != "."


def read_page(
    body: bytes, read: Callable[[bytes], Uploaded | Unusable], purpose: str = PURPOSE
) -> FilesPage | Unusable:
    """The page in `body`: files of that `purpose`, their objects taken by `read`."""
    try:
        page = _read_page(body)
        last = _read_dated(page.data[-1]) if page.data else None
    except MALFORMED:
        return Unusable("the reply is not a list of files")
    files = tuple(filter(None, (_listed(file, read, purpose) for file in page.data)))
    if last is None:
        return FilesPage(files, None, "")
    goes_on = bool(page.has_more) and is_usable_id(last.id)
    return FilesPage(files, _time(last.created_at), last.id if goes_on else "")


def _listed(raw: Raw, read: Callable[[bytes], Uploaded | Unusable], purpose: str) -> ListedFile | None:
    try:
        file = _read_file(raw)
    except MALFORMED:
        return None
    uploaded = read(bytes(raw))
    if file.purpose not in {None, purpose} or file.status in _LOST or isinstance(uploaded, Unusable):
        return None
    return ListedFile(file.filename, file.bytes, _time(file.created_at), _time(file.expires_at), uploaded)


def _time(said: Time) -> datetime | None:
    if isinstance(said, str):
        return time_of(said)
    try:
        return None if said is None else datetime.fromtimestamp(said, UTC)
    except (ValueError, OverflowError, OSError):
        return None
