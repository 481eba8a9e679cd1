"""What plans over many local inputs cost, read for the first time and again."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measuring import COMMAND, Row, Usage, median, run, seconds

_SPECS, _INPUTS, _LINES = 100, 100, 5
_ENOUGH = 2.0
_SPEC = """\
defaults: {{endpoint: /v1/chat/completions}}
batches:
  - {{name: tickets, input: ../data/{name}/tickets-*.jsonl}}
"""


def cached_plan(folder: Path, rounds: int) -> Iterator[Row]:
    """A plan over 100 specs of 100 files each: nothing cached, cached, and cached with a file changed in each spec."""
    specs = _written(folder)
    time.sleep(2.5)  # what was written just now is not remembered: it could change within the same tick
    cache = {"BATCHRUNNER_CACHE": str(folder / "cache")}
    uncached = [_planned(specs, {"BATCHRUNNER_CACHE": "off"}) for _ in range(rounds)]
    _planned(specs, cache)
    cached = [_planned(specs, cache) for _ in range(rounds)]
    yield _against_enough("plan, 10,000 files read, CPU : 2 s", uncached, None)
    yield _against_enough("plan, 10,000 files cached, CPU : 2 s", cached, 1.0)
    yield _against_enough("plan, 100 of 10,000 files changed, CPU : 2 s", _changing(specs, cache, rounds), None)
    peak = [f"{max(usage.peak for usage in usages):.0f} MiB" for usages in (cached, uncached)]
    yield Row("plan, 10,000 files, cached : read, peak of memory", *peak, cached[0].peak / uncached[0].peak)


def _planned(specs: Path, extra: dict[str, str]) -> Usage:
    return run([COMMAND, "plan", str(specs), "--json"], extra=extra)


def _changing(specs: Path, cache: dict[str, str], rounds: int) -> list[Usage]:
    usages = []
    for number in range(rounds):
        for path in specs.parent.glob("data/*/tickets-007.jsonl"):
            path.write_text(_lines(f"{path.parent.name}-again-{number}"))
        usages.append(_planned(specs, cache))
    return usages


def _against_enough(name: str, usages: list[Usage], goal: float | None) -> Row:
    cpu = median([usage.cpu for usage in usages])
    return Row(name, seconds(cpu), seconds(_ENOUGH), cpu / _ENOUGH, goal)


def _written(folder: Path) -> Path:
    specs = folder / "specs"
    specs.mkdir(parents=True)
    (folder / "batchrunner.yaml").write_text("{}\n")
    for number in range(_SPECS):
        name = f"team-{number:03d}"
        (specs / f"{name}.yaml").write_text(_SPEC.format(name=name))
        (folder / "data" / name).mkdir(parents=True)
        for each in range(_INPUTS):
            (folder / "data" / name / f"tickets-{each:03d}.jsonl").write_text(_lines(f"{name}-{each}"))
    return specs


def _lines(name: str) -> str:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Summarise this ticket. " * 20}]}
    line = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    return "".join(json.dumps({"custom_id": f"{name}-{number}", **line}) + "\n" for number in range(_LINES))
