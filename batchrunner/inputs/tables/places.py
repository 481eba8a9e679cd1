"""Where in a table the row is that a rendered line came from."""

from array import array

_STRIDE = 1024
_FAR = 255


class Places:
    """The places of rendered lines, both counted from 1, in about a byte a line.

    A row of a CSV file may span lines, and rows with a problem are not rendered: places are ahead of lines.
    """

    def __init__(self) -> None:
        self._steps = bytearray()
        self._far: dict[int, int] = {}
        self._marks = array("Q", [0])
        self._last = 0

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, place: int) -> None:
        """Note the place of the next line, which comes after that of the one before."""
        step = place - self._last
        if step >= _FAR:
            self._far[len(self._steps)] = step
            step = _FAR
        self._steps.append(step)
        self._last = place
        if not len(self._steps) % _STRIDE:
            self._marks.append(place)

    def of(self, line: int) -> int:
        """The place of a line that was noted."""
        mark, rest = divmod(line, _STRIDE)
        begin = line - rest
        steps = self._steps[begin:line]
        return self._marks[mark] + sum(
            self._far[index] if step == _FAR else step for index, step in enumerate(steps, begin)
        )
