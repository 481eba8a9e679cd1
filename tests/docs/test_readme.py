"""README is executed: its specs are loaded, its commands run in order in one folder, its Python runs.

BATCHRUNNER_UPDATE_GOLDENS=1 writes what the commands print into README; the difference is reviewed like code.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from batchrunner.loader import load_project
from batchrunner.sandbox import Faults, SandboxSettings, running

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UPDATE = bool(os.environ.get("BATCHRUNNER_UPDATE_GOLDENS"))


@dataclass(frozen=True)
class Block:
    language: str
    text: str

    @property
    def file_name(self) -> str:
        """The path that a YAML block's first line names."""
        return self.text.partition("\n")[0].removeprefix("# ")


def blocks(language: str) -> list[Block]:
    return [Block(*found.groups()) for found in BLOCK.finditer(README.read_text()) if found[1] == language]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository as README describes it: the shipped specs, and the files of its YAML blocks but the project file."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "specs", folder / "specs", ignore=shutil.ignore_patterns("*.state.*", ".batchrunner"))
    (folder / ".git").mkdir()
    for block in blocks("yaml"):
        if block.file_name != "batchrunner.yaml":
            (folder / block.file_name).write_text(block.text)
    # README's first command installs no tokenizer, and what is shown depends on it.
    (folder / "without").mkdir()
    (folder / "without" / "sitecustomize.py").write_text('import sys\nsys.modules["rs_bpe"] = None\n')
    return folder


@pytest.fixture(scope="module")
def environment(folder: Path) -> Iterator[dict[str, str]]:
    settings = SandboxSettings(database=folder / "provider.sqlite3", key="a-key", faults=Faults.parse([]))
    with running(settings) as sandbox:
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
        yield {
            **kept,
            "BATCHRUNNER_CACHE": "off",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "ALPHAEDGE_BASE_URL": sandbox.base_url,
            "ALPHAEDGE_API_KEY": "a-key",
            "TZ": "UTC",
            "PYTHONPATH": str(folder / "without"),
        }


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1; {command}"], cwd=folder, env=environment, stdout=subprocess.PIPE, check=False
    )
    assert done.returncode in {0, 1}, done.stdout.decode()
    return done.stdout.decode()


def test_every_console_block_prints_what_readme_shows(folder: Path, environment: dict[str, str]) -> None:
    for block in blocks("console"):
        commands = re.findall(r"^\$ (.*)$", block.text, re.MULTILINE)
        shown = "".join(f"$ {command}\n{run(command, folder, environment)}" for command in commands)
        if UPDATE:
            README.write_text(README.read_text().replace(f"```console\n{block.text}```", f"```console\n{shown}```", 1))
        else:
            assert comparable(shown) == comparable(block.text)


def comparable(text: str) -> list[str]:
    """Lines without what differs from run to run: clock, ids, digests; concurrent events in a fixed order."""
    for pattern, stand_in in (
        (r"\b\d\d:\d\d(:\d\d)?\b", "TIME"),
        (r"\d{4}-\d\d-\d\d", "DATE"),
        (r"\b(batch|file)-[0-9a-f]{24}\b", r"\1-ID"),
        (r"content:[0-9a-f]{12}", "content:DIGEST"),
        (r"\(\d+/\d+\)", "(N/N)"),
        (r" *\b\d+ (s|min|h|d) (ago|left)\b *", r" AGE \2 "),
        (r"^( +ADDRESS +STATUS.*)$", lambda found: " ".join(found[0].split())),
        (r" #\d+", " #N"),
        # Prices change with every release of the list that they are from.
        (r" *(from |≤ )?<?\$[\d.,]*\d(\N{EN DASH}[\d.,]*\d)?", " COST"),
        (r"genai-prices [\d.]+\d", "genai-prices N"),
    ):
        text = re.sub(pattern, stand_in, text, flags=re.MULTILINE)
    lines = text.splitlines()
    return [line for line in lines if not line.startswith("TIME")] + sorted(
        line for line in lines if line.startswith("TIME")
    )


def test_every_yaml_block_is_valid_but_the_one_that_shows_errors(folder: Path, environment: dict[str, str]) -> None:
    names = [block.file_name for block in blocks("yaml")]

    valid = [name for name in names if name.startswith("specs/") and "broken" not in name]
    assert "Valid: " in run(f"batchrunner validate {' '.join(valid)}", folder, environment)
    assert {*names} - {*valid} == {"specs/broken.yaml", "batchrunner.yaml", "budget.yaml"}


def test_the_project_file_is_read_as_shown(tmp_path: Path) -> None:
    block = next(block for block in blocks("yaml") if block.file_name == "batchrunner.yaml")
    (tmp_path / "batchrunner.yaml").write_text(block.text)

    project = load_project(None, tmp_path)

    assert project.name == "acme-support"
    assert project.providers["in-house"].origin == "https://llm.internal.example"
    assert project.providers["alphaedge"].limits.max_in_flight == 8
    assert project.policy.max_cost_usd == 200


def test_the_python_block_runs(folder: Path, environment: dict[str, str]) -> None:
    for block in blocks("python"):
        done = subprocess.run([sys.executable, "-c", block.text], cwd=folder, env=environment, check=False)
        assert done.returncode == 0


def test_shell_blocks_use_commands_and_options_that_exist(folder: Path, environment: dict[str, str]) -> None:
    """The set-up commands are run by CI; of the others, every command and option is looked up in its help."""
    lines = [line for block in blocks("sh") for line in block.text.splitlines()]
    for line in (line for line in lines if line.startswith("batchrunner ")):
        words = line.split()
        subcommands = [word for word in words[1:3] if re.fullmatch(r"[a-z]+", word)]
        text = run(f"batchrunner {' '.join(subcommands)} --help", folder, environment)
        assert all(word in text for word in words if word.startswith("--"))


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text()):
        assert (ROOT / target).exists(), target
