"""Measures the embedded face space and its motion model, stage by stage."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import torch

from .. import load_motion_model, load_space
from ..pipelines.animate import animate, audio_features_of
from ..render.image import read_image
from ..render.video import VideoWriter
from ..types import AudioFeatures, Motion
from .stages import Bench, Stage


def bench(portrait: Path, audio: Path, size: int, workers: int, device: str) -> list[Stage]:
    """Measure every stage of ``animate`` on one portrait and one sound, then the whole."""
    runs = Bench(device)
    space = runs.measure("load face space", lambda: load_space("mesh", device), 1, "load")
    model = runs.measure("load motion model", lambda: load_motion_model("mesh", device), 1, "load")
    image = read_image(portrait, size).to(device)
    runs.measure("find face, landmarks", lambda: space.landmarks(image), 1, "image", 3)
    face = runs.measure("encode portrait", lambda: space.encode(image), 1, "image", 3)
    pieces = runs.measure(
        "audio features", lambda: list(audio_features_of(audio, model)[0]), 1, "sound"
    )
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
