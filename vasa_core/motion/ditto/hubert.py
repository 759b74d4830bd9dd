"""What Ditto hears: a streaming HuBERT of the large size, published as an ONNX network.

It hears 6480 samples at 16 kHz at a time and gives 20 hidden states, 50 a second. Of these the ten
from the sixth on are kept; two make one motion frame. The network runs in the package onnxruntime,
which is asked for only when such a network is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...audio.features import tame
from ...audio.resample import resample_stream
from ...audio.waveform import FPS, RATE, ROW
from ...errors import InputError
from ...types import AudioFeatures

INPUT = "input_values"
WIDTH = 1024
SPAN = 6480  # samples that the network hears at once: ten frames and 80 samples
NEW = 5  # frames that a span gives
AHEAD = 2  # frames of sound that it hears after those
BEHIND = SPAN - (NEW + AHEAD) * ROW  # samples that it hears before them
FIRST, LAST = -2 * (NEW + AHEAD), -2 * AHEAD  # hidden states that are kept, from the end


class Session(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used."""

    def run(self, names: list[str] | None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Named inputs to all outputs."""


class HubertStream:
    """Implements ``vasa_core.interfaces.AudioEncoder`` by the network of an ONNX file.

    ``session`` runs the network where it is given; else ``open_session`` makes one.
    """

    name = "hubert-streaming-1024"
    fps = FPS

    def __init__(
        self,
        path: str | Path = "hubert_streaming_fix_kv.onnx",
        device: torch.device | str = "cpu",
        session: Session | None = None,
    ):
        self.session = open_session(path, device) if session is None else session

    def measure(self, blocks: Iterable[Tensor], rate: int) -> float:
        """0: the network does not depend on how loud the whole sound is. Reads no block."""
        return 0.0

    def encode(self, waveform: Tensor, rate: int) -> AudioFeatures:
        """(N,) or (C, N) samples at ``rate`` Hz to (T, 1024) features; T = ceil(25 N / rate)."""
        pieces = list(self.stream(waveform.split(rate * 10, -1), rate))
        rows = torch.cat([torch.zeros(0, WIDTH), *(piece.features for piece in pieces)])
        return AudioFeatures(rows, self.name, FPS, Fraction(waveform.shape[-1], rate))

    def stream(
        self, blocks: Iterable[Tensor], rate: int, level: float | None = None
    ) -> Iterator[AudioFeatures]:
        """Features of a sound that comes in (N,) or (C, N) blocks, five rows a piece.

        The pieces' durations add up to the sound's. Before and after the sound is silence.
        """
        received = done = 0

        def counted() -> Iterator[Tensor]:
            nonlocal received
            for block in blocks:
                received += block.shape[-1]
                yield tame(block).cpu()

        held = torch.zeros(BEHIND)  # sound from BEHIND before row ``done`` on
        for piece in resample_stream(counted(), rate, RATE):
            held = torch.cat([held, piece])
            while len(held) >= SPAN:
                yield AudioFeatures(self.rows(held[:SPAN]), self.name, FPS, NEW / FPS)
                held, done = held[NEW * ROW :], done + NEW
        rest = Fraction(received, rate) - done / FPS
        while rest > 0:
            count, length = min(ceil(rest * FPS), NEW), min(NEW / FPS, rest)
            heard = torch.cat([held[:SPAN], torch.zeros(max(SPAN - len(held), 0))])
            yield AudioFeatures(self.rows(heard)[:count], self.name, FPS, length)
            held, rest = held[NEW * ROW :], rest - length

    def rows(self, samples: Tensor) -> Tensor:
        """(6480,) samples to (5, 1024) features of the frames from sample 2000 on."""
        (states, *_) = self.session.run(None, {INPUT: samples[None].numpy()})
        states = torch.from_numpy(np.asarray(states, np.float32)).reshape(-1, WIDTH)
        return states[FIRST:LAST].unflatten(0, (NEW, 2)).mean(1)


def open_session(path: str | Path, device: torch.device | str = "cpu") -> Session:
    """What runs the network of an ONNX file, on a CUDA device where onnxruntime can use it.

    Raises InputError for a missing or broken file, and where onnxruntime is not installed.
    """
    if not Path(path).is_file():
        raise InputError(f"{path} does not exist; give Ditto's hubert_streaming_fix_kv.onnx.")
    try:  # imported here: only this model needs it, and few have it
        import onnxruntime
    except ImportError as error:
        raise InputError(
            "Ditto hears with an ONNX network, and the package that runs such networks is not"
            " installed: pip install onnxruntime. JoyVASA does without it."
        ) from error
    wanted = ["CPUExecutionProvider"]
    if torch.device(device).type == "cuda":
        wanted.insert(0, "CUDAExecutionProvider")
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(path), providers=providers)
    except Exception as error:  # onnxruntime has no common class for what a bad file raises
        raise InputError(f"{path} cannot be run ({error}); get the file again.") from error
