"""Dagster: a partition is a day. Materialising it again submits nothing twice, and waits for what is under way."""

import os

import dagster as dg

import batchrunner
from batchrunner.errors import InvalidFiles, Refused, TryAgain

SPEC = os.environ.get("BATCHES", "/opt/batches/specs/nightly.yaml")


@dg.asset(partitions_def=dg.DailyPartitionsDefinition(start_date="2026-11-01", timezone="Europe/Paris"))
def nightly_batches(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Every batch of the day, ended well."""
    try:
        workspace = batchrunner.load(SPEC, run_key=context.partition_key)
        report = batchrunner.apply(workspace)
    except TryAgain as error:
        raise dg.RetryRequested(max_retries=5, seconds_to_wait=600) from error
    except (InvalidFiles, Refused) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    if report.failed:
        raise dg.Failure(", ".join(f"{each.address}: {each.code}" for each in report.failed))
    seen = batchrunner.wait(workspace)
    if bad := [f"{each.address}: {each.word}" for each in seen if each.verdict != "done"]:
        raise dg.Failure(", ".join(bad))
    return dg.MaterializeResult(metadata={"submitted": report.submitted, "batches": [each.batch_id for each in seen]})


schedule = dg.build_schedule_from_partitioned_job(dg.define_asset_job("nightly", [nightly_batches]), hour_of_day=2)
defs = dg.Definitions(assets=[nightly_batches], schedules=[schedule])
