"""A spec whose input is cut into shards, and its provider, for what happens to results."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.cli import KEY, Desk, request_lines

from batchrunner.sandbox import Faults, SandboxSettings, Timings, running

IDS = [f"row-{number}" for number in (3, 1, 4, 10, 5, 9, 2, 6, 8, 7)]
SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: rows, input: data/rows.jsonl, shard: {max_requests: 4}}
"""
WHOLE = SPEC.replace(", shard: {max_requests: 4}", "")
PROJECT = """\
providers:
  alphaedge:
    retry: {base_seconds: 0.001, cap_seconds: 0.01}
    polling: {base_seconds: 0.05, cap_seconds: 0.1, gone_looks: 2, gone_seconds: 0}
    timeouts: {download_idle_seconds: 20}
"""
QUICK = Timings(validating=0.0, in_progress=0.0, finalizing=0.0, cancelling=0.0)


def written(desk: Desk, ids: Sequence[str] = ()) -> Desk:
    """`desk` with a spec of three shards; or of none, with these `ids`."""
    desk.write("s.yaml", WHOLE if ids else SPEC)
    desk.write("data/rows.jsonl", request_lines(*(ids or IDS)))
    desk.write("batchrunner.yaml", PROJECT)
    return desk


def submitted(desk: Desk) -> Desk:
    """`desk` with its batches at the provider."""
    assert desk.run("apply", "s.yaml", "--yes").code == 0
    return desk


@contextmanager
def served(desk: Desk, *faults: str, timings: Timings = QUICK, **settings: Any) -> Iterator[Desk]:
    """`desk` with a provider in reach."""
    desk.database = desk.folder.with_name(f"{desk.folder.name}-provider.sqlite3")
    chosen = SandboxSettings(desk.database, key=KEY, faults=Faults.parse(faults), timings=timings, **settings)
    with running(chosen) as provider:
        desk.env |= {"ALPHAEDGE_BASE_URL": provider.base_url, "ALPHAEDGE_API_KEY": KEY}
        yield desk


def bare(desk: Desk) -> None:
    """Have the provider forget what was uploaded."""
    assert desk.database
    for each in Path(f"{desk.database}.files").iterdir():
        if b'"method"' in each.read_bytes()[:500]:
            each.unlink()


def fetched(desk: Desk) -> Path:
    """The folder of the results of today's run."""
    return next(iter(desk.folder.glob("results/s/day-*/rows")), desk.folder / "results/s/none/rows")


def lines_of(desk: Desk, name: str) -> list[dict[str, Any]]:
    """The lines of a merged file."""
    return [json.loads(line) for line in (fetched(desk) / name).read_text().splitlines()]
