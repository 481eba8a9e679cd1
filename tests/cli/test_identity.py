"""What may be paid for once: apply again, edited content, runs, replacements, targets, several specs and states."""

import json
import shlex

import pytest
from support.cli import SCRIPT, SPEC, Desk, request_lines

NIGHT = ("--at", "2026-11-22T02:30:00Z")
NEXT_NIGHT = ("--at", "2026-11-23T02:30:00Z")
CONTENT = "batches:\n  - {name: rows, input: data/rows.jsonl, endpoint: /v1/embeddings}\n"


def run_keys(desk: Desk, address: str = "s/rows", state: str = "s.state.json") -> list[str]:
    return list(desk.state(state)["batches"].get(address, {}))


def ids(desk: Desk) -> set[str]:
    """Every batch id in every state of the folder."""
    states = [json.loads(path.read_text()) for path in desk.folder.rglob("*.state.json")]
    runs = [run for state in states for batch in state["batches"].values() for run in batch.values()]
    return {attempt["batch_id"] for attempts in runs for attempt in attempts if "batch_id" in attempt}


def paid(desk: Desk) -> set[str]:
    return {batch["id"] for batch in desk.ledger.batches()}


def applied(desk: Desk, *arguments: str, code: int = 0) -> dict[str, object]:
    ran = desk.run("apply", *arguments, "--json")
    assert ran.code == code, ran
    assert ids(desk) == paid(desk)
    return ran.document


def reasons(document: dict[str, object]) -> list[tuple[str, str]]:
    batches = document["batches"]
    assert isinstance(batches, list)
    return [(batch["action"], batch["reason"]) for batch in batches]


def test_twice_is_once(shop: Desk) -> None:
    first = applied(shop, "s.yaml", *NIGHT)
    sent, state = shop.posts, shop.read("s.state.json")
    second = applied(shop, "s.yaml", *NIGHT)
    assert (first["submitted"], second["submitted"], second["unchanged"]) == (2, 0, 2)
    assert (shop.posts, shop.read("s.state.json")) == (sent, state)
    said = shop.run("apply", "s.yaml", *NIGHT)
    assert "already submitted for day:2026-11-22" in " ".join(said.out.split())
    assert "No changes. Nothing to send: 2 unchanged." in said.out


def test_nothing_to_send_needs_no_key(shop: Desk) -> None:
    applied(shop, "s.yaml", *NIGHT)
    del shop.env["ALPHAEDGE_API_KEY"]
    assert applied(shop, "s.yaml", *NIGHT)["unchanged"] == 2


def test_edited_content_once_per_content_is_one_new_submission(shop: Desk) -> None:
    shop.write("s.yaml", CONTENT)
    applied(shop, "s.yaml")
    shop.write("data/rows.jsonl", request_lines("one", "two", "three"))
    assert reasons(applied(shop, "s.yaml")) == [("submit", "new")]
    assert reasons(applied(shop, "s.yaml")) == [("unchanged", "already-submitted")]
    shop.write("data/rows.jsonl", request_lines("one", "two"))
    assert reasons(applied(shop, "s.yaml")) == [("unchanged", "already-submitted")]
    assert len(paid(shop)) == 2
    assert all(key.startswith("content:") for key in run_keys(shop))


def test_edited_content_once_per_day_is_blocked_until_it_is_replaced(shop: Desk) -> None:
    applied(shop, "s.yaml", *NIGHT)
    shop.write("data/rows.jsonl", request_lines("other"))
    sent = shop.posts
    refused = applied(shop, "s.yaml", *NIGHT, code=1)
    assert (refused["blocked"], shop.posts) == (1, sent)
    said = shop.run("plan", "s.yaml", *NIGHT).out
    (typed,) = [line.strip() for line in said.splitlines() if "--replace" in line]
    ran = shop.run_script([SCRIPT, *shlex.split(typed)[1:]])
    assert (ran.code, shop.posts) == (0, sent + 2)
    assert len(paid(shop)) == 3
    attempts = shop.state()["batches"]["s/rows"]["day:2026-11-22"]
    assert [attempt["number"] for attempt in attempts] == [1, 2]
    assert reasons(applied(shop, "s.yaml", *NIGHT))[-1] == ("unchanged", "already-submitted")


def test_advice_for_the_sandbox_stays_in_the_sandbox(desk: Desk) -> None:
    """Advice that forgot --sandbox would pay for what somebody only tries."""
    desk.run("apply", "s.yaml", "--sandbox", *NIGHT)
    desk.write("data/rows.jsonl", request_lines("other"))
    said = desk.run("plan", "s.yaml", "--sandbox", *NIGHT, "--json").document
    (hint,) = [change["hint"] for change in said["changes"] if change["action"] == "blocked"]
    assert desk.run_script([SCRIPT, *shlex.split(hint)[1:]]).code == 0
    assert len(desk.ledger.batches()) == 3


def test_blocked_beside_submitted_is_partial(shop: Desk) -> None:
    applied(shop, "s.yaml", *NIGHT, "--target", "s/rows")
    shop.write("data/rows.jsonl", request_lines("other"))
    document = applied(shop, "s.yaml", *NIGHT, code=3)
    assert (document["submitted"], document["blocked"]) == (1, 1)


def test_a_replacement_asked_for_again_is_paid_again_and_only_then(shop: Desk) -> None:
    applied(shop, "s.yaml", *NIGHT)
    for times in (1, 2):
        document = applied(shop, "s.yaml", *NIGHT, "--replace", "s/ready")
        assert ("replace", "replace-requested") in reasons(document)
        assert len(paid(shop)) == 2 + times
    (told,) = shop.run("plan", "s.yaml", *NEXT_NIGHT, "--replace", "s/ready", "--json").document["notices"]
    assert (told["code"], told["where"]) == ("nothing-to-replace", "s/ready")


def test_another_night_is_another_run(shop: Desk) -> None:
    applied(shop, "s.yaml", *NIGHT)
    assert reasons(applied(shop, "s.yaml", *NEXT_NIGHT)) == [("submit", "new")] * 2
    assert run_keys(shop) == ["day:2026-11-22", "day:2026-11-23"]


def test_a_backfill_fills_that_day_and_a_word_never_does(shop: Desk) -> None:
    applied(shop, "s.yaml", *NIGHT)
    applied(shop, "s.yaml", *NIGHT, "--run-key", "2026-11-20")
    assert applied(shop, "s.yaml", "--at", "2026-11-20T12:00:00Z")["unchanged"] == 2
    applied(shop, "s.yaml", *NIGHT, "--run-key", "again")
    assert shop.run("apply", "s.yaml", *NIGHT, env={"BATCHRUNNER_RUN_KEY": "2026-11-20"}).code == 0
    assert run_keys(shop) == ["day:2026-11-20", "day:2026-11-22", "manual:again"]


def test_of_specs_planned_together_the_one_that_has_no_such_run_is_named(shop: Desk) -> None:
    shop.write("t.yaml", SPEC.replace("day", "content", 1))
    ran = shop.run("apply", "s.yaml", "t.yaml", "--sandbox", "--run-key", "2026-11-20", "--json")
    assert (ran.code, ran.error["code"], ran.error["where"]) == (64, "bad-run-key", "t.yaml")
    assert "manual:2026-11-20" in ran.error["hint"]
    assert not paid(shop)


@pytest.mark.parametrize(
    ("once_per", "at", "key"),
    [
        ("day", "2026-03-28T23:30:00Z", "day:2026-03-29"),  # the day that has 23 hours begins
        ("day", "2026-03-29T21:59:59Z", "day:2026-03-29"),
        ("day", "2026-03-29T22:00:00Z", "day:2026-03-30"),
        ("day", "2026-10-24T22:00:00Z", "day:2026-10-25"),  # and the one that has 25
        ("day", "2026-10-25T22:59:59Z", "day:2026-10-25"),
        ("hour", "2026-10-25T00:30:00Z", "hour:2026-10-25T02"),
        ("hour", "2026-10-25T01:30:00Z", "hour:2026-10-25T02+01:00"),  # the same hour on the clock, again
        ("hour", "2026-11-22T02:59:59Z", "hour:2026-11-22T03"),
        ("week", "2026-12-31T12:00:00Z", "week:2026-W53"),
        ("month", "2026-11-30T23:00:00Z", "month:2026-12"),
    ],
)
def test_intervals_are_those_of_the_specs_time_zone(empty: Desk, once_per: str, at: str, key: str) -> None:
    run = f"run: {{once_per: {once_per}, timezone: Europe/Paris}}\n"
    empty.write("s.yaml", f"{run}batches:\n  - {{name: a, input_file_id: file-a, endpoint: /v1/embeddings}}\n")
    (change,) = empty.run("plan", "s.yaml", "--at", at, "--json").document["changes"]
    assert change["run_key"] == key


def test_a_target_leaves_the_rest_alone(shop: Desk) -> None:
    said = shop.run("apply", "s.yaml", *NIGHT, "--target", "s/re*")
    assert "Only what --target names: s/re*" in said.out
    assert run_keys(shop, "s/ready")
    assert not run_keys(shop)


def test_words_alone_cost_nothing_and_that_is_said(shop: Desk) -> None:
    applied(shop, "s.yaml", *NIGHT)
    shop.write("s.yaml", shop.read("s.yaml").replace("endpoint: /v1", "metadata: {team: other}, endpoint: /v1"))
    assert reasons(applied(shop, "s.yaml", *NIGHT)) == [("unchanged", "metadata-differs")] * 2
    assert "only its metadata differs" in " ".join(shop.run("plan", "s.yaml", *NIGHT).out.split())


def test_a_batch_that_left_the_spec_is_an_orphan_and_left_alone(shop: Desk) -> None:
    applied(shop, "s.yaml", *NIGHT)
    shop.write("s.yaml", "\n".join(shop.read("s.yaml").splitlines()[:-1]))
    sent = shop.posts
    assert ("orphan", "not-in-specs") in reasons(applied(shop, "s.yaml", *NIGHT))
    assert shop.posts == sent


def test_what_was_rejected_is_submitted_again_once_it_is_fixed(shop: Desk) -> None:
    good = shop.read("s.yaml")
    shop.write("batchrunner.yaml", "providers: {alphaedge: {endpoints: null}}\n")
    shop.write("s.yaml", good.replace("/v1/embeddings", "/v1/embedings"))
    ran = shop.run("apply", "s.yaml", *NIGHT, "--target", "s/ready")
    assert ran.code == 1
    assert "the provider refused it" in ran.out
    assert 'provider: "' in ran.out
    shop.write("s.yaml", good)
    assert reasons(applied(shop, "s.yaml", *NIGHT, "--target", "s/ready")) == [("submit", "rejected-before")]
    assert [a["status"] for a in shop.state()["batches"]["s/ready"]["day:2026-11-22"]] == ["rejected", "submitted"]


def test_variables_come_from_the_command_line_and_from_allowed_names(shop: Desk) -> None:
    shop.write("batchrunner.yaml", "policy: {allow_env: [DATASET]}\n")
    spec = CONTENT.replace("data/rows.jsonl", '"data/${env.DATASET}.${vars.end}"')
    shop.write("s.yaml", f"vars: {{end: jsonl}}\n{spec}")
    shop.write("data/other.txt", request_lines("x"))
    assert shop.run("plan", "s.yaml", env={"DATASET": "rows"}).code == 0
    ran = shop.run("plan", "s.yaml", "--var", "end=txt", "--json", env={"DATASET": "other"})
    assert ran.document["changes"][0]["source"]["path"] == "data/other.txt"
    assert "error[" in shop.run("plan", "s.yaml").err
    shop.write("batchrunner.yaml", "version: 1\n")
    assert "DATASET" in shop.run("plan", "s.yaml", env={"DATASET": "rows"}).err


def test_a_spec_from_standard_input(shop: Desk) -> None:
    shop.write("s.yaml", "name: piped\n" + shop.read("s.yaml"))
    text = shop.read("s.yaml").encode()
    ran = shop.run("apply", "-", *NIGHT, "--json", stdin=text)
    assert (ran.code, ran.document["submitted"]) == (0, 2)
    assert shop.run("apply", "-", *NIGHT, "--json", stdin=text).document["unchanged"] == 2


def two_specs(desk: Desk) -> None:
    for name in ("one", "two"):
        desk.write(f"specs/{name}.yaml", CONTENT.replace("rows.jsonl", f"{name}.jsonl"))
        desk.write(f"specs/data/{name}.jsonl", request_lines(name))


@pytest.mark.parametrize("paths", [["specs"], ["specs/*.yaml"], ["specs/one.yaml", "specs/two.yaml", "specs"]])
def test_two_specs_are_applied_as_one_and_kept_apart(shop: Desk, paths: list[str]) -> None:
    two_specs(shop)
    document = applied(shop, *paths)
    assert document["submitted"] == 2
    assert [each["state"] for each in document["states"]] == ["specs/one.state.json", "specs/two.state.json"]  # type: ignore[attr-defined]
    assert applied(shop, *paths)["unchanged"] == 2


def test_state_goes_where_it_is_told(shop: Desk) -> None:
    two_specs(shop)
    assert shop.run("apply", "specs", "--state", "kept/all.json").code == 0
    assert set(shop.state("kept/all.json")["batches"]) == {"one/rows", "two/rows"}
    assert shop.run("apply", "specs", env={"BATCHRUNNER_STATE": "file:kept/folder"}).code == 0
    assert set(shop.state("kept/folder/one.state.json")["batches"]) == {"one/rows"}
    shop.write("batchrunner.yaml", "state: {url: 'file:.batchrunner/state'}\n")
    assert shop.run("apply", "../specs", cwd="data").code == 0
    assert set(shop.state(".batchrunner/state/two.state.json")["batches"]) == {"two/rows"}
    assert "two/rows" in shop.run("state", "list").out
    shop.write("batchrunner.yaml", "state: {url: {env: WHERE}}\n")
    assert shop.run("apply", "specs", env={"WHERE": "file:elsewhere"}).code == 0
    assert "two/rows" in shop.run("state", "list", env={"WHERE": "file:elsewhere"}).out
    missing = shop.run("apply", "specs")
    assert (missing.code, "WHERE" in missing.err) == (1, True)
    # What a variable holds that was not meant for this, such as a key, is in no plan.
    key = shop.run("plan", "specs", "--format", "json", env={"WHERE": "key-0123456789"})
    assert (key.code, "bad-state-url" in key.out + key.err, "key-0123" in key.out + key.err) == (1, True, False)
    assert not list(shop.folder.glob("specs/*.state.json"))
    assert len(paid(shop)) == 2  # a state that is lost or elsewhere cannot pay twice: keys do not depend on it
