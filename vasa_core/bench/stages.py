"""Measures stages of work and prints them as a table."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import torch


@dataclass(frozen=True, slots=True)
class Stage:
    """One row: wall and CPU seconds for ``count`` of ``unit``, and peak memory so far in MB."""

    name: str
    count: int
    unit: str
    wall: float
    cpu: float
    memory: float | None


class Bench:
    """Measures stages in the order in which they run, on a device."""

    def __init__(self, device: torch.device | str = "cpu"):
        self.device = torch.device(device)
        self.stages: list[Stage] = []

    def measure(self, name: str, work: Callable, count: int, unit: str, repeat: int = 1):
        """Run ``work`` and return its last result.

        With ``repeat`` > 1 it runs once to warm up and then ``repeat`` times, of which the quickest
        counts, since other programs may use the machine.
        """
        if repeat > 1:
            work()
        runs = []
        for _ in range(repeat):
            self.settle()
            wall, cpu = perf_counter(), process_time()
            result = work()
            self.settle()
            runs.append((perf_counter() - wall, process_time() - cpu))
        wall, cpu = min(runs)
        self.stages.append(Stage(name, count, unit, wall, cpu, self.memory()))
        return result

    def settle(self) -> None:
        """Wait until a graphics card has finished its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def memory(self) -> float | None:
        """Peak memory so far in MB: of the graphics card, else of the process."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 1e6
        return peak_memory()


def peak_memory() -> float | None:
    """Peak resident memory of the process so far in MB; None if the system does not report it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def stage_table(stages: list[Stage], fps: float = 25.0) -> str:
    """The stages as lines of text; the last column is how many times faster than ``fps``."""
    head = f"{'stage':24}{'wall ms':>10}{'CPU ms':>10}{'per':>8}{'peak MB':>10}{'x real time':>13}"
    lines = [f"torch {torch.__version__}, {platform.machine()}, {platform.system()}", head]
    for s in stages:
        memory = "" if s.memory is None else f"{s.memory:.0f}"
        speed = f"{s.count / fps / s.wall:.1f}" if s.unit == "frame" else ""
        wall, cpu = s.wall / s.count * 1e3, s.cpu / s.count * 1e3
        lines.append(f"{s.name:24}{wall:10.1f}{cpu:10.1f}{s.unit:>8}{memory:>10}{speed:>13}")
    return "\n".join(lines)
