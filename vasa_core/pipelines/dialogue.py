"""Several people in one picture talk with each other, each with a sound file of their own.

    sound 1 ─▶ silence around it ─▶ features ─▶ motion of face 1 ─┐
    sound 2 ─▶ silence around it ─▶ features ─▶ motion of face 2 ─┴▶ one frame ─▶ video
    both ──────▶ mixed ───────────────────────────────────────────────────────────▶┘

A face that does not speak hears silence: it blinks, breathes and looks around. Everything is a
stream: memory does not grow with the sounds.
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
from torch import Tensor

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
from ..audio.reader import Sound, measure_audio, stream_audio, waveform_frames
from ..errors import InputError
from ..face.topology import LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from ..interfaces import FaceSpace, MotionModel
from ..motion.sequence import fitted
from ..motion.timing import frame_count, resample_motion, resample_motion_stream
from ..render.faces import Actor, render_faces
from ..render.video import check_output
from ..types import AudioFeatures, Controls, Motion, Portrait, Progress
from .animate import WrittenVideo, check_pair, write_video
from .dub import coming_to_rest
from .listening import face_directions, listener_controls

BLOCK = 10  # seconds of sound per block
SILENT_RATE = 16000  # Hz
LOOK = 15.0  # degrees that listeners turn their eyes to whoever speaks


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
) -> WrittenVideo:
    """Let several people in one picture talk with each other, as a video with their voices mixed.

    Portraits without a sound, the last ones, only listen.

    Args:
        portraits: Different faces of one picture, from ``space.encode``.
        sounds: A sound file for each of the first portraits.
        out: The file to write: .mp4, .mov or .mkv.
        space: The face space that encoded the portraits.
        model: A motion model for that space.
        mode: "turns": they speak one after the other. "together": all start at once.
        pause: Seconds of silence between turns.
        look: How far listeners turn their eyes to whoever speaks, degrees.
        controls: What is steered, for all faces alike. None: nothing.
        seed: Seed of the first face's motion; each further face has the next seed.
        steps: Diffusion steps per window. None: ``model.default_steps``.
        cfg: Guidance scale of the sound. None: ``model.default_cfg``.
        fps: Frames per second of the video. None: those of the motion model.
        neutral: How much of the expressions in the picture is taken away, 0 (none) to 1 (all).
        workers: Number of threads that render.
        progress: Called with frames done and in total; it may raise to stop the work.

    Returns:
        The finished video.

    Raises:
        InputError: If a sound cannot be used, there are more sounds than faces, the faces are not
            different ones of the same picture, model and space do not belong together, or the
            file cannot be written.
    """
    check_output(out)
    if not 1 <= len(sounds) <= len(portraits):
        raise InputError(f"Got {len(sounds)} sounds for {len(portraits)} faces; one each at most.")
    check_pair(space, model)
    fps = model.fps if fps is None else Fraction(fps)
    voices = [Voice.of(path, model) for path in sounds]
    table = timetable([voice.duration for voice in voices], mode, pause)
    actors = []
    for face, steering in enumerate(_face_controls(controls or Controls(), portraits, table, look)):
        portrait, heard = portraits[face], _features(model, voices, face, table)
        motion = model.stream(heard, steering, seed + face, steps, cfg, portrait=portrait)
        motion = resample_motion_stream(motion, fps, table.total)
        if neutral:
            motion = map(partial(space.neutralised, portrait, amount=neutral), motion)
        actors.append(Actor(space, portrait, motion))
    return write_video(
        lambda check: render_faces(actors, workers, check), out, fps,
        audio=_mix(voices, table), total=frame_count(table.total, fps), progress=progress,
    )  # fmt: skip


def leftmost_faces(space: FaceSpace, image: Tensor, count: int) -> list[Portrait]:
    """Encode the largest faces of a picture, from left to right.

    Args:
        space: The face space.
        image: The picture, (1, 3, H, W), 0..1.
        count: How many faces.

    Returns:
        The portraits of the ``count`` largest faces, leftmost first.

    Raises:
        NoFaceError: If the picture shows no face.
        InputError: If it shows fewer than ``count`` faces.
    """
    first = space.encode(image)
    if first.faces < count:
        shown = "1 face" if first.faces == 1 else f"{first.faces} faces"
        raise InputError(f"{count} faces are needed, but the picture shows {shown}.")
    others = [space.encode(image, face) for face in range(1, count)]
    return sorted([first, *others], key=lambda portrait: float(portrait.landmarks[:, 0].mean()))


def equally_long(motions: Sequence[Motion]) -> list[Motion]:
    """Bring motions to one frame rate and one length.

    Args:
        motions: At least one motion.

    Returns:
        The motions at the frame rate of the first one, as long as the longest one. Shorter ones
        come to rest; a "camera" motion holds its last frame.
    """
    fps = motions[0].fps
    motions = [motion if motion.fps == fps else resample_motion(motion, fps) for motion in motions]
    total = max(map(len, motions))
    return [
        Motion.concat(coming_to_rest([motion], total))
        if motion.reference == "portrait"
        else fitted(motion, total, fps)
        for motion in motions
    ]


@dataclass(frozen=True, slots=True)
class Voice:
    """A sound file, how long it is and how loud, as the motion model's audio encoder measures it.

    Attributes:
        path: The file.
        sound: Its length and sample rate.
        level: Its loudness level, without the silence around it in the dialogue.
    """

    path: Path
    sound: Sound
    level: float

    @staticmethod
    def of(path: Path | str, model: MotionModel) -> Voice:
        """Measure a sound file, decoding it once.

        Args:
            path: The file.
            model: The motion model that will hear it.

        Returns:
            The voice.

        Raises:
            InputError: If the sound cannot be read, is empty or breaks off.
        """
        return Voice(Path(path), *measure_audio(path, model.encoder.measure))

    @property
    def duration(self) -> Fraction:
        """Length in seconds, exact."""
        return Fraction(self.sound.samples, self.sound.rate)


def _features(
    model: MotionModel, voices: Sequence[Voice], face: int, table: Timetable
) -> Iterator[AudioFeatures]:
    """Features of one face's own voice with silence around it; of a listener, only silence."""
    if face >= len(voices):
        samples = ceil(table.total * SILENT_RATE)
        quiet = silence(samples, BLOCK * SILENT_RATE, torch.zeros(1))
        return model.encoder.stream(quiet, SILENT_RATE)
    voice, rate = voices[face], voices[face].sound.rate
    blocks = delayed(stream_audio(voice.path), *table.place(face, rate), BLOCK * rate)
    return model.encoder.stream(blocks, rate, voice.level)


def _mix(voices: Sequence[Voice], table: Timetable) -> Iterator[av.AudioFrame]:
    """All voices on their timeline, at the highest of their rates."""
    rate = max(voice.sound.rate for voice in voices)
    channels = max(channels_of(voice.path) for voice in voices)
    sounds = [
        delayed(channel_blocks(voice.path, rate, channels), *table.place(number, rate), rate)
        for number, voice in enumerate(voices)
    ]
    return chain.from_iterable(waveform_frames(block, rate) for block in mixed(sounds, rate))


def _face_controls(
    controls: Controls, portraits: Sequence[Portrait], table: Timetable, look: float
) -> list[Controls]:
    """The controls of each face: listeners' eyes turn to whoever speaks."""
    if not look:
        return [controls] * len(portraits)
    eyes = torch.stack([p.landmarks[[RIGHT_EYE_OUTER, LEFT_EYE_OUTER], :2] for p in portraits])
    towards = face_directions(eyes.cpu())
    return [listener_controls(controls, i, way, table, look) for i, way in enumerate(towards)]
