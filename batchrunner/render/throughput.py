"""How fast bytes have been leaving lately."""

from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 5.0


class Throughput:
    """Bytes a second over the last five seconds, of all uploads together. `seconds` is a clock that only goes on."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._sent: dict[str, int] = {}
        self._total = 0
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, address: str, sent: int) -> None:
        """So many bytes of an upload have left so far. An upload that is begun anew counts from its start again."""
        before = self._sent.get(address, 0)
        self._total += sent - before if sent >= before else sent
        self._sent[address] = sent
        now = self._seconds()
        self._samples.append((now, self._total))
        while self._samples[0][0] < now - WINDOW_SECONDS:
            self._samples.popleft()

    def forget(self, address: str) -> None:
        """An upload is over."""
        self._sent.pop(address, None)

    @property
    def rate(self) -> float:
        """Bytes a second; 0 while that cannot be said."""
        samples = tuple(self._samples)
        if not samples:
            return 0.0
        (begun, base), (_, total) = samples[0], samples[-1]
        now = self._seconds()
        return (total - base) / (now - begun) if 1 <= now - begun <= 2 * WINDOW_SECONDS else 0.0
