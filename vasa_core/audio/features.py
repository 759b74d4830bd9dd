"""Sound to AudioFeatures: log-mel, energy, pitch and articulation, 25 rows a second."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from .articulation import (
    EDGE,
    LIPS,
    PHONES,
    ROWS_AHEAD,
    ROWS_BEHIND,
    ArticulationNet,
    LipPress,
    load_articulation,
)
from .resample import resample_stream
from .spectrum import (
    HOP,
    MEL_SPAN,
    PITCH_SPAN,
    RATE,
    LevelMeter,
    MelBank,
    frame_level,
    pitch,
    relative,
    running_level,
)
from .stream import ROW, MakeRows, StreamEncoder, to_mono

FEATURES = {
    "mel": slice(0, 40),  # log-mel relative to the sound's level; -2 silence, about 1 loud
    "energy": slice(40, 41),  # the same for the whole frame
    "pitch": slice(41, 42),  # octaves above 160 Hz, times the probability of voice
    "voiced": slice(42, 43),  # probability of voice
    "lips": slice(43, 43 + LIPS),  # lips code of the mesh space; 0 is closed and at rest
    "phones": slice(43 + LIPS, 43 + LIPS + len(PHONES)),  # probabilities of articulation.PHONES
}
FEATURE_SIZE = 43 + LIPS + len(PHONES)

FRAMES = ROW // HOP  # mel frames per row
BEHIND = ROWS_BEHIND + 3  # rows of sound before a chunk that it depends on
AHEAD = ROWS_AHEAD + 2
START_LEVEL = -6.5  # nats: where a running level starts, speech of about -28 dB


class ArticulationEncoder(StreamEncoder):
    """Turns sound into the audio features of the mesh space's motion model.

    Row t is centred on time t / 25 s and depends on the sound from 1.0 s before to 0.25 s after.
    """

    name = "articulation-1"
    size = FEATURE_SIZE
    behind = BEHIND * ROW
    ahead = AHEAD * ROW

    def __init__(self, net: ArticulationNet, press: LipPress, bank: MelBank):
        self.net, self.press, self.bank = net, press, bank

    @staticmethod
    def load() -> ArticulationEncoder:
        """The encoder with the embedded weights; it runs on the CPU."""
        return ArticulationEncoder(*load_articulation())

    def measure(self, blocks: Iterable[Tensor], rate: int) -> float:
        """Measure the loudness of a whole sound, in constant memory.

        Args:
            blocks: (N,) or (C, N) samples.
            rate: their rate in Hz.

        Returns:
            The level in nats.
        """
        meter = LevelMeter()
        held = torch.zeros(MEL_SPAN // 2)
        for piece in resample_stream(map(to_mono, blocks), rate, RATE):
            held = torch.cat([held, piece])
            if len(held) >= MEL_SPAN:
                levels = frame_level(self.bank.power(held))
                meter.add(levels)
                held = held[len(levels) * HOP :]
        return meter.level

    def row_maker(self, level: float | None) -> MakeRows:
        """What makes the rows of one sound, at a level or at the running level."""
        running = START_LEVEL

        def rows(samples: Tensor, count: int) -> Tensor:
            nonlocal running
            features, running = self.rows(samples, count, level, running)
            return features

        return rows

    @torch.no_grad()
    def rows(
        self, samples: Tensor, count: int, level: float | None, running: float
    ) -> tuple[Tensor, float]:
        """(count, F) features of 16 kHz samples from ``BEHIND`` rows before the first row to
        ``AHEAD`` after the last one.

        Without a ``level``, ``running`` is the running level at the start of the samples; what it
        is after these rows is returned for the next chunk.
        """
        power = self.bank.power(samples[ROW - MEL_SPAN // 2 :])  # frame 0 lies one row in
        levels = frame_level(power)
        reference: Tensor | float
        if level is None:
            reference = running_level(levels, running)
            running = float(reference[count * FRAMES - 1])
            mel = relative((power + 1e-12).log(), reference[:, None])
        else:
            reference = level
            mel = relative((power + 1e-12).log(), level)
        first = (BEHIND - 1) * FRAMES  # frame at the centre of the first row
        net_first = first - ROWS_BEHIND * FRAMES - EDGE
        net_last = first + (count - 1 + ROWS_AHEAD) * FRAMES + EDGE
        lips, logits = self.net(mel[None, net_first : net_last + 1])
        phones = logits[0].softmax(-1)
        energy = relative(levels, reference)[:, None]
        octaves, voiced = self._voice(samples, energy[first - 2 :], count)
        columns = [
            self._pool(mel[first - 2 :], count),
            self._pool(energy[first - 2 :], count),
            octaves,
            voiced,
            self.press.at_closures(lips[0], phones),
            phones,
        ]
        return torch.cat(columns, 1), running

    def _voice(self, samples: Tensor, energy: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """(count, 1) pitch times voice and (count, 1) voice; a faint hum is no voice."""
        start = BEHIND * ROW - 2 * HOP - PITCH_SPAN // 2
        stop = start + ((count - 1) * FRAMES + 4) * HOP + PITCH_SPAN
        octaves, voiced = pitch(samples[start:stop])
        voiced = voiced * torch.sigmoid((energy[: len(voiced), 0] - 0.3) / 0.15)
        columns = self._pool(torch.stack([octaves * voiced, voiced], 1), count)
        return columns[:, :1], columns[:, 1:]

    @staticmethod
    def _pool(frames: Tensor, count: int) -> Tensor:
        """(n, C) frames from two before the first row's centre on, to their (count, C) means."""
        weights = frames.new_tensor([0.125, 0.25, 0.25, 0.25, 0.125])
        windows = frames[: (count - 1) * FRAMES + 5].unfold(0, 5, FRAMES)  # (count, C, 5)
        return windows @ weights
