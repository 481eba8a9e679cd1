"""What documents have in common, and errors."""

from typing import Annotated

from batchrunner.records import Meta, Record

FORMAT_VERSION = "1.0"
ExitStatus = Annotated[int, Meta(description="The exit code.")]


class Output(Record, omit_defaults=False):
    """What all documents have in common. `command` is the command that wrote it."""

    format_version: Annotated[str, Meta(pattern=r"^1\.[0-9]+$")] = FORMAT_VERSION
    command: str


class ErrorObject(Record, omit_defaults=False):
    """What went wrong: a kebab-case `code`, what happened, where, why, and the command or act that mends it."""

    code: str
    message: str
    where: str
    why: str
    hint: str


class DiagnosticObject(Record, omit_defaults=False):
    """One problem in a file. `line` and `column` count from 1, 0 is the whole file.

    `provider_code` is what batch services call it, empty where they have no word.
    """

    code: str
    message: str
    path: str
    line: int
    column: int
    hint: str
    provider_code: str


class ErrorOutput(Output):
    """What any command writes in place of its own document where it ends with an error.

    `diagnostics` are problems of files, the first ones of many; `unlisted` counts the rest.
    """

    exit_code: ExitStatus
    error: ErrorObject
    diagnostics: tuple[DiagnosticObject, ...]
    unlisted: int
