"""What an explanation is: one code, what brought it about, and what to do."""

from typing import NamedTuple


class Explanation(NamedTuple):
    """Why a code is shown, and the way on. `example` is what is written or typed to mend it, over several lines.

    `exits` are the exit codes that it comes with; empty: those of its family.
    """

    code: str
    title: str
    cause: str
    remedy: str
    exits: str = ""
    example: str = ""


class Family(NamedTuple):
    """Codes that are met in one place: `met` says where, `exits` what a command then ends with, empty for nothing."""

    name: str
    title: str
    met: str
    exits: str
    entries: tuple[Explanation, ...]
