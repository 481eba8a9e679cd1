"""Where a command speaks: the result on stdout, everything else on stderr."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchrunner.commands._options import Output
from batchrunner.render.style import COLOUR, PLAIN, Style
from batchrunner.settings import environment, wants_colour


@dataclass(frozen=True, slots=True)
class Console:
    """Writes for one command. Secrets named in `secrets` never get out, whatever a provider echoes."""

    output: Output
    secrets: tuple[str, ...] = ()

    @property
    def style(self) -> Style:
        """The style of stdout."""
        return COLOUR if wants_colour(self.output.color, sys.stdout.isatty(), environment()) else PLAIN

    @property
    def width(self) -> int:
        """Columns of the terminal that stdout is, 0 where it is none."""
        return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 0

    def result(self, text: str) -> None:
        """Write the command's result."""
        sys.stdout.write(self._clean(text if text.endswith("\n") else f"{text}\n"))
        sys.stdout.flush()

    def document(self, document: Mapping[str, Any]) -> None:
        """Write the command's result as JSON."""
        from batchrunner.render.json import dumps

        self.result(dumps(document))

    def note(self, text: str) -> None:
        """Say something beside the result."""
        if not self.output.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Say something that must be seen."""
        sys.stderr.write(self._clean(text if text.endswith("\n") else f"{text}\n"))
        sys.stderr.flush()

    def _clean(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "[redacted]")
        return text
