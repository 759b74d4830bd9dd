"""Cuts what a source holds as the manifest says: pictures, sounds and videos into corpus files.

Sound is resampled as the founders' corpus was, by FFmpeg (libswresample) to 16 kHz, 16 bit, mono.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain, islice
from math import floor
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image, ImageOps

from ...errors import InputError
from ...provenance.whole import written_whole

FPS = Fraction(25)
RATE = 16000
LANCZOS = Image.Resampling.LANCZOS
JPEG_QUALITY = 95
Box = tuple[float, float, float]  # left, top and side in pixels of the source


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; it becomes ``path`` when all went well, else it goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        yield partial


def open_picture(data: bytes) -> Image.Image:
    """A picture from the bytes of its file, upright."""
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data)))


def cut_picture(picture: Image.Image, box: Box, side: int) -> Image.Image:
    """A square of a picture at ``side`` pixels, RGB."""
    x, y, length = box
    picture = picture.convert("RGB")
    return picture.resize((side, side), LANCZOS, box=(x, y, x + length, y + length))


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format that the ending of ``path`` says."""
    with written(path) as partial:
        if path.suffix == ".png":
            picture.save(partial)
        else:
            picture.save(partial, quality=JPEG_QUALITY, subsampling=0)


def read_sound(data: bytes, start: float = 0, count: int | None = None) -> np.ndarray:
    """(N,) int16 samples at 16 kHz of a file's sound, ``count`` of them from ``start`` seconds on.

    Time counts as in the file: sound that begins after its picture is preceded by silence.
    """
    with _opened(data) as container:
        if not container.streams.audio:
            raise InputError("it has no sound")
        stream = container.streams.audio[0]
        mono = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        blocks = [
            block.to_ndarray().reshape(-1)
            for frame in (*container.decode(stream), None)  # the last empties the resampler
            for block in mono.resample(frame)
        ]
        begins = float((stream.start_time or 0) * stream.time_base)
        begins = begins if container.streams.video else 0.0
    samples = np.concatenate([np.zeros(max(0, round(begins * RATE)), np.int16), *blocks])
    first = round(start * RATE)
    return samples[first : None if count is None else first + count]


def save_flac(samples: np.ndarray, path: Path) -> None:
    """Write (N,) int16 samples as 16 kHz FLAC."""
    with written(path) as partial, av.open(str(partial), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        stream.codec_context.format = "s16"
        _encode(container, stream, _frames(samples, "s16"))


def save_opus(samples: np.ndarray, path: Path) -> None:
    """Write (N,) int16 samples as Opus of 32 kb/s."""
    with written(path) as partial, av.open(str(partial), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono")
        stream.codec_context.bit_rate = 32000
        _encode(container, stream, _frames(samples, "s16"))


def cut_frames(
    data: bytes, box: Box, side: int, count: int, start: float = 0
) -> Iterator[np.ndarray]:
    """``count`` frames (side, side, 3) uint8, 25 a second, of a square of a video.

    Of another rate, the frame is shown whose time rounds to the frame's, as FFmpeg's fps filter
    does. A video that is half a second too short is refused.
    """
    with _opened(data) as container:
        pictures = islice(_at_25(container.decode(video=0), start, side, box), count)
        made = 0
        for picture in pictures:
            yield picture
            made += 1
        if made < count - FPS / 2:
            raise InputError(f"it ends after {made} of {count} frames")
        for _ in range(count - made):
            yield picture


def save_video(frames: Iterable[np.ndarray], samples: np.ndarray, path: Path) -> None:
    """Write (S, S, 3) uint8 frames and (N,) int16 samples as H.264 with AAC sound."""
    frames = iter(frames)
    first = next(frames)
    with written(path) as partial, av.open(str(partial), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"crf": "18"})
        video.height, video.width, video.pix_fmt = *first.shape[:2], "yuv420p"
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        for number, pixels in enumerate(chain([first], frames)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, 1 / FPS
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        _encode(container, sound, _frames(samples.astype(np.float32) / 32768, "fltp"))


@contextmanager
def _opened(data: bytes):
    try:
        with av.open(io.BytesIO(data)) as container:
            yield container
    except (FFmpegError, OSError) as error:
        raise InputError(f"it cannot be decoded ({error})") from error


def _at_25(
    frames: Iterable[av.VideoFrame], start: float, side: int, box: Box
) -> Iterator[np.ndarray]:
    """The square of the frame that is shown at each 25th of a second."""
    held, shown = None, 0
    for frame in frames:
        if frame.pts is None or frame.time_base is None:
            raise InputError("a frame of it has no time")
        time = frame.pts * frame.time_base - Fraction(start).limit_denominator(1000)
        place = floor(time * FPS + Fraction(1, 2))
        if held is not None and shown < place:
            pixels = _square(held, box, side)
            for _ in range(place - shown):
                yield pixels
            shown = place
        held = frame
    if held is not None:
        yield _square(held, box, side)


def _square(frame: av.VideoFrame, box: Box, side: int) -> np.ndarray:
    pixels = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
    return np.asarray(cut_picture(Image.fromarray(np.ascontiguousarray(pixels)), box, side))


def _frames(samples: np.ndarray, kind: str) -> Iterator[av.AudioFrame]:
    for start in range(0, len(samples), RATE):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + RATE], kind, "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield frame


def _encode(container, stream, frames: Iterable[av.AudioFrame]) -> None:
    for frame in (*frames, None):
        container.mux(stream.encode(frame))
