"""Sound to AudioFeatures: log-mel, energy, pitch and articulation, 25 rows a second.

Everything is worked out chunk by chunk from the samples around the chunk, so a stream of any length
needs the same memory and gives the same rows as the whole sound. Before and after it is silence.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor

from ..types import AudioFeatures
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

log = logging.getLogger(__name__)

FPS = Fraction(25)
FEATURES = {
    "mel": slice(0, 40),  # log-mel relative to the sound's level; -2 silence, about 1 loud
    "energy": slice(40, 41),  # the same for the whole frame
    "pitch": slice(41, 42),  # octaves above 160 Hz, times the probability of voice
    "voiced": slice(42, 43),  # probability of voice
    "lips": slice(43, 43 + LIPS),  # lips code of the mesh space; 0 is closed and at rest
    "phones": slice(43 + LIPS, 43 + LIPS + len(PHONES)),  # probabilities of articulation.PHONES
}
FEATURE_SIZE = 43 + LIPS + len(PHONES)

ROW = RATE // 25  # samples per row
FRAMES = ROW // HOP  # mel frames per row
BEHIND = ROWS_BEHIND + 3  # rows of sound before a chunk that it depends on
AHEAD = ROWS_AHEAD + 2
CHUNK = 250  # rows
START_LEVEL = -6.5  # nats: where a running level starts, speech of about -28 dB


def tame(waveform: Tensor) -> Tensor:
    """(N,) or (C, N) samples to (N,) mono float32; NaN and infinite samples become silence."""
    mono = waveform.float().mean(0) if waveform.ndim == 2 else waveform.float()
    broken = ~mono.isfinite()
    if broken.any():
        log.warning("%d samples of the sound are not numbers; taken as silence.", broken.sum())
        mono = torch.where(broken, 0.0, mono)
    return mono.clamp(-8, 8)


class AudioEncoder:
    """Turns sound into what the motion models of the mesh space hear.

    Row t is centred on time t / 25 s and depends on the sound from 1.0 s before to 0.25 s after.
    """

    name = "articulation-1"
    fps = FPS

    def __init__(self, net: ArticulationNet, press: LipPress, bank: MelBank):
        self.net, self.press, self.bank = net, press, bank

    @staticmethod
    def load() -> AudioEncoder:
        """With the embedded weights; runs on the CPU."""
        return AudioEncoder(*load_articulation())

    def measure(self, blocks: Iterable[Tensor], rate: int) -> float:
        """Level of a whole sound in nats, from its (N,) or (C, N) blocks, in constant memory."""
        meter = LevelMeter()
        held = torch.zeros(MEL_SPAN // 2)
        for piece in resample_stream(map(tame, blocks), rate, RATE):
            held = torch.cat([held, piece])
            if len(held) >= MEL_SPAN:
                levels = frame_level(self.bank.power(held))
                meter.add(levels)
                held = held[len(levels) * HOP :]
        return meter.level

    def encode(self, waveform: Tensor, rate: int) -> AudioFeatures:
        """(N,) or (C, N) samples at ``rate`` Hz to their features; T = ceil(25 N / rate)."""
        blocks = tame(waveform).split(rate * 10)
        pieces = list(self.stream(blocks, rate, self.measure(blocks, rate)))
        features = torch.cat([torch.zeros(0, FEATURE_SIZE), *(p.features for p in pieces)])
        return AudioFeatures(features, self.name, FPS, Fraction(waveform.shape[-1], rate))

    def stream(
        self, blocks: Iterable[Tensor], rate: int, level: float | None = None, chunk: int = CHUNK
    ) -> Iterator[AudioFeatures]:
        """Features of a sound that comes in (N,) or (C, N) blocks, in pieces of ``chunk`` rows.

        ``level`` is what ``measure`` says of the whole sound; None follows the loudness so far.
        The pieces' durations add up to the sound's. Equal to ``encode`` at the same level.
        """
        running = None if level is not None else START_LEVEL
        received = 0

        def counted():
            nonlocal received
            for block in blocks:
                received += block.shape[-1]
                yield tame(block)

        held = torch.zeros(BEHIND * ROW)  # sound from row ``done - BEHIND`` on
        done = 0
        for piece in resample_stream(counted(), rate, RATE):
            held = torch.cat([held, piece])
            while len(held) >= (BEHIND + chunk + AHEAD) * ROW:
                features, running = self.rows(held, chunk, level, running)
                yield AudioFeatures(features, self.name, FPS, chunk / FPS)
                held, done = held[chunk * ROW :], done + chunk
        duration = Fraction(received, rate) - done / FPS
        while duration > 0:
            count = min(ceil(duration * FPS), chunk)
            missing = (BEHIND + count + AHEAD) * ROW - len(held)
            padded = torch.cat([held, torch.zeros(max(missing, 0))])
            features, running = self.rows(padded, count, level, running)
            length = min(count / FPS, duration)
            yield AudioFeatures(features, self.name, FPS, length)
            held, duration = held[count * ROW :], duration - length

    @torch.no_grad()
    def rows(
        self, samples: Tensor, count: int, level: float | None, running: float | None
    ) -> tuple[Tensor, float | None]:
        """(count, F) features of 16 kHz samples that start ``BEHIND`` rows before the first row.

        ``running`` is the running level at the start of the samples, returned for the next chunk.
        """
        samples = samples[: (BEHIND + count + AHEAD) * ROW]
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
