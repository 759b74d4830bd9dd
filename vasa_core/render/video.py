"""Videos in and out through PyAV, frame by frame: memory does not grow with the length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av
import av.error
import numpy as np
import torch
import torch.nn.functional as F
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from einops import rearrange
from torch import Tensor

from ..audio.reader import sound_frames
from ..errors import InputError
from ..provenance.label import label
from ..provenance.whole import written_whole

SUFFIXES = (".mp4", ".mov", ".mkv")
Audio = Path | str | Iterable[av.AudioFrame]
HELD_BYTES = 256 * 2**20  # of frames that are kept to be played backwards
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def check_output(path: Path | str, suffixes: tuple[str, ...] = SUFFIXES) -> Path:
    """The path, if a file of one of these kinds can be written there; else InputError."""
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise InputError(f"Output {path.name} must end in one of {', '.join(suffixes)}.")
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} for the output does not exist.")
    if path.is_dir():
        raise InputError(f"Output {path.name} is a folder; give the name of a file.")
    return path


class VideoReader:
    """Frames of a video file as (3, H, W) tensors, 0..1, upright; iterate over it once."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"No video at {self.path}.")
        try:
            with av.open(str(self.path)) as container:
                if not container.streams.video:
                    raise InputError(f"{self.path.name} has no video stream.")
                stream = container.streams.video[0]
                self.fps = Fraction(stream.average_rate or stream.guessed_rate or 25)
                self.frames = stream.frames  # 0 where the container does not say
                self._frame_bytes = max(1, 3 * stream.width * stream.height)
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f"{self.path.name} is not a readable video ({error}).") from error

    def __iter__(self) -> Iterator[Tensor]:
        for pixels in self._pixels(0, None):
            yield _picture(pixels)

    def swinging(self, frames: int, total: int) -> Iterator[Tensor]:
        """``total`` of the video's ``frames`` frames in the order of ``swing``, to and fro.

        Backwards, the file is decoded in pieces, the last first: memory stays small.
        """
        turn = max(1, frames - 1)
        for start in range(0, total, turn):
            count = min(turn, total - start)
            if start // turn % 2 == 0:
                pictures = self._pixels(0, count)
            else:
                pictures = self._backwards(frames - count, frames)
            for pixels in pictures:
                yield _picture(pixels)

    def _backwards(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """The frames from ``stop`` down to ``start``, the former not included."""
        while stop > start:
            first = max(start, stop - max(1, HELD_BYTES // self._frame_bytes))
            yield from reversed(list(self._pixels(first, stop)))
            stop = first

    def _pixels(self, start: int, stop: int | None) -> Iterator[np.ndarray]:
        """The frames from ``start`` up to ``stop`` as (H, W, 3) bytes, upright."""
        with av.open(str(self.path)) as container:
            try:
                for frame in islice(container.decode(video=0), start, stop):
                    pixels = frame.to_ndarray(format="rgb24")
                    yield np.rot90(pixels, round(frame.rotation / 90))
            except av.error.FFmpegError as error:
                message = f"{self.path.name} breaks off while decoding ({error})."
                raise InputError(message) from error


def swing(frames: int, total: int) -> Tensor:
    """(total,) numbers of frames to and fro: 0 1 2 1 0 1 ..., for 3 frames."""
    turn = max(1, frames - 1)
    place = torch.arange(total) % (2 * turn)
    return torch.where(place < turn, place, 2 * turn - place).clamp(max=frames - 1)


def _picture(pixels: np.ndarray) -> Tensor:
    """(H, W, 3) bytes to (3, H, W), 0..1."""
    return rearrange(torch.from_numpy(pixels.copy()), "h w c -> c h w").float() / 255


class VideoWriter:
    """H.264 (yuv420p, BT.709) with AAC sound, labelled as AI-generated.

    Use as a context manager. The file is written beside ``path`` and takes its name only when
    everything went well; on an error nothing is left behind.

    path   .mp4, .mov or .mkv
    fps    exact frame rate
    audio  sound that is carried over whole: a file or audio frames; or None
    """

    # from ``with`` on
    _container: OutputContainer
    _video: tuple[av.VideoStream, Yuv420] | None  # None until the first frames tell the size
    _sound: _Sound | None

    def __init__(self, path: Path | str, fps: Fraction, audio: Audio | None = None):
        self.path = check_output(path)
        self.fps = Fraction(fps)
        self.frames = 0
        self._audio = audio

    def __enter__(self) -> VideoWriter:
        options = {"movflags": "+faststart+use_metadata_tags"}
        with ExitStack() as opened:
            partial = opened.enter_context(written_whole(self.path))
            container = av.open(str(partial), "w", options=options)
            self._container = opened.enter_context(closing(container))
            self._container.metadata.update(label())
            self._video = None
            self._sound = None if self._audio is None else _Sound(self._container, self._audio)
            opened.push(self._flush)
            self._opened = opened.pop_all()
        return self

    def write(self, frames: Tensor) -> None:
        """Append (B, 3, H, W) frames, 0..1; an odd side gets its last line doubled (yuv420p)."""
        height, width = frames.shape[-2:]
        if height % 2 or width % 2:
            frames = F.pad(frames, (0, width % 2, 0, height % 2), mode="replicate")
        if self._video is None:
            self._video = self._open(*frames.shape[-2:]), Yuv420(frames)
        stream, convert = self._video
        for picture in frames.detach():
            planes = convert(picture).cpu().numpy()
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
            frame.pts, frame.time_base = self.frames, 1 / self.fps
            self.frames += 1
            self._container.mux(stream.encode(frame))
        if self._sound:
            self._sound.write_until(self.frames / self.fps)

    def _open(self, height: int, width: int) -> av.VideoStream:
        stream = self._container.add_stream("libx264", rate=self.fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / self.fps
        context.colorspace = Colorspace.ITU709
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        context.color_range = ColorRange.MPEG
        stream.options = {"crf": "18", "preset": "veryfast"}
        return stream

    def __exit__(self, *failure) -> None:
        self._opened.__exit__(*failure)

    def _flush(self, kind, error, trace) -> None:
        """Write what encoders still hold, unless all is to be thrown away."""
        if kind is not None:
            return
        if self._video is None or not self.frames:
            raise InputError("There were no frames to write.")
        stream, _ = self._video
        self._container.mux(stream.encode(None))
        if self._sound:
            self._sound.finish()


class Yuv420:
    """RGB frames to YUV 4:2:0 (BT.709), into buffers kept from frame to frame.

    The buffers matter: fresh megabytes per frame cost more, in page faults, than the arithmetic.
    """

    def __init__(self, like: Tensor):
        height, width = like.shape[-2:]
        luma = like.new_tensor([[0.2126, 0.7152, 0.0722]])
        blue = (like.new_tensor([[0, 0, 1]]) - luma) / 1.8556
        red = (like.new_tensor([[1, 0, 0]]) - luma) / 1.5748
        self._luma = luma * 219
        self._chroma = torch.cat([blue, red]) * (224 / 4)
        self._rows = like.new_empty(3, height // 2, width)
        self._blocks = like.new_empty(3, height // 2, width // 2)
        self._planes = like.new_empty(height * 3 // 2, width)
        self._bytes = torch.empty_like(self._planes, dtype=torch.uint8)

    def __call__(self, frame: Tensor) -> Tensor:
        """(3, H, W) RGB 0..1 with even sides to (H * 3 / 2, W) bytes: planes Y, U, V; reused."""
        height = frame.shape[-2]
        torch.add(frame[:, ::2], frame[:, 1::2], out=self._rows)
        torch.add(self._rows[..., ::2], self._rows[..., 1::2], out=self._blocks)
        luma, chroma = self._planes[:height], self._planes[height:]
        torch.mm(self._luma, frame.flatten(1), out=luma.view(1, -1))
        torch.mm(self._chroma, self._blocks.flatten(1), out=chroma.view(2, -1))
        luma += 16.5
        chroma += 128.5
        return self._bytes.copy_(self._planes.clamp_(0, 255))


class _Sound:
    """Copies sound into a container as AAC, up to a given time at each call."""

    def __init__(self, container: OutputContainer, audio: Audio):
        frames = sound_frames(audio) if isinstance(audio, (str, Path)) else iter(audio)
        first = next(frames, None)
        if first is None:
            raise InputError("The sound for the video is empty; give at least one sample.")
        rate = first.sample_rate if first.sample_rate in AAC_RATES else 48000
        layout = "mono" if first.layout.nb_channels == 1 else "stereo"
        self._container = container
        self._stream = container.add_stream("aac", rate=rate)
        self._stream.codec_context.layout = layout
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
        self._frames = chain([first], frames)
        self._written = 0

    def write_until(self, seconds: Fraction) -> None:
        """Encode sound until ``seconds`` of it are in the file or it ends."""
        while self._written < seconds * self._stream.rate:
            frame = next(self._frames, None)
            if frame is None:
                return
            self._add(frame)

    def finish(self) -> None:
        """Encode what is left and flush."""
        for frame in self._frames:
            self._add(frame)
        self._encode(self._resampler.resample(None))
        self._container.mux(self._stream.encode(None))

    def _add(self, frame: av.AudioFrame) -> None:
        frame.pts = None  # a damaged clock in the source must not open gaps in the sound
        self._encode(self._resampler.resample(frame))

    def _encode(self, frames: Iterable[av.AudioFrame]) -> None:
        rate = self._stream.rate
        for frame in frames:
            samples = frame.to_ndarray()
            if not np.isfinite(samples).all():  # silence, as the audio encoder hears it
                layout = frame.layout.name
                samples = np.where(np.isfinite(samples), samples, np.float32(0))
                frame = av.AudioFrame.from_ndarray(samples, "fltp", layout)
                frame.sample_rate = rate
            frame.pts, frame.time_base = self._written, Fraction(1, rate)
            self._written += frame.samples
            self._container.mux(self._stream.encode(frame))
