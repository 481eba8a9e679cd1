"""SIGKILL at every step of a cancel, then cancel again: what was meant is stopped, nothing else, and state knows."""

from functools import partial
from itertools import count

from support.killing import Killer
from support.runs import at_desk, batch, spec
from support.sweeps import Kills

from batchrunner.sandbox import Timings

ENDLESS = Timings(0.0, 36_000.0, 0.0, 36_000.0)


def test_killed_at_every_step(killer: Killer) -> None:
    kills = Kills(count(1, 3))
    with at_desk(timings=ENDLESS) as desk:
        for step in kills:
            project = desk.project({"nightly": spec(batch("a", "data/0.jsonl"), batch("b", "data/1.jsonl"))})
            run = partial(killer.run, project.folder, environment=project.environment)
            project.apply_until_done("specs", run=run)
            ended = kills.noted(run("cancel", "nightly/a", "--yes", step=step))
            again = run("cancel", "nightly/a", "--yes")
            assert again.code == 0, f"after {ended}: {again}"
            attempts = project.attempts()
            assert attempts["nightly/a"][-1]["sight"]["batch"]["status"] == "cancelling", ended
            stopped = {made["id"] for made in project.batches() if made["cancelled_at"] is not None}
            assert stopped == {attempts["nightly/a"][-1]["batch_id"]}, ended
            assert run("apply", "specs").code == 0
            assert len(project.batches()) == 2
            project.forget()
    assert kills.made > 10
