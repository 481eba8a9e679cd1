"""Two pull requests against a repository of specs, from the comment to the money, with a provider that is a process.

The state is in the repository. A merge commits what was reviewed; the job on the main branch applies the plan that was
saved for it, is killed, and runs again.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.cli import KEY, SCRIPT, Desk, Ran, check_golden, request_lines
from support.killing import Killer

from batchrunner.sandbox import Ledger

GOLDENS = Path(__file__).resolve().parents[1] / "golden" / "story"
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
HEAD = "run: {once_per: content}\ndefaults: {endpoint: /v1/embeddings}\n"
SUMMARIES = "  - {name: summaries, input: data/summaries.jsonl}\n"
TOPICS = "  - {name: topics, input: data/topics.jsonl}\n"
ARCHIVE = "  - {name: archive, input_file_id: file-archive}\n"
LABELS = "  - {name: labels, input: data/labels.jsonl}\n"
RENAMED = TOPICS.replace("name: topics", "name: subjects")
MOVED = "moved: [{from: topics, to: subjects}]\n"
PROJECT = """\
project: acme
providers:
  alphaedge:
    retry: {base_seconds: 0.001, cap_seconds: 0.01}
    prices: {m: {input: 10, output: 0}}
"""
STEPS = (
    "after write nightly.state.journal.jsonl",
    "before send POST /v1/files",
    "after send POST /v1/files",
    "halfway send POST /v1/batch",
    "after send POST /v1/batch",
    "before fdatasync nightly.state.journal.jsonl",
)


class Repository(Desk):
    """A work tree with a main branch, on which what is declared was applied."""

    def git(self, *arguments: str) -> str:
        """What git says."""
        done = subprocess.run(
            [*GIT, *arguments], cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def propose(self, branch: str, *batches: str, head: str = HEAD) -> None:
        """A branch from main on which the nightly spec holds `batches`."""
        self.git("switch", "-q", "-C", branch, "main")
        self.commit(branch, *batches, head=head)

    def commit(self, words: str, *batches: str, head: str = HEAD) -> None:
        """The nightly spec with `batches`, committed with everything else."""
        self.write("specs/nightly.yaml", f"{head}batches:\n{''.join(batches)}")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", words)

    def comment(self, name: str) -> str:
        """The comment on the branch that is checked out, compared with its golden; nobody was asked anything for it."""
        before = self.made
        ran = self.run("plan", "specs", "--base", "main", "--format", "markdown", env=STRANGER)
        assert ran.code == 0, ran
        assert self.made == before
        check_golden(GOLDENS / f"{name}.md", self.steady(ran.out))
        return ran.out

    def saved(self, plan: str, *options: str) -> str:
        """The id of the plan of what is checked out, saved outside of the repository."""
        assert self.run("plan", "specs", "--out", plan, *options).code == 0
        return str(json.loads(Path(plan).read_text())["plan_id"])

    def merge(self, branch: str) -> None:
        """Bring `branch` to main."""
        self.git("switch", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch)

    def steady(self, text: str) -> str:
        """`text` with what differs between two runs of the story replaced."""
        commit = self.git("rev-parse", "main")
        text = text.replace(commit, "COMMIT")
        text = re.sub(rf"\b{commit[:7]}[0-9a-f]*", "COMMIT", text)
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
        text = re.sub(r"batch-[0-9a-f]{24}", "batch-…", text)
        text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?", "TIME", text)
        text = re.sub(r"commit `[0-9a-f]{12}`", "commit `COMMIT`", text)
        text = re.sub(r"`plan` `sha256:[0-9a-f]{64}`", "`plan` `PLAN`", text)
        return re.sub(r"(state\.json) #\d+", r"\1 #N", text)

    @property
    def made(self) -> int:
        """How many batches the provider made."""
        assert self.database
        return len(Ledger(self.database).batches())


STRANGER = {"ALPHAEDGE_API_KEY": ""}
"""A pull request's job has no key."""


@contextmanager
def provided(folder: Path) -> Iterator[dict[str, str]]:
    """`batchrunner sandbox serve` as a process, for as long as the `with` block lasts; how it is reached."""
    command = [SCRIPT, "sandbox", "serve", "--port", "0", "--dialect", "alphaedge", "--key", KEY,
               "--database", str(folder / "provider.sqlite3")]  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONWARNINGS": "error"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder, env=environment
    ) as process:
        try:
            assert process.stdout
            yield {"ALPHAEDGE_BASE_URL": process.stdout.readline().strip(), "ALPHAEDGE_API_KEY": KEY}
        finally:
            process.kill()


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    folder = tmp_path / "specs-of-acme"
    folder.mkdir()
    with provided(tmp_path) as reached:
        made = Repository(folder, dict(reached), tmp_path / "provider.sqlite3")
        made.git("init", "-q", "-b", "main")
        made.write(".gitignore", "*.lock\n*.journal.jsonl\n.batchrunner/\n")
        made.write("batchrunner.yaml", PROJECT)
        for name in ("summaries", "topics", "labels"):
            made.write(f"specs/data/{name}.jsonl", request_lines(f"{name}-1", f"{name}-2"))
        made.write("specs/weekly.yaml", HEAD + "batches:\n  - {name: digest, input_file_id: file-digest}\n")
        made.commit("Specs", SUMMARIES, TOPICS, ARCHIVE)
        assert made.run("apply", "specs").code == 0
        made.commit("State", SUMMARIES, TOPICS, ARCHIVE, head=HEAD + "# applied\n")
        assert made.made == 4
        yield made


def applied(repository: Repository, *arguments: str) -> Ran:
    """The plan applied by a job with the key."""
    return repository.run("apply", *arguments)


def test_adding_editing_and_deleting_a_batch(repository: Repository) -> None:
    repository.propose("add", SUMMARIES, TOPICS, ARCHIVE, LABELS)
    assert "1 to submit" in repository.comment("add")
    repository.write("specs/data/summaries.jsonl", request_lines("summaries-1", "summaries-2", "summaries-3"))
    repository.commit("edit", SUMMARIES, TOPICS, ARCHIVE, LABELS)
    repository.comment("edit")
    repository.commit("delete", SUMMARIES, TOPICS, LABELS)
    repository.comment("delete")
    repository.merge("add")
    assert applied(repository, "specs").code == 0
    assert repository.made == 6
    assert applied(repository, "specs").code == 0
    assert repository.made == 6


def test_a_rename_is_held_and_with_moved_costs_nothing(repository: Repository) -> None:
    repository.propose("rename", SUMMARIES, RENAMED, ARCHIVE)
    assert "moved" in repository.comment("rename")
    repository.propose("rename", SUMMARIES, RENAMED, ARCHIVE, head=HEAD + MOVED)
    repository.comment("rename-moved")
    repository.merge("rename")
    assert applied(repository, "specs").code == 0
    assert repository.made == 4
    assert "nightly/subjects" in repository.state("specs/nightly.state.json")["batches"]
    assert "No changes" in repository.run("plan", "specs").out


@pytest.mark.parametrize("label", STEPS)
def test_a_reviewed_plan_survives_any_end(repository: Repository, killer: Killer, tmp_path: Path, label: str) -> None:
    """Killed in the middle, and applied again with the same plan: each batch is made once."""
    repository.propose("add", SUMMARIES, TOPICS, ARCHIVE, LABELS)
    repository.write("specs/data/topics.jsonl", request_lines("topics-1", "topics-2", "topics-3"))
    repository.commit("more", SUMMARIES, TOPICS, ARCHIVE, LABELS)
    repository.merge("add")
    plan = str(tmp_path / "plan.json")
    plan_id = repository.saved(plan)
    ended = killer.run(repository.folder, "apply", plan, environment=repository.environment(), label=re.escape(label))
    assert ended.killed, ended
    again = applied(repository, plan)
    assert again.code == 0, again
    assert repository.made == 6
    assert applied(repository, plan).code == 0
    assert repository.made == 6
    batches = repository.state("specs/nightly.state.json")["batches"]
    attempts = [(address, each) for address, runs in batches.items() for run in runs.values() for each in run]
    reviewed = [address for address, attempt in attempts if attempt["intent"]["plan_id"] == plan_id]
    assert sorted(reviewed) == ["nightly/labels", "nightly/topics"]
    keys = [each["idempotency_key"] for each in Ledger(repository.database or Path()).batches()]
    assert len(keys) == len(set(keys)) == 6


def test_a_second_plan_is_stale_only_where_it_should_be(repository: Repository, tmp_path: Path) -> None:
    first, same, other, weekly = (str(tmp_path / f"{name}.json") for name in ("first", "same", "other", "weekly"))
    repository.propose("one", SUMMARIES, TOPICS, ARCHIVE, LABELS)
    repository.saved(first)
    repository.propose("two", SUMMARIES, TOPICS, ARCHIVE, LABELS)
    # Made at another time: what two make of the same in the same second is one plan.
    repository.saved(same, "--at", "2026-11-22T10:00:00Z")
    repository.propose("three", SUMMARIES, TOPICS, ARCHIVE, "  - {name: extra, input_file_id: file-extra}\n")
    repository.saved(other)
    repository.write("specs/weekly.yaml", HEAD + "batches:\n  - {name: digest, input_file_id: file-digest-2}\n")
    assert repository.run("plan", "specs/weekly.yaml", "--out", weekly).code == 0
    repository.git("checkout", "-q", "--", "specs/weekly.yaml")

    assert applied(repository, first).code == 0
    assert repository.made == 5
    stale = applied(repository, same)
    assert (stale.code, "nightly/labels" in stale.err) == (4, True), stale
    assert repository.made == 5
    unrelated = applied(repository, other)
    assert unrelated.code == 0, unrelated
    assert applied(repository, weekly).code == 0
    assert repository.made == 7


def test_a_plan_is_refused_once_its_input_is_another(repository: Repository, tmp_path: Path) -> None:
    repository.propose("one", SUMMARIES, TOPICS, ARCHIVE, LABELS)
    plan = str(tmp_path / "plan.json")
    repository.saved(plan)
    repository.write("specs/data/labels.jsonl", request_lines("somebody-elses"))
    refused = applied(repository, plan)
    assert (refused.code, "nightly/labels" in refused.err) == (4, True), refused
    assert repository.made == 4
