"""Options of the whole suite."""

import gc
import os
import signal

import pytest
from hypothesis import settings
from support.campaigns import CAMPAIGN

LONGEST_ID = 60

# Nothing that collecting tests makes is garbage, and to look for it takes a quarter of the time; see below.
gc.disable()

# How long an example takes says how busy the machine is: no test fails for it.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# Nothing that a test scans is to be remembered beyond it, whatever process it runs in.
os.environ["BATCHRUNNER_CACHE"] = "off"

# A suite that runs in the background, or under nohup, was told to ignore these, and so would be all that it starts.
for number, usual in (
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign", action="store_true", help="run the long crash campaigns, too (minutes)")
    parser.addoption(
        "--real-servers", action="store_true", help="run against servers that others wrote, too; installs them once"
    )
    parser.addoption(
        "--orchestrators", action="store_true", help="run in Airflow, Dagster and Prefect; installs them once"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--campaign"):
        os.environ[CAMPAIGN] = "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--campaign"):
        return
    for item in items:
        if item.get_closest_marker("campaign"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: --campaign"))


def pytest_collection_finish() -> None:
    """What is there by now stays to the end."""
    gc.freeze()
    gc.enable()


def pytest_make_parametrize_id(val: object) -> str | None:
    """An id is there to be read, and typed after `-k`: of a long text it has the start."""
    shown = ascii(val) if isinstance(val, str | bytes) else ""
    return f"{shown[:LONGEST_ID]}..." if len(shown) > LONGEST_ID else None
