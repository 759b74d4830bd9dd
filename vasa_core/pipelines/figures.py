"""The figures of VASA-1's project page, made with this system.

Each figure is a sheet of frames in rows and columns, with captions. They use the sample speech and
the sample portraits unless others are given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn.functional import interpolate

from ..assets import PORTRAITS, SPEECH
from ..audio.reader import read_audio
from ..errors import InputError
from ..interfaces import FaceSpace, MotionModel
from ..motion.editing import DYNAMICS, POSE, frozen, mixed, spun, strengthened
from ..motion.keyframes import controls_from
from ..motion.sequence import repeated
from ..render.image import read_image, to_picture
from ..types import EMOTIONS, Motion, Portrait, Progress, stepper

GAZES = ((-20, 0), (-10, 0), (0, 0), (10, 0), (20, 0), (0, 12), (0, -12))  # degrees
DISTANCES = (1.3, 1.15, 1.0, 0.9, 0.8)
MOMENTS = (0.8, 1.9, 3.0, 4.1, 5.2, 6.3)  # seconds into the motion
STEERED_AT = 1.9
SEEDS = (1, 2, 3)
CELL, CAPTION = 224, 22  # pixels
TURNED = 1.6  # strength of the head's turns where motions are to be told apart
INK, PAPER = (40, 40, 40), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Row:
    """Frames of one portrait, side by side.

    Attributes:
        portrait: The portrait.
        motion: A frame of it for each column.
        captions: What stands below each column.
        name: What stands above the row, if anything.
    """

    portrait: Portrait
    motion: Motion
    captions: Sequence[str]
    name: str = ""


@dataclass(frozen=True, slots=True)
class FigureSetup:
    """What figures are made of.

    Attributes:
        space: The face space.
        model: The motion model.
        portraits: Portraits by name, or by the path of their picture.
        sound: (N,) samples of the speech.
        rate: Samples per second, Hz.
    """

    space: FaceSpace
    model: MotionModel
    portraits: dict[str, Portrait]
    sound: Tensor
    rate: int

    @property
    def first(self) -> Portrait:
        """The portrait of figures that show only one."""
        return next(iter(self.portraits.values()))

    def motion(
        self,
        portrait: Portrait,
        seed: int = 0,
        seconds: float = 8.0,
        last: float = MOMENTS[-1],
        **asked: Any,
    ) -> Motion:
        """Sample a motion for the start of the speech.

        Args:
            portrait: The face that it is for.
            seed: Seed of the motion.
            seconds: How much of the speech.
            last: The last moment that the figure shows, seconds.
            **asked: Controls by name, as ``motion.keyframes.controls_from`` takes them.

        Returns:
            The motion.

        Raises:
            InputError: If the speech ends before the last moment.
        """
        features = self.model.features(self.sound[: int(seconds * self.rate)], self.rate)
        if round(last * features.fps) >= len(features):
            raise InputError(
                f"The sound lasts {len(self.sound) / self.rate:.1f} s, and the figure shows frames"
                f" up to {last:g} s; give a longer sound."
            )
        return self.model.sample(features, controls_from(asked), seed, portrait=portrait)

    def moment(self, portrait: Portrait, **asked: Any) -> Motion:
        """Sample a motion and take one frame, while something is said.

        Args:
            portrait: The face that it is for.
            **asked: Controls by name.

        Returns:
            A motion of one frame.
        """
        motion = self.motion(portrait, seconds=STEERED_AT + 0.5, last=STEERED_AT, **asked)
        return _at(motion, (STEERED_AT,))


def _at(motion: Motion, times: Sequence[float]) -> Motion:
    """The frames at these times."""
    return motion[torch.tensor([round(time * motion.fps) for time in times])]


def gaze(setup: FigureSetup) -> list[Row]:
    """Gaze steered to the left, right, up and down (VASA-1, section 4.2)."""
    captions = [f"{yaw:+.0f}, {pitch:+.0f} deg" for yaw, pitch in GAZES]
    return [
        Row(face, Motion.concat(
            setup.moment(face, gaze_yaw=yaw, gaze_pitch=pitch, eyes=0.3) for yaw, pitch in GAZES
        ), captions)
        for face in setup.portraits.values()
    ]  # fmt: skip


def distance(setup: FigureSetup) -> list[Row]:
    """Distance of the head, steered relative to the portrait's own."""
    captions = [f"{value:g} x" for value in DISTANCES]
    return [
        Row(face, Motion.concat(setup.moment(face, distance=d) for d in DISTANCES), captions)
        for face in setup.portraits.values()
    ]


def emotion(setup: FigureSetup) -> list[Row]:
    """Emotions, fully acted, while the same words are said."""
    rows = []
    for face in setup.portraits.values():
        acted = [setup.moment(face, **{name: 1.0}) for name in EMOTIONS[1:]]
        rows.append(Row(face, Motion.concat([setup.moment(face), *acted]), EMOTIONS))
    return rows


def photos(setup: FigureSetup) -> list[Row]:
    """One motion on different portraits."""
    motion = _at(setup.motion(setup.first), MOMENTS)
    return [Row(face, motion, _times()) for face in setup.portraits.values()]


def motions(setup: FigureSetup) -> list[Row]:
    """Different motions, by their seeds, for the same portrait and speech."""
    lively = {"rotation": TURNED, "translation": TURNED}
    return [
        Row(setup.first, _at(setup.motion(setup.first, seed, **lively), MOMENTS), _times(),
            f"seed {seed}")
        for seed in SEEDS
    ]  # fmt: skip


def pose(setup: FigureSetup) -> list[Row]:
    """Only the head moves, the face is held."""
    return _apart(setup, "pose only", lambda m: frozen(m, STEERED_AT, DYNAMICS))


def expression(setup: FigureSetup) -> list[Row]:
    """Only the face moves, the head is held."""
    return _apart(setup, "expression only", lambda m: strengthened(m, dict.fromkeys(POSE, 0.0)))


def spin(setup: FigureSetup) -> list[Row]:
    """The head circles, the expression is held."""

    def spinning(motion: Motion) -> Motion:
        held = frozen(motion, STEERED_AT, DYNAMICS)
        turn = spun(motion.space, MOMENTS[-1] - MOMENTS[0] + MOMENTS[1] - MOMENTS[0], motion.fps)
        return mixed(held, {"pose": repeated(turn, len(motion))})

    return _apart(setup, "spinning head", spinning)


def _apart(setup: FigureSetup, name: str, take: Callable[[Motion], Motion]) -> list[Row]:
    """A motion as it is, and the part that ``take`` keeps of it, on one portrait."""
    whole = setup.motion(setup.first, rotation=TURNED)
    rows = {"as sampled": whole, name: take(whole)}
    return [Row(setup.first, _at(m, MOMENTS), _times(), title) for title, m in rows.items()]


def _times() -> list[str]:
    return [f"{time:g} s" for time in MOMENTS]


FIGURES: dict[str, Callable[[FigureSetup], list[Row]]] = {
    figure.__name__: figure
    for figure in (gaze, distance, emotion, photos, motions, pose, expression, spin)
}


def figure_setup(
    space: FaceSpace,
    model: MotionModel,
    portraits: Sequence[Path] = (),
    audio: Path = SPEECH,
    size: int = 512,
    device: torch.device | str = "cpu",
) -> FigureSetup:
    """Encode pictures and read a sound for figures.

    Args:
        space: The face space.
        model: A motion model for that space.
        portraits: Pictures with a face. None given: the sample portraits.
        audio: A sound file.
        size: Longer side that pictures are shrunk to, pixels.
        device: The device that the face space is on.

    Returns:
        What ``figure`` needs.

    Raises:
        InputError: If a file cannot be read.
        NoFaceError: If a picture shows no face.
    """
    pictures = {str(p): p for p in portraits} or PORTRAITS
    encoded = {
        name: space.encode(read_image(path, size).to(device)) for name, path in pictures.items()
    }
    return FigureSetup(space, model, encoded, *read_audio(audio))


def figure(setup: FigureSetup, name: str, progress: Progress | None = None) -> Tensor:
    """Make a figure.

    Args:
        setup: What it is made of.
        name: One of ``FIGURES``.
        progress: Called with rows done and in total; it may raise to stop the work.

    Returns:
        The sheet, (3, H, W), 0..1.

    Raises:
        InputError: If there is no such figure, or if the sound is too short for it.
    """
    if name not in FIGURES:
        raise InputError(f"There is no figure {name!r}; there are: {', '.join(FIGURES)}.")
    rows = FIGURES[name](setup)
    step = stepper(len(rows), progress)
    drawn = []
    for row in rows:
        chunks = setup.space.render(row.portrait, row.motion, view="crop")
        frames = interpolate(torch.cat(list(chunks)), (CELL, CELL), mode="bilinear", antialias=True)
        drawn.append(_captioned(frames.clamp(0, 1).cpu(), row.captions, row.name))
        step()
    return torch.cat(drawn, 1)


def _captioned(frames: Tensor, captions: Sequence[str], name: str) -> Tensor:
    """(B, 3, h, w) frames side by side over their captions, under the row's name if it has one."""
    above, width = CAPTION if name else 0, CELL * len(frames)
    sheet = Image.new("RGB", (width, above + CELL + CAPTION), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    if name:
        pen.text((6, 3), name, fill=INK, font=font)
    for column, (frame, caption) in enumerate(zip(frames, captions, strict=True)):
        sheet.paste(to_picture(frame), (column * CELL, above))
        middle = (column * CELL + CELL // 2, above + CELL + CAPTION // 2)
        pen.text(middle, caption, fill=INK, font=font, anchor="mm")
    return torch.from_numpy(np.array(sheet)).movedim(-1, 0).float() / 255
