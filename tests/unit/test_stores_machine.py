"""Whatever happens to a file store, and in whatever order, it holds exactly what it should."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from batchrunner.state import Entry, State
from batchrunner.stores import FileStore
from batchrunner.testing import example_entry

entries = st.builds(
    example_entry,
    st.sampled_from(["nightly/a", "nightly/b", "nightly/c[lang=fr]"]),
    st.sampled_from(["day:2026-11-22", "content:0123456789ab"]),
    number=st.integers(1, 3),
    status=st.sampled_from(["intended", "uploaded", "in-doubt", "deferred", "submitted", "rejected"]),
    batch_id=st.text(st.characters(codec="utf-8"), max_size=5),
    reply=st.sampled_from([b"{}", b'{"id":"x","y":1.50}', b'"\xc3\xa9"', None]),
)


class FileStoreHistory(RuleBasedStateMachine):
    """The model is the list of frames; how many of them a fold has made safe from a cut journal is `folded`."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.frames: list[list[Entry]] = []
        self.folded = 0
        self.holding = ExitStack()

    @initialize()
    def begin(self) -> None:
        self.open()

    def open(self) -> None:
        self.store = FileStore(self.directory / "nightly.state.json")
        self.holding.enter_context(self.store.lock(0, print))

    @property
    def journal(self) -> Path:
        return self.directory / "nightly.state.journal.jsonl"

    @rule(frame=st.lists(entries, min_size=1, max_size=4))
    def append(self, frame: list[Entry]) -> None:
        self.store.append(frame)
        self.frames.append(frame)

    @rule()
    def append_nothing(self) -> None:
        self.store.append([])

    @rule()
    def fold(self) -> None:
        self.store.fold()
        self.folded = len(self.frames)

    @rule(loads=st.booleans())
    def reopen(self, loads: bool) -> None:
        self.holding.close()
        self.open()
        if loads:
            self.store.load()

    @precondition(lambda self: self.journal.exists())
    @rule(data=st.data())
    def lose_the_end_of_the_journal(self, data: st.DataObject) -> None:
        self.holding.close()
        text = self.journal.read_bytes()
        kept = text[: data.draw(st.integers(0, len(text)))]
        self.journal.write_bytes(kept)
        del self.frames[self.folded + kept.count(b"\n") :]
        self.open()

    @precondition(lambda self: self.folded < len(self.frames))
    @rule()
    def die_between_snapshot_and_journal(self) -> None:
        frames = self.journal.read_bytes()
        self.fold()
        self.holding.close()
        self.journal.write_bytes(frames)
        self.open()
        self.store.load()

    @precondition(lambda self: self.frames)
    @rule()
    def rewrite_it_as_it_is(self) -> None:
        backup = self.store.rewrite(self.store.load())
        assert list(FileStore(backup).load().entries()) == list(self.expected().entries())
        self.frames.append([])
        self.folded = len(self.frames)

    def expected(self) -> State:
        state = State("")
        for frame in self.frames:
            state.record(frame)
        return State("", 0, {a: {k: runs[k] for k in sorted(runs)} for a, runs in state.batches.items()})

    @invariant()
    def a_reader_sees_the_history(self) -> None:
        state = FileStore(self.directory / "nightly.state.json").load()
        key = [(e.address, e.run_key, e.attempt.number, e.attempt) for e in state.entries()]
        assert sorted(key, key=lambda k: k[:3]) == [
            (e.address, e.run_key, e.attempt.number, e.attempt) for e in self.expected().entries()
        ]
        assert state.serial == len(self.frames)

    def teardown(self) -> None:
        self.holding.close()
        shutil.rmtree(self.directory)


FileStoreHistory.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestFileStoreHistory = FileStoreHistory.TestCase
