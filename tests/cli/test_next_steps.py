"""What follow-up commands advise can be typed, and is true."""

import pytest
from support.cli import Desk, request_lines
from support.fetching import QUICK, served, written

BACKFILL = "2026-11-20"
MANY = "run: {once_per: day}\ndefaults: {endpoint: /v1/embeddings}\nbatches:\n"


def backfilled_in_vain(desk: Desk) -> None:
    """Today's run has a row to mend, and after it a backfill that nobody took."""
    assert desk.run("apply", "s.yaml", "--yes", "--run-key", "2026-11-21").code == 0
    desk.run("wait")
    assert desk.run("apply", "s.yaml", "--yes", "--run-key", BACKFILL, env={"ALPHAEDGE_API_KEY": "wrong"}).code == 1


def test_a_backfill_that_nobody_took_hides_no_rows_to_mend(empty: Desk) -> None:
    with served(written(empty, ["a", "b-sandbox-flaky-2"])):
        backfilled_in_vain(empty)
        ran = empty.run("retry", "s/rows", "--yes")

    assert ran.code == 0
    assert "Retried: 1 submitted" in ran.out


@pytest.mark.parametrize("word", ["s.yaml", "s/rows"])
def test_what_was_put_off_is_sent_by_the_apply_that_is_named(empty: Desk, word: str) -> None:
    with served(written(empty, ["a"])):
        backfilled_in_vain(empty)
        ran = empty.run("retry", word, "--run-key", BACKFILL)
        (hint,) = [line.strip() for line in ran.err.splitlines() if "batchrunner apply" in line]
        command = hint[hint.index("batchrunner ") :].split()
        assert empty.run(*command[1:], "--yes").code == 0
        shown = empty.run("status", "--json").document["batches"]

    assert "paid for" not in ran.err
    assert command == ["batchrunner", "apply", "s.yaml", "--run-key", BACKFILL]
    assert f"day:{BACKFILL}" in {batch["run_key"] for batch in shown}
    assert "deferred" not in {batch["word"] for batch in shown}


def with_many(desk: Desk) -> None:
    written(desk)
    desk.write("specs/many.yaml", MANY + "".join(f"  - {{name: b{n}, input: b{n}.jsonl}}\n" for n in range(6)))
    for number in range(6):
        desk.write(f"specs/b{number}.jsonl", request_lines("a", f"{number}-sandbox-flaky-2"))


@pytest.mark.parametrize("words", [(), ("specs/many.yaml",)])
def test_one_retry_for_many_batches(empty: Desk, words: tuple[str, ...]) -> None:
    with served(empty, timings=QUICK):
        with_many(empty)
        assert empty.run("apply", "specs/many.yaml", "--yes").code == 0
        document = empty.run("fetch", *words, "--json").document
        assert empty.run(*document["next"][0].split()[1:], "--yes").code == 0

    assert document["next"] == ["batchrunner retry specs/many.yaml"]


def test_a_retry_that_reaches_nobody_says_what_it_is(empty: Desk) -> None:
    with served(written(empty, ["a", "b-sandbox-flaky-2"])):
        assert empty.run("apply", "s.yaml", "--yes").code == 0
        empty.run("wait")
        empty.run("fetch")
    ran = empty.run("retry", "s/rows", "--yes")

    assert ran.code == 75
    assert "Retried: 0 submitted" in ran.out
    assert "Applied" not in ran.out


def test_a_retry_of_nothing_named_says_how_to_retry_all(empty: Desk) -> None:
    with_many(empty)
    assert empty.run("apply", "specs/many.yaml", "--sandbox", "--yes", "--wait").code == 0
    ran = empty.run("retry", "--sandbox")
    assert empty.run("retry", "specs", "--sandbox", "--wait", "--yes").code == 0

    assert ran.code == 64
    assert "= help: for all of it: batchrunner retry specs --sandbox\n" in ran.err


def test_results_need_a_folder_that_can_be_made(empty: Desk) -> None:
    with served(written(empty, ["a"])):
        assert empty.run("apply", "s.yaml", "--yes").code == 0
        empty.run("wait")
        ran = empty.run("fetch", "--out", "/proc/x")

    assert "room" not in ran.err
    assert "folder that can be made" in " ".join(ran.err.split())


@pytest.mark.parametrize("command", ["wait", "fetch"])
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["s.yaml"], "s.yaml"),
        (["s/rows", "--run-key", BACKFILL], f"s.yaml --run-key {BACKFILL}"),
    ],
)
def test_where_nothing_was_submitted_the_apply_that_does_it_is_named(
    desk: Desk, command: str, words: list[str], named: str
) -> None:
    if "--run-key" in words:
        assert desk.run("apply", "s.yaml", "--sandbox", "--yes").code == 0
    error = desk.run(command, *words, "--sandbox", "--json").error
    assert (error["code"], error["hint"]) == ("nothing-submitted", f"batchrunner apply {named} --sandbox")


def test_a_sandbox_of_another_vendor_says_what_the_project_file_needs(empty: Desk) -> None:
    with empty.started("sandbox", "serve", "--port", "0", "--dialect", "anthropic") as serving:
        assert serving.stdout
        assert serving.stderr
        url = serving.stdout.readline().strip()
        told = [serving.stderr.readline() for _ in range(3)]
        serving.send_signal(2)
        assert serving.wait() == 0

    assert told == [
        "In batchrunner.yaml:\n",
        f"  providers: {{anthropic: {{base_url: '{url}'}}}}\n",
        "export ANTHROPIC_API_KEY=sandbox\n",
    ]
    empty.write("batchrunner.yaml", told[1].strip())
    assert "Traceback" not in empty.run("providers").err
