"""Markdown pages as values: their blocks, their links, their headings' anchors."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PARSER = MarkdownIt("commonmark").enable("table")
COMMENT = re.compile(r"\s*<!--\s*(.*?)\s*-->\s*", re.DOTALL)
PATH = re.compile(r"# (?!\S*//)([\w.@-][\w./@-]*\.\w+|[\w./-]*Dockerfile|\.[\w.-]+)$")
PROMPT, MORE = "$ ", "> "


@dataclass(frozen=True)
class Block:
    """A fenced block; `first` and `last` are its content's lines in the page, counted from 0, the last exclusive.

    `directive` is what a comment right before it says: `file: x.json`, `prints: batchrunner …`.
    """

    language: str
    text: str
    first: int
    last: int
    directive: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def said(self, word: str) -> str:
        """What follows `word:` in the directive."""
        name, _, rest = self.directive.partition(":")
        return rest.strip() if name == word else ""

    @property
    def path(self) -> str:
        """The file that the block is: said by a comment before it, or by its first line."""
        found = PATH.fullmatch(self.lines[0]) if self.lines else None
        return self.said("file") or (found[1] if found else "")


@dataclass(frozen=True)
class Run:
    """One command of a console block, and the lines it is shown to print."""

    typed: Sequence[str]
    shown: Sequence[str]

    @property
    def command(self) -> str:
        return "\n".join(line[2:] for line in self.typed)


def runs(block: Block) -> list[Run]:
    """The commands of a console block in order. Raises ValueError for output before the first."""
    found: list[Run] = []
    for line in block.lines:
        if line.startswith(PROMPT):
            found.append(Run([line], []))
        elif not found:
            raise ValueError("begins with output; `$ command` comes first")
        elif line.startswith(MORE) and not found[-1].shown:
            found[-1] = replace(found[-1], typed=[*found[-1].typed, line])
        else:
            found[-1] = replace(found[-1], shown=[*found[-1].shown, line])
    return found


@dataclass(frozen=True)
class Page:
    """A Markdown file and what is in it."""

    file: Path
    text: str

    @classmethod
    def read(cls, file: Path) -> "Page":
        return cls(file, file.read_text(encoding="utf-8"))

    @property
    def tokens(self) -> list[Token]:
        return PARSER.parse(self.text)

    @property
    def set_up(self) -> list[str]:
        """The words of the page's own `<!-- set-up: … -->`, or those of a usual page."""
        found = re.search(r"^<!-- set-up: (.*?) -->$", self.text, re.MULTILINE)
        return found[1].split() if found else ["specs", "provider"]

    def blocks(self) -> list[Block]:
        """The fenced blocks in order."""
        found, before = [], ""
        for token in self.tokens:
            if token.type == "fence":
                assert token.map
                first, last = token.map[0] + 1, token.map[1] - 1
                found.append(Block(token.info.strip(), token.content, first, last, before))
            comment = COMMENT.fullmatch(token.content) if token.type == "html_block" else None
            before = comment[1] if comment else ""
        return found

    def rewritten(self, news: Sequence[tuple[Block, str]]) -> str:
        """The page's text with other contents of some blocks."""
        lines = self.text.splitlines(keepends=True)
        for block, text in sorted(news, key=lambda pair: -pair[0].first):
            lines[block.first : block.last] = [text]
        return "".join(lines)

    def links(self) -> Iterator[str]:
        """Where links and images lead."""
        for token in self.tokens:
            for child in token.children or ():
                where = child.attrGet("href") or child.attrGet("src")
                if where:
                    yield str(where)

    def anchors(self) -> set[str]:
        """What a link may name behind `#`, as GitHub and GitLab make it from headings."""
        tokens, seen = self.tokens, Counter[str]()
        found = set(re.findall(r'<a (?:id|name)="([^"]+)"', self.text))
        for opening, inline in pairwise(tokens):
            if opening.type == "heading_open":
                name = anchor("".join(child.content for child in inline.children or ()))
                found.add(f"{name}-{seen[name]}" if seen[name] else name)
                seen[name] += 1
        return found


def anchor(heading: str) -> str:
    """A heading's name in links: `Wait, and fetch` is `wait-and-fetch`."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
