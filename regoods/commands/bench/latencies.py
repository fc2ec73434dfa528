"""Times, counted on a scale on which each step is 2 % more: millions of them take no more room than one."""

import math
from collections import Counter

SMALLEST = 0.000_01
STEP = math.log(1.02)


class Latencies:
    """In seconds."""

    def __init__(self) -> None:
        self._steps: Counter[int] = Counter()
        self._sum = 0.0
        self.count = 0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        self.count += 1
        self._sum += seconds
        if seconds > self.longest:
            self.longest = seconds
        self._steps[int(math.log(seconds / SMALLEST) / STEP) if seconds > SMALLEST else 0] += 1

    @property
    def mean(self) -> float:
        return self._sum / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """The upper end of the step in which it is; 0 where nothing was counted."""
        left = self.count * percent / 100
        for step in sorted(self._steps):
            left -= self._steps[step]
            if left <= 0:
                return min(SMALLEST * math.exp(STEP * (step + 1)), self.longest)
        return 0.0
