"""A provider without counts that names the file of errors before that of the answers: no answer is paid for twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.cli import KEY, Desk, request_lines

from batchrunner.sandbox import SandboxSettings, Timings, running

SPEC = """\
run: {once_per: day}
defaults: {provider: together, endpoint: /v1/chat/completions, completion_window: 24h}
batches: [{name: x, input: x.jsonl}]
"""


@contextmanager
def served(desk: Desk, folder: Path, habit: str, polling: str = "") -> Iterator[Desk]:
    desk.write("s.yaml", SPEC)
    desk.write("x.jsonl", request_lines("a", "b-sandbox-flaky-2", endpoint="/v1/chat/completions"))
    timings = Timings(0.0, 0.0, 0.0, 0.0)
    settings = SandboxSettings(folder / "p.db", key=KEY, dialect="together", habits=frozenset({habit}), timings=timings)
    with running(settings) as provider:
        desk.env |= {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": provider.base_url}
        configure(desk, polling)
        yield desk


def configure(desk: Desk, polling: str) -> None:
    pace = "base_seconds: 0.02, cap_seconds: 0.05"
    url = desk.env["TOGETHER_BASE_URL"]
    desk.write("batchrunner.yaml", f"providers: {{together: {{base_url: '{url}', polling: {{{pace}{polling}}}}}}}\n")


def asked_again(desk: Desk) -> list[int]:
    """How many rows each retry asks for."""
    return [len(path.read_bytes().splitlines()) for path in desk.folder.glob(".batchrunner/retries/*.jsonl")]


def test_an_answer_that_is_named_after_the_errors_is_fetched_and_not_asked_for_again(
    desk: Desk, tmp_path: Path
) -> None:
    with served(desk, tmp_path, "late-output"):
        assert desk.run("apply", "s.yaml", "--yes").code == 0
        desk.run("wait", "s.yaml")
        fetched = desk.run("fetch", "s.yaml", "--json").document
        assert (fetched["rows"]["ok"], fetched["rows"]["error"]) == (1, 1)
        assert desk.run("retry", "s.yaml").code == 0

    assert asked_again(desk) == [1]


def test_until_the_answers_may_be_named_nothing_of_the_batch_is_asked_again(desk: Desk, tmp_path: Path) -> None:
    with served(desk, tmp_path, "late-output:1000"):
        assert desk.run("apply", "s.yaml", "--yes").code == 0

        fetched = desk.run("fetch", "s.yaml")
        assert fetched.code == 75, fetched
        assert "its provider has not named the" in " ".join(fetched.out.split())
        retried = desk.run("retry", "s.yaml")
        assert retried.code == 75, retried
        assert "run this again in a few minutes" in retried.err
        assert asked_again(desk) == []

        configure(desk, ", late_output_seconds: 0")
        assert desk.run("fetch", "s.yaml").code != 75
        assert desk.run("retry", "s.yaml").code == 0

    assert asked_again(desk) == [2]
