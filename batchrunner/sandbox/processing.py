"""From an input file to an output file and an error file, line by line, in flat memory."""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from batchrunner.sandbox.records import Batch, LineProblem, Result, new_id
from batchrunner.sandbox.responder import answer

PROBLEMS_SHOWN = 20


class LineRefused(Exception):
    """A line that makes the whole file unusable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def process(batch: Batch, lines: Iterable[bytes], folder: Path) -> Result:
    """Answer every line of `lines` into `folder`, under the batch's output and error file ids.

    Both files appear whole or not at all; the error file only where a line failed. An unusable line fails the batch
    as a whole, as the real service does, and then neither file is left.
    """
    parts = folder / new_id("output-"), folder / new_id("error-")
    try:
        with ExitStack() as stack:
            output, errors = (stack.enter_context(part.open("wb")) for part in parts)
            result = _answer_all(batch.endpoint, lines, output, errors)
        _publish(batch, result, folder, parts)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return result


def _publish(batch: Batch, result: Result, folder: Path, parts: tuple[Path, Path]) -> None:
    if not result.problems:
        parts[0].replace(folder / batch.output_file_id)
    if result.failed and not result.problems:
        parts[1].replace(folder / batch.error_file_id)


def _answer_all(endpoint: str, lines: Iterable[bytes], output: BinaryIO, errors: BinaryIO) -> Result:
    completed = failed = 0
    problems: list[LineProblem] = []
    for number, raw in enumerate(lines, 1):
        try:
            ok = _answer_line(endpoint, raw, output, errors) if raw.strip() else None
        except LineRefused as refused:
            problems.append(LineProblem(refused.code, str(refused), number))
            if len(problems) == PROBLEMS_SHOWN:
                break
            continue
        completed += ok is True
        failed += ok is False
    if not problems and not completed + failed:
        problems.append(LineProblem("empty_file", "The input file has no requests."))
    return Result(completed + failed, completed, failed, tuple(problems))


def _answer_line(endpoint: str, raw: bytes, output: BinaryIO, errors: BinaryIO) -> bool:
    custom_id, body = _read_line(endpoint, raw)
    ok, line = answer(endpoint, custom_id, body)
    (output if ok else errors).write(json.dumps(line).encode() + b"\n")
    return ok


def _read_line(endpoint: str, raw: bytes) -> tuple[str, dict[str, Any]]:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        raise LineRefused("invalid_json_line", "This line is not parseable as valid JSON.") from None
    if not isinstance(line, dict):
        raise LineRefused("invalid_json_line", "This line is not a JSON object.")
    custom_id, body = line.get("custom_id"), line.get("body")
    if not isinstance(custom_id, str) or not isinstance(body, dict):
        raise LineRefused("missing_required_parameter", "This line needs a custom_id and a body.")
    if line.get("url") != endpoint:
        raise LineRefused("mismatched_url", "The url of this line is not the endpoint of the batch.")
    return custom_id, body
