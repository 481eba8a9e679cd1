"""Sound inputs are remembered; a file that changed never is taken for one of them, and a cache harms nobody."""

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchrunner.errors import Diagnostic
from batchrunner.inputs import Scan, ScanCache, ScannedPart, SteadyFile, decided_by
from batchrunner.inputs.cache import KEPT_DAYS, MOST_BYTES, RESTED_NS
from batchrunner.manifest import LocalFile, Part, Template
from batchrunner.plans import Notice
from batchrunner.pricing import Demand

MANY = 300
DAY = 86_400_000_000_000
LATER = time.time_ns() + DAY
"""A run that began long after the files of these tests were written."""


def scan_of(path: str = "x.jsonl", **changes: object) -> Scan:
    file = LocalFile(path=path, sha256="sha256:aa", size=3, requests=1, models=("m",))
    demand = Demand(model="m", requests=1, size=3, input_tokens=1, output_tokens=None)
    return Scan(**{"parts": (ScannedPart(file, (demand,)),), "counted_by": "o200k_base", **changes})  # type: ignore[arg-type]


SCAN = scan_of()
RULES = decided_by("rules")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    (root / "x.jsonl").write_text("{}\n")
    return root


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".cache" / "batchrunner"


def opened(home: Path, root: Path, began: int = LATER) -> ScanCache:
    return ScanCache(str(home), str(root), began)


def remember(home: Path, root: Path, scan: Scan = SCAN, path: str = "x.jsonl", began: int = LATER) -> None:
    cache = opened(home, root, began)
    cache.put(path, RULES, (root / path).stat(), path, scan)
    cache.save()


def remembered(home: Path, root: Path, path: str = "x.jsonl", rules: str = RULES, began: int = LATER) -> Scan | None:
    return opened(home, root, began).get(path, rules, (root / path).stat(), path)


def cache_file(home: Path) -> Path:
    (path,) = home.iterdir()
    return path


# What is remembered.


def test_what_was_sound_is_remembered(home: Path, root: Path) -> None:
    assert remembered(home, root) is None
    remember(home, root)
    assert remembered(home, root) == SCAN


def test_all_of_a_scan_is_remembered(home: Path, root: Path) -> None:
    template = Template(custom_id="${row.id}", body={"model": "m", "n": [1, 2.5, None, True, "é"]}, url="/v1/x")
    part = Part(number=1, start=0, before=0, whole_sha256="sha256:bb", whole_size=9)
    file = LocalFile(path="x.jsonl", sha256="sha256:aa", size=3, requests=1, part=part, template=template)
    notice = Notice(code="crlf", message="lines end in CR LF", where="x.jsonl:1")
    scan = Scan((ScannedPart(file, ()), *SCAN.parts), notices=(notice,))
    remember(home, root, scan)
    assert remembered(home, root) == scan


@pytest.mark.parametrize(
    "changes", [{"diagnostics": (Diagnostic("c", "m", "x.jsonl"),)}, {"unlisted": 1}, {"parts": (), "unlisted": 1}]
)
def test_what_is_wrong_is_told_every_time(home: Path, root: Path, changes: dict[str, object]) -> None:
    remember(home, root, scan_of(**changes))
    assert not home.exists()


def test_other_rules_limits_templates_and_counters_are_other_questions(home: Path, root: Path) -> None:
    remember(home, root)
    assert remembered(home, root, rules=decided_by("other rules")) is None
    assert len({decided_by("a", "b"), decided_by("b", "a"), decided_by("ab"), decided_by(["a", "b"])}) == 4


def test_notices_name_the_file_as_it_is_seen_from_where_one_is(home: Path, root: Path) -> None:
    notices = (Notice(code="crlf", message="m", where="x.jsonl:7"), Notice(code="other", message="m", where="s/a"))
    remember(home, root, scan_of(notices=notices))
    found = opened(home, root).get("x.jsonl", RULES, (root / "x.jsonl").stat(), "../root/x.jsonl")
    assert found is not None
    assert [notice.where for notice in found.notices] == ["../root/x.jsonl:7", "s/a"]


def test_only_where_something_is_new_is_the_file_written(home: Path, root: Path) -> None:
    remember(home, root)
    before = cache_file(home).stat()
    cache = opened(home, root)
    assert cache.get("x.jsonl", RULES, (root / "x.jsonl").stat(), "x.jsonl")
    cache.save()
    assert cache_file(home).stat().st_ino == before.st_ino


# A file that changed.


def rewritten(path: Path) -> None:
    path.write_text("[]\n")


def with_its_time_put_back(path: Path) -> None:
    before = path.stat()
    path.write_text("[]\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def renamed_over(path: Path) -> None:
    before = path.stat()
    other = path.with_suffix(".new")
    other.write_text("[]\n")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def through_a_hard_link(path: Path) -> None:
    before = path.stat()
    other = path.with_suffix(".link")
    os.link(path, other)
    other.write_text("[]\n")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))


def through_a_mapping(path: Path) -> None:
    import mmap

    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
        pages[:2] = b"[]"
        pages.flush()


def grown(path: Path) -> None:
    with path.open("a") as file:
        file.write("{}\n")


def cut(path: Path) -> None:
    os.truncate(path, 1)


def copied_back_whole(path: Path) -> None:
    """A checkout of the same commit: the same bytes, size and mtime, in another file."""
    shutil.copy2(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").replace(path)


CHANGES = [
    rewritten, with_its_time_put_back, renamed_over, through_a_hard_link, through_a_mapping, grown, cut,
    copied_back_whole,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_that_changed_is_never_taken_from_the_cache(
    home: Path, root: Path, change: Callable[[Path], None]
) -> None:
    path = root / "x.jsonl"
    _at_rest(path)
    remember(home, root)
    assert remembered(home, root)
    change(path)
    assert remembered(home, root) is None


def _at_rest(path: Path) -> None:
    """Until the file system's clock has moved on from the file's times, a change may leave them as they are."""
    probe = path.with_suffix(".probe")
    while True:
        probe.write_text("")
        if probe.stat().st_ctime_ns > path.stat().st_ctime_ns:
            break
        probe.unlink()
    probe.unlink()


@pytest.mark.parametrize("age", [-DAY, 0, 1, RESTED_NS // 2, RESTED_NS])
def test_what_was_written_just_before_the_run_is_not_remembered(home: Path, root: Path, age: int) -> None:
    """It could change within the same tick of the clock, and nothing would show it."""
    written = (root / "x.jsonl").stat().st_ctime_ns
    remember(home, root, began=written + age)
    assert not home.exists()
    remember(home, root, began=written + RESTED_NS + 1)
    assert remembered(home, root) == SCAN


def test_an_old_mtime_does_not_make_a_new_file_old(home: Path, root: Path) -> None:
    os.utime(root / "x.jsonl", ns=(0, 0))
    remember(home, root, began=time.time_ns())
    assert not home.exists()


def test_another_file_of_the_same_name_elsewhere_is_another(home: Path, root: Path) -> None:
    remember(home, root)
    (root / "sub").mkdir()
    os.link(root / "x.jsonl", root / "sub" / "x.jsonl")
    assert remembered(home, root, "sub/x.jsonl") is None
    os.link(root / "x.jsonl", root / "y.jsonl")
    assert remembered(home, root, "y.jsonl") is None


def test_an_entry_of_one_path_says_nothing_of_another(home: Path, root: Path) -> None:
    """However it got there."""
    remember(home, root, scan_of("other.jsonl"))
    assert remembered(home, root) is None


def test_a_cache_of_another_checkout_is_none(home: Path, root: Path) -> None:
    remember(home, root)
    other = root.parent / "other"
    shutil.copytree(root, other)
    assert remembered(home, other) is None
    cache_file(home).rename(home / "saved")
    remember(home, other)
    os.replace(home / "saved", next(path for path in home.iterdir() if path.name != "saved"))
    assert remembered(home, other) is None


steps = st.lists(
    st.sampled_from(["write", "plan", "plan at rest", "same size", "restore time", "replace", "touch"]), max_size=12
)


@settings(max_examples=100, deadline=None)
@given(steps)
def test_whatever_happens_the_cache_says_what_is_in_the_file(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """In whatever order and however fast files are written and planned. Runs begin when they do."""
    folder = tmp_path_factory.mktemp("cache")
    path = folder / "x.jsonl"
    path.write_text("0")
    for number, step in enumerate(steps):
        before = path.stat()
        if step == "write":
            path.write_text("x" * number)
        elif step in ("same size", "restore time"):
            path.write_text(chr(ord("a") + number) * before.st_size)
        elif step == "replace":
            path.with_suffix(".new").write_text(chr(ord("a") + number) * before.st_size)
            path.with_suffix(".new").replace(path)
        elif step == "touch":
            os.utime(path)
        if step == "restore time":
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        if step.startswith("plan"):
            if step == "plan at rest":
                _at_rest(path)
            cache = opened(folder / "home", folder, LATER if step == "plan at rest" else time.time_ns())
            known = cache.get("x.jsonl", RULES, path.stat(), "x.jsonl")
            assert known is None or known.counted_by == path.read_text()
            cache.put("x.jsonl", RULES, path.stat(), "x.jsonl", scan_of(counted_by=path.read_text()))
            cache.save()
    known = remembered(folder / "home", folder)
    assert known is None or known.counted_by == path.read_text()


# A file that changes while it is read.


@pytest.mark.parametrize("change", [*CHANGES[:-1], lambda path: path.unlink()])
def test_a_file_that_changes_while_it_is_read_says_so(root: Path, change: Callable[[Path], None]) -> None:
    path = root / "x.jsonl"
    _at_rest(path)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with SteadyFile(descriptor, os.fstat(descriptor)) as file:
            assert not file.has_changed
            file.read(1)
            change(path)
            file.read()
        assert file.has_changed
    finally:
        os.close(descriptor)


def test_a_file_that_grows_is_read_to_where_it_ended(root: Path) -> None:
    path = root / "x.jsonl"
    path.write_bytes(b"0123456789")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with SteadyFile(descriptor, os.fstat(descriptor)) as file:
            grown(path)
            assert (file.read(4), file.read(100), file.read(1), file.read()) == (b"0123", b"456789", b"", b"")
            file.seek(8)
            room = bytearray(9)
            assert (file.readinto(room), bytes(room[:2]), file.readinto(room)) == (2, b"89", 0)
            assert file.seek(0) == 0
            assert (file.read(), file.readall()) == (b"0123456789", b"")
    finally:
        os.close(descriptor)


# A cache that is broken, foreign, or cannot be.


def sealed_otherwise(path: Path) -> None:
    head, _, body = path.read_bytes().partition(b"\n")
    path.write_bytes(head + b"\n" + body.replace(b"sha256:aa", b"sha256:ab"))


def of_other_checks(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"batchrunner scans ", b"batchrunner scans 0.0.", 1))


BREAKAGES: list[Callable[[Path], object]] = [
    lambda path: os.truncate(path, 0),
    lambda path: os.truncate(path, path.stat().st_size // 2),
    lambda path: os.truncate(path, path.stat().st_size - 1),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"\n"),
    lambda path: path.write_bytes(b"\x80\x04\x95" + b"cposix\nsystem\n(S'touch pwned'\ntR."),
    lambda path: path.write_bytes(b"[" * 100_000),
    lambda path: path.write_bytes(path.read_bytes() + b"x"),
    lambda path: os.truncate(path, MOST_BYTES + 1),
    lambda path: path.chmod(0o666),
    lambda path: path.chmod(0o620),
    sealed_otherwise,
    of_other_checks,
]


@pytest.mark.parametrize("broken", BREAKAGES)
def test_a_cache_that_is_not_whole_and_ours_is_empty_and_written_anew(
    home: Path, root: Path, broken: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    remember(home, root)
    broken(cache_file(home))
    assert remembered(home, root) is None
    remember(home, root)
    assert remembered(home, root) == SCAN
    assert stat.S_IMODE(cache_file(home).stat().st_mode) == 0o600
    assert not (root / "pwned").exists()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_byte_of_a_cache_can_be_flipped(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    (folder / "x.jsonl").write_text("{}\n")
    remember(folder / "home", folder)
    path = cache_file(folder / "home")
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    assert remembered(folder / "home", folder) is None


@pytest.mark.parametrize("instead", ["link", "pipe", "folder"])
def test_what_lies_where_the_cache_should_is_not_read(home: Path, root: Path, instead: str) -> None:
    remember(home, root)
    path = cache_file(home)
    path.rename(root / "kept")
    if instead == "link":
        path.symlink_to(root / "kept")
    elif instead == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert remembered(home, root) is None
    remember(home, root)  # nothing is raised, and a link's target is not written to
    assert (root / "kept").read_bytes().startswith(b"batchrunner scans ")
    assert (remembered(home, root) is None) == (instead == "folder")


def test_entries_that_cannot_be_read_are_passed_over(home: Path, root: Path) -> None:
    """Sealed as it should be, by whoever could do that."""
    import hashlib

    remember(home, root)
    path = cache_file(home)
    head, _, body = path.read_bytes().partition(b"\n")
    for wrong in (b'{"identity":[1],"parts":[]}', b"7", b'"text"', b'{"identity":7}'):
        key = body[: body.index(b":")]
        content = key + b":[99999999," + wrong + b"]}"
        path.write_bytes(head.rpartition(b" ")[0] + f" {hashlib.sha256(content).hexdigest()}\n".encode() + content)
        assert remembered(home, root) is None
    remember(home, root)
    assert remembered(home, root) == SCAN


def test_its_folder_and_file_are_for_their_owner_alone(home: Path, root: Path) -> None:
    before = os.umask(0)
    try:
        remember(home, root)
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(cache_file(home).stat().st_mode) == 0o600


@pytest.mark.parametrize("folder", ["", "/dev/null/cache", "/proc/self/cache", "x\0y", "\ud800"])
def test_where_nothing_can_be_kept_nothing_is(root: Path, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    cache = ScanCache(folder, str(root), LATER)
    cache.put("x.jsonl", RULES, (root / "x.jsonl").stat(), "x.jsonl", SCAN)
    cache.save()
    assert ScanCache(folder, str(root), LATER).get("x.jsonl", RULES, (root / "x.jsonl").stat(), "x.jsonl") is None
    assert sorted(path.name for path in root.iterdir()) == ["x.jsonl"]


def test_a_disk_that_is_full_leaves_the_cache_as_it_was(home: Path, root: Path) -> None:
    """No file may grow: what a full disk says, without one; nor may Python leave half of what it compiles (-B)."""
    remember(home, root)
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); sys.path.insert(0, sys.argv[1]);"
        "import test_scan_cache as t; from pathlib import Path;"
        "t.remember(Path(sys.argv[2]), Path(sys.argv[3]), t.scan_of(counted_by='other'))"
    )
    argv = [sys.executable, "-B", "-c", code, str(Path(__file__).parent), str(home), str(root)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert remembered(home, root) == SCAN
    assert len(list(home.iterdir())) == 1


def test_many_writers_leave_one_whole_file(home: Path, root: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_scan_cache as t; from pathlib import Path;"
        "[t.remember(Path(sys.argv[2]), Path(sys.argv[3])) for _ in range(50)]"
    )
    argv = [sys.executable, "-c", code, str(Path(__file__).parent), str(home), str(root)]
    writers = [subprocess.Popen(argv) for _ in range(4)]
    while any(writer.poll() is None for writer in writers):
        assert remembered(home, root) in (None, SCAN)
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    assert remembered(home, root) == SCAN
    assert len(list(home.iterdir())) == 1


# A cache stays small.


def test_what_was_of_no_use_for_long_is_forgotten(home: Path, root: Path) -> None:
    (root / "y.jsonl").touch()
    remember(home, root)
    remember(home, root, scan_of("y.jsonl"), "y.jsonl", LATER + (KEPT_DAYS - 1) * DAY)
    assert remembered(home, root)
    remember(home, root, scan_of("y.jsonl"), "y.jsonl", LATER + KEPT_DAYS * DAY)
    assert remembered(home, root) is None
    assert remembered(home, root, "y.jsonl")


def test_what_is_of_use_stays(home: Path, root: Path) -> None:
    (root / "y.jsonl").touch()
    remember(home, root)
    for days in range(0, 3 * KEPT_DAYS, 10):
        cache = opened(home, root, LATER + days * DAY)
        assert cache.get("x.jsonl", RULES, (root / "x.jsonl").stat(), "x.jsonl") == SCAN
        cache.save()


def test_the_latest_stay_where_there_are_too_many(home: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchrunner.inputs.cache.MOST_ENTRIES", MANY)
    status = (root / "x.jsonl").stat()
    cache = opened(home, root)
    for number in range(MANY):
        cache.put("x.jsonl", f"{number}", status, "x.jsonl", SCAN)
    cache.save()
    cache = opened(home, root, LATER + DAY)
    cache.put("x.jsonl", "last", status, "x.jsonl", SCAN)
    cache.save()
    cache = opened(home, root)
    assert cache.get("x.jsonl", "last", status, "x.jsonl")
    kept = sum(cache.get("x.jsonl", f"{number}", status, "x.jsonl") is not None for number in range(MANY))
    assert kept == MANY - 1


def test_large_entries_do_not_make_a_file_that_would_be_refused(home: Path, root: Path) -> None:
    status = (root / "x.jsonl").stat()
    huge = scan_of(counted_by="x" * (5 << 20))
    cache = opened(home, root)
    for number in range(20):
        cache.put("x.jsonl", f"{number}", status, "x.jsonl", huge)
    cache.save()
    assert cache_file(home).stat().st_size < MOST_BYTES
    cache = opened(home, root)
    assert any(cache.get("x.jsonl", f"{number}", status, "x.jsonl") for number in range(20))


def test_caches_of_projects_long_gone_and_remains_of_killed_processes_are_swept(home: Path, root: Path) -> None:
    remember(home, root)
    now = time.time_ns()
    old = now - (KEPT_DAYS + 1) * DAY
    for name, written in {
        f"{'a' * 32}.scans": old,
        f"{'b' * 32}.scans": now,
        f"{'a' * 32}.scans.1234": now - 2 * DAY,
        f"{'b' * 32}.scans.1234": now,
        "somebody-elses.scans": old,
        "notes.txt": old,
    }.items():
        (home / name).touch()
        os.utime(home / name, ns=(written, written))
    remember(home, root, began=now + 3 * RESTED_NS)
    left = {path.name for path in home.iterdir()} - {cache_file_name(root)}
    assert left == {f"{'b' * 32}.scans", f"{'b' * 32}.scans.1234", "somebody-elses.scans", "notes.txt"}


def cache_file_name(root: Path) -> str:
    import hashlib

    return f"{hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]}.scans"
