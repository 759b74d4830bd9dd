"""The stages put together, from files to files, in memory that does not grow with the sound.

    portrait file -> encode ─────────────────┐
    sound file -> features -> sample motion ─┴─> render -> video file

Everything between the files is a chain of generators: while one window of motion is sampled, the
frames of the window before it are rendered, and the video encoder writes those before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

from torch import Tensor

from ..audio.reader import measure_audio, stream_audio
from ..errors import InputError
from ..interfaces import FaceSpace, MotionModel
from ..motion.timing import frame_count, resample_motion_stream
from ..render.image import shrink
from ..render.video import Audio, VideoWriter, check_output
from ..types import AudioFeatures, Controls, Motion, Portrait, Progress, View


@dataclass(frozen=True, slots=True)
class WrittenVideo:
    """A finished video file.

    Attributes:
        path: Where it is.
        frames: How many frames it has.
        fps: Frames per second, exact.
    """

    path: Path
    frames: int
    fps: Fraction


def audio_features_of(
    audio: Path | str, model: MotionModel
) -> tuple[Iterator[AudioFeatures], Fraction]:
    """Stream a sound file as the audio features of a motion model.

    The file is decoded twice, in constant memory: once for its length and loudness together, once
    for the features.

    Args:
        audio: A sound file, or a video file with sound.
        model: The motion model, whose audio encoder is used.

    Returns:
        The features in pieces, and the exact duration of the sound in seconds.

    Raises:
        InputError: If the sound cannot be read, is empty or breaks off.
    """
    encoder = model.encoder
    sound, level = measure_audio(audio, encoder.measure)
    features = encoder.stream(stream_audio(audio), sound.rate, level)
    return features, Fraction(sound.samples, sound.rate)


def render_video(
    portrait: Portrait,
    motion: Motion | Iterable[Motion],
    out: Path | str,
    *,
    space: FaceSpace,
    audio: Audio | None = None,
    total: int | None = None,
    workers: int = 1,
    view: View = "source",
    longest: int | None = None,
    progress: Progress | None = None,
    preview: Callable[[Tensor], None] | None = None,
) -> WrittenVideo:
    """Render a motion on a portrait into a video file, at the frame rate of the motion.

    No file is left behind when the work fails or a callback stops it.

    Args:
        portrait: The face to move, from ``space.encode``.
        motion: The motion, whole or in consecutive pieces.
        out: The file to write: .mp4, .mov or .mkv.
        space: The face space that encoded the portrait.
        audio: The sound of the video: a file, or audio frames of PyAV. None: a silent video.
        total: The number of frames, if known, to report to ``progress``. None: the length of a
            whole ``motion``.
        workers: Number of threads that render.
        view: "source" shows the whole picture, "crop" the square around the head.
        longest: Shrinks the frames until their longer side has at most this many pixels.
        progress: Called with frames done and in total; it may raise to stop the work.
        preview: Called with a (3, H, W) frame from time to time.

    Returns:
        The finished video.

    Raises:
        InputError: If the motion is empty or does not fit the portrait, the sound cannot be used,
            or the file cannot be written.
    """
    check_output(out)
    if isinstance(motion, Motion):
        fps = motion.fps
        total = len(motion) if total is None else total
    else:
        fps, motion = _rate_of(motion)

    def draw(check: Callable[[], None]) -> Iterator[Tensor]:
        return space.render(portrait, motion, workers=workers, view=view, check=check)

    return write_video(
        draw, out, fps,
        audio=audio, total=total or 0, longest=longest, progress=progress, preview=preview,
    )  # fmt: skip


def write_video(
    draw: Callable[[Callable[[], None]], Iterator[Tensor]],
    out: Path | str,
    fps: Fraction,
    *,
    audio: Audio | None = None,
    total: int = 0,
    longest: int | None = None,
    progress: Progress | None = None,
    preview: Callable[[Tensor], None] | None = None,
) -> WrittenVideo:
    """Write frames that are rendered on demand into a video file.

    Args:
        draw: Called once, with a function ``check``; returns the frames in chunks (B, 3, H, W).
            While a frame takes long, it should call ``check()`` several times a second, so that
            ``progress`` can stop the work.
        out: The file to write: .mp4, .mov or .mkv.
        fps: Frames per second, exact.
        audio: As in ``render_video``.
        total: The number of frames, for ``progress``; 0 if unknown.
        longest: As in ``render_video``.
        progress: As in ``render_video``.
        preview: As in ``render_video``.

    Returns:
        The finished video.

    Raises:
        InputError: If there are no frames, the sound cannot be used, or the file cannot be written.
    """
    with VideoWriter(out, fps, audio) as writer:

        def check() -> None:
            if progress is not None:
                progress(writer.frames, total)

        for frames in draw(check):
            frames = frames if longest is None else shrink(frames, longest)
            writer.write(frames)
            if preview is not None:
                preview(frames[-1])
            check()
    return WrittenVideo(Path(out), writer.frames, fps)


def animate(
    portrait: Portrait,
    audio: Path | str,
    out: Path | str,
    *,
    space: FaceSpace,
    model: MotionModel,
    controls: Controls | None = None,
    seed: int = 0,
    steps: int | None = None,
    cfg: float | None = None,
    fps: Fraction | None = None,
    neutral: float = 0.0,
    workers: int = 1,
    progress: Progress | None = None,
) -> WrittenVideo:
    """Make a portrait speak a sound file, as a video with that sound.

    The video has ceil(samples * fps / rate) frames: it is never shorter than the sound. The same
    seed gives the same video.

    Args:
        portrait: The face, from ``space.encode``.
        audio: A sound file with speech or singing, or a video file that has sound.
        out: The file to write: .mp4, .mov or .mkv.
        space: The face space that encoded the portrait.
        model: A motion model for that space.
        controls: What is steered: gaze, head distance, emotion, strengths. None: nothing.
        seed: Seed of the sampled motion.
        steps: Diffusion steps per window. None: ``model.default_steps``.
        cfg: Guidance scale of the sound. None: ``model.default_cfg``.
        fps: Frames per second of the video. None: those of the motion model.
        neutral: How much of the expression in the picture is taken away, 0 (none) to 1 (all).
        workers: Number of threads that render.
        progress: Called with frames done and in total; it may raise to stop the work.

    Returns:
        The finished video.

    Raises:
        InputError: If the sound cannot be used, model and space do not belong together, or the
            file cannot be written.

    Example:
        ```python
        space, model = vasa_core.load_model("mesh")
        portrait = space.encode(vasa_core.read_image("face.jpg"))
        vasa_core.animate(portrait, "voice.wav", "talk.mp4", space=space, model=model, seed=1)
        ```
    """
    check_output(out)
    check_pair(space, model)
    fps = model.fps if fps is None else Fraction(fps)
    features, duration = audio_features_of(audio, model)
    motion = model.stream(features, controls, seed, steps, cfg, portrait=portrait)
    motion = resample_motion_stream(motion, fps, duration)
    if neutral:
        motion = (space.neutralised(portrait, piece, neutral) for piece in motion)
    return render_video(
        portrait, motion, out,
        space=space, audio=audio, total=frame_count(duration, fps), workers=workers,
        progress=progress,
    )  # fmt: skip


def check_pair(space: FaceSpace, model: MotionModel) -> None:
    """Check that a motion model moves the faces of a face space.

    Args:
        space: The face space.
        model: The motion model.

    Raises:
        InputError: If it is made for another space.
    """
    if model.space != space.name:
        raise InputError(
            f"The motion model moves {model.space} faces, but the face space is {space.name}."
        )


def _rate_of(pieces: Iterable[Motion]) -> tuple[Fraction, Iterator[Motion]]:
    """The frame rate of a motion in pieces, and all of its pieces; the first one is made now."""
    pieces = iter(pieces)
    first = next(pieces, None)
    if first is None:
        raise InputError("The motion is empty; there is nothing to render.")
    return first.fps, chain([first], pieces)
