"""Where a command speaks: the result on stdout, everything else on stderr."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from batchrunner.commands._options import Output
from batchrunner.commands._secrets import redacted, redacted_value
from batchrunner.commands._streams import log_line, width_of_errors, write_error
from batchrunner.errors import Refused
from batchrunner.render.style import COLOUR, PLAIN, Style
from batchrunner.settings import Settings, environment, wants_colour


@dataclass(frozen=True, slots=True)
class Console:
    """Writes for one command. A secret that was read never gets out, whatever a provider echoes."""

    output: Output

    @property
    def style(self) -> Style:
        """The style of stdout."""
        return COLOUR if wants_colour(self.output.color, sys.stdout.isatty(), environment()) else PLAIN

    @property
    def width(self) -> int:
        """Columns of the terminal that stdout is, 0 where it is none."""
        if not sys.stdout.isatty():
            return 0
        import shutil

        return shutil.get_terminal_size((80, 24)).columns

    def result(self, text: str) -> None:
        """Write the command's result. Raises `Refused` `output-not-written`, `BrokenPipeError` where nobody reads."""
        self._write(redacted(text if text.endswith("\n") else f"{text}\n"))

    def document(self, document: Mapping[str, Any]) -> None:
        """Write the command's result as JSON."""
        from batchrunner.render.json import dumps

        self._write(dumps(redacted_value(dict(document))))

    def line(self, document: Mapping[str, Any]) -> None:
        """Write one line of an event stream. Raises as `result` does."""
        from batchrunner.render.json import line

        self._write(line(redacted_value(dict(document))))

    def stream(self, blocks: Iterable[bytes]) -> None:
        """Write the command's result byte for byte as it is made. Raises as `result` does.

        Only for commands that read no secret: none would be taken out.
        """
        sys.stdout.flush()
        for block in blocks:
            try:
                sys.stdout.buffer.write(block)
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                raise
            except OSError as error:
                raise _not_written(error) from None

    def note(self, text: str) -> None:
        """Say something beside the result."""
        if not self.output.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Say something that must be seen; a stderr that is gone stops nothing."""
        if self.output.log_format == "json":
            text = redacted(log_line("warning", "notice", message=text))
        else:
            from batchrunner.render.github import neutral
            from batchrunner.render.layout import wrapped

            text = wrapped(redacted(neutral(text)), width_of_errors())
        write_error(text if text.endswith("\n") else f"{text}\n")

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _not_written(error) from None


def _not_written(error: OSError) -> Refused:
    return Refused(
        "output-not-written",
        "the result cannot be written to standard output",
        why=error.strerror or str(error),
        hint="Make room there. What was submitted is in state: batchrunner state list",
    )


def somebody_is_there() -> bool:
    """Whether a person can be asked: on a terminal at both ends, and not in CI, whose terminals nobody types into."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not Settings.read(environment()).ci


def answers_yes(question: str) -> bool:
    """Ask on the terminal. Whether the answer is `yes`, the whole word and no other."""
    write_error(f"{question} Only `yes` is taken as approval: ")
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):  # Ctrl-D, which leaves the cursor behind the question
        write_error("\n")
    return answer.strip() == "yes"
