"""What goes wrong outside the tool: the exact words on stderr, the exit code, and nothing lost.

BATCHRUNNER_UPDATE_GOLDENS=1 writes tests/cli/golden anew.
"""

import atexit
import json
import os
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from support.cli import KEY, SCRIPT, Desk, check_golden, filled, provided, request_lines, steady

from batchrunner.stores import FileStore

GOLDEN = Path(__file__).parent / "golden"
NIGHT = ("--at", "2026-11-22T02:30:00Z")
APPLY = ["apply", "s.yaml", "--sandbox", *NIGHT]
PLAN = ["plan", "s.yaml", *NIGHT]
Case = Callable[[Desk], Sequence[str]]
CASES: dict[str, tuple[Case, int]] = {}


def case(code: int) -> Callable[[Case], Case]:
    """Register a situation by its name: it prepares a folder and returns what is typed in it."""

    def register(prepare: Case) -> Case:
        CASES[prepare.__name__.replace("_", "-")] = (prepare, code)
        return prepare

    return register


def bytes_below(folder: Path) -> dict[Path, bytes]:
    """Everything that must not be lost: all files but locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path: path.read_bytes() for path in files if os.access(path, os.R_OK)}


# What is named is not there, or is no spec.


@case(1)
def missing_file(desk: Desk) -> Sequence[str]:
    return ["apply", "r.yaml"]


@case(1)
def missing_files_are_all_named(desk: Desk) -> Sequence[str]:
    return ["apply", "specs/a.yaml", "x.json.yaml", "s.yaml"]


@case(1)
def directory_without_a_spec(desk: Desk) -> Sequence[str]:
    desk.write("jobs/nightly/a.yaml", "batches: []\n")
    return ["plan", "jobs"]


@case(1)
def glob_without_a_match(desk: Desk) -> Sequence[str]:
    return ["plan", "specs/*.yaml"]


@case(1)
def empty_file(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", "")
    return PLAN


@case(1)
def empty_standard_input(desk: Desk) -> Sequence[str]:
    return ["plan", "-"]


@case(1)
def invalid_utf8(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", b"name: caf\xe9\n")
    return PLAN


@case(1)
def brackets(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", "[" * 25_000)
    return PLAN


@case(1)
def alias_bomb(desk: Desk) -> Sequence[str]:
    lines = ["x-0: &a0 [lol]", *(f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12))]
    desk.write("s.yaml", "\n".join(lines))
    return PLAN


@case(1)
def unknown_provider(desk: Desk) -> Sequence[str]:
    desk.write(
        "s.yaml",
        "defaults: {provider: alphaegde, endpoint: /v1/embeddings}\nbatches:\n  - {name: a, input_file_id: f}\n",
    )
    return PLAN


@case(1)
def unknown_endpoint(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", "batches:\n  - {name: a, input_file_id: f, endpoint: /v1/embedings}\n")
    return PLAN


@case(1)
def project_file_that_is_missing(desk: Desk) -> Sequence[str]:
    return [*PLAN, "--project", "nope/batchrunner.yaml"]


@case(1)
def key_in_the_project_file(desk: Desk) -> Sequence[str]:
    desk.write("batchrunner.yaml", "providers: {alphaedge: {api_key: sk-0123456789}}\n")
    return PLAN


# Inputs.


@case(1)
def input_missing(desk: Desk) -> Sequence[str]:
    (desk.folder / "data/rows.jsonl").unlink()
    return PLAN


@case(1)
def input_that_is_misspelt(desk: Desk) -> Sequence[str]:
    desk.write("data/.rows.jsonl", "")
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows", "data/row"))
    return PLAN


@case(1)
def input_from_the_root(desk: Desk) -> Sequence[str]:
    desk.write("batchrunner.yaml", "{}\n")
    desk.write("specs/s.yaml", desk.read("s.yaml"))
    return ["plan", "specs/s.yaml", *NIGHT]


@case(1)
def inputs_with_backslashes(desk: Desk) -> Sequence[str]:
    more = "  - {name: above, input: ..\\data\\rows.jsonl}\n"
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows", "data\\rows") + more)
    return PLAN


@case(1)
def input_missing_and_more_that_is_wrong(desk: Desk) -> Sequence[str]:
    """What is missing is said together with what is wrong in the spec, and in specs beside it."""
    (desk.folder / "data/rows.jsonl").unlink()
    desk.write("t.yaml", desk.read("s.yaml").replace("data/", "dta/"))
    more = "  - {name: bad, inptu: data/rows.jsonl}\n  - {name: refers, input: '${vars.nope}.jsonl'}\n"
    desk.write("s.yaml", desk.read("s.yaml") + more)
    return ["validate", "t.yaml", "s.yaml"]


@case(1)
def input_outside_the_root(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows", "../rows"))
    return PLAN


@case(1)
def input_that_is_a_link(desk: Desk) -> Sequence[str]:
    (desk.folder / "data/rows.jsonl").rename(desk.folder / "data/real.jsonl")
    (desk.folder / "data/rows.jsonl").symlink_to("real.jsonl")
    return PLAN


@case(1)
def input_that_is_a_pipe(desk: Desk) -> Sequence[str]:
    (desk.folder / "data/rows.jsonl").unlink()
    os.mkfifo(desk.folder / "data/rows.jsonl")
    return PLAN


@case(1)
def input_that_is_a_directory(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows.jsonl", "data"))
    return PLAN


@case(1)
def input_lines_that_are_broken(desk: Desk) -> Sequence[str]:
    good = request_lines("one", "two", "one")
    desk.write("data/rows.jsonl", good + '{"custom_id": "x"\n' + "[]\n" * 30 + request_lines("y", endpoint="/v1/other"))
    return PLAN


@case(1)
def input_that_is_a_json_list(desk: Desk) -> Sequence[str]:
    desk.write("data/rows.jsonl", json.dumps([{"custom_id": "one"}], indent=2))
    return PLAN


@case(1)
def input_in_another_encoding(desk: Desk) -> Sequence[str]:
    desk.write("data/rows.jsonl", request_lines("one") + '{"custom_id": "caf')
    with (desk.folder / "data/rows.jsonl").open("ab") as rows:
        rows.write(b'\xe9"}\r\n')
    return PLAN


@case(1)
def input_beneath_a_file(desk: Desk) -> Sequence[str]:
    """What no file system reads, whoever asks."""
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows.jsonl", "data/rows.jsonl/0"))
    return PLAN


@case(1)
def input_that_is_a_device(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows.jsonl", "/dev/zero"))
    return PLAN


@case(1)
def input_that_leaves_by_a_link(desk: Desk) -> Sequence[str]:
    (desk.folder.parent / "elsewhere").mkdir()
    (desk.folder.parent / "elsewhere" / "rows.jsonl").write_text(request_lines("one"))
    (desk.folder / "data/out").symlink_to(desk.folder.parent / "elsewhere")
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows", "data/out/rows"))
    return PLAN


@case(1)
def input_with_too_many_lines(desk: Desk) -> Sequence[str]:
    desk.write("data/rows.jsonl", request_lines(*map(str, range(50_001))))
    desk.write("s.yaml", desk.read("s.yaml").replace("rows.jsonl}", "rows.jsonl, shard: false}"))
    return PLAN


@case(1)
def input_with_a_line_over_the_limit(desk: Desk) -> Sequence[str]:
    desk.write("batchrunner.yaml", "providers: {alphaedge: {limits: {max_line_bytes: 120}}}\n")
    desk.write("data/rows.jsonl", request_lines("one", "two" * 20, "three"))
    return PLAN


@case(1)
def input_with_a_line_over_the_shard(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", desk.read("s.yaml").replace("rows.jsonl}", "rows.jsonl, shard: {max_bytes: 120}}"))
    desk.write("data/rows.jsonl", request_lines("one", "two" * 20, "three"))
    return PLAN


@case(1)
def input_that_is_empty(desk: Desk) -> Sequence[str]:
    desk.write("data/rows.jsonl", "")
    return PLAN


# Inputs that are patterns.


@case(1)
def pattern_without_a_match(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows.jsonl", "data/row-*.jsonl"))
    return PLAN


@case(1)
def pattern_in_a_folder_that_is_missing(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows.jsonl", "dta/*.jsonl"))
    return PLAN


@case(1)
def pattern_over_links(desk: Desk) -> Sequence[str]:
    (desk.folder / "data/link-1.jsonl").symlink_to("rows.jsonl")
    (desk.folder / "linked").symlink_to("data")
    more = "  - {name: through, input: linked/*.jsonl}\n"
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows", "data/link-*") + more)
    return PLAN


@case(1)
def pattern_of_names_that_no_address_can_hold(desk: Desk) -> Sequence[str]:
    for name in ("a=1", "\x1b[31mred", "line\nbreak", "x" * 60):
        desk.write(f"data/{name}.jsonl", request_lines("one"))
    os.mkfifo(desk.folder / "data/pipe.jsonl")
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows", "data/*"))
    return PLAN


@case(1)
def patterns_that_cannot_be_meant(desk: Desk) -> Sequence[str]:
    more = (
        "  - {name: up, input: '*/../../*.jsonl'}\n"
        "  - {name: out, input: ../*.jsonl}\n"
        "  - {name: hidden, input: data/.*.jsonl}\n"
        "  - {name: taken, input: data/*.jsonl, matrix: {file: [a]}}\n"
        "  - {name: windows, input: data\\*.jsonl}\n"
        "  - {name: wide, input: '**/*.none'}\n"
    )
    desk.write("/".join([*"d" * 66, "x.txt"]), "")
    desk.write("s.yaml", desk.read("s.yaml") + more)
    return PLAN


@case(1)
def pattern_of_too_many_files(desk: Desk) -> Sequence[str]:
    (desk.folder / "many").mkdir()
    for number in range(10_001):
        os.mknod(desk.folder / f"many/{number}")
    desk.write("s.yaml", desk.read("s.yaml").replace("data/rows.jsonl", "many/*"))
    return PLAN


# Tables.

TABLE = """\
batches:
  - name: rows
    endpoint: /v1/chat/completions
    input:
      rows: ROWS
      custom_id: ticket-${row.id}
      body:
        model: gpt-4o-mini
        messages: [{role: user, content: "Summarise: ${row.text}"}]
"""


def tabled(desk: Desk, name: str, content: str | bytes) -> Sequence[str]:
    """A spec of one table."""
    desk.write(name, content)
    desk.write("s.yaml", TABLE.replace("ROWS", name))
    return PLAN


@case(1)
def table_that_is_missing(desk: Desk) -> Sequence[str]:
    desk.write("s.yaml", TABLE.replace("ROWS", "data/tickets.csv"))
    return PLAN


@case(1)
def table_that_is_empty(desk: Desk) -> Sequence[str]:
    return tabled(desk, "data/tickets.csv", "")


@case(1)
def table_with_a_header_only(desk: Desk) -> Sequence[str]:
    return tabled(desk, "data/tickets.csv", "id,text\n")


@case(1)
def table_with_broken_rows(desk: Desk) -> Sequence[str]:
    rows = 'id,text\n1,one\n2,two,three\n3\n4,"four\nlines"\n1,again\n5,"open\n'
    return tabled(desk, "data/tickets.csv", rows)


@case(1)
def table_without_a_column(desk: Desk) -> Sequence[str]:
    return tabled(desk, "data/tickets.csv", "id,txt\n1,one\n")


@case(1)
def tables_of_which_one_lacks_a_column(desk: Desk) -> Sequence[str]:
    desk.write("data/tickets-1.csv", "id,text\n1,one\n")
    desk.write("data/tickets-2.csv", "id,words\n1,one\n")
    desk.write("s.yaml", TABLE.replace("ROWS", "data/tickets-*.csv"))
    return PLAN


@case(1)
def table_with_the_wrong_types(desk: Desk) -> Sequence[str]:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"id": pa.array([b"\xff", b"2"], pa.binary()), "text": pa.array([["a"], ["b", "c"]])}
    tabled(desk, "data/tickets.parquet", b"")
    parquet.write_table(pa.table(columns), desk.folder / "data/tickets.parquet")
    return PLAN


@case(1)
def table_that_is_no_parquet(desk: Desk) -> Sequence[str]:
    return tabled(desk, "data/tickets.parquet", "id,text\n1,one\n")


# Keys and addresses of providers.


@case(1)
def key_missing(desk: Desk) -> Sequence[str]:
    return ["apply", "s.yaml", *NIGHT]


@case(1)
def key_with_a_line_break(desk: Desk) -> Sequence[str]:
    desk.env["ALPHAEDGE_API_KEY"] = f"{KEY[:9]}\n{KEY[9:]}"
    return ["apply", "s.yaml", *NIGHT]


@case(1)
def key_file_that_is_missing(desk: Desk) -> Sequence[str]:
    desk.write("batchrunner.yaml", "providers: {alphaedge: {api_key: {file: secrets/alphaedge}}}\n")
    return ["apply", "s.yaml", *NIGHT]


def base_url(url: str) -> Case:
    def prepare(desk: Desk) -> Sequence[str]:
        desk.env |= {"ALPHAEDGE_BASE_URL": url, "ALPHAEDGE_API_KEY": KEY}
        return ["apply", "s.yaml", *NIGHT]

    return prepare


for _name, _url in {
    "http": "http://api.alphaedge-ai.example",
    "password": f"https://user:{KEY}@api.example",
    "path": "https://api.example/v2",
    "port": "http://127.0.0.1:99999",
    "scheme": "ftp://api.example",
    "word": "example",
    "line-break": "https://api.example\n.evil",
}.items():
    CASES[f"base-url-{_name}"] = (base_url(_url), 1)


# State.


@cache
def after_an_apply() -> Path:
    """A folder in which the usual specs have been applied, made once for all cases."""
    folder = Path(mkdtemp(prefix="batchrunner-"))
    atexit.register(shutil.rmtree, folder)
    assert filled(Desk(folder)).run(*APPLY).code == 0
    return folder


def applied(desk: Desk) -> Path:
    """The state of a finished apply. Specs and inputs that a case has changed stay changed."""
    for path in after_an_apply().iterdir():
        if ".state." in path.name:
            shutil.copy2(path, desk.folder)
    shutil.copytree(after_an_apply() / ".batchrunner", desk.folder / ".batchrunner", dirs_exist_ok=True)
    return desk.folder / "s.sandbox.state.json"


def journalled(desk: Desk) -> Path:
    """A journal of several revisions that no fold has taken in."""
    state = applied(desk)
    store = FileStore(state)
    entries = list(store.load().entries())
    with store.lock(0, print):
        for entry in [*entries, *entries]:
            store.append([entry])
    return state.with_name("s.sandbox.state.journal.jsonl")


@case(4)
def state_unreadable(desk: Desk) -> Sequence[str]:
    applied(desk).write_text("<<<<<<< HEAD\n")
    return APPLY


@case(4)
def state_of_another_kind(desk: Desk) -> Sequence[str]:
    desk.write("s.sandbox.state.json", "{}")
    return APPLY


@case(4)
def state_of_a_newer_version(desk: Desk) -> Sequence[str]:
    state = applied(desk)
    state.write_text(state.read_text().replace('"format_version": 3', '"format_version": 4'))
    return APPLY


@case(4)
def journal_corrupt_in_the_middle(desk: Desk) -> Sequence[str]:
    journal = journalled(desk)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:1], lines[1].replace(b'"', b"'", 1), *lines[2:]]))
    return APPLY


@case(0)
def journal_with_a_torn_tail(desk: Desk) -> Sequence[str]:
    journal = journalled(desk)
    journal.write_bytes(journal.read_bytes()[:-7])
    return [*APPLY, "-q"]


@case(4)
def journal_of_another_state(desk: Desk) -> Sequence[str]:
    journal = journalled(desk)
    kept = journal.read_bytes()
    for path in desk.folder.glob("s.sandbox.state.*"):
        path.unlink()
    assert desk.run(*APPLY).code == 0
    journal.write_bytes(kept)
    return APPLY


@case(4)
def state_that_is_a_link(desk: Desk) -> Sequence[str]:
    applied(desk).rename(desk.folder / "real.json")
    (desk.folder / "s.sandbox.state.json").symlink_to("real.json")
    return APPLY


@case(4)
def state_that_is_a_directory(desk: Desk) -> Sequence[str]:
    (desk.folder / "s.sandbox.state.json").mkdir()
    return APPLY


@case(1)
def state_in_a_database(desk: Desk) -> Sequence[str]:
    return [*PLAN, "--state", f"postgresql://ci:{KEY}@db/batches"]


@case(1)
def state_list_in_a_database(desk: Desk) -> Sequence[str]:
    return ["state", "list", "--state", f"postgresql://ci:{KEY}@db/batches"]


@case(1)
def state_list_without_any(desk: Desk) -> Sequence[str]:
    return ["state", "list"]


@case(1)
def state_list_where_there_is_only_a_sandbox(desk: Desk) -> Sequence[str]:
    applied(desk)
    return ["state", "list"]


@case(1)
def state_list_of_a_file_that_is_missing(desk: Desk) -> Sequence[str]:
    return ["state", "list", "--state", "old.state.json"]


@case(1)
def state_rm_of_a_stranger(desk: Desk) -> Sequence[str]:
    applied(desk)
    return ["state", "rm", "s/row", "--yes", "--sandbox"]


@case(1)
def state_rm_of_another_run(desk: Desk) -> Sequence[str]:
    applied(desk)
    return ["state", "rm", "s/rows", "--run-key", "day:2020-01-01", "--yes", "--sandbox"]


@case(64)
def state_rm_with_nobody_to_ask(desk: Desk) -> Sequence[str]:
    applied(desk)
    return ["state", "rm", "s/rows", "--sandbox"]


@case(1)
def state_mv_of_a_stranger(desk: Desk) -> Sequence[str]:
    applied(desk)
    return ["state", "mv", "s/old", "s/new", "--sandbox"]


@case(1)
def state_mv_onto_another(desk: Desk) -> Sequence[str]:
    applied(desk)
    return ["state", "mv", "s/rows", "s/ready", "--sandbox"]


@case(64)
def state_mv_to_another_spec(desk: Desk) -> Sequence[str]:
    applied(desk)
    return ["state", "mv", "s/rows", "t/rows", "--sandbox"]


@case(1)
def resolve_where_nothing_is_in_doubt(desk: Desk) -> Sequence[str]:
    applied(desk)
    return ["resolve", "s/rows", "--absent", "--sandbox"]


@case(64)
def resolve_with_a_hostile_id(desk: Desk) -> Sequence[str]:
    return ["resolve", "s/rows", "--adopt", "../../files/x?\x1b[31m", "--sandbox"]


@case(64)
def resolve_with_the_placeholder(desk: Desk) -> Sequence[str]:
    return ["resolve", "s/rows", "--adopt", "BATCH_ID", "--sandbox"]


@case(64)
def resolve_with_two_answers(desk: Desk) -> Sequence[str]:
    return ["resolve", "s/rows", "--adopt", "batch-1", "--absent", "--sandbox"]


# Saved plans.


def planned(desk: Desk) -> Path:
    """A saved plan for the sandbox."""
    assert desk.run("plan", "s.yaml", "--sandbox", *NIGHT, "--out", "plan.json").code == 0
    return desk.folder / "plan.json"


@case(4)
def plan_from_another_state(desk: Desk) -> Sequence[str]:
    applied(desk)
    planned(desk)
    for path in desk.folder.glob("s.sandbox.state.*"):
        path.unlink()
    desk.write("s.yaml", desk.read("s.yaml").replace("name: ready", "name: steady"))
    assert desk.run(*APPLY).code == 0
    return ["apply", "plan.json"]


@case(4)
def plan_that_was_overtaken(desk: Desk) -> Sequence[str]:
    planned(desk)
    assert desk.run("apply", "s.yaml", "--sandbox", "--at", "2026-11-22T03:00:00Z").code == 0
    return ["apply", "plan.json"]


@case(4)
def plan_that_was_altered(desk: Desk) -> Sequence[str]:
    plan = planned(desk)
    plan.write_text(plan.read_text().replace("file-abc", "file-evil"))
    return ["apply", "plan.json"]


@case(4)
def plan_of_a_newer_format(desk: Desk) -> Sequence[str]:
    plan = planned(desk)
    plan.write_text(plan.read_text().replace('"format_version": "1.3"', '"format_version": "2.0"'))
    return ["apply", "plan.json"]


@case(1)
def plan_that_is_not_json(desk: Desk) -> Sequence[str]:
    desk.write("plan.json", "batches: []\n")
    return ["apply", "plan.json"]


@case(1)
def plan_that_is_a_state(desk: Desk) -> Sequence[str]:
    applied(desk)
    return ["show", "s.sandbox.state.json"]


@case(1)
def plan_that_is_missing(desk: Desk) -> Sequence[str]:
    return ["apply", "plan.json"]


@case(64)
def plan_with_flags_that_it_decided(desk: Desk) -> Sequence[str]:
    planned(desk)
    return ["apply", "plan.json", "--run-key", "2026-11-21"]


@case(1)
def plan_into_a_folder_that_is_missing(desk: Desk) -> Sequence[str]:
    return [*PLAN, "--out", "plans/plan.json"]


@case(1)
def plan_over_a_spec(desk: Desk) -> Sequence[str]:
    return [*PLAN, "--out", "s.yaml"]


@case(4)
def input_changed_since_the_plan(desk: Desk) -> Sequence[str]:
    planned(desk)
    desk.write("data/rows.jsonl", request_lines("other"))
    return ["apply", "plan.json"]


@case(4)
def input_gone_since_the_plan(desk: Desk) -> Sequence[str]:
    planned(desk)
    (desk.folder / "data/rows.jsonl").unlink()
    return ["apply", "plan.json"]


@pytest.mark.parametrize("name", CASES)
def test_it_is_said_in_words_and_nothing_is_lost(desk: Desk, name: str) -> None:
    prepare, code = CASES[name]
    arguments = prepare(desk)
    before, paid = bytes_below(desk.folder), len(desk.ledger.batches())
    ran = desk.run(*arguments)
    check_golden(GOLDEN / f"{name}.txt", steady(ran.err, desk.folder))
    assert (ran.code, len(desk.ledger.batches())) == (code, paid)
    if code:
        assert bytes_below(desk.folder) == before


def test_every_golden_has_its_case() -> None:
    kept = {path.stem for path in GOLDEN.glob("*.txt")}
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert set(CASES) <= kept
    assert [name for name in kept - set(CASES) if f'"{name}.txt"' not in tests] == []


def test_a_torn_tail_loses_nothing_that_was_answered(desk: Desk) -> None:
    journal = journalled(desk)
    journal.write_bytes(journal.read_bytes()[:-7])
    ran = desk.run(*APPLY, "--json")
    assert (ran.code, ran.document["unchanged"]) == (0, 2)


def test_a_corrupt_journal_is_mended_by_the_command_that_is_named(desk: Desk) -> None:
    journal_corrupt_in_the_middle(desk)
    assert "state repair" in desk.run(*APPLY).err
    repaired = desk.run("state", "repair", "--yes", "--sandbox", "--json")
    (report,) = repaired.document["states"]
    assert (repaired.code, report["damage"] != "", len(report["copies"])) == (0, True, 2)
    assert desk.run(*APPLY, "--json").document["unchanged"] == 2


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no file system here that refuses root")
def test_where_nothing_can_be_written_nothing_is_sent(shop: Desk) -> None:
    ran = shop.run("apply", "s.yaml", "--state", "/proc/self/s.json")
    assert (ran.code, shop.posts) == (4, 0)
    assert "error[state-not-written]" in ran.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_is_read_only(shop: Desk) -> None:
    shop.folder.chmod(0o500)
    try:
        ran = shop.run("apply", "s.yaml")
    finally:
        shop.folder.chmod(0o700)
    assert (ran.code, shop.posts) == (4, 0)


def test_a_lock_that_is_held_is_75_and_names_its_holder(desk: Desk) -> None:
    state = applied(desk)
    with FileStore(state, command="batchrunner apply s.yaml").lock(0, print):
        ran = desk.run(*APPLY, "--lock-timeout", "0")
        unlock = desk.run("state", "unlock", "--sandbox")
        named = desk.run(*APPLY, env={"BATCHRUNNER_LOCK_TIMEOUT": "0"})
        reading = desk.run("state", "list", "--sandbox")
    assert (ran.code, unlock.code, named.code, reading.code) == (75, 75, 75, 0)
    for each in (ran, unlock, named):
        assert f"held by `batchrunner apply s.yaml`, pid {os.getpid()} on" in each.err
    assert desk.run("state", "unlock", "--sandbox").code == 0


def test_a_provider_that_moved_holds_what_is_in_doubt(desk: Desk) -> None:
    """A key must not follow an intent to an address that it was not written for, nor the intent be sent twice."""
    with provided(desk, "create:stall=1:9"):
        desk.write(
            "batchrunner.yaml", "providers: {alphaedge: {retry: {attempts: 1}, timeouts: {create_seconds: 0.2}}}\n"
        )
        doubt = desk.run("apply", "s.yaml", *NIGHT, "--target", "s/ready")
    assert doubt.code == 3
    with provided(desk):
        held = desk.run("apply", "s.yaml", *NIGHT, "--target", "s/ready", "--json")
        assert (held.code, held.document["blocked"]) == (3, 1)
        said = desk.run("plan", "s.yaml", *NIGHT, "--target", "s/ready").out
        typed = next(line.split() for line in said.splitlines() if "resolve" in line)
        (made,) = desk.ledger.batches()
        words = [made["id"] if word == "BATCH_ID" else word for word in typed[1:]]
        assert desk.run_script([SCRIPT, *words]).code == 0
        assert desk.run("apply", "s.yaml", *NIGHT, "--target", "s/ready", "--json").document["unchanged"] == 1
    assert desk.state()["batches"]["s/ready"]["day:2026-11-22"][0]["batch_id"] == made["id"]


def test_what_is_in_doubt_is_resolved_by_the_command_that_the_report_names(desk: Desk) -> None:
    """The provider forgets keys, so only a person can say."""
    facts = {"retry": {"attempts": 1}, "timeouts": {"create_seconds": 0.2}, "idempotency": "none"}
    desk.write("batchrunner.yaml", json.dumps({"providers": {"alphaedge": facts}}))
    with provided(desk, "create:drop-before=1", honour_keys=False):
        doubt = desk.run("apply", "s.yaml", *NIGHT, "--target", "s/ready")
    assert doubt.code == 3
    (typed,) = [line.split() for line in doubt.out.splitlines() if "batchrunner resolve" in line]
    assert "look at the provider for a batch of the input file-abc" in doubt.out
    assert "batchrunner apply" not in doubt.out  # it would only hold what is in doubt
    assert desk.run_script([SCRIPT, *typed[1:-2], "--absent", "--run-key", "2026-11-21"]).code == 1
    assert desk.run_script([SCRIPT, *typed[1:-2], "--absent", "--force", "--run-key", "2026-11-22"]).code == 0
    with provided(desk, honour_keys=False):
        again = desk.run("apply", "s.yaml", *NIGHT, "--target", "s/ready", "--json")
    assert (again.code, again.document["submitted"], len(desk.ledger.batches())) == (0, 1, 1)
