"""Which files of a folder are the states of specs."""

import os
from pathlib import Path

from support.builders import attempt

from batchrunner.state import Entry
from batchrunner.stores import FileStore
from batchrunner.wiring.moving import states_among


def test_a_state_of_the_sandbox_is_that_of_no_spec(tmp_path: Path) -> None:
    for stem in ("a", "a.sandbox", "a.v1", "a.v2"):
        store = FileStore(tmp_path / f"{stem}.state.json")
        with store.lock(0, print):
            store.append([Entry(address=f"{stem.removesuffix('.v2')}/x", run_key="day:2026-11-22", attempt=attempt())])
            store.fold()
    assert [stem for stem, _ in states_among(os.listdir(tmp_path), str(tmp_path), "")] == ["a", "a.v1"]
