"""What can be said of a batch at a moment, before it is put into the words of a provider. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from batchrunner.sandbox import lifecycle
from batchrunner.sandbox.habits import number_of
from batchrunner.sandbox.records import Batch, LineProblem, Result
from batchrunner.sandbox.settings import Timings


@dataclass(frozen=True, slots=True)
class Standing:
    """A batch at a moment. `times` are those at which statuses began; files are None where there are none yet.

    `failed` counts every line that will have no success, `unasked` those of them that were not reached. `tokens` are
    those asked and answered, None until it is over.
    """

    batch: Batch
    status: str
    times: Mapping[str, float]
    total: int
    completed: int
    failed: int
    unasked: int
    problems: tuple[LineProblem, ...]
    output_file_id: str | None
    error_file_id: str | None
    tokens: tuple[int, int] | None

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self.status in lifecycle.TERMINAL


def standing(batch: Batch, timings: Timings, now: float, habits: Collection[str] = ()) -> Standing:
    """How `batch` stands at `now`, at a provider with these habits."""
    begun = lifecycle.reached(batch, timings, now)
    status = begun[-1].status
    result = batch.result or Result()
    is_over = status in lifecycle.TERMINAL
    has_files = is_over and not result.problems
    completed, failed = (result.completed, result.failed) if is_over else _so_far(batch, result, timings, now)
    return Standing(
        batch=batch,
        status=status,
        times={step.status: step.at for step in begun},
        total=result.total,
        completed=completed,
        failed=failed,
        unasked=result.unasked if is_over else 0,
        problems=result.problems if status == "failed" else (),
        output_file_id=batch.output_file_id if has_files and _shows_output(batch, result, habits) else None,
        error_file_id=batch.error_file_id if has_files and has_error_file(result, habits) else None,
        tokens=(result.input_tokens, result.output_tokens) if has_files and batch.result else None,
    )


def has_error_file(result: Result, habits: Collection[str]) -> bool:
    """Whether there is an error file in the end."""
    return bool(result.failed) or ("empty-error-file" in habits and bool(result.total))


def _shows_output(batch: Batch, result: Result, habits: Collection[str]) -> bool:
    return bool(result.completed) and batch.last_looks >= number_of(habits, "late-output")


def lines_done(batch: Batch, timings: Timings, now: float) -> int:
    """How many lines of a batch whose lines were counted are dealt with at `now`."""
    return int((batch.result or Result()).total * lifecycle.share_done(batch, timings, now))


def _so_far(batch: Batch, result: Result, timings: Timings, now: float) -> tuple[int, int]:
    done = lines_done(batch, timings, now)
    failed = done * result.failed // result.total if result.total else 0
    return done - failed, failed
