"""Tracking: a video or a picture of a face becomes a motion, to play on other portraits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..interfaces import FaceSpace
from ..motion.sequence import frame_at
from ..render.image import read_image
from ..render.video import VideoReader
from ..types import Motion, Progress


@dataclass(frozen=True, slots=True)
class TrackedMotion:
    """The motion of a face in a video.

    Attributes:
        motion: What the face does, a frame for each frame of the video.
        missed: In how many of the frames there was no face; they hold the pose before.
    """

    motion: Motion
    missed: int


def track_motion(
    source: Path | str | VideoReader | Iterable[Tensor],
    *,
    space: FaceSpace,
    fps: Fraction = Fraction(25),
    face: int = 0,
    absolute: bool = False,
    rest: float = 0.0,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> TrackedMotion:
    """Measure what a face does in a video or a picture.

    Args:
        source: A video file, a picture file (one frame of motion), or frames (3, H, W), 0..1.
        space: The face space that the motion is for.
        fps: Frames per second of ``source`` where it is neither a file nor a ``VideoReader``.
        face: Which face of the first frame: 0 is the largest, 1 the next smaller one.
        absolute: Keep the head as the camera saw it (reference "camera"). Otherwise the motion
            becomes relative to the pose at ``rest`` (reference "portrait"), so that a portrait
            starts from its own pose.
        rest: The moment, in seconds, whose pose counts as the portrait's own.
        device: The device that the face space is on.
        progress: Called with frames done and in total; it may raise to stop the work.

    Returns:
        The motion, and how many frames show no face.

    Raises:
        InputError: If the file cannot be read, or there is no moment ``rest`` in it.
        NoFaceError: If no frame shows a face.

    Example:
        ```python
        tracked = track_motion("clip.mp4", space=space)
        render_video(portrait, tracked.motion, "out.mp4", space=space, audio="clip.mp4")
        ```
    """
    if isinstance(source, (str, Path)) and is_picture(source):
        motion, missed = space.encode(read_image(source).to(device), face).pose, 0
    else:
        frames = VideoReader(source) if isinstance(source, (str, Path)) else source
        if isinstance(frames, VideoReader):
            fps, total = frames.fps, frames.frames
        else:
            total = len(frames) if isinstance(frames, (Tensor, list, tuple)) else 0
        tracked = space.track(frames_on(device, frames, total, progress), fps, face)
        motion, missed = tracked.motion, tracked.missed
    if not absolute:
        moment = frame_at(rest, motion)
        motion = space.relative(motion, motion[moment : moment + 1])
    return TrackedMotion(motion, missed)


def frames_on(
    device: torch.device | str,
    frames: Iterable[Tensor],
    total: int = 0,
    progress: Progress | None = None,
) -> Iterator[Tensor]:
    """Move frames to a device, one by one, and report each once it has been used.

    Args:
        device: Where the frames are to be.
        frames: Frames of any shape.
        total: The number of steps to report to ``progress``; 0 if unknown.
        progress: Called after each frame; it may raise to stop the work.

    Yields:
        The frames on ``device``.
    """
    for done, frame in enumerate(frames, 1):
        yield frame.to(device)
        if progress is not None:
            progress(done, total)


def is_picture(path: Path | str) -> bool:
    """Tell a picture from a video.

    Args:
        path: A file.

    Returns:
        Whether it is a picture with a single frame; an animated GIF is a video.
    """
    try:
        with Image.open(path) as picture:
            return getattr(picture, "n_frames", 1) == 1
    except OSError:
        return False
