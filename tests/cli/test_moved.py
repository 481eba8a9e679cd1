"""`moved` and `imports` of a spec: a rename is never paid for again, and what was made elsewhere is taken over."""

import json
import re
import shlex
import shutil
from contextlib import closing
from http.client import HTTPConnection

import pytest
from support.cli import KEY, Desk, request_lines

NIGHT = ("--at", "2026-11-22T02:30:00Z")
NEXT = ("--at", "2026-11-23T02:30:00Z")


def spec(*batches: str, head: str = "") -> str:
    """A spec that runs once a day."""
    listed = "".join(f"  - {each}\n" for each in batches)
    return f"run: {{once_per: day}}\ndefaults: {{endpoint: /v1/embeddings}}\n{head}batches:\n{listed}"


READY, ROWS = "{name: ready, input_file_id: file-abc}", "{name: rows, input: data/rows.jsonl}"
FRESH, LINES = "{name: fresh, input_file_id: file-abc}", "{name: lines, input: data/rows.jsonl}"
MOVED = "moved: [{from: ready, to: fresh}, {from: rows, to: lines}]\n"


@pytest.fixture
def used(shop: Desk) -> Desk:
    """A folder whose spec was applied."""
    shop.write("s.yaml", spec(READY, ROWS))
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    return shop


def words(text: str) -> str:
    """`text` as if no line had an end."""
    return " ".join(text.split())


def actions(desk: Desk, *arguments: str) -> list[str]:
    """The actions of a plan."""
    return [change["action"] for change in desk.run("plan", *arguments, "--json").document["changes"]]


def made_elsewhere(desk: Desk, file_id: str = "file-abc", endpoint: str = "/v1/embeddings") -> str:
    """A batch that somebody made by hand."""
    body = {"input_file_id": file_id, "endpoint": endpoint, "completion_window": "24h"}
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with closing(HTTPConnection(desk.env["ALPHAEDGE_BASE_URL"].removeprefix("http://"))) as connection:
        connection.request("POST", "/v1/batch", json.dumps(body), headers)
        return str(json.loads(connection.getresponse().read())["id"])


def test_what_is_moved_is_not_sent_and_keeps_its_history(used: Desk) -> None:
    before = used.state()["batches"]
    used.write("s.yaml", spec(FRESH, LINES, head=MOVED))
    planned = used.run("plan", "s.yaml", *NIGHT, "--out", "plan.json", "--detailed-exitcode")
    assert (planned.code, "Plan: nothing to send, 2 to move, 2 unchanged." in planned.out) == (2, True)
    assert used.state()["batches"] == before
    sent = used.posts
    ran = used.run("apply", "plan.json")
    assert (ran.code, "Applied: 0 submitted, 2 moved, 2 unchanged, 0 failed." in ran.out) == (0, True)
    assert "moved      s/fresh  was s/ready" in ran.err
    after = used.state()["batches"]
    assert after == {"s/fresh": before["s/ready"], "s/lines": before["s/rows"]}
    again = used.run("apply", "plan.json")
    assert (again.code, again.out.startswith("This plan was applied already")) == (0, True)
    document = used.run("apply", "s.yaml", *NIGHT, "--json").document
    assert (document["moved"], document["unchanged"], used.posts) == (0, 2, sent)
    assert list(used.folder.glob("s.state.backup-*.json"))


def test_what_was_submitted_is_followed_before_and_after(used: Desk) -> None:
    used.write("s.yaml", spec(FRESH, LINES, head=MOVED))
    assert "s/ready" in used.run("status", "s.yaml").out
    assert used.run("wait", "s.yaml").code == 0
    assert used.run("apply", "s.yaml", *NIGHT).code == 0
    status = used.run("status", "s.yaml").out
    assert "s/fresh" in status
    assert "s/ready" not in status
    assert used.run("fetch", "s/lines").code == 0
    assert "nothing" in used.run("retry", "s/lines").out.lower()


def test_the_key_outlives_the_rename_and_the_state(used: Desk) -> None:
    keys = {
        each["intent"]["idempotency_key"] for run in used.state()["batches"].values() for each in run["day:2026-11-22"]
    }
    used.write("s.yaml", spec(FRESH, LINES, head=MOVED))
    (used.folder / "s.state.json").unlink()
    assert used.run("apply", "s.yaml", *NIGHT).code == 0
    runs = used.state()["batches"]
    assert runs.keys() == {"s/fresh", "s/lines"}
    assert {each["intent"]["idempotency_key"] for run in runs.values() for each in run["day:2026-11-22"]} == keys
    assert len(used.ledger.batches()) == 2


def test_recover_knows_what_was_moved(used: Desk) -> None:
    used.write("s.yaml", spec(FRESH, LINES, head=MOVED))
    (used.folder / "s.state.json").unlink()
    assert used.run("recover", "s.yaml", "--yes", *NIGHT).code == 0
    # What reads a file that was there before is nobody's by its name; its key still finds it.
    assert used.state()["batches"].keys() == {"s/lines"}
    assert used.run("apply", "s.yaml", *NIGHT, "--json").document["unchanged"] == 1
    assert len(used.ledger.batches()) == 2


def test_a_rename_that_nobody_told_of_waits_for_a_person(used: Desk) -> None:
    used.write("s.yaml", spec(FRESH, ROWS))
    sent = used.posts
    ran = used.run("apply", "s.yaml", *NIGHT)
    assert (ran.code, used.posts) == (1, sent)
    assert "add to s.yaml: moved: [{from: ready, to: fresh}]" in words(ran.out)
    assert "batchrunner apply s.yaml --at 2026-11-22T02:30:00Z --replace s/fresh" in ran.out
    # Another day is another run, and nothing of it was paid for under the old name.
    assert actions(used, "s.yaml", *NEXT) == ["submit", "submit", "orphan"]
    assert used.run("apply", "s.yaml", *NIGHT, "--replace", "s/fresh").code == 0
    assert len(used.ledger.batches()) == 3


def test_a_whole_spec_is_renamed(used: Desk) -> None:
    (used.folder / "s.yaml").unlink()
    used.write("daily.yaml", spec(READY, ROWS))
    held = used.run("apply", "daily.yaml", *NIGHT)
    assert (held.code, words(held.out).count('moved: [{from: "s/*", to: "*"}]')) == (1, 2)
    used.write("daily.yaml", spec(FRESH, ROWS, head='moved: [{from: s/*, to: "*"}, {from: ready, to: fresh}]\n'))
    before, sent = used.state()["batches"], used.posts
    document = used.run("apply", "daily.yaml", *NIGHT, "--json").document
    assert (document["moved"], document["unchanged"], used.posts) == (2, 2, sent)
    after = used.state("daily.state.json")["batches"]
    assert after == {"daily/fresh": before["s/ready"], "daily/rows": before["s/rows"]}
    assert used.state()["batches"] == {}
    assert used.run("apply", "daily.yaml", *NIGHT, "--json").document["moved"] == 0
    # Without its state, too, it is the same submission.
    (used.folder / "daily.state.json").unlink()
    assert used.run("apply", "daily.yaml", *NIGHT).code == 0
    assert len(used.ledger.batches()) == 2


def test_an_address_from_before_leads_to_the_one_of_now(shop: Desk) -> None:
    """Also where the provider takes no metadata, so that no request says how it was called."""
    shop.write("batchrunner.yaml", "providers: {alphaedge: {metadata: kept}}\n")
    shop.write("s.yaml", spec(READY, ROWS))
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    (shop.folder / "s.yaml").unlink()
    shop.write("new.yaml", spec(FRESH, ROWS, head='moved: [{from: s/*, to: "*"}, {from: ready, to: fresh}]\n'))
    assert shop.run("apply", "new.yaml", *NIGHT).code == 0
    assert shop.run("history", "s/ready").out.startswith("new/fresh ")
    for command in ("status", "wait", "fetch", "retry", "cancel", "resolve"):
        refused = shop.run(command, "s/ready", "--json")
        assert (refused.code, refused.error["code"]) == (1, "no-such-address")
        assert refused.error["hint"].startswith("it was moved, and is new/fresh now.")
    assert "moved" not in shop.run("status", "s/other", "--json").error["hint"]


@pytest.mark.parametrize("name", ["other/s.yaml", "deep/er/t.yaml"])
def test_a_spec_that_left_its_state_behind_is_not_begun_anew(used: Desk, name: str) -> None:
    used.write("batchrunner.yaml", "providers: {}\n")
    used.write(name, spec(READY, ROWS))
    used.write(name.replace(".yaml", "-2.yaml"), spec("{name: another, input_file_id: file-xyz}"))
    (used.folder / "s.yaml").unlink()
    (used.folder / "data").rename((used.folder / name).parent / "data")
    for command in ("plan", "apply"):
        refused = used.run(command, name, *NIGHT, "--json")
        assert (refused.code, refused.error["code"], refused.error["where"]) == (1, "state-left-behind", name)
    assert used.run("apply", name.replace(".yaml", "-2.yaml"), *NIGHT).code == 0
    assert len(used.ledger.batches()) == 3
    words = shlex.split(refused.error["hint"].split(": ", 1)[1])
    assert words[:2] == ["git", "mv"]
    shutil.move(used.folder / words[2], used.folder / words[3])
    moved = 'moved: [{from: s/*, to: "*"}]\n' if name.endswith("t.yaml") else ""
    used.write(name, spec(READY, ROWS, head=moved))
    assert used.run("apply", name, *NIGHT).code == 0
    assert len(used.ledger.batches()) == 3


def test_what_lies_elsewhere_and_is_of_others_is_not_left_behind(used: Desk) -> None:
    used.write("batchrunner.yaml", "providers: {}\n")
    used.write("other/s.yaml", spec(READY, ROWS))
    used.write("other/data/rows.jsonl", (used.folder / "data/rows.jsonl").read_text())
    assert used.run("plan", "other/s.yaml", *NIGHT).code == 0  # the spec of that state is still there
    (used.folder / "s.yaml").unlink()
    assert used.run("plan", "other/s.yaml", "--run-key", "2026-11-19").code == 0
    assert used.run("plan", "other/s.yaml", *NIGHT, "--state", "new.state.json").code == 0
    assert used.run("plan", "other/s.yaml", *NIGHT, "--sandbox").code == 0
    state = used.folder / "s.state.json"
    unsent = re.sub('"sent_at": ".*"', '"sent_at": ""', state.read_text())
    for text in (unsent.replace('"submitted"', '"rejected"'), "no state"):
        state.write_text(text)
        assert used.run("plan", "other/s.yaml", *NIGHT).code == 0


def test_a_spec_moves_to_another_folder_with_its_state(used: Desk) -> None:
    (used.folder / "other").mkdir()
    for name in ("s.yaml", "s.state.json"):
        (used.folder / name).rename(used.folder / "other" / name)
    (used.folder / "data").rename(used.folder / "other" / "data")
    assert actions(used, "other/s.yaml", *NIGHT) == ["unchanged", "unchanged"]
    (used.folder / "other" / "s.yaml").rename(used.folder / "other" / "t.yaml")
    used.write("other/t.yaml", spec(READY, ROWS, head='moved: [{from: s/*, to: "*"}]\n'))
    assert actions(used, "other/t.yaml", *NIGHT) == ["move", "move", "unchanged", "unchanged"]


def test_shards_are_one_move(shop: Desk) -> None:
    shop.write("data/rows.jsonl", request_lines("one", "two", "three"))
    shop.write("s.yaml", spec("{name: rows, input: data/rows.jsonl, shard: {max_requests: 1}}"))
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    shop.write("s.yaml", spec("{name: lines, input: data/rows.jsonl, shard: {max_requests: 1}}"))
    held = shop.run("plan", "s.yaml", *NIGHT, "--json").document
    assert {change.get("replacing") for change in held["changes"] if change["action"] == "blocked"} == {"s/lines"}
    shop.write("s.yaml", spec("{name: lines, input: data/rows.jsonl, shard: {max_requests: 1}}",
                              head="moved: [{from: rows, to: lines}]\n"))  # fmt: skip
    document = shop.run("apply", "s.yaml", *NIGHT, "--json").document
    assert (document["moved"], document["unchanged"], len(shop.ledger.batches())) == (1, 3, 3)
    assert shop.state()["batches"].keys() == {"s/lines#1", "s/lines#2", "s/lines#3"}


def test_a_name_with_a_history_of_its_own_waits_for_a_person(used: Desk) -> None:
    used.write("s.yaml", spec("{name: fresh, input_file_id: file-other}", LINES))
    assert used.run("apply", "s.yaml", *NIGHT, "--target", "s/fresh").code == 0
    used.write("s.yaml", spec("{name: fresh, input_file_id: file-other}", LINES, head=MOVED))
    before, sent = used.state()["batches"], used.posts
    ran = used.run("apply", "s.yaml", *NIGHT)
    assert (ran.code, used.posts) == (1, sent)
    assert used.state()["batches"] == {"s/ready": before["s/ready"], "s/fresh": before["s/fresh"],
                                       "s/lines": before["s/rows"]}  # fmt: skip
    command = next(line.strip() for line in ran.out.splitlines() if "state rm" in line)
    assert command == "batchrunner state rm s/ready --run-key day:2026-11-22 --state s.state.json"
    assert used.run(*command.split()[1:], "--yes").code == 0
    assert used.run("apply", "s.yaml", *NIGHT).code == 0
    assert used.posts == sent


def test_a_saved_plan_with_a_move_goes_stale_where_state_moved_otherwise(used: Desk) -> None:
    used.write("s.yaml", spec("{name: fresh, input_file_id: file-other}", LINES, head=MOVED))
    assert used.run("plan", "s.yaml", "--at", "2026-11-23T02:30:00Z", "--out", "plan.json").code == 0
    used.write("other.yaml", spec("{name: fresh, input_file_id: file-other}").replace("run:", "name: s\nrun:"))
    assert used.run("apply", "other.yaml", *NIGHT, "--state", "s.state.json").code == 0
    before = used.read("s.state.json")
    ran = used.run("apply", "plan.json", "--json")
    assert (ran.code, ran.error["code"]) == (4, "stale-plan")
    assert used.read("s.state.json") == before


@pytest.mark.parametrize("head", [MOVED, ""], ids=["told", "untold"])
def test_a_plan_from_before_a_rename_is_stale_after_it(used: Desk, head: str) -> None:
    assert used.run("plan", "s.yaml", *NEXT, "--out", "old.json").code == 0
    used.write("s.yaml", spec(FRESH, LINES, head=head))
    assert used.run("plan", "s.yaml", *NEXT, "--out", "new.json").code == 0
    assert used.run("apply", "new.json").code == 0
    sent = used.posts
    stale = used.run("apply", "old.json")
    assert (stale.code, "s/ready, s/rows" in stale.err, used.posts) == (4, True, sent)


def test_a_plan_from_before_a_file_was_renamed_is_stale_after_it(used: Desk) -> None:
    assert used.run("plan", "s.yaml", *NEXT, "--out", "old.json").code == 0
    (used.folder / "s.yaml").unlink()
    used.write("daily.yaml", spec(READY, ROWS, head='moved: [{from: s/*, to: "*"}]\n'))
    assert used.run("apply", "daily.yaml", *NEXT).code == 0
    sent = used.posts
    stale = used.run("apply", "old.json")
    assert (stale.code, "is called daily/ready now" in stale.err, used.posts) == (4, True, sent)


def test_a_rename_that_is_taken_back_with_other_content_waits_for_a_person(used: Desk) -> None:
    used.write("s.yaml", spec(FRESH, LINES, head=MOVED))
    assert used.run("apply", "s.yaml", *NIGHT).code == 0
    used.write("s.yaml", spec("{name: ready, input_file_id: file-other}", ROWS))
    sent = used.posts
    changes = used.run("plan", "s.yaml", *NIGHT, "--json").document["changes"]
    reasons = {each["address"]: each["reason"] for each in changes if each["action"] == "blocked"}
    assert (used.run("apply", "s.yaml", *NIGHT).code, used.posts) == (1, sent)
    assert reasons == {"s/ready": "changed-since-submitted", "s/rows": "looks-renamed"}


def test_a_file_that_is_renamed_untold_is_seen_in_a_state_that_specs_share(used: Desk) -> None:
    shared = ("--state", "all.state.json", *NIGHT)
    used.write("other.yaml", spec(READY))
    assert used.run("apply", "s.yaml", *shared).code == 0
    # What another spec of the folder has is its own.
    assert used.run("apply", "other.yaml", *shared).code == 0
    (used.folder / "s.yaml").unlink()
    used.write("daily.yaml", spec(READY, ROWS))
    sent = used.posts
    assert (used.run("apply", "daily.yaml", *shared).code, used.posts) == (1, sent)


def test_a_file_with_a_dot_in_its_name_is_renamed_untold(shop: Desk) -> None:
    shop.write("s.v1.yaml", spec(READY))
    assert shop.run("apply", "s.v1.yaml", *NIGHT).code == 0
    (shop.folder / "s.v1.yaml").rename(shop.folder / "s.v2.yaml")
    sent = shop.posts
    assert (shop.run("apply", "s.v2.yaml", *NIGHT).code, shop.posts) == (1, sent)


def test_an_import_is_looked_up_recorded_and_then_nothing_to_do(shop: Desk) -> None:
    batch_id = made_elsewhere(shop)
    shop.write("s.yaml", spec(READY, head=f"imports: [{{to: ready, id: {batch_id}, run_key: 2026-11-22}}]\n"))
    planned = shop.run("plan", "s.yaml", *NIGHT, "--out", "plan.json")
    assert (planned.code, "  <=  ready" in planned.out) == (0, True)
    ran = shop.run("apply", "plan.json")
    assert (ran.code, "Applied: 0 submitted, 1 imported, 0 unchanged, 0 failed." in ran.out) == (0, True)
    (attempt,) = shop.state()["batches"]["s/ready"]["day:2026-11-22"]
    assert (attempt["adopted"], attempt["reply"]["id"], attempt["batch_id"]) == (True, batch_id, batch_id)
    assert shop.run("apply", "plan.json").out.startswith("This plan was applied already")
    document = shop.run("apply", "s.yaml", *NIGHT, "--json").document
    assert (document["imported"], document["unchanged"], len(shop.ledger.batches())) == (0, 1, 1)
    assert actions(shop, "s.yaml", *NEXT) == ["submit"]


@pytest.mark.parametrize("made", ["nowhere", "of another file", "of another endpoint"])
def test_what_cannot_be_imported_is_not_submitted_either(shop: Desk, made: str) -> None:
    elsewhere = {"nowhere": lambda: "batch-none", "of another file": lambda: made_elsewhere(shop, "file-x"),
                 "of another endpoint": lambda: made_elsewhere(shop, endpoint="/v1/completions")}  # fmt: skip
    batch_id = elsewhere[made]()
    shop.write("s.yaml", spec(READY, ROWS, head=f"imports: [{{to: ready, id: {batch_id}, run_key: 2026-11-22}}]\n"))
    ran = shop.run("apply", "s.yaml", *NIGHT, "--json")
    assert (ran.code, ran.document["submitted"]) == (3, 1)
    assert [failure["outcome"] for failure in ran.document["failed"]] == ["not-imported"]
    assert shop.state()["batches"].keys() == {"s/rows"}


def test_an_import_needs_its_key_and_the_import_of_another_day_does_not_hold_this_one(shop: Desk) -> None:
    batch_id = made_elsewhere(shop)
    shop.write("s.yaml", spec(READY, head=f"imports: [{{to: ready, id: {batch_id}, run_key: 2026-11-20}}]\n"))
    refused = shop.run("apply", "s.yaml", *NIGHT, "--json", env={"ALPHAEDGE_API_KEY": ""})
    assert (refused.code, refused.error["code"]) == (1, "missing-key")
    document = shop.run("apply", "s.yaml", *NIGHT, "--json").document
    assert (document["imported"], document["submitted"]) == (1, 1)
    assert shop.state()["batches"]["s/ready"].keys() == {"day:2026-11-20", "day:2026-11-22"}


def test_an_import_stands_for_what_was_never_sent(shop: Desk) -> None:
    made = made_elsewhere(shop)
    shop.write("s.yaml", spec(READY))
    assert shop.run("apply", "s.yaml", *NIGHT, env={"ALPHAEDGE_API_KEY": "refused"}).code == 1
    shop.write("s.yaml", spec(READY, head=f"imports: [{{to: ready, id: {made}, run_key: 2026-11-22}}]\n"))
    assert shop.run("apply", "s.yaml", *NIGHT, "--json").document["imported"] == 1
    assert [attempt["status"] for attempt in shop.state()["batches"]["s/ready"]["day:2026-11-22"]][-1] == "submitted"
    assert shop.run("apply", "s.yaml", *NIGHT, "--json").document["unchanged"] == 1
    assert len(shop.ledger.batches()) == 1


def test_blocks_that_cannot_be_meant_are_errors_with_their_places(desk: Desk) -> None:
    desk.write("t.yaml", spec("{name: a, input_file_id: file-1}"))
    desk.write("s.yaml", spec(READY, ROWS, head="""\
moved:
  - {from: rows, to: ready}
  - {from: gone, to: nowhere}
  - {from: b, to: c}
  - {from: c, to: b}
  - {from: t/a, to: ready}
imports:
  - {to: rows, id: batch-1, run_key: 2026-11-22}
  - {to: ready, id: batch-1, run_key: 2026-11-22}
  - {to: none, id: batch-2, run_key: 2026-11-22}
"""))  # fmt: skip
    ran = desk.run("validate", "s.yaml", "--json")
    found = {(each["code"], each["line"], each["column"]) for each in ran.document["diagnostics"]}
    assert found == {
        ("move-from-declared", 4, 12), ("move-to-undeclared", 5, 22), ("move-circle", 6, 12), ("move-circle", 7, 12),
        ("moved-twice", 8, 21), ("imported-twice", 11, 21), ("import-to-undeclared", 12, 10),
    }  # fmt: skip
    desk.write("s.yaml", spec(READY, ROWS, head="moved: [{from: t/a, to: ready}]\n"))
    ran = desk.run("validate", "s.yaml", "--json")
    assert [each["code"] for each in ran.document["diagnostics"]] == ["move-from-declared"]
    assert "t.yaml" in ran.document["diagnostics"][0]["message"]
