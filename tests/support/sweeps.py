"""Kills at every step of an apply, one fresh project for each, and what came of them in figures."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from support.killing import Ended, Killer
from support.runs import Desk, Project, request_line, spec

from batchrunner.address import natural

ENOUGH = 3
"""So many runs in a row that end before their step is reached: there are no further steps."""

EVERY = 3
"""At every so many projects, a further apply is made, which must send nothing."""


class Kills:
    """Those of `steps` to kill at, until so many runs in a row ended before theirs. `made` counts the kills."""

    def __init__(self, steps: Iterable[int]) -> None:
        self.made = 0
        self._steps = steps
        self._unreached = 0

    def __iter__(self) -> Iterator[int]:
        for step in self._steps:
            yield step
            if self._unreached == ENOUGH:
                return

    def noted(self, ended: Ended) -> Ended:
        """`ended`, the run that was to be killed at the step."""
        self.made += ended.killed
        self._unreached = 0 if ended.killed else self._unreached + 1
        return ended


@dataclass
class Figures:
    """`runs` counts those after the kills; `needed` is the most that one project took."""

    kills: int = 0
    projects: int = 0
    batches: int = 0
    wanted: int = 0
    runs: int = 0
    needed: int = 0

    def add(self, other: "Figures") -> None:
        for name in ("kills", "projects", "batches", "wanted", "runs"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.needed = max(self.needed, other.needed)

    @property
    def duplicates(self) -> int:
        return max(0, self.batches - self.wanted)

    @property
    def lost(self) -> int:
        return max(0, self.wanted - self.batches)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.batches} batches for {self.wanted} planned, {self.duplicates} duplicates, "
            f"{self.lost} lost; {self.runs / max(1, self.projects):.2f} runs to recover, at most {self.needed}"
        )


@dataclass(frozen=True)
class Scene:
    """What a project holds: `batches` of its one spec, inputs by path, and the requests of all shards in order."""

    batches: Sequence[dict[str, Any]]
    inputs: Mapping[str, str]
    requests: str
    planned: int

    def project(self, desk: Desk, facts: Mapping[str, Any]) -> Project:
        """A fresh project that holds it."""
        project = desk.project({"nightly": spec(*self.batches)}, **facts)
        for path, text in self.inputs.items():
            project.folder.joinpath("specs", path).write_text(text)
        return project

    def assert_whole(self, project: Project) -> None:
        """The shards that the provider has are the input, once."""
        attempts = project.attempts()
        sent = [project.desk.content(attempts[each][-1]["file_id"]) for each in sorted(attempts, key=natural)]
        assert "".join(sent) == self.requests


def _lines(count: int) -> str:
    return "".join(json.dumps(request_line(f"row-{number}")) + "\n" for number in range(count))


SHARDS = Scene(
    [{"name": "x", "input": "data/x.jsonl", "shard": {"max_requests": 2}}], {"data/x.jsonl": _lines(5)}, _lines(5), 3
)
TABLE = Scene(
    [
        {
            "name": "x",
            "input": {
                "rows": "data/x.csv",
                "custom_id": "row-${row.id}",
                "body": {"model": "m", "messages": []},
            },
            "shard": {"max_requests": 2},
        }
    ],
    {"data/x.csv": "id\n" + "".join(f"{number}\n" for number in range(5))},
    "".join(line.replace(" ", "").replace('"model":"m","messages":[]', '"messages":[],"model":"m"')
            for line in _lines(5).splitlines(keepends=True)),
    3,
)  # fmt: skip


@dataclass(frozen=True)
class Plot:
    """What is killed, again and again: an apply with `arguments`, which may name a plan to be made before."""

    desk: Desk
    killer: Killer
    arguments: tuple[str, ...] = ("specs",)
    facts: Mapping[str, Any] | None = None
    two_specs: bool = False
    scene: Scene | None = None

    @property
    def planned(self) -> int:
        return self.scene.planned if self.scene else 5 if self.two_specs else 3

    def project(self) -> Project:
        facts = self.facts or {}
        usual = partial(self.desk.project, two_specs=self.two_specs, **facts)
        project = self.scene.project(self.desk, facts) if self.scene else usual()
        if self.arguments[0] == "plan.json":
            assert self.run(project, "plan", "specs", "--out", "plan.json").code == 0
        return project

    def run(self, project: Project, *arguments: str, **how: Any) -> Ended:
        return self.killer.run(project.folder, *arguments, environment=project.environment, **how)

    def settle(self, project: Project, kills: int) -> Figures:
        """Apply until done, and check that every batch is there once."""
        runs = project.apply_until_done(*self.arguments, run=partial(self.run, project))
        project.assert_exactly_once(self.planned)
        if self.scene:
            self.scene.assert_whole(project)
        return Figures(kills, 1, len(project.batches()), self.planned, runs, runs)

    def assert_nothing_to_send(self, project: Project) -> None:
        posts = self.desk.posts()
        again = self.run(project, "apply", *self.arguments)
        assert again.code == 0, again
        assert self.desk.posts() == posts

    def sweep(self, steps: Iterable[int]) -> Figures:
        """A fresh project for each of `steps`, killed there, until there are no further steps."""
        total = Figures()
        kills = Kills(steps)
        for step in kills:
            project = self.project()
            ended = kills.noted(self.run(project, "apply", *self.arguments, step=step))
            try:
                total.add(self.settle(project, int(ended.killed)))
            except AssertionError as error:
                raise AssertionError(f"after {ended}") from error
            if total.projects % EVERY == 0:
                self.assert_nothing_to_send(project)
            project.forget()
        return total
