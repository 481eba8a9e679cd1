"""The conformance cases: what a dialect, and all that builds on it, has to cope with. Data, for tests and documents.

C is for creating, L for what follows, F for files. Whether a case applies to a provider depends on its facts alone.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from batchrunner.facts import ProviderFacts

KEYED = frozenset({"header", "body"})


def _always(facts: ProviderFacts) -> str:
    return ""


def _with_keys(facts: ProviderFacts) -> str:
    return "" if facts.idempotency in KEYED else "no idempotency key is honoured"


def _without_keys(facts: ProviderFacts) -> str:
    return "its idempotency keys are relied on" if facts.idempotency in KEYED else ""


def _listing(facts: ProviderFacts) -> str:
    return "" if facts.paths.list_batches is not None else "batches are not listed"


def _list_match(facts: ProviderFacts) -> str:
    if facts.idempotency == "list-match":
        return ""
    return _without_keys(facts) or "nothing in its list says which create made a batch"


def _with_files(facts: ProviderFacts) -> str:
    return "" if facts.paths.upload_file is not None else "requests travel in the create"


def _result_files(facts: ProviderFacts) -> str:
    return "" if facts.paths.results is None else "all results are in one place"


def _checked_later(facts: ProviderFacts) -> str:
    return "" if facts.paths.upload_file is not None else "requests travel in the create, and are refused there"


class Case(NamedTuple):
    """A case: `name` such as `C3`, what happens in `words`, and `absent`, why it cannot happen with some facts."""

    name: str
    words: str
    absent: Callable[[ProviderFacts], str] = _always


CASES: Sequence[Case] = (
    Case("C1", "a good create is taken"),
    Case("C2", "a create is answered with 201 or 202, or wrapped"),
    Case("C3", "the same create under the same key is the same batch", _with_keys),
    Case("C4", "another create under a used key is refused, and not sent again", _with_keys),
    Case("C5", "creates under one key that are sent at once are one batch", _with_keys),
    Case("C6", "keys are ignored, and still there is one batch", _without_keys),
    Case("C7", "429 with Retry-After in seconds, as a date, in milliseconds, 0, or an hour"),
    Case("C8", "500, then 503, then taken"),
    Case("C9", "500 although the batch was made"),
    Case("C10", "the connection ends before the request is read, after the batch is made, within the reply"),
    Case("C11", "no reply in time although the batch was made"),
    Case("C12", "2xx with nothing, with HTML, without an id"),
    Case("C13", "400 is shown in the provider's words, and not sent again"),
    Case("C14", "401 and 403 stop the run"),
    Case("C15", "404 for the create itself"),
    Case("C16", "413"),
    Case("C17", "`x-should-retry` is heeded both ways, and makes nothing safe that is not"),
    Case("C18", "killed at a step of an apply, then applied again: one batch"),
    Case("C19", "two runners with the same plan: one batch"),
    Case("C20", "fields and statuses that nobody knows are kept, and are no end"),
    Case("C21", "a redirect never takes the key along"),
    Case("L1", "from validating to completed"),
    Case("L2", "failed, with the lines that are wrong", _checked_later),
    Case("L3", "failed because too much is enqueued: for later, not for good", _checked_later),
    Case("L4", "expired, with results of a part"),
    Case("L5", "completed, and every request failed"),
    Case("L6", "completed before the results can be named", _result_files),
    Case("L7", "a batch that runs is stopped"),
    Case("L8", "stopping a batch that is completed is refused, which is no error"),
    Case("L9", "stopping a batch that was stopped"),
    Case("L10", "in progress long after it should have expired"),
    Case("L11", "a batch that was there is not found any more"),
    Case("L12", "statuses in capitals, times in ISO 8601, counts that are null"),
    Case("L13", "a list of three pages, and a page that is gone", _listing),
    Case("L14", "none, one or two batches match a create in doubt", _list_match),
    Case("F1", "a file is uploaded", _with_files),
    Case("F2", "an upload that was not answered is found by name and size", _with_files),
    Case("F3", "a download that breaks off goes on, and is complete or not there"),
    Case("F4", "results out of order, missing, and twice"),
    Case("F5", "the body of a result is a JSON string", _result_files),
    Case("F6", "an error file of 0 bytes", _result_files),
    Case("F7", "an input that would be refused is refused by the plan"),
    Case("F8", "the file is gone before the create", _with_files),
)
"""All of them, in order."""
