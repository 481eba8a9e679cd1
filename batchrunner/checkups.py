"""What a look at the setup found: values. Pure."""

from typing import Literal

from batchrunner.records import Record

CheckStatus = Literal["ok", "warning", "failure", "skipped"]


class Check(Record):
    """One thing that was looked at: `id` is a kebab-case word, `subject` what it was looked at of, empty for the whole.

    `hint` is what mends it, empty where nothing has to be.
    """

    id: str
    status: CheckStatus
    message: str
    subject: str = ""
    hint: str = ""


class Facts(Record):
    """What a provider answered to a question that costs nothing.

    `reached`: whether an answer of HTTP came at all, else `code` and `words` say what happened. `status` is that of the
    last answer, 0 for none. `accepts_key` is None where nothing was asked that needs one. `skew` is by how many seconds
    the clock here is ahead of the provider's, None where that did not say; it is exact to a second and the way there.
    """

    reached: bool
    code: str = ""
    words: str = ""
    status: int = 0
    accepts_key: bool | None = None
    lists_batches: bool | None = None
    lists_files: bool | None = None
    skew: float | None = None


def ok(id: str, message: str, subject: str = "") -> Check:
    """Nothing has to be done."""
    return Check(id=id, status="ok", message=message, subject=subject)


def warning(id: str, message: str, hint: str, subject: str = "") -> Check:
    """It works, and may not for long, or not as it is meant."""
    return Check(id=id, status="warning", message=message, subject=subject, hint=hint)


def failure(id: str, message: str, hint: str, subject: str = "") -> Check:
    """It does not work."""
    return Check(id=id, status="failure", message=message, subject=subject, hint=hint)


def skipped(id: str, message: str, subject: str = "") -> Check:
    """It was not looked at, and why."""
    return Check(id=id, status="skipped", message=message, subject=subject)
