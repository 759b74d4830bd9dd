"""The sound itself as AudioFeatures: for motion models that bring an audio encoder of their own."""

from __future__ import annotations

from torch import Tensor

from .stream import ROW, MakeRows, StreamEncoder


class WaveformEncoder(StreamEncoder):
    """Cuts sound at 16 kHz into rows of 640 samples, mono, neither centred nor scaled.

    ``lead`` silent rows come first; what they push beyond the end of the sound is dropped. Zeros
    fill up the last row.
    """

    name = "waveform-16000"
    size = ROW

    def __init__(self, lead: int = 0):
        self.behind = lead * ROW

    def row_maker(self, level: float | None) -> MakeRows:
        """The rows of any sound; they do not depend on its level."""
        return self.rows

    @staticmethod
    def rows(samples: Tensor, count: int) -> Tensor:
        """(count, 640) rows of 16 kHz samples that start ``lead`` rows before the first row."""
        return samples[: count * ROW].view(count, ROW)
