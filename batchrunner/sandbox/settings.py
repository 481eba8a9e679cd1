"""How a sandbox is started, and where it then listens."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from batchrunner.sandbox.faults import Faults
from batchrunner.sandbox.habits import parse_habits

DAY = 86_400.0
Dialect = Literal["openai", "alphaedge", "azure", "groq", "mistral", "together", "anthropic"]


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds a remote batch spends in each status. A batch slower than its completion window expires instead."""

    validating: float = 0.02
    in_progress: float = 0.1
    finalizing: float = 0.02
    cancelling: float = 0.02


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Everything a sandbox needs to start.

    `database` is the SQLite file; uploaded bytes lie in a folder beside it, `<database>.files`. Starting again on the
    same path keeps everything, request numbers included, so that seeded faults go on where they stopped. `dialect` is
    who it speaks as; `openai` has AlphaEdge's paths too. `key` is the
    bearer token accepted. `honour_keys=False` makes a provider that ignores `Idempotency-Key`. `key_ttl` is how many
    seconds a key is remembered. `row_failures` is the probability that a line fails, its dice thrown from the seed of
    the faults. `terminal_cancel` is what cancelling a batch that has ended answers: 409, or 200 and the batch as it is.
    `max_enqueued_tokens` are those that the batches which have not ended may have together: one more fails.
    `habits` are names of `habits.HABITS`, each with `:NUMBER` behind it where it takes one; UsageError for others.
    `patience` is how many seconds a look waits for lines to be answered before it shows what was before.
    `port` 0 takes a free one.
    `clock` gives seconds since the epoch; it drives statuses, key expiry and the Date header.
    """

    database: Path
    key: str = field(default="sandbox", repr=False)
    faults: Faults = field(default_factory=Faults)
    honour_keys: bool = True
    timings: Timings = field(default_factory=Timings)
    key_ttl: float = DAY
    row_failures: float = 0.0
    terminal_cancel: Literal[200, 409] = 409
    max_enqueued_tokens: int | None = None
    dialect: Dialect = "openai"
    patience: float = 2.0
    habits: frozenset[str] = frozenset()
    host: str = "127.0.0.1"
    port: int = 0
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        parse_habits(self.habits)

    @property
    def pace(self) -> Timings:
        """The timings as they are kept by who speaks this dialect and has these habits."""
        timings = self.timings
        if self.dialect == "anthropic":  # there a batch is in progress from the start
            timings = replace(timings, validating=0.0, in_progress=timings.validating + timings.in_progress)
        return replace(timings, in_progress=math.inf) if "stuck" in self.habits else timings


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that is accepting requests. `base_url` is an origin without a trailing slash or `/v1`."""

    base_url: str
    settings: SandboxSettings
