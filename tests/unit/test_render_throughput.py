"""How fast uploads go, by a clock that the test sets."""

from dataclasses import dataclass

from batchrunner.render.throughput import WINDOW_SECONDS, Throughput


@dataclass
class Seconds:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_said_before_a_second_is_over() -> None:
    seconds = Seconds()
    throughput = Throughput(seconds)
    assert throughput.rate == 0
    throughput.add("a", 0)
    seconds.now += 0.9
    throughput.add("a", 900)
    assert throughput.rate == 0
    seconds.now += 0.1
    assert throughput.rate == 900


def test_all_uploads_count_together_and_only_lately() -> None:
    seconds = Seconds()
    throughput = Throughput(seconds)
    for tenth in range(1000):
        seconds.now = 100 + tenth / 10
        speed = 1 if tenth < 500 else 100
        for address in "ab":
            throughput.add(address, speed * tenth)
    assert 1990 < throughput.rate < 2030
    assert len(throughput._samples) <= 2 * 10 * (WINDOW_SECONDS + 1)


def test_an_upload_that_begins_anew_never_counts_backwards() -> None:
    seconds = Seconds()
    throughput = Throughput(seconds)
    throughput.add("a", 5000)
    throughput.add("a", 9000)
    throughput.add("a", 1000)
    seconds.now += 2
    assert throughput.rate == 2500
    throughput.forget("a")
    throughput.add("a", 1000)
    assert throughput.rate == 3000


def test_a_standstill_is_not_a_speed() -> None:
    seconds = Seconds()
    throughput = Throughput(seconds)
    throughput.add("a", 0)
    throughput.add("a", 9000)
    seconds.now += 60
    assert throughput.rate == 0
