"""Sound files, and the sound of video files, as mono samples (PyAV)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
import av.error
import numpy as np
import torch
from torch import Tensor

from ..errors import InputError

T = TypeVar("T")
log = logging.getLogger(__name__)
FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63, "flt": 1, "dbl": 1}
EXACT_HEADERS = ("flac", "mov")  # formats that tell their length, where others let it be guessed


@dataclass(frozen=True, slots=True)
class Sound:
    """What a sound file holds: ``samples`` per channel at ``rate`` Hz, counted by decoding it."""

    samples: int
    rate: int


def measure_audio(
    path: Path | str, measure: Callable[[Iterator[Tensor], int], T]
) -> tuple[Sound, T]:
    """The exact length of a sound file, and what ``measure(blocks, rate)`` says of it.

    One decoding serves both, in constant memory; ``measure`` may leave blocks unread. InputError as
    ``stream_audio``, and if the file is empty or cut off.
    """
    with _opened(path) as (container, stream):
        rate = stream.rate
        told = 0.0
        if stream.duration and container.format.name.startswith(EXACT_HEADERS):
            told = float(stream.duration * stream.time_base)
    samples = 0

    def counted() -> Iterator[Tensor]:
        nonlocal samples
        for block in stream_audio(path):
            samples += len(block)
            yield block

    blocks = counted()
    measured = measure(blocks, rate)
    for _ in blocks:  # what was left unread
        pass
    if not samples:
        raise InputError(f"The sound of {path} is empty; give a file with at least one sample.")
    if samples / rate < 0.9 * told - 1:
        raise InputError(
            f"{path} is cut off or damaged: of {told:.1f} s of sound {samples / rate:.1f} s can be "
            "read; get a whole copy of it."
        )
    return Sound(samples, rate), measured


def probe_audio(path: Path | str) -> Sound:
    """The exact length of a sound file, in constant memory; errors as ``measure_audio``."""
    sound, _ = measure_audio(path, lambda blocks, rate: None)
    return sound


def read_audio(path: Path | str) -> tuple[Tensor, int]:
    """(N,) mono float32 samples of a whole file and their rate; errors as ``measure_audio``."""
    sound, blocks = measure_audio(path, lambda blocks, rate: list(blocks))
    return torch.cat(blocks), sound.rate


def read_channels(path: Path | str) -> tuple[Tensor, int] | None:
    """A sound or video file as (1 or 2, N) samples and their rate; None if it has no sound.

    Raises InputError for a file that cannot be read, or breaks off.
    """
    with _container(path) as container:
        if not container.streams.audio:
            return None
    frames = sound_frames(path)
    first = next(frames, None)
    if first is None:
        return None
    layout = "mono" if first.layout.nb_channels == 1 else "stereo"
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=first.sample_rate)
    blocks = [
        block.to_ndarray()
        for frame in (first, *frames, None)  # the last one empties the resampler
        for block in resampler.resample(frame)
    ]
    return torch.from_numpy(np.concatenate(blocks, 1)), first.sample_rate


def stream_audio(path: Path | str, seconds_per_block: float = 10.0) -> Iterator[Tensor]:
    """A file's samples in mono float32 blocks of ``seconds_per_block`` (the last one shorter).

    Channels are averaged; samples that are not numbers become silence. A few damaged packets are
    left out with a warning. InputError if the file is missing, has no sound, or is mostly damaged.
    """
    held: list[Tensor] = []
    count = 0
    for frame in sound_frames(path):
        size = max(int(frame.sample_rate * seconds_per_block), 1)
        held.append(_mono(frame))
        count += frame.samples
        if count >= size:
            blocks = torch.cat(held).split(size)
            keep = -1 if len(blocks[-1]) < size else len(blocks)
            yield from blocks[:keep]
            held = list(blocks[keep:]) if keep == -1 else []
            count = sum(map(len, held))
    if count:
        yield torch.cat(held)


def waveform_frames(waveform: Tensor, rate: int) -> Iterator[av.AudioFrame]:
    """(C, N) samples at ``rate`` Hz as audio frames of a second; more than two channels become one.

    Samples that are not numbers become silence.
    """
    samples = waveform.detach().float().cpu()
    if len(samples) > 2:
        samples = samples.mean(0, keepdim=True)
    samples = torch.where(samples.isfinite(), samples, 0.0).clamp(-1, 1).numpy()
    for start in range(0, samples.shape[1], rate):
        block = np.ascontiguousarray(samples[:, start : start + rate])
        frame = av.AudioFrame.from_ndarray(block, "fltp", "mono" if len(block) == 1 else "stereo")
        frame.sample_rate = rate
        yield frame


def sound_frames(path: Path | str) -> Iterator[av.AudioFrame]:
    """Frames of a file's first sound track, as recorded; errors as ``stream_audio``."""
    with _opened(path) as (container, stream):
        yield from _decoded(container, stream, path)


def _container(path: Path | str):
    if not Path(path).is_file():
        raise InputError(f"There is no file {path}; give the path of a sound or video file.")
    try:
        return av.open(str(path))
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path} cannot be read as sound ({reason}); give a WAV, FLAC, MP3, M4A or video file."
        ) from error


@contextmanager
def _opened(path: Path | str):
    with _container(path) as container:
        if not container.streams.audio or not container.streams.audio[0].rate:
            raise InputError(f"{path} has no sound in it; give a file with an audio track.")
        yield container, container.streams.audio[0]


def _decoded(container, stream, path: Path | str) -> Iterator[av.AudioFrame]:
    """Frames as the decoder gives them, past damaged packets."""
    good, bad, rate = 0, 0, stream.rate
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            frames = packet.decode()
        except StopIteration:
            break
        except av.error.FFmpegError as error:
            bad += 1
            log.warning("%s: damaged sound left out (%s).", path, error.strerror)
            if isinstance(error, av.error.EOFError) or bad > 100 + good:
                break
            continue
        good += 1
        for frame in frames:
            if frame.sample_rate != rate:
                raise InputError(
                    f"{path} changes its sample rate from {rate} to {frame.sample_rate} Hz; "
                    "convert it to one rate first."
                )
            yield frame
    if bad > 2 + good // 20:
        raise InputError(f"The sound of {path} is damaged ({bad} of {bad + good} packets).")


def _mono(frame: av.AudioFrame) -> Tensor:
    """(N,) float32 mean of a frame's channels."""
    samples = frame.to_ndarray()
    kind = frame.format.name.removesuffix("p")
    if not frame.format.is_planar:
        samples = samples.reshape(frame.samples, -1).T
    samples = samples.astype(np.float64 if kind in ("s32", "s64", "dbl") else np.float32)
    if kind == "u8":
        samples -= 128
    mono = torch.from_numpy((samples / FULL_SCALE[kind]).mean(0)).float()
    return torch.where(mono.isfinite(), mono, 0.0)
