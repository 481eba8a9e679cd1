"""Everything that can go wrong, as values a person can act on.

    BatchrunnerError               one thing went wrong; knows its exit code
    ├── UsageError                 64  the command line itself
    ├── Refused                     1  invalid spec or input, policy, authentication, the provider said no
    │   └── InvalidFiles            1  many diagnostics at once, each with file:line:column
    ├── StaleError                  4  a saved plan, or the state under it, moved
    ├── StateError                  4  the state cannot be read or written safely
    └── TryAgain                   75  nothing lost: rate limited, network, lock held

Errors are raised anywhere and rendered in one place, the command line. The `message` says what happened, `why` the
reason where it is known, `hint` the next command. Codes are kebab-case words and stable: people grep for them.
"""

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What a finished command means to the script that ran it.

    64 and 75 are EX_USAGE and EX_TEMPFAIL of sysexits.h; 130 and 143 are what a shell shows for SIGINT and SIGTERM,
    128 and the signal's number.
    """

    DONE = 0
    REFUSED = 1
    CHANGES = 2
    PARTIAL = 3
    CONFLICT = 4
    REMOTE_FAILED = 5
    USAGE = 64
    TRY_AGAIN = 75
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem in something a person wrote.

    `line` and `column` count from 1; 0 means the whole file. `source` is that line's text and `width` how many of its
    characters the caret underlines, both empty where the file could not be read as text. `provider_code` is what batch
    services call the problem in their own replies, where they have a word for it: `duplicate_custom_id`.
    """

    code: str
    message: str
    path: str
    line: int = 0
    column: int = 0
    source: str = ""
    width: int = 1
    hint: str = ""
    provider_code: str = ""

    @property
    def where(self) -> str:
        """`file:line:column`, shortened to what is known."""
        return self.path if not self.line else f"{self.path}:{self.line}:{self.column}"


class BatchrunnerError(Exception):
    """One thing went wrong. `code` is a kebab-case word, `exit_code` what the process ends with."""

    exit_code = ExitCode.REFUSED

    def __init__(self, code: str, message: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.why = why
        self.hint = hint


class UsageError(BatchrunnerError):
    """The command line cannot be understood, or its flags contradict each other."""

    exit_code = ExitCode.USAGE


class Refused(BatchrunnerError):
    """The command was understood and will not be done."""


class InvalidFiles(Refused):
    """What a person wrote is wrong; every problem found is in `diagnostics`, in file order."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], *, unlisted: int = 0) -> None:
        more = len(diagnostics) - 1 + unlisted
        first = f"{diagnostics[0].where}: {diagnostics[0].message}"
        super().__init__("invalid-files", f"{first} (and {more} more)" if more else first)
        self.diagnostics = diagnostics
        self.unlisted = unlisted


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does, and with a code of its own."""


class StaleError(BatchrunnerError):
    """Something a plan was made from has moved since."""

    exit_code = ExitCode.CONFLICT


class StateError(BatchrunnerError):
    """The state cannot be trusted, read or written; nothing further is sent."""

    exit_code = ExitCode.CONFLICT


class TryAgain(BatchrunnerError):
    """Not now. Nothing is lost and the same command may be run again."""

    exit_code = ExitCode.TRY_AGAIN
