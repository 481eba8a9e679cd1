"""Airflow 3: a DAG run submits its day's batches, then looks every ten minutes, without a worker, until all have ended.

A run that is repeated, by hand or as a retry, submits nothing twice.
"""

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.bases.sensor import PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException

import batchrunner
from batchrunner.errors import InvalidFiles, Refused

SPEC = os.environ.get("BATCHES", "/opt/batches/specs/nightly.yaml")


@dag(schedule="30 2 * * *", start_date=datetime(2026, 11, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def batches() -> None:
    @task(retries=5, retry_delay=timedelta(minutes=10))
    def submit(ds: str | None = None) -> int:
        try:
            report = batchrunner.apply(batchrunner.load(SPEC, run_key=str(ds)))
        except (InvalidFiles, Refused) as error:
            raise AirflowFailException(str(error)) from error  # a retry would not help
        if report.failed:
            raise RuntimeError(", ".join(f"{each.address}: {each.code}" for each in report.failed))
        return report.submitted

    @task.sensor(poke_interval=600, timeout=26 * 3600, mode="reschedule")
    def ended(ds: str | None = None) -> PokeReturnValue:
        seen = batchrunner.wait(batchrunner.load(SPEC, run_key=str(ds)), timeout=0)  # one look
        if bad := [f"{each.address}: {each.word}" for each in seen if each.verdict not in ("done", "open")]:
            raise AirflowFailException(", ".join(bad))
        return PokeReturnValue(is_done=all(each.verdict == "done" for each in seen))

    submit() >> ended()


batches()
