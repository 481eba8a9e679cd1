"""The examples for Airflow, Dagster and Prefect: typed against our interface daily, and run by themselves on request.

`--orchestrators` installs each once, below the cache of the tests, and takes minutes.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import KEY, Desk, provided

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
DAY = "2026-11-20"
NAMES = ("airflow", "dagster", "prefect")
PACKAGES = {
    "airflow": ["apache-airflow==3.3.2"],
    "dagster": ["dagster==1.13.29"],
    "prefect": ["prefect==3.8.8", "fastapi==0.139.0"],  # with later ones its server does not start
}
DAGSTER = f"""
import sys
sys.path.insert(0, {str(EXAMPLES / "dagster")!r})
import batches, dagster
dagster.Definitions.validate_loadable(batches.defs)
sys.exit(not dagster.materialize([batches.nightly_batches], partition_key={DAY!r}).success)
"""


def test_an_example_names_only_what_there_is(tmp_path: Path) -> None:
    """Arguments and attributes too: mypy knows our interface, and takes anything of what is not installed."""
    options = ["--strict", "--ignore-missing-imports", "--allow-untyped-decorators", "--config-file", ""]
    for name in NAMES:  # one after the other: what the first one has made of our package helps the rest
        file = EXAMPLES / name / "batches.py"
        assert len(file.read_text().splitlines()) <= 45
        command = [sys.executable, "-m", "mypy", *options, "--cache-dir", str(tmp_path), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert (done.returncode, done.stdout) == (0, "Success: no issues found in 1 source file\n"), name


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", NAMES)
def test_an_example_submits_a_day_once_and_waits_for_it(name: str, empty: Desk, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--orchestrators"):
        pytest.skip("installs and runs an orchestrator: --orchestrators")
    python = installed(name)
    empty.run("init", "-q", "--demo")
    with provided(empty):
        environment = {
            **empty.environment(),
            "AIRFLOW_HOME": str(empty.folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "BATCHES": str(empty.folder / "specs" / "nightly.yaml"),
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
            "PYTHONWARNINGS": "default",
        }
        airflow = str(python.with_name("airflow"))
        commands = {
            "airflow": [[airflow, "db", "migrate"], [airflow, "dags", "test", "batches", DAY]],
            "dagster": [[str(python), "-c", DAGSTER]],
            "prefect": [[str(python), str(EXAMPLES / "prefect" / "batches.py"), DAY]],
        }[name]
        for command in [*commands, commands[-1]]:
            done = subprocess.run(
                command, cwd=empty.folder, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
        assert len(empty.ledger.batches()) == 4
        state = empty.state("specs/nightly.state.json")
        assert {run for batch in state["batches"].values() for run in batch} == {f"day:{DAY}"}
        assert KEY not in str(state)


def installed(name: str) -> Path:
    """The Python of an environment with an orchestrator and this working tree."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "batchrunner-tests")
    folder = cache / "+".join(PACKAGES[name])
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".installed").exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES[name]], check=True)
            (folder / ".installed").touch()
        subprocess.run([python, "-m", "pip", "install", "--quiet", ROOT], check=True)
    return python
