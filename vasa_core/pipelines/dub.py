"""Dubbing: a video whose face says something else, with its own head, eyes and everything besides.

    video ─▶ track ──────────────────────┐
    sound ─▶ features ─▶ sample motion ──┴─▶ new lips in each frame ─▶ video

The video is read twice, once to track the face and once to redraw it; frames pass one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..interfaces import FaceSpace, MotionModel
from ..motion.editing import still
from ..motion.sequence import blended, held
from ..motion.timing import frame_count, resample_motion_stream
from ..render.video import Audio, VideoReader, check_output, swing
from ..types import AudioFeatures, Controls, Motion, Portrait, Progress, Tracked, move
from .animate import Written, hear, record

FADE = Fraction(1, 5)  # seconds in which the lips come to rest after the sound


def dub(
    video: Path | str,
    audio: Path | str | AudioFeatures,
    out: Path | str,
    *,
    space: FaceSpace,
    model: MotionModel,
    sound: Audio | None = None,
    controls: Controls | None = None,
    face: int = 0,
    seed: int = 0,
    steps: int | None = None,
    cfg: float | None = None,
    device: torch.device | str = "cpu",
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[Written, Tracked]:
    """A video file and a sound to a video in which the ``face``-th largest face says it.

    It has as many frames as the longer of the two needs, at the video's own rate: a video that is
    too short is played to and fro, after a sound that is too short the lips rest. Frames without
    the face stay as they are. ``sound`` is what is heard in it (None: the file ``audio``, if it is
    one); ``device`` is where the models are. Other arguments as in ``pipeline.animate``. Returns
    what was written, and what was tracked. Raises InputError for media that cannot be used,
    NoFaceError when no frame shows a face.
    """
    check_output(out)
    if model.space != space.name:
        raise InputError(f"The motion model moves {model.space} faces, this face is {space.name}.")
    film = VideoReader(video)
    if isinstance(audio, AudioFeatures):
        features, duration = audio, audio.duration
    else:
        features, duration = hear(audio, model)
        sound = audio if sound is None else sound
    needed = frame_count(duration, film.fps)
    known = film.frames and film.frames + max(film.frames, needed)  # 0: the file does not say
    seen = space.track(_frames(film, device, known, progress), film.fps, face)
    count = len(seen.found)
    portrait = _portrait(film, seen, space)
    total = max(count, needed)
    motion = model.stream(features, controls, seed, steps, cfg, portrait=portrait)
    motion = resting(resample_motion_stream(motion, film.fps, duration), total)
    order = swing(count, total)

    def draw(check: Callable[[], None]) -> Iterator[Tensor]:
        frames = (frame.to(device) for frame in film.swinging(count, total))
        return space.dub(frames, seen[order], motion, workers, check)

    def report(done: int, _: int) -> None:
        if progress is not None:
            progress(count + done, count + total)

    return record(out, draw, film.fps, audio=sound, progress=report), seen


def resting(pieces: Iterable[Motion], total: int) -> Iterator[Motion]:
    """Motion in pieces, which comes to rest at its end and stays there until frame ``total``."""
    done, last = 0, None
    for last in pieces:
        done += len(last)
        yield last
    if done < total:
        rest = move(still(last.space, total - done, last.fps), last.rotation.device)
        fade = min(len(rest), round(FADE * last.fps))
        way = blended(held(last[-1:], fade), rest[:fade])
        yield Motion.concat([way, rest[fade:]])


def _frames(film: VideoReader, device, total: int, progress: Progress | None) -> Iterator[Tensor]:
    """A video's frames on a device, each reported as one of ``total`` steps once it is tracked."""
    for done, frame in enumerate(film, 1):
        yield frame.to(device)
        if progress is not None:
            progress(done, total)


def _portrait(film: VideoReader, seen: Tracked, space: FaceSpace) -> Portrait:
    """The face in the first frame that shows it."""
    first = int(seen.found.long().argmax())
    frame = next(frame for number, frame in enumerate(film) if number == first)
    return space.encode(frame[None].to(seen.landmarks.device))
