"""A desk whose provider takes its time, and looks that come quickly."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.cli import KEY, Desk, request_lines

from batchrunner.sandbox import Faults, SandboxSettings, Timings, running

PROJECT = """\
providers:
  alphaedge:
    retry: {base_seconds: 0.001, cap_seconds: 0.01}
    timeouts: {look_seconds: 1}
    polling: {base_seconds: 0.05, cap_seconds: 0.2, gone_looks: 4, gone_seconds: 0.3, overdue_seconds: 1}
"""
SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: one, input: data/one.jsonl}
  - {name: two, input: data/two.jsonl}
  - {name: three, input: data/three.jsonl}
"""
SLOW = Timings(in_progress=3600)
QUICK = Timings(validating=0, in_progress=0, finalizing=0)


def written(desk: Desk) -> Desk:
    """`desk` with a spec of three local inputs."""
    desk.write("s.yaml", SPEC)
    desk.write("batchrunner.yaml", PROJECT)
    for name in ("one", "two", "three"):
        desk.write(f"data/{name}.jsonl", request_lines(f"{name}-1", f"{name}-2"))
    return desk


@contextmanager
def served(desk: Desk, *faults: str, habits: tuple[str, ...] = (), **settings: Any) -> Iterator[Desk]:
    """`desk` with a provider in reach. What was submitted before is still there."""
    database = desk.folder.with_name(f"{desk.folder.name}-provider.sqlite3")
    known = SandboxSettings(
        database, key=KEY, faults=Faults.parse(faults), habits=frozenset(habits), **settings
    )  # fmt: skip
    with running(known) as provider:
        desk.database = database
        desk.env |= {"ALPHAEDGE_BASE_URL": provider.base_url, "ALPHAEDGE_API_KEY": KEY}
        yield desk


def submitted(desk: Desk) -> Desk:
    """`desk` with everything submitted."""
    ran = desk.run("apply", "s.yaml", "-q")
    assert ran.code == 0, ran
    return desk
