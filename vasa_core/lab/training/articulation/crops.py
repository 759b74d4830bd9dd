"""Training crops of the articulation net: sounds with a lips code and a phone class every 10 ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ....audio.articulation import EDGE, PHONES, ROWS_AHEAD, ROWS_BEHIND
from ....audio.reader import read_audio
from ....face.basis import FaceBasis
from ...data.lips import lip_codes
from ...data.noises import mixed, music, noise, reverberate
from .augment import augmented_mel
from .lip_model import STEP, LipTeacher, speaker_clips, timeline_of
from .phonemes import sample_classes
from .synthesis import to_16k
from .utterances import Utterance

ROWS = 75  # of a crop, 3 s
FRAMES = 4 * (ROWS + ROWS_BEHIND + ROWS_AHEAD - 1) + 2 * EDGE + 1
CENTRES = 4 * (np.arange(ROWS) + ROWS_BEHIND) + EDGE  # mel frame of each row
SPEEDS = tuple(range(131, 201))  # samples between mel frames; 160 is natural
SAMPLES = 160  # of a step of 10 ms at 16 kHz
CLOSING, OPENING = 22, 16  # steps in which lips go to rest, and leave it before a sound
BANK = 60  # noises, and pieces of music, of 20 s to draw from


@dataclass(frozen=True)
class Recording:
    """(N,) int16 sound, (n, 12) lips codes and (n,) phone classes, one per 10 ms."""

    sound: np.ndarray
    codes: np.ndarray
    classes: np.ndarray

    def cut(self, start: int, count: int) -> Recording:
        """``count`` steps from ``start`` on."""
        span = slice(start, start + count)
        sound = self.sound[start * SAMPLES : (start + count) * SAMPLES]
        return Recording(sound, self.codes[span], self.classes[span])


Groups = Mapping[str, tuple[float, list[Recording]]]
"""Recordings of a kind and how large a share of the crops they are; none of them is no speech."""


def synthetic_recording(utterance: Utterance, teacher: LipTeacher) -> Recording:
    """A timed utterance with the teacher's lips."""
    codes = teacher(utterance.phones, utterance.seconds).numpy()
    classes = sample_classes(utterance.phones, utterance.seconds, STEP)
    return _aligned(utterance.sound, codes, classes)


def filmed_recordings(data: Path) -> dict[str, Recording]:
    """The clips that teach lips, by name: real sound, lips as seen, 25 fps interpolated."""
    basis = FaceBasis.load()
    clips, words = speaker_clips(data)
    recordings = {}
    for clip in clips:
        samples, rate = read_audio(clip.entry.file)
        codes = lip_codes(clip, basis).numpy()
        seconds = len(codes) / 25
        time = np.arange(int(seconds * 100)) / 100
        codes = np.stack([np.interp(time, np.arange(len(codes)) / 25, c) for c in codes.T], 1)
        classes = sample_classes(timeline_of(words[clip.name]), seconds, STEP)
        sound = to_16k((samples * 32767).numpy(), rate)
        recordings[clip.name] = _aligned(sound, codes, classes)
    return recordings


def _aligned(sound: np.ndarray, codes: np.ndarray, classes: np.ndarray) -> Recording:
    steps = min(len(sound) // SAMPLES, len(codes), len(classes))
    return Recording(
        sound[: steps * SAMPLES], codes[:steps].astype(np.float16), classes[:steps].astype(np.int8)
    )


class CropSampler:
    """Random crops: speech cut and joined with pauses, in rooms, noise and music; or no speech.

    ``seed`` is that of the noises and music to draw from; the crops themselves follow from the
    generator that is given with each batch.
    """

    def __init__(self, groups: Groups, seed: int, bank: int = BANK):
        self.groups, self.names = groups, list(groups)
        self.share = np.array([groups[name][0] for name in self.names])
        rng = np.random.default_rng(seed)
        self.noises, self.musics = (
            [make(20 * 16000, rng) for _ in range(bank)] for make in (noise, music)
        )

    def batch(self, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """(B, M, 40) mel, (B, T, 12) codes, (B, T, 11) phone class shares."""
        sounds, hops, codes, classes = [], [], [], []
        for _ in range(size):
            hop = int(rng.choice(SPEEDS)) if rng.random() < 0.85 else SAMPLES
            steps = (FRAMES * hop + 512) // SAMPLES + 2
            crop = self._assembled(steps, rng)
            sounds.append(self._with_background(crop, rng))
            _silence_ends(sounds[-1], crop, rng)
            hops.append(hop)
            at = (256 + CENTRES * hop) / SAMPLES
            codes.append(_interpolated(crop.codes, at))
            near = np.clip((at[:, None] + np.array([-1.5, -0.5, 0.5, 1.5])).round(), 0, steps - 1)
            kinds = np.eye(len(PHONES), dtype=np.float32)[crop.classes[near.astype(int)]]
            classes.append(kinds.mean(1))
        mel = augmented_mel(sounds, hops, FRAMES, rng)
        codes, classes = (torch.from_numpy(np.stack(x)).float() for x in (codes, classes))
        return mel, codes, classes

    def _assembled(self, steps: int, rng: np.random.Generator) -> Recording:
        """Pieces of recordings of one group, with pauses between, ``steps`` long."""
        recordings = self.groups[self.names[rng.choice(len(self.names), p=self.share)]][1]
        if not recordings:
            return _pause(steps, np.zeros(12), np.zeros(12), rng)
        pieces: list[Recording] = []
        length = 0
        recording = recordings[rng.integers(len(recordings))]
        at = int(rng.integers(max(len(recording.codes) - 100, 1)))
        pause_soon = rng.random() < 0.35
        while length < steps:
            left = steps - length
            count = int(rng.integers(40, 200)) if pause_soon else left
            piece = recording.cut(at, min(count, left))
            pieces.append(piece)
            length += len(piece.codes)
            at += len(piece.codes)
            if length >= steps:
                break
            if at >= len(recording.codes) - 10:
                recording, at = recordings[rng.integers(len(recordings))], 0
            pause = int(rng.integers(35, 130))
            pieces.append(_pause(pause, piece.codes[-1], recording.codes[at], rng))
            length += pause
            pause_soon = False
        joined = [
            np.concatenate(x)
            for x in zip(*((p.sound, p.codes, p.classes) for p in pieces), strict=True)
        ]
        return Recording(*joined).cut(0, steps)

    def _with_background(self, crop: Recording, rng: np.random.Generator) -> np.ndarray:
        """(N,) float sound with room, noise and music."""
        sound = crop.sound.astype(np.float64) / 32768
        if not np.abs(crop.codes).sum() > 0:  # no speech
            kind = rng.random()
            level = 10 ** rng.uniform(-3.5, -0.7)
            if kind < 0.1:
                return sound
            other = _excerpt(self.musics if kind < 0.5 else self.noises, len(sound), rng)
            return sound + level * other * (_gate(len(sound), rng) if rng.random() < 0.5 else 1)
        if rng.random() < 0.3:
            sound = reverberate(sound, rng)
        kind = rng.random()
        if kind < 0.28:
            sound = mixed(sound, _excerpt(self.noises, len(sound), rng), rng.uniform(4, 30))
        elif kind < 0.43:
            sound = mixed(sound, _excerpt(self.musics, len(sound), rng), rng.uniform(2, 25))
        elif kind < 0.52:
            sound = mixed(sound, self._babble(len(sound), rng), rng.uniform(8, 30))
        return sound

    def _babble(self, count: int, rng: np.random.Generator) -> np.ndarray:
        voices = np.zeros(count)
        recordings = self.groups["synthetic"][1]
        for _ in range(5):
            voices += np.resize(recordings[rng.integers(len(recordings))].sound, count)
        return voices / (np.sqrt((voices**2).mean()) + 1e-9)


def _pause(
    steps: int, before: np.ndarray, after: np.ndarray, rng: np.random.Generator
) -> Recording:
    """Near silence; the lips go to rest in 0.22 s and leave it 0.16 s before the speech."""
    hush = rng.choice((0, 0, 3, 10, 40)) * rng.standard_normal(steps * SAMPLES)
    codes = before * _to_rest(np.arange(steps)) + after * _from_rest(steps)
    return Recording(hush, codes.astype(np.float32), np.zeros(steps, np.int8))


def _to_rest(steps: np.ndarray) -> np.ndarray:
    """(n, 1): 1 to 0 over the first 0.22 s."""
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(steps / CLOSING, 0, 1)[:, None])


def _from_rest(steps: int) -> np.ndarray:
    """(n, 1): 0 to 1 over the last 0.16 s."""
    return 0.5 + 0.5 * np.cos(np.pi * np.clip((steps - np.arange(steps)) / OPENING, 0, 1)[:, None])


def _silence_ends(sound: np.ndarray, crop: Recording, rng: np.random.Generator) -> None:
    """Some sounds begin or end within the crop: nothing is there before or after, in place."""
    steps = len(crop.codes)
    if rng.random() < 0.35:
        first = int(rng.integers(1, steps // 2))
        crop.codes[:first] = crop.codes[first] * _from_rest(first)
        crop.classes[:first] = 0
        sound[: first * SAMPLES] = 0
    if rng.random() < 0.2:
        last = int(rng.integers(steps // 2, steps))
        crop.codes[last:] = crop.codes[last - 1] * _to_rest(np.arange(1, steps - last + 1))
        crop.classes[last:] = 0
        sound[last * SAMPLES :] = 0


def _gate(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) loudness that jumps now and then, also to nothing."""
    edges = np.sort(rng.integers(0, count, rng.integers(1, 5)))
    gate = np.ones(count)
    for start, end in zip(edges, [*edges[1:], count], strict=True):
        gate[start:end] = rng.choice((0, 0, 0.1, 0.3, 1))
    return gate


def _excerpt(bank: list[np.ndarray], count: int, rng: np.random.Generator) -> np.ndarray:
    sound = bank[rng.integers(len(bank))]
    start = rng.integers(len(sound) - count)
    return sound[start : start + count]


def _interpolated(codes: np.ndarray, at: np.ndarray) -> np.ndarray:
    low = np.clip(at.astype(int), 0, len(codes) - 2)
    part = (at - low)[:, None].astype(np.float32)
    return codes[low].astype(np.float32) * (1 - part) + codes[low + 1].astype(np.float32) * part
