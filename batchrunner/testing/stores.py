"""What every state store must do, as checks that need no test framework.

    def test_my_store(tmp_path):
        check_store(lambda name: MyStore(tmp_path / name))

With pytest, `@pytest.mark.parametrize("check", STORE_CHECKS)` names the one that failed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from batchrunner.errors import BatchrunnerError, StateError, TryAgain
from batchrunner.ports import StateStore
from batchrunner.state import Entry
from batchrunner.testing.examples import example_entry


@dataclass(frozen=True)
class StoreUnderTest:
    """How to reach the stores to be checked.

    `open` opens the state of that name: the same name is the same state, a new name a state that does not exist yet.
    `failing`, where it can be done, makes all writes fail while it is entered.
    """

    open: Callable[[str], StateStore]
    failing: Callable[[], AbstractContextManager[object]] | None = None


def check_store(
    open_store: Callable[[str], StateStore], failing: Callable[[], AbstractContextManager[object]] | None = None
) -> None:
    """Run every check, with the arguments of `StoreUnderTest`. Raises `AssertionError` naming the duty not done."""
    subject = StoreUnderTest(open_store, failing)
    for check in STORE_CHECKS:
        check(subject)


def starts_empty(subject: StoreUnderTest) -> None:
    """A state that does not exist loads as an empty one with a lineage of its own, and loading does not make it."""
    store, other = subject.open("empty"), subject.open("empty")
    state = store.load()
    _must(state.batches == {} and state.serial == 0, "a state that does not exist must be empty, at serial 0")
    _must(bool(state.lineage), "a state must have a lineage from its first load on")
    _must(other.load().lineage != state.lineage, "a load must not make the state")
    _must(bool(store.url), "a store must say where the state is")


def returns_what_was_appended(subject: StoreUnderTest) -> None:
    """Entries come back equal, replies byte by byte: at once, by another store, and after a fold."""
    reply = b'{"id":"batch-1","object":"batch","x":1.00,"y":12345678901234567890123,"z":"\\u00e9\\/"}'
    written = [example_entry("nightly/a[lang=fr]", "manual:x", status="intended"), example_entry(reply=reply)]
    with _locked(subject.open("round-trip")) as store:
        store.append(written)
        _must_hold(store, written, "right after an append")
        _must_hold(subject.open("round-trip"), written, "in another store, without the lock")
        store.fold()
        _must_hold(store, written, "after a fold")
    _must_hold(subject.open("round-trip"), written, "after the lock is gone")


def counts_revisions(subject: StoreUnderTest) -> None:
    """An append with entries is one revision, everything else none; the lineage never changes."""
    with _locked(subject.open("serial")) as store:
        store.append([example_entry("nightly/a"), example_entry("nightly/b")])
        lineage = store.load().lineage
        store.append([])
        store.fold()
        _must(store.load().serial == 1, "an append of many entries must be one revision; nothing else may be one")
    with _locked(subject.open("serial")) as store:
        store.append([example_entry("nightly/c")])
        state = store.load()
        _must(state.serial == 2, "revisions must be counted on from the last one")
        _must(state.lineage == lineage, "the lineage must never change")


def keeps_attempts_in_order(subject: StoreUnderTest) -> None:
    """What is known of an attempt is its last entry; attempts are ordered by number."""
    with _locked(subject.open("order")) as store:
        store.append([example_entry(status="intended"), example_entry(number=2, status="intended")])
        store.fold()
        store.append([example_entry(number=2, batch_id="batch-2"), example_entry(batch_id="batch-1")])
        expected = [example_entry(batch_id="batch-1"), example_entry(number=2, batch_id="batch-2")]
        _must_hold(store, expected, "when attempts move on")


def gives_states_away(subject: StoreUnderTest) -> None:
    """A loaded state is the caller's: changing it changes nothing in the store."""
    with _locked(subject.open("copies")) as store:
        store.append([example_entry()])
        store.load().batches.clear()
        store.fold()
        _must_hold(store, [example_entry()], "after a loaded state was changed")


def has_one_writer(subject: StoreUnderTest) -> None:
    """A lock that is held is refused after the timeout, says so once before, and is free again however it was left."""
    heard: list[str] = []
    store, other = subject.open("lock"), subject.open("lock")
    with store.lock(0, heard.append):
        error = _raised_by(lambda: _enter(other.lock(0.05, heard.append)))
        _must(
            isinstance(error, TryAgain) and error.code == "lock-held", "a second lock must raise TryAgain `lock-held`"
        )
    _must(len(heard) == 1, "`waiting` must be called once by who waits, and never by who does not")
    _raised_by(lambda: _enter(store.lock(0, heard.append), ValueError("left by an error")))
    with _locked(other):
        other.append([example_entry()])
    _must_hold(store, [example_entry()], "written by the second holder")


def writes_under_the_lock_only(subject: StoreUnderTest) -> None:
    """Without the lock nothing is appended."""
    store = subject.open("unlocked")
    error = _raised_by(lambda: store.append([example_entry()]))
    _must(isinstance(error, StateError), "an append without the lock must raise StateError")
    _must_hold(subject.open("unlocked"), [], "after an append without the lock")


def gives_up_once_and_for_all(subject: StoreUnderTest) -> None:
    """After the first failed append all others fail too, and what was durable before still is."""
    if subject.failing is None:
        return
    with _locked(subject.open("failing")) as store:
        store.append([example_entry("nightly/before")])
        with subject.failing():
            first = _raised_by(lambda: store.append([example_entry("nightly/during")]))
        second = _raised_by(lambda: store.append([example_entry("nightly/after")]))
        _must(isinstance(first, StateError), "an append that fails must raise StateError")
        _must(isinstance(second, StateError), "a failed append must not be followed by one that works")
    known = subject.open("failing").load().batches
    _must("nightly/before" in known, "what was durable before a failure must still be there")
    _must("nightly/after" not in known, "nothing may be written after a failure")


STORE_CHECKS: Sequence[Callable[[StoreUnderTest], None]] = (
    starts_empty,
    returns_what_was_appended,
    counts_revisions,
    keeps_attempts_in_order,
    gives_states_away,
    has_one_writer,
    writes_under_the_lock_only,
    gives_up_once_and_for_all,
)
"""Every check, each with a docstring that says which duty it holds a store to."""


def _must(holds: bool, duty: str) -> None:
    if not holds:
        raise AssertionError(duty)


def _must_hold(store: StateStore, expected: Sequence[Entry], when: str) -> None:
    found = list(store.load().entries())
    _must(found == list(expected), f"entries must come back as they were appended, {when}: {found!r}")


@contextmanager
def _locked(store: StateStore) -> Iterator[StateStore]:
    with store.lock(5, lambda _: None):
        yield store


def _enter(context: AbstractContextManager[None], error: Exception | None = None) -> None:
    with context:
        if error is not None:
            raise error


def _raised_by(action: Callable[[], object]) -> Exception | None:
    try:
        action()
    except (BatchrunnerError, ValueError) as error:
        return error
    return None
