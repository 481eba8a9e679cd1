"""Checks the lines of an input, whole blocks at once where their lines are alike, and adds up what they ask for."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby, pairwise
from operator import itemgetter
from typing import NamedTuple

from batchrunner.inputs.blocks import Block, Lines, blocks_of
from batchrunner.inputs.findings import Findings
from batchrunner.inputs.frames import Columns, Frame, Frames, columns_of, line_ends
from batchrunner.inputs.ids import SeenIds
from batchrunner.inputs.ledger import Ledger, Run
from batchrunner.inputs.sampling import SAMPLED, Sample
from batchrunner.jsonl import BOM, check_line, diagnosed, embedding_inputs, output_tokens, read_line, undiagnosed
from batchrunner.linerules import LineProblem, LineRules
from batchrunner.ports import TokenCounter
from batchrunner.records import Raw
from batchrunner.sharder import Sharding

_MOST_PASSED_OVER = 32
_QUOTE = ord('"')
_UNSOUND = ("", 0)
_TELL_APART = "give each request an id of its own: replies are told apart by it"


class _Usual(NamedTuple):
    """What a line asks for, of which only the id and the bulk are its own."""

    frame: Frame
    model: str
    output_tokens: int | None


class Checker:
    """What was found in a file, up to some line of it."""

    def __init__(self, shown: str, rules: LineRules, sharding: Sharding, counter: TokenCounter | None) -> None:
        self.findings = Findings(shown)
        self.ledger = Ledger(sharding, self.findings)
        self.sample = Sample(counter)
        self._rules = rules
        self._counts_inputs = rules.is_embedding and sharding.max_embedding_inputs is not None
        self._ids = SeenIds()
        self._frames = Frames(rules)
        self._usual: _Usual | None = None  # what the last sound line is like
        self._passed_over = 0
        self._to_pass_over = 0
        self._line = 0  # how many lines there were
        self._blanks = 0  # how many of them, at the end, are blank
        self._sound = 0  # how many were sound
        self._model = ""  # the first one named
        self._has_told_crlf = False

    def take(self, block: Block) -> tuple[int, ...]:
        """Check a block; the offsets in it at which parts begin."""
        before = self.ledger.size
        if not block.is_whole:
            cuts = self._take_piece(block)
        elif not block.data.strip(b"\n"):
            cuts = self._take_line_ends(len(block.data))
        elif (alike := self._alike(block.data)) is not None:
            cuts = self._take_alike(block.data, *alike)
        else:
            cuts = self._take_lines(block.data)
        return tuple(cut - before for cut in cuts)

    def conclude(self, stream: Lines, place_of: Callable[[int], str]) -> None:
        """Tell what only the whole file can show. `stream` is read again where ids seem to come twice."""
        if self._blanks and self._sound:
            self.findings.notice(self._line - self._blanks + 1, "blank-lines", "the file ends in blank lines")
        if self._rules.is_prompted and self._sound and not self.sample.has_prompts:
            whose = "no request" if self._sound <= SAMPLED else f"none of {SAMPLED:,} requests from all over the file"
            words = f"{whose} has a prompt: neither `messages`, `input` nor `prompt` holds text"
            self.findings.notice(0, "no-prompt", words)
        self.ledger.conclude()
        for line, first, custom_id in self._ids.repeated(lambda: ids_of(stream, self._rules), self.findings.room):
            words = f"`custom_id` {custom_id[:80]!r} was already used on {place_of(first)}"
            self.findings.problem(line, LineProblem("duplicate-custom-id", words, _TELL_APART))
        self.findings.unlisted += self._ids.surplus

    def close(self) -> None:
        """Give back what was held on disk."""
        self._ids.close()

    # Lines that are all alike.

    def _alike(self, block: bytes) -> tuple[_Usual, Columns] | None:
        """The columns of a block if all its lines are like the last one before it, and sound as that one was."""
        usual = self._usual
        if usual is None or self._passed_over < self._to_pass_over:
            self._passed_over += 1
            return None
        columns = columns_of(block, usual.frame)
        if columns is not None and self._are_sound(usual, columns, block):
            self._to_pass_over = 0
            return usual, columns
        # Lines of different kinds may follow: trying every block would cost as much again.
        self._passed_over, self._to_pass_over = 0, min(2 * self._to_pass_over + 1, _MOST_PASSED_OVER)
        return None

    def _are_sound(self, usual: _Usual, columns: Columns, block: bytes) -> bool:
        longest = self._rules.max_line_bytes + 1
        short = len(block) <= longest or all(end - start <= longest for start, end in pairwise((0, *line_ends(block))))
        is_counted = not self._counts_inputs or usual.frame.bulk == "input"
        is_one_model = not self._rules.one_model or usual.model == self._model
        return short and is_counted and is_one_model and self._rules.are_ids(columns.ids)

    def _take_alike(self, block: bytes, usual: _Usual, columns: Columns) -> tuple[int, ...]:
        self._begin_line()
        self._ids.add(columns.ids)
        count = len(columns.ids)
        inputs = _inputs(columns.bulks) if self._counts_inputs else ()
        run = Run(usual.model, usual.output_tokens, count, 0, len(block), partial(line_ends, block), inputs)
        cuts = self.ledger.add(run, self._line)
        self._line += count - 1
        while (number := self.sample.next - self._sound) < count:
            line = usual.frame.filled(columns.ids[number].encode(), bytes(columns.bulks[number]))
            self.sample.take(line + b"\n", usual.model)
        self._sound += count
        return cuts

    # Lines of any kind.

    def _take_line_ends(self, count: int) -> tuple[int, ...]:
        """A block of nothing but line ends."""
        self._line += count
        self._blanks += count
        self.ledger.add_blank(count)
        return ()

    def _take_piece(self, block: Block) -> tuple[int, ...]:
        if not block.begins:
            self.ledger.add_rest(len(block.data))
            return ()
        self._begin_line()
        self._without_bom(block.data[: len(BOM)])
        self.findings.problem(self._line, self._too_long())
        size = len(block.data)
        return self.ledger.add(Run(*_UNSOUND, 1, 0, size, lambda: (size,)), self._line)

    def _take_lines(self, block: bytes) -> tuple[int, ...]:
        ends = line_ends(block)
        if not block.endswith(b"\n"):
            ends.append(len(block))
        bounds = (0, *ends)
        before, ids, inputs, cuts = self._line, list[str](), list[int](), list[int]()
        asked = [self._asked(block[start:end], ids, inputs) for start, end in pairwise(bounds)]
        self._ids.add(ids)
        for what, group in groupby(range(len(ends)), asked.__getitem__):
            numbers = [*group]
            first, last = numbers[0], numbers[-1] + 1
            if what is None:
                self.ledger.add_blank(bounds[last] - bounds[first])
            else:
                own: Callable[[], list[int]] = partial(list, ends[first:last])
                run = Run(*what, last - first, bounds[first], bounds[last], own, inputs[first:last])
                cuts.extend(self.ledger.add(run, before + first + 1))
        return tuple(cuts)

    def _asked(self, line: bytes, ids: list[str], inputs: list[int]) -> tuple[str, int | None] | None:
        """The model and the output tokens that a line asks for, those of no model if it is not sound; None if blank.

        Adds its id to `ids` if it is sound, and how many it has to `inputs` in any case.
        """
        inputs.append(0)
        if not line.strip() and len(line.removesuffix(b"\n")) <= self._rules.max_line_bytes:
            self._line += 1
            self._blanks += 1
            return None
        self._begin_line()
        try:
            text = self._without_marks(line.removesuffix(b"\n"))
            request = read_line(text, self._rules, undiagnosed if self.findings.is_full else diagnosed)
            frame = self._frames.check(text, request)
        except LineProblem as problem:
            self.findings.problem(self._line, problem)
            return _UNSOUND
        ids.append(request.custom_id)
        inputs[-1] = embedding_inputs(request.body.input) if self._counts_inputs else 0
        model, tokens = request.body.model, output_tokens(request.body, self._rules)
        self._usual = _Usual(frame, model, tokens) if frame else None
        self._take_sound(line, model)
        return model, tokens

    def _take_sound(self, line: bytes, model: str) -> None:
        if self._sound == self.sample.next:
            self.sample.take(line.removeprefix(BOM), model)
        self._sound += 1
        self._model = self._model or model
        if self._rules.one_model and model != self._model:
            words = f"`body.model` is {model[:80]!r}, on the first line {self._model[:80]!r}"
            hint = "make a file of each model: the provider takes one model in a batch"
            self.findings.problem(self._line, LineProblem("model-mismatch", words, hint))

    def _without_marks(self, text: bytes) -> bytes:
        if text.endswith(b"\r") and not self._has_told_crlf:
            self._has_told_crlf = True
            self.findings.notice(self._line, "crlf", "lines end in CR LF")
        text = self._without_bom(text)
        if len(text.removesuffix(b"\r")) > self._rules.max_line_bytes:
            raise self._too_long()
        return text

    def _without_bom(self, text: bytes) -> bytes:
        if self._line > 1 or not text.startswith(BOM):
            return text
        words = "the file starts with a byte order mark"
        self.findings.problem(1, LineProblem("byte-order-mark", words, "save it without"))
        return text.removeprefix(BOM)

    def _too_long(self) -> LineProblem:
        words = f"the line is longer than {self._rules.max_line_bytes:,} bytes"
        return LineProblem("line-too-long", words, "shorten what it asks, or make several requests of it, a line each")

    def _begin_line(self) -> None:
        """Count a line that is not blank: blank ones before it are in the middle."""
        for line in range(self._line - self._blanks + 1, self._line + 1):
            self.findings.problem(line, LineProblem("blank-line", "the line is blank", "delete it"))
        self._line += 1
        self._blanks = 0


def ids_of(stream: Lines, rules: LineRules) -> Iterator[tuple[int, str]]:
    """Line and id of every sound line of a file that was read before, from its start."""
    stream.seek(0)
    before = 0
    for block in blocks_of(stream, rules.max_line_bytes):
        lines = block.data.removesuffix(b"\n").split(b"\n") if block.is_whole else []
        for number, line in enumerate(lines, before + 1):
            text = line.removeprefix(BOM) if number == 1 else line
            try:
                if len(text.removesuffix(b"\r")) <= rules.max_line_bytes:
                    yield number, check_line(text, rules).custom_id
            except LineProblem:
                continue
        before += len(lines) if block.is_whole else block.begins


def _inputs(bulks: list[Raw]) -> list[int]:
    """How many embedding inputs each of these has."""
    if {*map(itemgetter(0), map(bytes, bulks))} == {_QUOTE}:
        return [1] * len(bulks)
    return [embedding_inputs(bulk) for bulk in bulks]
