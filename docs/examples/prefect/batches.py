"""Prefect 3: a flow run submits a day's batches and waits for them. Run again, it submits nothing twice."""

import os
import sys
from typing import Any

from prefect import flow, task

import batchrunner
from batchrunner.errors import TryAgain

SPEC = os.environ.get("BATCHES", "/opt/batches/specs/nightly.yaml")


def _is_worth_another_try(_task: Any, _run: Any, state: Any) -> bool:
    return isinstance(state.result(raise_on_failure=False), TryAgain)


@task(retries=5, retry_delay_seconds=600, retry_condition_fn=_is_worth_another_try)
def submit(day: str) -> int:
    report = batchrunner.apply(batchrunner.load(SPEC, run_key=day))
    if report.failed:
        raise RuntimeError(", ".join(f"{each.address}: {each.code}" for each in report.failed))
    return report.submitted


@task
def wait(day: str) -> list[str]:
    seen = batchrunner.wait(batchrunner.load(SPEC, run_key=day))
    if bad := [f"{each.address}: {each.word}" for each in seen if each.verdict != "done"]:
        raise RuntimeError(", ".join(bad))
    return [each.batch_id for each in seen]


@flow
def nightly(day: str) -> list[str]:
    submit(day)
    batch_ids: list[str] = wait(day)
    return batch_ids


if __name__ == "__main__":
    nightly(sys.argv[1])
