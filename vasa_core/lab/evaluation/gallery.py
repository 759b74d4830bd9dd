"""``vasa gallery``: portraits speaking, on a web page, so that a person can judge by eye."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...assets import PORTRAITS, SPEECH
from ...interfaces import FaceSpace, MotionModel
from ...pipelines.animate import animate
from ...render.image import read_image, write_image
from ...render.video import VideoReader
from ...types import Progress, stepper
from ..data.media import named, portrait_entries, speech_entries
from .page import distinct, row_picture, write_page

STRIP = 6  # frames of every video on the sheet


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A picture of a group that says a sound."""

    portrait: Path
    group: str
    speech: Path


def exhibits(data: Path | None) -> list[Exhibit]:
    """Every portrait of an evaluation set with a speech of it in turn; None: the shipped ones.

    Raises InputError when the folder is no such set.
    """
    if data is None:
        return [Exhibit(path, "sample", SPEECH) for path in PORTRAITS.values()]
    pairs = zip(portrait_entries(data), cycle(speech_entries(data)), strict=False)
    return [Exhibit(face.file, face.group, said.file) for face, said in pairs]


def gallery(
    space: FaceSpace,
    model: MotionModel,
    shown: Sequence[Exhibit],
    folder: Path,
    *,
    size: int = 512,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Render every exhibit into a folder; returns the page's path.

    Beside the page lie the videos and ``strip.jpg``, a sheet of frames. ``size`` is the longer
    side in pixels; ``progress`` counts exhibits and may raise to stop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    step, figures, sheet = stepper(len(shown), progress), [], []
    names = distinct(exhibit.portrait.stem for exhibit in shown)
    for seed, (name, exhibit) in enumerate(zip(names, shown, strict=True)):
        video = folder / f"{name}.mp4"
        with named(exhibit.portrait):
            portrait = space.encode(read_image(exhibit.portrait, size))
        with named(exhibit.speech):
            animate(
                portrait, exhibit.speech, video,
                space=space, model=model, seed=seed, workers=workers,
            )  # fmt: skip
        about = {"name": name, "group": exhibit.group}
        figures.append(about | {"file": video.name, "speech": exhibit.speech.stem})
        sheet.append(row_picture(moments(video)))
        step()
    write_image(folder / "strip.jpg", stacked(sheet))
    return write_page(folder, "gallery.html", shown=figures)


def moments(video: Path) -> Tensor:
    """(STRIP, 3, H, W) frames of a video, evenly spread."""
    reader = VideoReader(video)
    chosen = {round((n + 0.5) / STRIP * (reader.frames - 1)) for n in range(STRIP)}
    return torch.stack([frame for n, frame in enumerate(reader) if n in chosen])


def stacked(rows: Sequence[Tensor]) -> Tensor:
    """(3, h, w) pictures one below the other, white beside the narrow ones."""
    width = max(row.shape[2] for row in rows)
    return torch.cat([F.pad(row, (0, width - row.shape[2]), value=1.0) for row in rows], 1)
