"""What a pass over an input has to tell: problems, of which the first are listed and the rest counted, and notices."""

from dataclasses import dataclass, field

from batchrunner.errors import Diagnostic
from batchrunner.jsonl import PROVIDER_CODES
from batchrunner.linerules import LineProblem
from batchrunner.plans import Notice

LISTED = 20


@dataclass(slots=True)
class Findings:
    """What was found in the file that messages name as `shown`. Lines count from 1; 0 is the file as a whole."""

    shown: str
    unlisted: int = 0
    diagnostics: list[Diagnostic] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @property
    def room(self) -> int:
        """How many problems will still be listed."""
        return LISTED - len(self.diagnostics)

    @property
    def is_full(self) -> bool:
        """Whether problems are only counted from here on."""
        return not self.room

    def problem(self, line: int, problem: LineProblem) -> None:
        """Something is wrong with `line`."""
        if self.is_full:
            self.unlisted += 1
            return
        self.diagnostics.append(
            Diagnostic(
                problem.code,
                problem.message,
                self.shown,
                line=line,
                column=problem.column if line else 0,
                hint=problem.hint,
                provider_code=PROVIDER_CODES.get(problem.code, ""),
            )
        )

    def notice(self, line: int, code: str, message: str) -> None:
        """Something about `line` is worth knowing."""
        where = f"{self.shown}:{line}" if line else self.shown
        self.notices.append(Notice(code=code, message=message, where=where))
