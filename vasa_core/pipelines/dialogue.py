"""Several people in one picture who talk with each other, each with a sound of their own.

    sound 1 ─▶ silence around it ─▶ features ─▶ motion of face 1 ─┐
    sound 2 ─▶ silence around it ─▶ features ─▶ motion of face 2 ─┴▶ one frame ─▶ video
    both ──────▶ mixed ───────────────────────────────────────────────────────────▶┘

Who does not speak hears silence, and so blinks, breathes and looks around. Everything is a stream:
memory does not grow with the sounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain
from math import ceil
from pathlib import Path

import av
import torch

from ..audio.mixing import (
    Mode,
    Timetable,
    channel_blocks,
    channels_of,
    delayed,
    mixed,
    silence,
    timetable,
)
from ..audio.reader import Sound, probe_audio, stream_audio, waveform_frames
from ..errors import InputError
from ..face.topology import LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from ..interfaces import FaceSpace, MotionModel
from ..motion.sequence import fitted
from ..motion.timing import frame_count, resample_motion, resample_motion_stream
from ..render.faces import Actor, render_faces
from ..render.video import check_output
from ..types import AudioFeatures, Controls, Motion, Portrait, Progress
from .animate import Written, record
from .dub import resting
from .listening import directions, looking

BLOCK = 10  # seconds of sound that are worked on at a time
SILENT_RATE = 16000  # Hz
LOOK = 15.0  # degrees that listeners turn their eyes to who speaks


def dialogue(
    portraits: Sequence[Portrait],
    sounds: Sequence[Path | str],
    out: Path | str,
    *,
    space: FaceSpace,
    model: MotionModel,
    mode: Mode = "turns",
    pause: Fraction | float = Fraction(2, 5),
    look: float = 0.0,
    controls: Controls | None = None,
    seed: int = 0,
    steps: int | None = None,
    cfg: float | None = None,
    fps: Fraction | None = None,
    neutral: float = 0.0,
    workers: int = 1,
    progress: Progress | None = None,
) -> Written:
    """Portraits of one picture and a sound file for each to one video, the sounds mixed.

    ``mode`` "turns" lets them speak one after the other, ``pause`` seconds between them; "together"
    all from the start. Portraits without a sound, the last ones, only listen. ``look`` is how many
    degrees listeners turn their eyes to who speaks. Each face is sampled with a seed of its own,
    from ``seed`` on. Other arguments as in ``pipeline.animate``. Raises InputError when sounds
    cannot be used, when there are more of them than faces, when the faces are of different
    pictures, and when the output cannot be written.
    """
    check_output(out)
    if not 1 <= len(sounds) <= len(portraits):
        raise InputError(f"Got {len(sounds)} sounds for {len(portraits)} faces; one each at most.")
    if model.space != space.name:
        raise InputError(f"The motion model moves {model.space} faces, these are {space.name}.")
    fps = model.fps if fps is None else Fraction(fps)
    voices = [Voice(Path(path), probe_audio(path)) for path in sounds]
    table = timetable([voice.duration for voice in voices], mode, pause)
    actors = []
    for face, steering in enumerate(_steering(controls or Controls(), portraits, table, look)):
        portrait, heard = portraits[face], _features(model, voices, face, table)
        motion = model.stream(heard, steering, seed + face, steps, cfg, portrait=portrait)
        motion = resample_motion_stream(motion, fps, table.total)
        if neutral:
            motion = map(partial(space.neutralised, portrait, amount=neutral), motion)
        actors.append(Actor(space, portrait, motion))
    return record(
        out, lambda check: render_faces(actors, workers, check), fps,
        audio=_mix(voices, table), total=frame_count(table.total, fps), progress=progress,
    )  # fmt: skip


def equally_long(motions: Sequence[Motion]) -> list[Motion]:
    """Motions at the rate of the first one and as long as the longest; the others end at rest.

    Of a "camera" motion the last frame is held.
    """
    fps = motions[0].fps
    motions = [motion if motion.fps == fps else resample_motion(motion, fps) for motion in motions]
    total = max(map(len, motions))
    return [
        Motion.concat(resting([motion], total))
        if motion.reference == "portrait"
        else fitted(motion, total, fps)
        for motion in motions
    ]


@dataclass(frozen=True, slots=True)
class Voice:
    """A sound file, and how long it is."""

    path: Path
    sound: Sound

    @property
    def duration(self) -> Fraction:
        """Seconds, exactly."""
        return Fraction(self.sound.samples, self.sound.rate)


def _features(
    model: MotionModel, voices: Sequence[Voice], face: int, table: Timetable
) -> Iterator[AudioFeatures]:
    """What the ``face``-th face hears of its own voice: silence around it, or nothing else."""
    if face >= len(voices):
        samples = ceil(table.total * SILENT_RATE)
        quiet = silence(samples, BLOCK * SILENT_RATE, torch.zeros(1))
        return model.encoder.stream(quiet, SILENT_RATE)
    path, rate = voices[face].path, voices[face].sound.rate
    level = model.encoder.measure(stream_audio(path), rate)  # of the voice, without the silence
    blocks = delayed(stream_audio(path), *table.place(face, rate), BLOCK * rate)
    return model.encoder.stream(blocks, rate, level)


def _mix(voices: Sequence[Voice], table: Timetable) -> Iterator[av.AudioFrame]:
    """All voices on their timeline, at the highest of their rates."""
    rate = max(voice.sound.rate for voice in voices)
    channels = max(channels_of(voice.path) for voice in voices)
    sounds = [
        delayed(channel_blocks(voice.path, rate, channels), *table.place(number, rate), rate)
        for number, voice in enumerate(voices)
    ]
    return chain.from_iterable(waveform_frames(block, rate) for block in mixed(sounds, rate))


def _steering(
    controls: Controls, portraits: Sequence[Portrait], table: Timetable, look: float
) -> list[Controls]:
    """Each face's own controls: its eyes turn to who speaks."""
    if not look:
        return [controls] * len(portraits)
    eyes = torch.stack([p.landmarks[[RIGHT_EYE_OUTER, LEFT_EYE_OUTER], :2] for p in portraits])
    towards = directions(eyes.cpu())
    return [looking(controls, i, way, table, look) for i, way in enumerate(towards)]
