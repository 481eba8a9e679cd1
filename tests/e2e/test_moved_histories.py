"""Random histories of a spec whose batches, and file, are renamed, whose state is lost and whose applies are killed.

Whatever happens, the provider never has two batches of one content, unless `--replace` asked for it.
"""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from support.killing import Ended, Killer
from support.runs import Desk, Project, at_desk, request_line, spec


@dataclass
class History:
    """A repository with one spec whose batches have a content each. `names` are those they have, by content.

    `rules` are what its `moved` says; `ordered` counts what was paid for again on purpose.
    """

    project: Project
    killer: Killer
    lots: random.Random
    stem: str = "s0"
    names: dict[str, str] = field(default_factory=dict)
    rules: list[dict[str, str]] = field(default_factory=list)
    ordered: Counter[str] = field(default_factory=Counter)
    used: int = 0

    def begin(self) -> None:
        for number in range(3):
            self.add(number)
        self.save()

    def add(self, number: int) -> None:
        content = f"{self.project.name}-{number}"
        self.project.write(f"specs/data/{content}.jsonl", request_line(content))
        self.names[content] = self.fresh_name()

    def fresh_name(self) -> str:
        self.used += 1
        return f"n{self.used}"

    def save(self) -> None:
        batches: list[dict[str, Any]] = [
            {"name": name, "input": f"data/{content}.jsonl"} for content, name in self.names.items()
        ]
        self.project.write(f"specs/{self.stem}.yaml", spec(*batches, moved=self.rules))

    def rename(self, *, tell: bool) -> None:
        # Without a state nobody can see a rename, and without a block nobody is told of it: that is paid for again.
        tell = tell or not self.state()
        content = self.lots.choice(list(self.names))
        old, self.names[content] = self.names[content], self.fresh_name()
        if tell:
            self.rules.append({"from": old, "to": self.names[content]})
        self.save()
        if not tell:
            self.settle(content, old)

    def settle(self, content: str, old: str) -> None:
        """An apply holds what was renamed untold, if it was submitted; then a person says what it was."""
        self.apply()
        if self.lots.random() < 0.3:
            before = self.paid()[content]
            address = f"{self.stem}/{self.names[content]}"
            self.run("apply", "specs", "--replace", address)
            self.ordered[content] += self.paid()[content] - before
            # From here on it has a history of its own, and the old name keeps its.
            return
        if f"{self.stem}/{self.names[content]}" not in self.state():
            self.rules.append({"from": old, "to": self.names[content]})
            self.save()

    def rename_file(self) -> None:
        """Once in a history: what came before is in the spec of that name, rules and all."""
        if self.stem != "s0":
            return
        (self.project.folder / "specs/s0.yaml").unlink()
        self.stem = "s1"
        self.rules = [{"from": "s0/*", "to": "*"}, *self.rules]
        self.save()

    def lose_state(self) -> None:
        """Only where all that was renamed is told of, and nothing was replaced: keys know nothing of the rest."""
        if not self.ordered:
            self.apply()
            for path in self.project.folder.glob("specs/*.state.*"):
                path.unlink()

    def apply(self) -> None:
        ended = self.run("apply", "specs", step=self.lots.choice([0, 0, self.lots.randint(1, 120)]))
        if ended.killed:
            self.run("apply", "specs")

    def run(self, *arguments: str, step: int = 0) -> Ended:
        ended = self.killer.run(self.project.folder, *arguments, environment=self.project.environment, step=step)
        assert ended.killed or ended.code in {0, 1, 3}, ended
        return ended

    def state(self) -> dict[str, Any]:
        path = self.project.folder / f"specs/{self.stem}.state.json"
        return json.loads(path.read_text())["batches"] if path.exists() else {}

    def paid(self) -> Counter[str]:
        """How many batches the provider has of each content."""
        found: Counter[str] = Counter()
        for made in self.project.batches():
            line = self.project.desk.content(made["input_file_id"])
            found[json.loads(line)["custom_id"]] += 1
        return found

    def check(self) -> None:
        for content, times in self.paid().items():
            assert times <= 1 + self.ordered[content], (content, self.rules, self.names)


def lived(desk: Desk, killer: Killer, seed: int, steps: int) -> None:
    history = History(desk.project({"s0": spec()}), killer, random.Random(seed))
    history.begin()
    told, untold = partial(history.rename, tell=True), partial(history.rename, tell=False)
    events = [told, untold, history.apply, history.apply, history.lose_state, history.rename_file]
    for _ in range(steps):
        history.lots.choice(events)()
        history.check()
    history.apply()
    history.check()
    assert set(history.paid()) == set(history.names)
    history.project.forget()


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_paid_for_twice(killer: Killer, seed: int) -> None:
    with at_desk() as desk:
        lived(desk, killer, seed, 6)


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_nothing_is_paid_for_twice_in_many_histories(killer: Killer) -> None:
    with at_desk() as desk:
        for seed in range(1000, 1150):
            lived(desk, killer, seed, 12)
