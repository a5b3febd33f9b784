"""A figure: many timed rounds of one thing, told as n, p50 and p95."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """``unit`` is ``ms``, ``/s``, ``MB`` or ``us``; ``n`` the number of rounds behind it."""

    name: str
    unit: str
    n: int
    p50: float
    p95: float

    @classmethod
    def of(cls, name: str, samples: Sequence[float], unit: str = "ms") -> Figure:
        ordered = sorted(samples)
        p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        return cls(name, unit, len(ordered), round(median(ordered), 4), round(p95, 4))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: our figure, the peers of the same run, the budget and its verdict.

    ``met`` is None for a row that only informs.
    """

    what: str
    figure: Figure
    peers: tuple[Figure, ...] = ()
    budget: str = ""
    met: bool | None = None

    def ratios(self, reference: Sequence[Figure] = ()) -> dict[str, float]:
        """Ours over each peer's, of the medians; a time is compared with ``reference`` too."""
        others = reference if self.figure.unit == "ms" else ()
        return {
            peer.name: round(self.figure.p50 / peer.p50, 4)
            for peer in (*self.peers, *others)
            if peer.p50
        }

    def as_json(self, reference: Sequence[Figure] = ()) -> dict[str, object]:
        return {
            "what": self.what,
            **asdict(self.figure),
            "peers": [asdict(peer) for peer in self.peers],
            "ratios": self.ratios(reference),
            "budget": self.budget,
            "met": self.met,
        }


async def elapsed(act: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds that ``act`` takes."""
    begun = time.perf_counter()
    await act()
    return (time.perf_counter() - begun) * 1000


async def in_turns(rounds: int, **acts: Callable[[], Awaitable[object]]) -> dict[str, list[float]]:
    """Milliseconds of each act, ``rounds`` times in turns, after one round that warms up."""
    samples: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(rounds + 1):
        for name, act in acts.items():
            ms = await elapsed(act)
            if number:
                samples[name].append(ms)
    return samples
