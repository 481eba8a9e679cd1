"""Pull requests from somebody who wants the secrets of a job, its runner, or the trust of who reviews.

Each hostile repository is what a job on a pull request meets: `validate` and `plan` in all forms, with secrets around.
A day runs one of each family and what was once a finding; --campaign runs all.
"""

from pathlib import Path

import pytest
from support.campaigns import examples
from support.hostile.corpus import CORPUS
from support.hostile.repository import Hostile
from support.killing import Killer
from support.review_jobs import FORMS, Job, check

EVERY = 32
FINDINGS = {"commands-planned/first-version", "commands-refused/first-version", "commands-lines/first-version",
            "terminals-refused/charset", "specs-linked/secret-spec", "specs-linked/whole-folder", "specs-linked/home",
            "project-linked/environ", "matrices/excludes", "project/state-in-the-key", "tables/template-of-references",
            "tables/template-of-columns"}  # fmt: skip
"""What got out, fell over or took long before it was mended."""
LARGE = {"tables/template-of-columns", "tables/template-of-references", "tables/csv-one-line", "matrices/wide",
         "matrices/excludes", "patterns/folders-of-folders", "batches/two-thousand"}  # fmt: skip
"""What is work to read, whatever the form of what is said of it: a day has one form."""
NAMED_OUTSIDE = {
    "project/state-outside": r"/outside/secret\.(json|journal\.jsonl)'",
    "project/state-in-proc": "/proc/self/environ",
    "project/state-in-zero": "/dev/zero",
    "project/state-at-home": r"/home(/s\.state\.[\w.]+)?'",
    "project/state-upwards": r"/outside/secret\.(json|journal\.jsonl)'",
    "project-beside-specs/state-outside": r"/outside/secret\.(json|journal\.jsonl)'",
    **dict.fromkeys(("plans-strange/link", "plans-strange/environ", "plans-strange/zero"), r"\bplan\.json'"),
}
"""Where more than the root may be opened: there alone, and no word of it may be said.

Inputs must not leave the root, as what they hold is sent. State is ours: nothing is taken from a file that is none, and
who has the state of many checkouts on a disk of their runner says so in the project file. The plan that is shown is
named by the job, whose files a link may join, as for any command that is given a file.
"""
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
    assert {str(hostile) for hostile in CORPUS} >= FINDINGS | LARGE | NAMED_OUTSIDE.keys()


@pytest.mark.parametrize("hostile", CASES)
def test_nothing_gets_out(hostile: Hostile, tmp_path: Path, killer: Killer) -> None:
    job = Job(tmp_path / "job", killer)
    job.check_out(hostile)
    before = sorted(job.root.rglob("*"))
    for said in job.commands(hostile, examples(1, campaign=len(FORMS)) if str(hostile) in LARGE else len(FORMS)):
        check(said, may_open=NAMED_OUTSIDE.get(str(hostile), ""))
    assert sorted(job.root.rglob("*")) == before
