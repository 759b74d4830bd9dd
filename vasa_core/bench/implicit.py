"""Measures the implicit face space and its motion models, with stand-in weights.

The baseline is the straightforward implementation: the published layers in eager mode, one frame at
a time, nothing reused between frames, in half precision on a graphics card.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..models import ditto_model, joyvasa_model
from ..motion.ditto.hubert import HubertStream
from ..render.image import read_image
from ..render.parallel import ordered_map
from ..spaces.implicit.load import implicit_space
from ..spaces.implicit.paste import paste
from ..spaces.implicit.space import ImplicitSpace
from ..types import AudioFeatures, Portrait
from ..weights.fill import fill
from ..weights.registry import MODEL_FILES, known_file
from .stages import Bench, Stage, stage_table

WINDOWS = 2  # of motion that are sampled
FPS = Fraction(25)


def bench(
    portrait: Path, size: int, workers: int, device: str, compiled: bool = False, frames: int = 0
) -> str:
    """A table of every stage, then how the fast path compares with the baseline.

    Each measurement paints ``frames`` frames (0: 2 on a CPU, 64 elsewhere); ``compiled`` uses
    torch.compile and CUDA graphs. Raises InputError for a device that is not available.
    """
    runs = Bench(device)
    on_card = runs.device.type != "cpu"
    if runs.device.type == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device that torch can use here; try --device cpu.")
    frames = frames or (64 if on_card else 2)
    dtype = torch.float16 if on_card else torch.float32
    files = {name: fill(known_file(name)) for name in MODEL_FILES["liveportrait"]}
    image = read_image(portrait, size).to(device)

    plain = [implicit_space(files, device, dtype, exact=True)]
    face = plain[0].encode(image)
    keypoints = driven(face, frames)
    torch.set_num_threads(workers)  # all on one frame here, below on a CPU each on its own
    expected = runs.measure(
        "paint, baseline", lambda: baseline(plain[0], face, keypoints), frames, "frame", 2
    )
    plain.clear()
    torch.set_num_threads(workers if on_card else 1)
    space = runs.measure(
        "load, accelerate", lambda: implicit_space(files, device, dtype), 1, "load"
    )
    face = runs.measure("encode portrait", lambda: space.encode(image), 1, "image", 2)
    if compiled:
        space.painter.record()
    chunk = space.painter.frames_at_once()
    painted = stages_of_painting(runs, space, face, keypoints, chunk, workers)
    sampling(runs, face)
    return "\n".join([stage_table(runs.stages), *verdict(runs.stages, expected, painted, chunk)])


class NoSession:
    """Takes the place of Ditto's HuBERT, a network of another kind that is not measured here."""

    def run(self, names: list[str] | None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Never called: the features that would come out are made up."""
        raise NotImplementedError


def driven(face: Portrait, frames: int) -> Tensor:
    """(T, K, 3) keypoints of a face that moves a little."""
    look = face.appearance
    random = torch.Generator().manual_seed(0)
    moves = 0.03 * torch.randn(frames, *look.canonical.shape[1:], generator=random)
    return look.state.points(look.canonical) + moves.to(look.canonical)


@torch.no_grad()
def baseline(space: ImplicitSpace, face: Portrait, keypoints: Tensor) -> Tensor:
    """(T, 3, 512, 512) frames, each from the appearance volume on."""
    painter, source = space.painter, face.appearance.source
    pictures = []
    for points in keypoints.split(1):
        prepared = painter.prepare(source.volume, source.keypoints)
        pictures.append(painter(prepared, points))
    return torch.cat(pictures)


@torch.no_grad()
def stages_of_painting(
    runs: Bench, space: ImplicitSpace, face: Portrait, keypoints: Tensor, chunk: int, workers: int
) -> Tensor:
    """Measure warping, decoding, both, and pasting; returns (T, 3, 512, 512) frames."""
    painter, look, frames = space.painter, face.appearance, len(keypoints)
    chunks = keypoints.split(chunk)
    threads = workers if runs.device.type == "cpu" else 1

    def all_of(work, items) -> list[Tensor]:
        return list(ordered_map(torch.no_grad()(work), items, threads))

    def warp(points: Tensor) -> Tensor:
        return painter.warping(look.source, points)

    def paint(points: Tensor) -> Tensor:
        return painter.paint(look.source, points)

    def paste_back(pictures: Tensor) -> Tensor:
        return paste(face.image, pictures, look.place)

    warped = runs.measure("warp", lambda: all_of(warp, chunks), frames, "frame", 2)
    runs.measure("decode", lambda: all_of(painter.decoder, warped), frames, "frame", 2)
    painted = runs.measure("paint", lambda: all_of(paint, chunks), frames, "frame", 3)
    runs.measure("paste back", lambda: all_of(paste_back, painted), frames, "frame", 2)
    return torch.cat(painted)


def sampling(runs: Bench, face: Portrait) -> None:
    """Measure JoyVASA with its audio encoder, and Ditto without, over windows of sound."""
    frames = WINDOWS * 100
    joyvasa = joyvasa_model(
        fill(known_file("joyvasa_motion_generator")),
        fill(known_file("joyvasa_motion_template")),
        runs.device,
    )
    sound = 0.1 * torch.randn(frames * 640, generator=torch.Generator().manual_seed(0))
    heard = joyvasa.features(sound, 16000)
    runs.measure("sample JoyVASA", lambda: joyvasa.sample(heard), frames, "frame")
    ditto = ditto_model(
        fill(known_file("ditto_lmdm")), HubertStream(session=NoSession()), runs.device
    )
    frames = WINDOWS * 70
    rows = torch.randn(frames, 1024, generator=torch.Generator().manual_seed(0))
    heard = AudioFeatures(rows, HubertStream.name, FPS, frames / FPS)
    runs.measure("sample Ditto", lambda: ditto.sample(heard, portrait=face), frames, "frame")


def verdict(stages: list[Stage], expected: Tensor, painted: Tensor, chunk: int) -> list[str]:
    """Lines that compare the fast path with the baseline."""
    seconds = {stage.name: stage.wall / stage.count for stage in stages}
    slow, fast = seconds["paint, baseline"], seconds["paint"]
    error = (painted.float() - expected.float()).abs()
    psnr = -10 * error.square().mean().log10()
    return [
        f"painting 512 x 512, {chunk} at once: {1 / fast:.2f} frames a second,"
        f" {slow / fast:.2f} times the baseline",
        f"fast path against baseline: PSNR {psnr:.1f} dB, largest difference {error.max():.1e}",
    ]
