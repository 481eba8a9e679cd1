"""Where in a table the row is that a rendered line came from."""

from array import array
from bisect import bisect_right


class Places:
    """The places of rendered lines, both counted from 1.

    Takes eight bytes for each line that is not from the place right after the one before: a row of a CSV file may span
    lines, and rows with a problem are not rendered.
    """

    def __init__(self) -> None:
        self._lines = array("I")
        self._places = array("I")
        self._count = 0
        self._next = 1

    def add(self, place: int) -> None:
        """Note the place of the next line."""
        self._count += 1
        if place != self._next:
            self._lines.append(self._count)
            self._places.append(place)
        self._next = place + 1

    def __len__(self) -> int:
        return self._count

    def of(self, line: int) -> int:
        """The place of a line that was noted."""
        index = bisect_right(self._lines, line) - 1
        return line if index < 0 else self._places[index] + line - self._lines[index]
