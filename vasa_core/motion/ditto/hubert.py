"""Ditto's audio features: a streaming HuBERT of the large size, published as an ONNX network.

It takes 6480 samples at 16 kHz at a time and gives 20 hidden states, 50 a second. Of these the ten
from the sixth on are kept; two make one motion frame. The network runs in the package onnxruntime,
which is asked for only when such a network is opened.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ...audio.stream import ROW, MakeRows, StreamEncoder
from ...errors import InputError

INPUT = "input_values"
WIDTH = 1024
SPAN = 6480  # samples that the network takes at once: ten frames and 80 samples
NEW = 5  # frames that a span gives
AHEAD = 2  # frames of sound that it takes after those
BEHIND = SPAN - (NEW + AHEAD) * ROW  # samples that it takes before them
FIRST, LAST = -2 * (NEW + AHEAD), -2 * AHEAD  # hidden states that are kept, from the end


class Session(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used."""

    def run(self, names: list[str] | None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Named inputs to all outputs."""
        ...


class HubertStream(StreamEncoder):
    """An audio encoder by the network of an ONNX file.

    ``session`` runs the network where it is given; else ``open_session`` makes one.
    """

    name = "hubert-streaming-1024"
    size = WIDTH
    behind = BEHIND
    ahead = AHEAD * ROW
    chunk = grain = NEW

    def __init__(
        self,
        path: str | Path = "hubert_streaming_fix_kv.onnx",
        device: torch.device | str = "cpu",
        session: Session | None = None,
    ):
        self.session = open_session(path, device) if session is None else session

    def row_maker(self, level: float | None) -> MakeRows:
        """The rows of any sound; they do not depend on its level."""
        return self.rows

    def rows(self, samples: Tensor, count: int) -> Tensor:
        """(count, 1024) features of 16 kHz samples that start ``BEHIND`` before the first row."""
        spans = ceil(count / NEW)
        samples = pad(samples, (0, BEHIND + (spans * NEW + AHEAD) * ROW - len(samples)))
        made = [self.span(samples[number * NEW * ROW :][:SPAN]) for number in range(spans)]
        return torch.cat(made)[:count]

    def span(self, samples: Tensor) -> Tensor:
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
        import onnxruntime  # pyright: ignore[reportMissingImports]  # optional
    except ImportError as error:
        raise InputError(
            "Ditto's audio encoder is an ONNX network, and the package that runs such networks is"
            " not installed: pip install onnxruntime, or vasa-open[photoreal]."
        ) from error
    wanted = ["CPUExecutionProvider"]
    if torch.device(device).type == "cuda":
        wanted.insert(0, "CUDAExecutionProvider")
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(path), providers=providers)
    except Exception as error:  # onnxruntime has no common class for what a bad file raises
        raise InputError(f"{path} cannot be run ({error}); get the file again.") from error
