"""The training material: sounds with a lips code and a phone class every 10 ms, and crops of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ....audio.articulation import EDGE, ROWS_AHEAD, ROWS_BEHIND
from ....audio.reader import read_audio
from ....face.basis import FaceBasis
from ...data.lips import lip_codes
from ...data.noises import mixed, music, noise, reverberate
from .augment import heard
from .lip_model import STEP, LipTeacher, speaker_clips, timeline_of
from .phonemes import sample_classes
from .synthesis import to_16k
from .utterances import Utterance

ROWS = 75  # of a crop, 3 s
FRAMES = 4 * (ROWS + ROWS_BEHIND + ROWS_AHEAD - 1) + 2 * EDGE + 1
CENTRES = 4 * (np.arange(ROWS) + ROWS_BEHIND) + EDGE  # mel frame of each row
SPEEDS = tuple(range(131, 201))  # samples between mel frames; 160 is natural


@dataclass(frozen=True)
class Take:
    """(N,) int16 sound, (n, 12) lips codes and (n,) phone classes, one per 10 ms."""

    sound: np.ndarray
    codes: np.ndarray
    classes: np.ndarray


def take_of(utterance: Utterance, teacher: LipTeacher) -> Take:
    """A timed utterance with the teacher's lips."""
    codes = teacher(utterance.phones, utterance.seconds).numpy()
    classes = sample_classes(utterance.phones, utterance.seconds, STEP)
    return _trimmed(utterance.sound, codes, classes)


def seen_takes(data: Path) -> dict[str, Take]:
    """The clips that teach lips, by name: real sound, lips as seen, 25 fps interpolated."""
    basis = FaceBasis.load()
    clips, words = speaker_clips(data)
    takes = {}
    for clip in clips:
        samples, rate = read_audio(clip.entry.file)
        codes = lip_codes(clip, basis).numpy()
        seconds = len(codes) / 25
        time = np.arange(int(seconds * 100)) / 100
        codes = np.stack([np.interp(time, np.arange(len(codes)) / 25, c) for c in codes.T], 1)
        classes = sample_classes(timeline_of(words[clip.name]), seconds, STEP)
        takes[clip.name] = _trimmed(to_16k((samples * 32767).numpy(), rate), codes, classes)
    return takes


def _trimmed(sound: np.ndarray, codes: np.ndarray, classes: np.ndarray) -> Take:
    steps = min(len(sound) // 160, len(codes), len(classes))
    return Take(
        sound[: steps * 160], codes[:steps].astype(np.float16), classes[:steps].astype(np.int8)
    )


class CropMaker:
    """Random crops: speech cut and joined with pauses, in rooms, noise and music; or no speech."""

    def __init__(self, groups: dict[str, tuple[float, list[Take]]], seed: int):
        self.random = np.random.default_rng(seed)
        self.names = list(groups)
        self.share = np.array([groups[name][0] for name in self.names])
        self.groups = groups
        bank = [make(20 * 16000, self.random) for make in (noise, music) for _ in range(60)]
        self.noises, self.musics = bank[:60], bank[60:]

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B, M, 40) mel, (B, T, 12) codes, (B, T, 11) phone class shares."""
        sounds, hops, codes, classes = [], [], [], []
        for _ in range(size):
            hop = int(self.random.choice(SPEEDS)) if self.random.random() < 0.85 else 160
            steps = (FRAMES * hop + 512) // 160 + 2
            take = self._assembled(steps)
            sounds.append(self._worn(take))
            self._bound(sounds[-1], take)
            hops.append(hop)
            at = (256 + CENTRES * hop) / 160
            codes.append(_interpolated(take.codes, at))
            near = np.clip((at[:, None] + np.array([-1.5, -0.5, 0.5, 1.5])).round(), 0, steps - 1)
            classes.append(np.eye(11, dtype=np.float32)[take.classes[near.astype(int)]].mean(1))
        mel = heard(sounds, hops, FRAMES, self.random)
        stacked = (torch.from_numpy(np.stack(x)).float() for x in (codes, classes))
        return mel, *stacked

    def _assembled(self, steps: int) -> Take:
        """Pieces of takes of one group, with pauses between, ``steps`` long."""
        group = self.names[self.random.choice(len(self.names), p=self.share)]
        takes = self.groups[group][1]
        pieces: list[Take] = []
        length = 0
        if not takes:
            return self._pause(steps, np.zeros(12), np.zeros(12))
        take, at = self._somewhere(takes)
        pause_soon = self.random.random() < 0.35
        while length < steps:
            left = steps - length
            count = self.random.integers(40, 200) if pause_soon else left
            piece = _cut(take, at, min(count, left))
            pieces.append(piece)
            length += len(piece.codes)
            at += len(piece.codes)
            if length >= steps:
                break
            if at >= len(take.codes) - 10:
                take, at = self._somewhere(takes, start=True)
            pause = int(self.random.integers(35, 130))
            pieces.append(self._pause(pause, piece.codes[-1], take.codes[at]))
            length += pause
            pause_soon = False
        joined = [
            np.concatenate(x)
            for x in zip(*((p.sound, p.codes, p.classes) for p in pieces), strict=True)
        ]
        return Take(joined[0][: steps * 160], joined[1][:steps], joined[2][:steps])

    def _somewhere(self, takes: list[Take], start: bool = False) -> tuple[Take, int]:
        take = takes[self.random.integers(len(takes))]
        last = max(len(take.codes) - 100, 1)
        return take, 0 if start else int(self.random.integers(last))

    def _pause(self, steps: int, before: np.ndarray, after: np.ndarray) -> Take:
        """Near silence; the lips go to rest in 0.22 s and leave it 0.16 s before the speech."""
        hush = self.random.choice((0, 0, 3, 10, 40)) * self.random.standard_normal(steps * 160)
        out = np.clip(np.arange(steps) / 22, 0, 1)[:, None]
        back = np.clip((steps - np.arange(steps)) / 16, 0, 1)[:, None]
        codes = before * (0.5 + 0.5 * np.cos(np.pi * out)) + after * (
            0.5 + 0.5 * np.cos(np.pi * back)
        )
        return Take(hush, codes.astype(np.float32), np.zeros(steps, np.int8))

    def _worn(self, take: Take) -> np.ndarray:
        """(N,) float sound with room, noise and music."""
        random = self.random
        sound = take.sound.astype(np.float64) / 32768
        speech = np.abs(take.codes).sum() > 0
        if not speech:
            kind = random.random()
            level = 10 ** random.uniform(-3.5, -0.7)
            if kind < 0.1:
                return sound
            other = self._some(self.musics if kind < 0.5 else self.noises, len(sound))
            return sound + level * other * (self._gate(len(sound)) if random.random() < 0.5 else 1)
        if random.random() < 0.3:
            sound = reverberate(sound, random)
        kind = random.random()
        if kind < 0.28:
            sound = mixed(sound, self._some(self.noises, len(sound)), random.uniform(4, 30))
        elif kind < 0.43:
            sound = mixed(sound, self._some(self.musics, len(sound)), random.uniform(2, 25))
        elif kind < 0.52:
            sound = mixed(sound, self._babble(len(sound)), random.uniform(8, 30))
        return sound

    def _bound(self, sound: np.ndarray, take: Take) -> None:
        """Some sounds begin or end within the crop: nothing is there before or after, in place."""
        steps = len(take.codes)
        if self.random.random() < 0.35:
            first = int(self.random.integers(1, steps // 2))
            back = np.clip((first - np.arange(first)) / 16, 0, 1)[:, None]
            take.codes[:first] = take.codes[first] * (0.5 + 0.5 * np.cos(np.pi * back))
            take.classes[:first] = 0
            sound[: first * 160] = 0
        if self.random.random() < 0.2:
            last = int(self.random.integers(steps // 2, steps))
            out = np.clip(np.arange(1, steps - last + 1) / 22, 0, 1)[:, None]
            take.codes[last:] = take.codes[last - 1] * (0.5 + 0.5 * np.cos(np.pi * out))
            take.classes[last:] = 0
            sound[last * 160 :] = 0

    def _gate(self, count: int) -> np.ndarray:
        """(count,) loudness that jumps now and then, also to nothing."""
        edges = np.sort(self.random.integers(0, count, self.random.integers(1, 5)))
        gate = np.ones(count)
        for start, end in zip(edges, [*edges[1:], count], strict=True):
            gate[start:end] = self.random.choice((0, 0, 0.1, 0.3, 1))
        return gate

    def _some(self, bank: list[np.ndarray], count: int) -> np.ndarray:
        sound = bank[self.random.integers(len(bank))]
        at = self.random.integers(len(sound) - count)
        return sound[at : at + count]

    def _babble(self, count: int) -> np.ndarray:
        voices = np.zeros(count)
        takes = self.groups["synthetic"][1]
        for _ in range(5):
            sound = takes[self.random.integers(len(takes))].sound
            voices += np.resize(sound, count)
        return voices / (np.sqrt((voices**2).mean()) + 1e-9)


def _cut(take: Take, at: int, count: int) -> Take:
    return Take(
        take.sound[at * 160 : (at + count) * 160],
        take.codes[at : at + count],
        take.classes[at : at + count],
    )


def _interpolated(codes: np.ndarray, at: np.ndarray) -> np.ndarray:
    low = np.clip(at.astype(int), 0, len(codes) - 2)
    part = (at - low)[:, None].astype(np.float32)
    return codes[low].astype(np.float32) * (1 - part) + codes[low + 1].astype(np.float32) * part
