"""``vasa bench``: what each stage costs on this machine, in time and in memory."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import perf_counter, process_time

import torch

from . import load_motion_model, load_space
from .pipeline import animate, hear
from .render.image import read_image
from .render.video import VideoWriter
from .types import AudioFeatures, Motion


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
    """Measures stages in the order in which they run."""

    def __init__(self):
        self.stages: list[Stage] = []

    def measure(self, name: str, work: Callable, count: int, unit: str, repeat: int = 1):
        """Run ``work`` (``repeat`` times, after one warm-up if > 1); returns its last result."""
        if repeat > 1:
            work()
        wall, cpu = perf_counter(), process_time()
        for _ in range(repeat):
            result = work()
        wall, cpu = (perf_counter() - wall) / repeat, (process_time() - cpu) / repeat
        self.stages.append(Stage(name, count, unit, wall, cpu, peak_memory()))
        return result


def peak_memory() -> float | None:
    """The process's peak resident memory so far in MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def bench(portrait: Path, audio: Path, size: int, workers: int, device: str) -> list[Stage]:
    """Every stage of the main job on one portrait and one sound, then the job as a whole."""
    runs = Bench()
    space = runs.measure("load face space", lambda: load_space("mesh", device), 1, "load")
    model = runs.measure("load motion model", lambda: load_motion_model("mesh", device), 1, "load")
    image = read_image(portrait, size).to(device)
    runs.measure("find face, landmarks", lambda: space.landmarks(image), 1, "image", 3)
    face = runs.measure("encode portrait", lambda: space.encode(image), 1, "image", 3)
    pieces = runs.measure("audio features", lambda: list(hear(audio, model)[0]), 1, "sound")
    sound = AudioFeatures(
        torch.cat([p.features for p in pieces]),
        pieces[0].encoder,
        pieces[0].fps,
        sum((p.duration for p in pieces), Fraction(0)),
    )
    motion = runs.measure("sample motion", lambda: model.sample(sound), len(sound), "frame", 2)
    few: Motion = motion[: min(64, len(motion))]

    def render(workers: int) -> torch.Tensor:
        return torch.cat(list(space.render(face, few, workers=workers)))

    runs.measure("render, one thread", lambda: render(1), len(few), "frame", 2)
    frames = runs.measure(f"render, {workers} threads", lambda: render(workers), len(few), "frame")

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bench.mp4"

        def write() -> None:
            with VideoWriter(out, model.fps, audio) as writer:
                writer.write(frames)

        runs.measure("write video", write, len(frames), "frame", 2)
        runs.measure(
            "animate, everything",
            lambda: animate(face, audio, out, space=space, model=model, workers=workers),
            len(motion),
            "frame",
        )
    return runs.stages


def table(stages: list[Stage], fps: float = 25.0) -> str:
    """The stages as lines of text; the last column is how many times faster than ``fps``."""
    head = f"{'stage':24}{'wall ms':>10}{'CPU ms':>10}{'per':>8}{'peak MB':>10}{'x real time':>13}"
    lines = [f"torch {torch.__version__}, {platform.machine()}, {platform.system()}", head]
    for s in stages:
        memory = "" if s.memory is None else f"{s.memory:.0f}"
        speed = f"{s.count / fps / s.wall:.1f}" if s.unit == "frame" else ""
        wall, cpu = s.wall / s.count * 1e3, s.cpu / s.count * 1e3
        lines.append(f"{s.name:24}{wall:10.1f}{cpu:10.1f}{s.unit:>8}{memory:>10}{speed:>13}")
    return "\n".join(lines)
