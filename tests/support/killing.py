"""Starts the command line so that it can be killed at any step; see `support.zygote` for what a step is."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ZYGOTE = Path(__file__).with_name("zygote.py")
KILLED = {-signal.SIGKILL, -signal.SIGALRM}


@dataclass(frozen=True)
class Ended:
    """How a command ended. `step` and `label` say where it was killed; `step` is how many it made where it was not.

    `cpu` is in seconds, `peak` memory in MiB, of which some 80 are what was there before it began. `audit` is what it
    did of what `forbidden` watches for.
    """

    code: int
    step: int
    label: str
    out: str
    err: str
    cpu: float = 0.0
    peak: float = 0.0
    audit: str = ""

    @property
    def killed(self) -> bool:
        """Whether it was killed, rather than having ended by itself."""
        return self.code in KILLED

    def __str__(self) -> str:
        where = f"killed at step {self.step}, {self.label}" if self.killed else f"exit {self.code}"
        return f"{where}\n{self.out}{self.err}"


class Killer:
    """Runs commands as forks of one warm process."""

    def __init__(self, process: "subprocess.Popen[str]", outputs: Path) -> None:
        self._process = process
        self._outputs = outputs
        self._owed = 0
        """Answers that nobody waited for to their end, as where a test took too long."""

    def run(
        self,
        folder: Path,
        *arguments: str,
        environment: Mapping[str, str],
        step: int = 0,
        label: str = "",
        seconds: float = 0.0,
        number: signal.Signals = signal.SIGKILL,
        forbidden: Sequence[Path | str] | None = None,
    ) -> Ended:
        """Run `batchrunner ARGUMENTS` in `folder`; sent a signal at a step or at the first that matches `label`.

        Or killed after `seconds`. With `forbidden` it has `environment` alone, and is watched.
        """
        order = {"folder": str(folder), "arguments": arguments, "environment": dict(environment), "step": step,
                 "label": label, "seconds": seconds, "signal": int(number), "outputs": str(self._outputs),
                 "forbidden": None if forbidden is None else [str(each) for each in forbidden]}  # fmt: skip
        assert self._process.stdin
        assert self._process.stdout
        self._owed += 1
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        while self._owed:
            line = self._process.stdout.readline()
            self._owed -= 1
        answer = json.loads(line)
        out, err = (self._outputs.joinpath(name).read_bytes().decode() for name in ("stdout", "stderr"))
        audit = "" if forbidden is None else self._outputs.joinpath("audit").read_text()
        return Ended(out=out, err=err, audit=audit, **answer)


@contextmanager
def killing() -> Iterator[Killer]:
    """A killer, for as long as the `with` block lasts."""
    command = [sys.executable, "-W", "error", str(ZYGOTE)]
    with (
        TemporaryDirectory() as outputs,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        yield Killer(process, Path(outputs))
