"""Pull requests from somebody who wants the secrets of a job, its runner, or the trust of who reviews.

Each hostile repository is what a job on a pull request meets: `validate` and `plan` in all forms, with secrets around.
A day runs one of each family and what was once a finding; --campaign runs all.
"""

from pathlib import Path

import pytest
from support.hostile.corpus import CORPUS
from support.hostile.repository import Hostile
from support.killing import Killer
from support.review_jobs import Job, check

EVERY = 16
FINDINGS = {"commands-planned/first-version", "commands-refused/first-version", "commands-lines/first-version",
            "terminals-refused/charset", "specs-linked/secret-spec", "specs-linked/whole-folder", "specs-linked/home",
            "project-linked/environ", "matrices/excludes", "project/state-in-the-key", "tables/template-of-references",
            "tables/template-of-columns"}  # fmt: skip
"""What got out, fell over or took long before it was mended."""
STATES = ("outside", "in-proc", "in-zero", "at-home", "upwards")
NAMED_OUTSIDE = {
    *(f"project/state-{name}" for name in STATES),
    *(f"plans-strange/{name}" for name in ("link", "environ", "zero")),
    "project-beside-specs/state-outside",
}
"""A project file may say that state is kept elsewhere, and the job names the plan it shows: neither is quoted."""
FAMILIES = {hostile.family: number for number, hostile in reversed(list(enumerate(CORPUS)))}


def daily(number: int, hostile: Hostile) -> bool:
    """Whether a day has the time for it: the first of its family, a finding, and some more."""
    return number % EVERY == 0 or number in FAMILIES.values() or str(hostile) in FINDINGS


CASES = [
    pytest.param(hostile, id=str(hostile), marks=[] if daily(number, hostile) else [pytest.mark.campaign])
    for number, hostile in enumerate(CORPUS)
]


def test_there_are_enough_of_them() -> None:
    assert len({str(hostile) for hostile in CORPUS}) == len(CORPUS) >= 200
    assert {str(hostile) for hostile in CORPUS} >= FINDINGS


@pytest.mark.parametrize("hostile", CASES)
def test_nothing_gets_out(hostile: Hostile, tmp_path: Path, killer: Killer) -> None:
    job = Job(tmp_path / "job", killer)
    job.check_out(hostile)
    before = sorted(job.root.rglob("*"))
    for said in job.commands(hostile):
        check(said, may_look_outside=str(hostile) in NAMED_OUTSIDE)
    assert sorted(job.root.rglob("*")) == before
