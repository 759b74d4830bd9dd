"""A model's motion for speech without video: languages, singing, noise, silence, timed voices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...face.basis import PARTS
from ...motion.vectorize import smooth_vectors
from ...types import AudioFeatures
from ..data.index import has_index
from ..data.media import read_speech, speech_entries
from ..data.noises import mixed, music, noise
from ..scorers.sync import sync_of
from .heads import head_measures
from .lips import closures, timed_voices
from .measures import Row
from .model_under_test import ModelUnderTest
from .talking import Judges

PAUSE, SETTLE = 2, 9  # seconds of a pause; frames from its ends in which lips come to rest
QUIET_SECONDS, LONG_SECONDS = 10, 600


@dataclass(frozen=True, slots=True)
class Speech:
    """A sound (N,) of a group: a language, "singing", "noisy" (in noise or music)."""

    name: str
    group: str
    sound: Tensor
    rate: int


def speeches(data: Path) -> list[Speech]:
    """The speech of a corpus, English first."""
    return [Speech(entry.name, entry.group, *read_speech(entry)) for entry in speech_entries(data)]


def beginning(tested: ModelUnderTest, speech: Speech, seconds: float) -> AudioFeatures:
    """What the model hears of the first seconds of a speech."""
    return tested.features(speech.sound[: int(seconds * speech.rate)], speech.rate)


def language_rows(
    tested: ModelUnderTest, judges: Judges, spoken: list[Speech], seeds: range
) -> Iterator[Row]:
    """Sync, alignment, head and blinks for every sound, by language."""
    sounds = [judges.heard(speech.sound, speech.rate) for speech in spoken]
    for number, speech in enumerate(spoken):
        heard = tested.features(speech.sound, speech.rate)
        for seed in seeds:
            motion = tested.speak(heard, seed)
            lips = motion.dynamics[:, PARTS["lips"]]
            sync = sync_of(judges.sync, speech.sound, speech.rate, lips)
            values = head_measures(motion) | {
                "sync": sync.confidence,
                "sync_offset": abs(sync.offset),
                "alignment": judges.in_step(motion, sounds[number]),
            }
            for name, value in values.items():
                yield Row(name, speech.group, "model", speech.name, value)
            other = judges.out_of_step(motion, sounds, number)
            yield Row("alignment", speech.group, "shuffled", speech.name, other)


def closure_rows(tested: ModelUnderTest, judges: Judges, data: Path, seeds: range) -> Iterator[Row]:
    """Lips on timed p, b, m, and on consonants that need no closure; one seed a voice."""
    for group, voices in timed_voices(data, "test").items():
        for number, (sound, rate, spans) in enumerate(voices):
            seed = seeds[number % len(seeds)]
            motion = tested.speak(tested.features(sound, rate), seed)
            hits = closures(motion.dynamics[:, PARTS["lips"]], spans, judges.lips)
            for kind, name in (("p b m", "closed"), ("others", "closed_others")):
                for place, hit in enumerate(hits[kind]):
                    yield Row(name, group, "model", f"{number}.{place}", float(hit))


def with_pauses(speech: Speech) -> tuple[Tensor, Tensor]:
    """A speech that begins, stops in the middle and ends with a pause; (T,) deep in a pause."""
    pause = torch.zeros(PAUSE * speech.rate)
    middle = len(speech.sound) // 2
    parts = (pause, speech.sound[:middle], pause, speech.sound[middle:], pause)
    deep, at = torch.zeros(sum(map(len, parts)) * 25 // speech.rate, dtype=torch.bool), 0
    for number, part in enumerate(parts):
        if number % 2 == 0:
            start, end = (round(25 * edge / speech.rate) for edge in (at, at + len(part)))
            deep[start + SETTLE : end - SETTLE] = True
        at += len(part)
    return torch.cat(parts), deep


def quiet_rows(tested: ModelUnderTest, judges: Judges, speech: Speech) -> Iterator[Row]:
    """Gap of the lips when nobody speaks: silence, noise, and pauses under noise and music."""
    chance = np.random.default_rng(0)
    count = QUIET_SECONDS * 16000
    for name, sound in {"silence": np.zeros(count), "noise": 0.1 * noise(count, chance)}.items():
        yield _gap(tested, judges, name, name, torch.from_numpy(sound).float(), None)
    sound, pauses = with_pauses(speech)
    yield _gap(tested, judges, "pauses", "clean", sound, pauses, speech.rate)
    for name, make in (("noise", noise), ("music", music)):
        for decibels in (20, 10):
            worn = mixed(sound.numpy().astype(float), make(len(sound), chance), decibels)
            worn = torch.from_numpy(worn).float()
            label = f"{name}, {decibels} dB"
            yield _gap(tested, judges, f"pauses under {name}", label, worn, pauses, speech.rate)


def _gap(tested, judges, group: str, item: str, sound: Tensor, where, rate: int = 16000) -> Row:
    motion = tested.speak(tested.features(sound, rate))
    gap = motion.dynamics[:, PARTS["lips"]] @ judges.lips.opening
    gap = gap if where is None else gap[: len(where)][where[: len(gap)]]
    return Row("rest_gap", group, "model", item, 100 * float(gap.clamp(min=0).quantile(0.95)))


def drift_rows(tested: ModelUnderTest, spoken: list[Speech]) -> Iterator[Row]:
    """Does motion stay what it is over a long speech? Of the mesh space's numbers, first and last
    minute compared: the largest shift of a mean, in spreads of the first minute."""
    sounds = [tested.features(speech.sound, speech.rate) for speech in spoken]
    frames, minute = int(LONG_SECONDS * sounds[0].fps), int(60 * sounds[0].fps)
    features = torch.cat([sound.features for sound in sounds])
    features = features.repeat(-(-frames // len(features)), 1)[:frames]
    long = replace(sounds[0], features=features, duration=Fraction(LONG_SECONDS))
    first, last = (
        smooth_vectors(part).float()
        for motion in [tested.speak(long)]
        for part in (motion[:minute], motion[-minute:])
    )
    shift = ((last.mean(0) - first.mean(0)).abs() / first.std(0).clamp(min=1e-6)).max()
    yield Row("drift", "ten minutes", "model", "all speech", float(shift))


def speaking_rows(
    tested: ModelUnderTest, judges: Judges, spoken: list[Speech], data: Path, seeds: range
) -> Iterator[Row]:
    """Every measure on sound alone."""
    yield from language_rows(tested, judges, spoken, seeds)
    if has_index(data, "voices"):
        yield from closure_rows(tested, judges, data, seeds)
    yield from quiet_rows(tested, judges, spoken[0])
    if tested.space is tested.reader:  # others would have to render ten minutes
        yield from drift_rows(tested, spoken)
