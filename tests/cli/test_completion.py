"""Completion, asked as shells ask, and by bash itself: words of files and states, and silence where anything is off."""

import subprocess

import pytest
from support.cli import SCRIPT, Desk

PROFILES = "profiles:\n  staging: {project: other}\n  trial:\n    project: third\npolicy: {allow_env: []}\n"


def completed(desk: Desk, line: str) -> list[str]:
    """What bash offers behind `line`, by its own words."""
    program = f"""
        PATH={SCRIPT.rpartition("/")[0]}:$PATH
        eval "$(batchrunner completion bash)"
        COMP_LINE=$1 COMP_POINT=${{#1}}
        _batchrunner_completion batchrunner
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", program, "bash", line], cwd=desk.folder, env=desk.environment(),
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def used(desk: Desk) -> Desk:
    desk.write("batchrunner.yaml", PROFILES)
    desk.write("m.yaml", "batches: [{name: a, matrix: {lang: [en, fr]}, input_file_id: f, endpoint: /v1/embeddings}]")
    assert desk.run("apply", "s.yaml", "--sandbox", "--yes", "--run-key", "2026-11-20").code == 0
    desk.run("plan", "s.yaml", "--sandbox", "--out", "plan.json")
    return desk


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("plan ", ["data/", "m.yaml", "s.yaml"]),
        ("apply pl", ["plan.json"]),
        ("show ", ["data/", "plan.json"]),
        ("history --sandbox s/", ["s/ready", "s/rows"]),
        ("plan m.yaml --target ", [r"m/a\[lang=en\]", r"m/a\[lang=fr\]"]),
        ("plan m.yaml --target m/a[lang=e", [r"en\]"]),
        ("plan m.yaml --target 'm/a[lang=e", ["m/a[lang=en]"]),
        ("plan m.yaml --target=m/a[lang=e", [r"en\]"]),
        ("state show s/rows --sandbox --run-key 2026", ["2026-11-20"]),
        ("state show s/rows --sandbox --run-key day:", ["2026-11-20"]),
        ("plan s.yaml --profile ", ["staging", "trial"]),
        ("explain unknown-k", ["unknown-key"]),
        ("schema pr", ["project"]),
        ("histo", ["history"]),
    ],
)
def test_bash_offers_what_fits(used: Desk, line: str, words: list[str]) -> None:
    assert completed(used, f"batchrunner {line}") == words


@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize(
    "name", ["$(touch ran).yaml", "`touch ran`.yaml", "'\"$(touch ran).yaml", "\\$(touch ran)!.yaml"]
)
def test_bash_runs_nothing_of_what_it_was_offered(used: Desk, quote: str, name: str) -> None:
    used.write(f"odd/{name}", "")
    typed = f"{quote}odd/"
    shown = " ".join(completed(used, f"batchrunner validate {typed}"))
    line = f"printf %s {quote}{shown}{quote}"
    said = subprocess.run(["bash", "-c", line], cwd=used.folder, capture_output=True, text=True, check=True)
    assert said.stdout == f"odd/{name}"
    assert not (used.folder / "ran").exists()


def test_nothing_is_said_where_files_are_broken(used: Desk) -> None:
    used.write("s.sandbox.state.json", "{")
    used.write("m.yaml", "batches: [")
    used.write("batchrunner.yaml", b"\xff\xfeprofiles:\n")
    for line in ("history --sandbox s/", "plan m.yaml --target ", "plan s.yaml --profile "):
        assert completed(used, f"batchrunner {line}") == []


@pytest.mark.parametrize(("shell", "after"), [("zsh", "plain\ns/rows\n_\n"), ("fish", "plain\ns/rows\n")])
def test_zsh_and_fish_are_answered_in_their_own_form(used: Desk, shell: str, after: str) -> None:
    words = {"COMP_WORDS": "batchrunner history --sandbox s/ro", "COMP_CWORD": "3" if shell == "zsh" else "s/ro"}
    answer = used.run(env={"_BATCHRUNNER_COMPLETE": f"{shell}_complete", **words}).out
    assert "s/rows" in answer
    assert after.splitlines()[0] in answer
