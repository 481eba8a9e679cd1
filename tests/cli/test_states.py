"""Looking at state, and surgery: always with a backup, never by surprise."""

import json

import pytest
from support.cli import Desk

NIGHT = ("--at", "2026-11-22T02:30:00Z")


@pytest.fixture
def used(shop: Desk) -> Desk:
    """A provider in reach, and a state with two batches."""
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    return shop


def test_list_is_a_line_for_each_attempt(used: Desk) -> None:
    heading, *lines = used.run("state", "list").out.splitlines()
    assert heading.split() == ["ADDRESS", "RUN", "ATTEMPT", "STATUS", "BATCH", "SUBMITTED"]
    assert [line.split()[:4] for line in lines] == [
        ["s/ready", "day:2026-11-22", "1", "submitted"],
        ["s/rows", "day:2026-11-22", "1", "submitted"],
    ]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["s/rows"], ["s/rows"]),
        (["s/r*"], ["s/ready", "s/rows"]),
        (["--target", "s/ready"], ["s/ready"]),
        (["--run-key", "day:2020-01-01"], []),
        (["t/*"], []),
    ],
)
def test_list_finds_what_is_named(used: Desk, arguments: list[str], found: list[str]) -> None:
    document = used.run("state", "list", *arguments, "--json").document
    assert [attempt["address"] for attempt in document["attempts"]] == found


def test_a_filter_that_finds_nothing_does_not_say_that_there_is_nothing(used: Desk) -> None:
    assert used.run("state", "list", "zzz").out == "Nothing matches; there are 2 attempts: batchrunner state list\n"
    used.run("state", "rm", "s/rows", "--yes")
    said = used.run("state", "list", "zzz", "--state", "s.state.json").out
    assert said == "Nothing matches; there is 1 attempt: batchrunner state list --state s.state.json\n"
    used.run("state", "rm", "s/ready", "--yes")
    assert used.run("state", "list", "zzz").out == "Nothing in state.\n"


@pytest.mark.parametrize("word", ["s", "s.yaml", "elsewhere/s.yaml"])
def test_who_names_a_spec_where_an_address_is_meant_is_told_how_to_list_its_batches(used: Desk, word: str) -> None:
    assert (
        used.run("state", "list", word).out == "Nothing matches; there are 2 attempts: batchrunner state list 's/*'\n"
    )
    assert "batchrunner state list 's/*'\n" in used.run("state", "show", word).err


def test_a_run_is_named_by_the_words_that_made_it(used: Desk) -> None:
    used.run("apply", "s.yaml", *NIGHT, "--run-key", "a2")
    for word, key in (("2026-11-22", "day:2026-11-22"), ("a2", "manual:a2"), ("manual:a2", "manual:a2")):
        for command in (["list"], ["show", "s/rows"]):
            found = used.run("state", *command, "--run-key", word, "--json").document["attempts"]
            assert {attempt["run_key"] for attempt in found} == {key}
    assert used.run("state", "rm", "s/rows", "--run-key", "a2", "--yes").code == 0
    assert list(used.state()["batches"]["s/rows"]) == ["day:2026-11-22"]


def test_a_word_that_names_two_runs_forgets_neither(used: Desk) -> None:
    used.run("apply", "s.yaml", *NIGHT, "--run-key", "manual:2026-11-22")
    ran = used.run("state", "rm", "s/rows", "--run-key", "2026-11-22", "--yes")
    assert (ran.code, "--run-key day:2026-11-22" in ran.err) == (64, True)
    assert list(used.state()["batches"]["s/rows"]) == ["day:2026-11-22", "manual:2026-11-22"]


def test_numbers_are_in_order_and_the_newest_run_is_last(shop: Desk) -> None:
    rows = "  - {name: x, input_file_id: 'f${matrix.i}', endpoint: /v1/embeddings, matrix: {i: [1, 10, 2]}}\n"
    shop.write("s.yaml", f"run: {{once_per: day}}\nbatches:\n{rows}")
    for word in ("z", "a"):
        assert shop.run("apply", "s.yaml", "--run-key", word).code == 0
    found = shop.run("state", "list", "--json").document["attempts"]
    assert [(each["address"], each["run_key"]) for each in found] == [
        (f"s/x[i={number}]", f"manual:{word}") for number in (1, 2, 10) for word in ("z", "a")
    ]
    shown = shop.run("state", "show", "s/x[i=10]", "--json").document["attempts"]
    assert [each["run_key"] for each in shown] == ["manual:z", "manual:a"]


def test_show_has_the_reply_as_the_provider_gave_it(used: Desk) -> None:
    (attempt,) = used.run("state", "show", "s/ready", "--json").document["attempts"]
    (batch,) = [each for each in used.ledger.batches() if each["input_file_id"] == "file-abc"]
    assert (attempt["batch_id"], attempt["reply"]["id"]) == (batch["id"], batch["id"])
    assert attempt["intent"]["idempotency_key"] == batch["idempotency_key"]
    assert batch["id"] in used.run("state", "show", "s/ready").out


def test_what_was_forgotten_is_not_paid_twice_while_the_provider_remembers(used: Desk) -> None:
    before = used.state()
    removed = used.run("state", "rm", "s/rows", "--yes", "--json").document
    assert json.loads(used.read(removed["backup"]))["batches"] == before["batches"]
    assert list(used.state()["batches"]) == ["s/ready"]
    assert used.run("apply", "s.yaml", *NIGHT, "--json").document["submitted"] == 1
    assert len(used.ledger.batches()) == 2


def test_one_run_can_be_forgotten_alone(used: Desk) -> None:
    used.run("apply", "s.yaml", *NIGHT, "--run-key", "2026-11-20")
    assert used.run("state", "rm", "s/rows", "--run-key", "day:2026-11-20", "--yes").code == 0
    assert list(used.state()["batches"]["s/rows"]) == ["day:2026-11-22"]


def test_a_renamed_batch_is_not_submitted_anew(used: Desk) -> None:
    used.write("s.yaml", used.read("s.yaml").replace("name: rows", "name: lines"))
    ran = used.run("state", "mv", "s/rows", "s/lines")
    assert (ran.code, ran.out.startswith("s/rows is now s/lines. Backup: s.state.backup-")) == (0, True)
    sent = used.posts
    document = used.run("apply", "s.yaml", *NIGHT, "--json").document
    assert (document["unchanged"], used.posts) == (2, sent)


def test_a_name_that_no_spec_can_have_is_refused(used: Desk) -> None:
    before = used.read("s.state.json")
    ran = used.run("state", "mv", "s/rows", "s/Bad Name")
    assert (ran.code, "no spec can have a batch `s/Bad Name`" in ran.err) == (64, True)
    assert used.read("s.state.json") == before
    assert used.run("state", "mv", "s/rows", "s/rows[lang=Île de France,n=1]").code == 0


def test_a_sound_state_is_left_as_it_is(used: Desk) -> None:
    before = used.read("s.state.json")
    assert used.run("state", "repair", "--yes").out == "s.state.json is sound; nothing was done.\n"
    assert used.run("state", "unlock").out == "s.state.json is not locked.\n"
    assert used.read("s.state.json") == before


def test_states_are_found_beside_their_specs_and_here(used: Desk) -> None:
    used.write("specs/t.yaml", "batches:\n  - {name: a, input_file_id: file-t, endpoint: /v1/embeddings}\n")
    assert used.run("apply", "specs").code == 0
    found = used.run("state", "list", "--json").document["attempts"]
    assert [attempt["address"] for attempt in found] == ["t/a", "s/ready", "s/rows"]
    for where in ("specs", "file:specs", "specs/t.state.json"):
        found = used.run("state", "list", "--state", where, "--json").document["attempts"]
        assert [attempt["address"] for attempt in found] == ["t/a"]


def test_a_journal_without_a_snapshot_is_a_state_too(used: Desk) -> None:
    """As a first apply leaves it that was killed."""
    from batchrunner.stores import FileStore

    entries = list(FileStore(used.folder / "s.state.json").load().entries())
    store = FileStore(used.folder / "new.state.json")
    with store.lock(0, print):
        store.append(entries)
    assert not (used.folder / "new.state.json").exists()
    document = used.run("state", "list", "--state", "new.state.json", "--json").document
    assert len(document["attempts"]) == 2
    assert len(used.run("state", "list", "--json").document["attempts"]) == 4
