"""Measurements that take turns."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from progress.terminal import LiveLine


@dataclass(frozen=True)
class Series:
    """The seconds of one thing, measured several times."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the measurements."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """The longest less the shortest."""
        return max(self.seconds) - min(self.seconds)


def measure(
    cases: Mapping[str, Callable[[], float]], *, rounds: int, progress: LiveLine
) -> dict[str, Series]:
    """Measure every case once in each round, so that a busy moment falls on all of them.

    A round before the first fills the caches and does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for round_ in range(rounds + 1):
        began = time.perf_counter()
        which = f"round {round_} of {rounds}" if round_ else "a round that fills the caches"
        for name, case in cases.items():
            progress.show(f"  … {which}: {name}")
            took = case()
            if round_:
                seconds[name].append(took)
        progress.keep(f"  ✓ {which}: {time.perf_counter() - began:.0f} s")
    return {name: Series(tuple(times)) for name, times in seconds.items()}
