"""Dubbing: a face in a video says something else; its head, its eyes and all else stay.

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

from ..interfaces import FaceSpace, MotionModel
from ..motion.editing import still
from ..motion.sequence import blended, held
from ..motion.timing import frame_count, resample_motion_stream
from ..render.video import Audio, VideoReader, check_output, swing
from ..types import AudioFeatures, Controls, Motion, Portrait, Progress, Tracked, move
from .animate import WrittenVideo, audio_features_of, check_pair, write_video
from .track import frames_on

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
) -> tuple[WrittenVideo, Tracked]:
    """Make a face in a video say another sound; only its lips and lower face change.

    The result keeps the frame rate of the video and is as long as the longer of video and sound:
    a video that is too short is played forwards and backwards, and after a sound that is too short
    the lips rest. Frames without the face stay as they are.

    Args:
        video: The video file.
        audio: The new speech: a sound or video file, or audio features of ``model``.
        out: The file to write: .mp4, .mov or .mkv.
        space: The face space.
        model: A motion model for that space.
        sound: The sound of the result: a file, or audio frames of PyAV. None: the file ``audio``,
            or no sound if ``audio`` is not a file.
        controls: What is steered, for instance the strength of the lips. None: nothing.
        face: Which face of the first frame: 0 is the largest, 1 the next smaller one.
        seed: Seed of the sampled motion.
        steps: Diffusion steps per window. None: ``model.default_steps``.
        cfg: Guidance scale of the sound. None: ``model.default_cfg``.
        device: The device that space and model are on.
        workers: Number of threads that render.
        progress: Called with steps done and in total (tracking, then rendering); it may raise to
            stop the work.

    Returns:
        The finished video, and the face as it was tracked in the original.

    Raises:
        InputError: If video or sound cannot be used, model and space do not belong together, or
            the file cannot be written.
        NoFaceError: If no frame shows a face.
    """
    check_output(out)
    check_pair(space, model)
    reader = VideoReader(video)
    if isinstance(audio, AudioFeatures):
        features, duration = audio, audio.duration
    else:
        features, duration = audio_features_of(audio, model)
        sound = audio if sound is None else sound
    needed = frame_count(duration, reader.fps)
    steps_known = reader.frames and reader.frames + max(reader.frames, needed)  # 0: not known
    frames = frames_on(device, reader, steps_known, progress)
    tracked = space.track(frames, reader.fps, face)
    count = len(tracked.found)
    portrait = _portrait(reader, tracked, space)
    total = max(count, needed)
    motion = model.stream(features, controls, seed, steps, cfg, portrait=portrait)
    motion = coming_to_rest(resample_motion_stream(motion, reader.fps, duration), total)
    order = swing(count, total)

    def draw(check: Callable[[], None]) -> Iterator[Tensor]:
        frames = (frame.to(device) for frame in reader.swinging(count, total))
        return space.dub(frames, tracked[order], motion, workers, check)

    def report(done: int, _: int) -> None:
        if progress is not None:
            progress(count + done, count + total)

    return write_video(draw, out, reader.fps, audio=sound, progress=report), tracked


def coming_to_rest(pieces: Iterable[Motion], total: int) -> Iterator[Motion]:
    """Bring a motion to rest at its end and keep it there.

    Args:
        pieces: The motion, in consecutive pieces.
        total: The number of frames of the result.

    Yields:
        The pieces, and where they are shorter than ``total``, a short fade and the rest pose.
    """
    done, last = 0, None
    for last in pieces:
        done += len(last)
        yield last
    if last is not None and done < total:
        rest = move(still(last.space, total - done, last.fps), last.rotation.device)
        fade = min(len(rest), round(FADE * last.fps))
        way = blended(held(last[-1:], fade), rest[:fade])
        yield Motion.concat([way, rest[fade:]])


def _portrait(video: VideoReader, tracked: Tracked, space: FaceSpace) -> Portrait:
    """The face in the first frame that shows it."""
    first = int(tracked.found.long().argmax())
    frame = next(frame for number, frame in enumerate(video) if number == first)
    return space.encode(frame[None].to(tracked.landmarks.device))
