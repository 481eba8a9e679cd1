"""Estimates the input tokens of any number of lines from a sample of a thousand."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from batchrunner.inputs.prompts import prompt_of
from batchrunner.ports import TokenCounter
from batchrunner.pricing import BY_BYTES, BYTES_PER_TOKEN

SAMPLED = 1000
_KEPT = 8192
"""Bytes of a line or a text that are kept: the sample stays under 8 MiB whatever lines are like."""


class _Sampled(NamedTuple):
    """A line of `size` bytes for `model`: the bytes of its prompt, the start of that, and tokens sent as numbers.

    `has_prompt` may be without any of these: an image.
    """

    model: str
    size: int
    prompt_size: int
    start: bytes
    tokens: int
    has_prompt: bool

    @classmethod
    def of(cls, line: bytes, model: str) -> "_Sampled":
        prompt = prompt_of(line)
        texts = [text.encode("utf-8", "replace") for text in prompt.texts]
        size, start = sum(map(len, texts)), b"\n".join(texts)[:_KEPT]
        return cls(model, len(line), size, start, prompt.tokens, prompt.is_there)


@dataclass(slots=True)
class _Sum:
    size: int = 0
    tokens: float = 0.0

    def add(self, size: int, tokens: float) -> None:
        self.size += size
        self.tokens += tokens

    @property
    def ratio(self) -> float:
        return self.tokens / self.size if self.size else 1 / BYTES_PER_TOKEN


class Sample:
    """Up to a thousand lines, each as likely as any other, and the same ones whenever the lines are the same.

    Li's algorithm L, which draws how many lines to pass over, so that most lines cost nothing. What a line weighs in
    tokens is then taken to be a constant share of its bytes, for each model: the ratio estimator of a sample.
    """

    def __init__(self, counter: TokenCounter | None = None) -> None:
        self._counter = counter
        self._lots = Random(1)  # noqa: S311 - lots, not secrets
        self._lines: list[_Sampled | tuple[bytes, str]] = []
        self._seen = 0
        self._threshold = 1.0
        self.next = 0

    def take(self, line: bytes, model: str) -> None:
        """Take the line that is `next`, with its line end."""
        # Most are replaced by later ones: only those that are too large to be kept are looked into at once.
        sampled = _Sampled.of(line, model) if len(line) > _KEPT else (line, model)
        if len(self._lines) < SAMPLED:
            self._lines.append(sampled)
        else:
            self._lines[self._lots.randrange(SAMPLED)] = sampled
        self.next += 1
        if len(self._lines) == SAMPLED:
            self._threshold *= math.exp(math.log(self._draw()) / SAMPLED)
            self.next += int(math.log(self._draw()) / math.log1p(-self._threshold))

    def _draw(self) -> float:
        return 1.0 - self._lots.random()  # never 0

    def _name(self, model: str) -> str:
        return self._counter.name(model) if self._counter else ""

    def estimator(self) -> Callable[[str, int], int]:
        """A function that gives the input tokens of lines for a model from their bytes."""
        whole, of_models = _Sum(), defaultdict[str, _Sum](_Sum)
        for line in self._sampled():
            tokens = line.tokens + self._counted(line)
            whole.add(line.size, tokens)
            of_models[line.model].add(line.size, tokens)
        ratios = {model: total.ratio for model, total in of_models.items()}
        return lambda model, size: round(size * ratios.get(model, whole.ratio))

    @property
    def has_prompts(self) -> bool:
        """Whether any of the lines asks a model something."""
        return any(line.has_prompt for line in self._sampled())

    def _sampled(self) -> Iterator[_Sampled]:
        return (each if isinstance(each, _Sampled) else _Sampled.of(*each) for each in self._lines)

    def counted_by(self, models: Iterable[str]) -> str:
        """How the lines of these models were counted: names of tokenizers, or `bytes/4`, joined by `+`."""
        return "+".join(sorted({self._name(model) or BY_BYTES for model in models})) or BY_BYTES

    def _counted(self, line: _Sampled) -> float:
        if not self._counter or not self._counter.name(line.model) or not line.start:
            return line.prompt_size / BYTES_PER_TOKEN
        tokens = self._counter.count(line.start.decode("utf-8", "ignore"), line.model)
        return tokens * max(line.prompt_size, len(line.start)) / len(line.start)
