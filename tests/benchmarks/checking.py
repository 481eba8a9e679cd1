"""What checking request lines costs: every check, the digest, and cutting, in one pass.

`BENCHMARK_MEGABYTES=1000` makes files of that size, 200 MB as a rule; `BENCHMARK_HUGE=1` writes 10 GB for memory.
Walls are compared, as a second thread digests: on a machine that has no core to spare for it they say little.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.benchmarks.measuring import Row, child, compared, interleaved, median, run

_SIZE = int(os.environ.get("BENCHMARK_MEGABYTES", "200")) * 1_000_000
_HUGE = 10_000_000_000
_LINE = 1000
_MOST_MEMORY = 64.0
_MOST_MEMORY_HUGE = 96.0
_KINDS = 1000
_BETWEEN = (" ",) * 9 + (", ", '" ', ".\n")  # one word in six ends in what JSON escapes


def inputs(folder: Path, rounds: int) -> Iterator[Row]:
    """Chat lines of 1 to 4 KB against `openssl`, lines of 200 bytes for embeddings against a loop of `json.loads`."""
    chats = ("of chat lines", _chats(ascii_only=True)), ("not ASCII", _chats(ascii_only=False))
    for name, kinds in chats:
        path = _written(folder / "chat.jsonl", kinds, _SIZE)
        yield from _against_openssl(f"{_SIZE // 10**6:,} MB {name}", path, rounds, 2.2, _MOST_MEMORY)
        path.unlink()
    path = _written(folder / "short.jsonl", _embeddings(), _SIZE)
    ours, theirs = interleaved(lambda: _checked(path), lambda: child("checking", "hand", path), rounds)
    name = f"{_SIZE // 10**6:,} MB of 200-byte lines : json.loads"
    for what, goal in (("wall", 0.4), ("cpu", None)):
        yield compared(f"{name}, {what}", [used[what] for used in ours], [used[what] for used in theirs], goal)
    yield _peak(ours, _MOST_MEMORY)


def huge(folder: Path, rounds: int) -> Iterator[Row]:
    """10 GB of 10 million lines, each with an id of its own, once: memory is flat."""
    if os.environ.get("BENCHMARK_HUGE") != "1":
        yield Row("10 GB, 10 million ids", skipped="set BENCHMARK_HUGE=1, it writes 10 GB")
        return
    path = _written(folder / "huge.jsonl", _chats(ascii_only=True, most=_LINE, least=_LINE), _HUGE)
    yield from _against_openssl("10 GB, 10 million ids", path, 1, None, _MOST_MEMORY_HUGE)


def _against_openssl(name: str, path: Path, rounds: int, goal: float | None, most: float) -> Iterator[Row]:
    argv = ["openssl", "dgst", "-sha256", str(path)]
    ours, theirs = interleaved(lambda: _checked(path), lambda: run(argv), rounds)
    walls = [used["wall"] for used in ours], [used.wall for used in theirs]
    yield compared(f"{name} : openssl sha256, wall", *walls, goal)
    yield compared(f"{name} : openssl sha256, CPU", [used["cpu"] for used in ours], [used.cpu for used in theirs], None)
    yield _peak(ours, most)


def _checked(path: Path) -> dict[str, float]:
    return child("checking", "batchrunner", path)


def _peak(usages: list[dict[str, float]], most: float) -> Row:
    peak = median([used["peak"] for used in usages])
    return Row("the same, MiB at the peak : most", f"{peak:.1f}", f"{most:.0f}", peak / most, 1.0)


def _written(path: Path, kinds: list[tuple[bytes, bytes]], size: int) -> Path:
    """A file of lines of these kinds, what is before and after the id of each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        number = written = 0
        while written < size:
            before, after = kinds[number % len(kinds)]
            number += 1
            written += file.write(b"%brequest-%09d%b\n" % (before, number, after))
    return path


def _chats(*, ascii_only: bool, least: int = 1000, most: int = 4000) -> list[tuple[bytes, bytes]]:
    lots = Random(1)
    system = {"role": "system", "content": "You answer in one sentence."}
    kinds = []
    for _ in range(_KINDS):
        text = _prose(lots, lots.randint(least, most) - 300, "" if ascii_only else "naïve café, 日本語 — ")
        body = {"model": "gpt-4o-mini", "messages": [system, {"role": "user", "content": text}], "max_tokens": 500}
        kinds.append(_around("/v1/chat/completions", body, ascii_only=ascii_only))
    return kinds


def _embeddings() -> list[tuple[bytes, bytes]]:
    lots = Random(1)
    bodies = ({"model": "text-embedding-3-small", "input": _prose(lots, 60, "")} for _ in range(_KINDS))
    return [_around("/v1/embeddings", body, ascii_only=True) for body in bodies]


def _prose(lots: Random, size: int, more: str) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = []
    while size > 0:
        word = "".join(lots.choices(letters, k=lots.randint(2, 9))) + lots.choice(_BETWEEN)
        words.append(word + (more if lots.random() < 0.05 else ""))
        size -= len(word)
    return "".join(words)


def _around(url: str, body: dict[str, object], *, ascii_only: bool) -> tuple[bytes, bytes]:
    line = {"custom_id": "?", "method": "POST", "url": url, "body": body}
    before, _, after = json.dumps(line, ensure_ascii=ascii_only).encode().partition(b"?")
    return before, after
