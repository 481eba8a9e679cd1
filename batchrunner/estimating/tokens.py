"""Exact counts of tokens, offline, for models whose encoding is public.

The only module that imports rs_bpe: its vocabularies are in its package, and it counts as OpenAI's tiktoken does.
"""

import re
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from batchrunner.ports import TokenCounter

# As tiktoken's model.py has it. The longer names come first: gpt-4o is not a gpt-4.
_ENCODINGS = (
    (re.compile(r"(ft:)?(gpt-4o|chatgpt-4o|gpt-4\.[15]|gpt-5|gpt-oss|o[134])(?![a-z0-9])"), "o200k_base"),
    (re.compile(r"(ft:)?(gpt-4|gpt-3\.5|gpt-35)(?![a-z0-9.])"), "cl100k_base"),
    (re.compile(r"text-embedding-(3-small|3-large|ada-002)\Z|(ft:)?(davinci|babbage)-002(?![a-z0-9])"), "cl100k_base"),
)


class _Tokenizer(Protocol):
    def count(self, text: str, /) -> int: ...


class OfflineTokens:
    """Counts the tokens of OpenAI's models. An encoding is loaded when it is first needed, in about 0.1 s."""

    def name(self, model: str) -> str:
        """The encoding of `model`, such as `o200k_base`; empty where it is not public."""
        return next((encoding for names, encoding in _ENCODINGS if names.match(model)), "")

    def count(self, text: str, model: str) -> int:
        """The tokens of `text` for `model`, which has an encoding. What looks like a special token is text."""
        encoding = _tokenizer(self.name(model))
        try:
            return encoding.count(text)
        except UnicodeEncodeError:
            # JSON can hold half a surrogate pair, UTF-8 cannot.
            return encoding.count(text.encode("utf-8", "replace").decode())


@cache
def _tokenizer(encoding: str) -> _Tokenizer:
    from rs_bpe.bpe import openai  # type: ignore[import-not-found]  # a compiled module, without types

    loaded: _Tokenizer = openai.o200k_base() if encoding == "o200k_base" else openai.cl100k_base()
    return loaded


def token_counter() -> "TokenCounter | None":
    """What counts tokens, None where the extra `tokens` is not installed."""
    return OfflineTokens() if find_spec("rs_bpe") else None
