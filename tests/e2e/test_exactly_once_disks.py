"""Disks that are full, limited or read-only: nothing further is sent, and what was returned is kept or shown."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from support.runs import Done, Project, at_desk

PAGE = os.sysconf("SC_PAGESIZE")
UNSAVED = "nightly.state.unsaved-*.jsonl"


@contextmanager
def small_disk(folder: Path, pages: int) -> Iterator[Path]:
    """A filesystem of so many pages, for those who may mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={pages * PAGE}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk, and not in every container")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, free_pages: int) -> Path:
    """Leave so many pages free."""
    filler = folder / "filler"
    free = os.statvfs(folder).f_bavail - free_pages
    filler.write_bytes(b"x" * (free * PAGE))
    return filler


def assert_no_id_is_lost(project: Project, done: Done, elsewhere: Path) -> None:
    """Each remote batch is in the state, or else on the screen and in a file, if any can still be written."""
    state = "".join(path.read_text() for path in project.folder.glob("specs/*.state.j*"))
    kept = "".join(
        path.read_text() for folder in (project.folder / "specs", elsewhere) for path in folder.glob(UNSAVED)
    )
    for made in project.batches():
        # A line that was cut off in the middle tells nothing, even where the id is in the half that is there.
        whole = any(made["id"] in line for line in state.splitlines(keepends=True) if line.endswith("\n"))
        rescued = made["id"] in kept or "could not be kept anywhere else" in done.err
        assert whole or (made["id"] in done.err and rescued), made


def assert_said(done: Done) -> None:
    assert done.code == 4
    assert "state-not-written" in done.err
    assert "batchrunner apply specs" in done.out or "run the same command again" in done.err


@pytest.mark.parametrize("free_pages", range(5))
def test_a_disk_that_fills_up(free_pages: int, tmp_path: Path) -> None:
    with at_desk() as desk, small_disk(desk.folder / "case-1", 64) as disk:
        project = desk.project(idempotency="header")
        filler = fill(disk, free_pages)
        full = project.run("apply", "specs", "--concurrency", "1", TMPDIR=str(tmp_path))
        assert_no_id_is_lost(project, full, tmp_path)
        if full.code:
            assert_said(full)
        posts = desk.posts()
        filler.unlink()
        assert project.apply_until_done() == 1
        project.assert_exactly_once()
        assert free_pages or posts == 0


@pytest.mark.parametrize(
    "limit", [*range(0, 6001, 800), *(pytest.param(each, marks=pytest.mark.campaign) for each in range(400, 6001, 800))]
)
def test_files_that_may_not_grow(limit: int, tmp_path: Path) -> None:
    """The journal stops in the middle of a frame at one of these sizes."""
    with at_desk() as desk:
        project = desk.project()
        limited: Callable[[], None] = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))
        # Python, too, would leave half of a file: of what it compiles.
        around = {"TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        stopped = project.run_alone("apply", "specs", "--concurrency", "1", preexec_fn=limited, env=around)
        assert_no_id_is_lost(project, stopped, tmp_path)
        if stopped.code:
            assert_said(stopped)
        if not limit:
            assert desk.posts() == 0
        assert project.apply_until_done() == 1
        project.assert_exactly_once()


def test_what_could_not_be_saved_is_in_a_file_elsewhere(tmp_path: Path) -> None:
    """The intent fits, the reply does not."""
    with at_desk() as desk, small_disk(desk.folder / "case-1", 64) as disk:
        project = desk.project({"nightly": {"batches": [one_with_much_metadata()]}})
        assert project.run("plan", "specs").code == 0
        fill(disk, 2)
        full = project.run("apply", "specs", TMPDIR=str(tmp_path))
        assert_said(full)
        (made,) = project.batches()
        assert made["id"] in full.err
        (kept,) = tmp_path.glob(UNSAVED)
        assert made["id"] in kept.read_text()
        assert str(kept) in full.err


def one_with_much_metadata() -> dict[str, object]:
    """An intent that fills its page nearly to the end; its metadata stays in state."""
    metadata = {f"key-{number}": "v" * 500 for number in range(5)}
    return {"name": "ready", "input_file_id": "file-1", "endpoint": "/v1/embeddings", "metadata": metadata}


def test_a_read_only_folder() -> None:
    with at_desk() as desk, small_disk(desk.folder / "case-1", 64) as disk:
        project = desk.project()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        refused = project.run("apply", "specs")
        assert_said(refused)
        assert desk.posts() == 0
        assert project.run("plan", "specs").code == 0, "a plan writes nothing"
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert project.apply_until_done() == 1
        project.assert_exactly_once()
