"""What the lines of a batch input must keep to, and how it is said that one does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from batchrunner.facts import Limits, ProviderFacts

RequestLines = Literal["full", "bare", "params"]
"""The form of a line: what is in it beside its `custom_id`."""

_PROMPTED = ("/completions", "/embeddings", "/messages", "/responses")


@dataclass(frozen=True, slots=True)
class LineRules:
    """What every line of an input must keep to: its `url`, where it has one, is `endpoint`, the rest its provider's.

    `max_custom_id` is in characters, `max_line_bytes` without the line end.
    """

    endpoint: str
    max_line_bytes: int = Limits().max_line_bytes
    max_custom_id: int = Limits().max_custom_id
    custom_ids: Literal["text", "word"] = "text"
    one_model: bool = False
    form: RequestLines = "full"

    @classmethod
    def of(cls, endpoint: str, facts: ProviderFacts) -> "LineRules":
        """The rules of a provider for a batch that is sent to `endpoint`."""
        return cls(
            endpoint=endpoint,
            max_line_bytes=facts.limits.max_line_bytes,
            max_custom_id=facts.limits.max_custom_id,
            custom_ids=facts.custom_ids,
            one_model=facts.one_model,
            form=facts.request_lines,
        )

    @property
    def body(self) -> str:
        """The name of the field that holds what is asked."""
        return "params" if self.form == "params" else "body"

    @property
    def is_embedding(self) -> bool:
        """Whether requests hold texts to embed, which services count."""
        return self.endpoint.endswith("/embeddings")

    @property
    def is_prompted(self) -> bool:
        """Whether requests have to hold what a model is asked, or is to embed."""
        return self.endpoint.endswith(_PROMPTED)

    def are_ids(self, custom_ids: Sequence[str]) -> bool:
        """Whether each of these is as ids must be."""
        lengths = [*map(len, custom_ids)]
        sized = min(lengths) > 0 and max(lengths) <= self.max_custom_id
        return sized and (self.custom_ids == "text" or _is_word("".join(custom_ids)))


class LineProblem(Exception):
    """One thing wrong with a line: a kebab-case `code`, a `message`, what to do about it, and the `column` from 1."""

    def __init__(self, code: str, message: str, hint: str = "", *, column: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.column = column


def misnamed(custom_id: str, rules: LineRules) -> LineProblem:
    """What is wrong with an id."""
    if 0 < len(custom_id) <= rules.max_custom_id:
        return LineProblem("bad-custom-id", "`custom_id` may hold letters a to z, digits, `_` and `-` only")
    return LineProblem("bad-custom-id", f"`custom_id` must have 1 to {rules.max_custom_id} characters")


def _is_word(text: str) -> bool:
    return text.isascii() and text.replace("_", "a").replace("-", "a").isalnum()
