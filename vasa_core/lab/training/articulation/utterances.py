"""Recordings with timed phones, kept together in one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .phonemes import Phone


@dataclass(frozen=True)
class Utterance:
    """16 kHz mono sound (N,) int16, its phones (none if unknown) and where it comes from."""

    sound: np.ndarray
    phones: list[Phone]
    source: str
    voice: str

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.sound) / 16000


def save(path: Path, utterances: list[Utterance]) -> None:
    """Write a list of utterances."""
    count = [len(u.phones) for u in utterances]
    phones = [p for u in utterances for p in u.phones]
    np.savez(
        path,
        sound=np.concatenate([u.sound for u in utterances]),
        samples=np.array([len(u.sound) for u in utterances]),
        count=np.array(count),
        times=np.array([(p.start, p.end) for p in phones], np.float32),
        letters=np.array([p.letter for p in phones]),
        labels=np.array([(u.source, u.voice) for u in utterances]),
    )


def load(path: Path) -> list[Utterance]:
    """Read what ``save`` wrote."""
    with np.load(path) as z:
        sounds = np.split(z["sound"], z["samples"].cumsum()[:-1])
        phones = [
            Phone(float(a), float(b), str(c))
            for (a, b), c in zip(z["times"], z["letters"], strict=True)
        ]
        ends = z["count"].cumsum()
        labels = [(str(a), str(b)) for a, b in z["labels"]]
        return [
            Utterance(sound, phones[end - n : end], *label)
            for sound, end, n, label in zip(sounds, ends, z["count"], labels, strict=True)
        ]


def corpus(work: Path, name: str, make: Callable[[], list[Utterance]]) -> list[Utterance]:
    """Utterances kept in the work folder, made the first time."""
    path = work / f"{name}.npz"
    if not path.exists():
        save(path, make())
    return load(path)
