"""The stages put together, from files to files, in memory that does not grow with the sound.

    portrait file -> encode ─────────────────┐
    sound file -> features -> sample motion ─┴─> render -> video file

Everything between the files is a chain of generators: while one window of motion is sampled, the
frames of the one before are rendered and the video encoder writes those before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from ..audio.reader import probe_audio, stream_audio
from ..errors import InputError
from ..interfaces import FaceSpace, MotionModel
from ..motion.timing import frame_count, resample_motion_stream
from ..render.image import shrink
from ..render.video import Audio, VideoWriter, check_output
from ..types import AudioFeatures, Controls, Motion, Portrait, Progress, View


@dataclass(frozen=True, slots=True)
class Written:
    """A finished video: where it lies, how many frames it has, at which rate."""

    path: Path
    frames: int
    fps: Fraction


def hear(audio: Path | str, model: MotionModel) -> tuple[Iterator[AudioFeatures], Fraction]:
    """A sound file as a stream of the model's audio features, and its exact duration in seconds.

    The file is read twice: once for its length and loudness, once for the features.
    """
    encoder = model.encoder
    sound = probe_audio(audio)
    level = encoder.measure(stream_audio(audio), sound.rate)
    features = encoder.stream(stream_audio(audio), sound.rate, level)
    return features, Fraction(sound.samples, sound.rate)


def film(
    out: Path | str,
    space: FaceSpace,
    portrait: Portrait,
    motion: Motion | Iterable[Motion],
    fps: Fraction,
    *,
    audio: Audio | None = None,
    total: int = 0,
    workers: int = 1,
    view: View = "source",
    longest: int | None = None,
    progress: Progress | None = None,
    preview: Callable[[Tensor], None] | None = None,
) -> Written:
    """Render a motion (whole or in pieces, at ``fps``) on a portrait into a video file.

    ``longest`` shrinks the frames so that their longer side has that many pixels at most.
    ``total`` is the number of frames where it is known, for ``progress``; ``preview`` is shown a
    (3, H, W) frame now and then. Nothing is left behind when the work fails or either stops it.
    """

    def draw(check: Callable[[], None]) -> Iterator[Tensor]:
        return space.render(portrait, motion, workers=workers, view=view, check=check)

    return record(
        out, draw, fps,
        audio=audio, total=total, longest=longest, progress=progress, preview=preview,
    )  # fmt: skip


def record(
    out: Path | str,
    draw: Callable[[Callable[[], None]], Iterator[Tensor]],
    fps: Fraction,
    *,
    audio: Audio | None = None,
    total: int = 0,
    longest: int | None = None,
    progress: Progress | None = None,
    preview: Callable[[Tensor], None] | None = None,
) -> Written:
    """Write the frames (B, 3, H, W) that ``draw(check)`` yields into a video file, as ``film``.

    ``draw`` is to call ``check`` several times a second where a frame takes longer than that.
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
    return Written(Path(out), writer.frames, fps)


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
) -> Written:
    """One portrait and one sound file to a video in which the portrait says it.

    The video has ceil(samples * fps / rate) frames: never shorter than the sound. ``fps`` is the
    motion model's own by default; ``neutral`` is how much of the portrait's own expression goes
    (``FaceSpace.neutralised``). Other arguments as in ``MotionModel.sample``; raises InputError
    when the sound cannot be used or the output cannot be written.
    """
    check_output(out)
    if model.space != space.name:
        raise InputError(f"The motion model moves {model.space} faces, this face is {space.name}.")
    fps = model.fps if fps is None else Fraction(fps)
    features, duration = hear(audio, model)
    motion = model.stream(features, controls, seed, steps, cfg, portrait=portrait)
    motion = resample_motion_stream(motion, fps, duration)
    if neutral:
        motion = (space.neutralised(portrait, piece, neutral) for piece in motion)
    total = frame_count(duration, fps)
    return film(
        out, space, portrait, motion, fps,
        audio=audio, total=total, workers=workers, progress=progress,
    )  # fmt: skip
