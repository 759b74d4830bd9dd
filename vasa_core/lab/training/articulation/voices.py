"""Natural voices with phone times: the synthesiser reads the same text, its times are warped over.

Only voices that the index lets train: their licence must let sound train shipped weights. Voices
held out that have phone times of their own, in ARPABET, serve as a test of the warping.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import torch

from ....audio.reader import read_audio
from ....audio.spectrum import (
    HOP,
    MEL_SPAN,
    RATE,
    LevelMeter,
    MelBank,
    frame_level,
    mel_filters,
    relative,
)
from ...data.index import Entry, read_index
from .phonemes import SILENCE, Phone, arpabet_phones
from .synthesis import FLITE_VOICES, flite, to_16k
from .utterances import Utterance

log = logging.getLogger(__name__)


def voices(data: Path, split: str) -> list[Entry]:
    """The voices of a split."""
    return [e for e in read_index(data, "voices") if e.split_for("articulation") == split]


def read_voice(clip: Entry) -> np.ndarray:
    """(N,) int16 at 16 kHz."""
    samples, rate = read_audio(clip.file)
    return to_16k((samples * 32767).numpy(), rate)


def timbre(sound: np.ndarray, bank: MelBank) -> np.ndarray:
    """(N,) int16 to (n, 39) normalised cepstra and their slopes, 100 a second."""
    samples = torch.from_numpy(sound / 32768.0).float()
    power = bank.power(torch.nn.functional.pad(samples, (MEL_SPAN // 2, MEL_SPAN // 2)))
    meter = LevelMeter()
    meter.add(frame_level(power))
    mel = relative((power + 1e-12).log(), meter.level).numpy()
    cepstra = librosa.feature.mfcc(S=mel.T, n_mfcc=14)
    speech = mel.mean(1) > -1.4
    speech = speech if speech.sum() > 20 else np.ones_like(speech)
    centre, width = cepstra[:, speech].mean(1), cepstra[:, speech].std(1)
    cepstra = (cepstra - centre[:, None]) / width[:, None]
    cepstra[0] *= 1.5
    slopes = librosa.feature.delta(cepstra, width=5)
    return np.concatenate([cepstra, 1.5 * slopes]).T


def warped(sound: np.ndarray, reading: Utterance, bank: MelBank) -> tuple[float, list[Phone]]:
    """Cost per frame of warping a timed reading onto the sound, and the phones in its time."""
    ours, theirs = timbre(sound, bank), timbre(reading.sound, bank)
    steps = np.array([[1, 1], [1, 0], [0, 1]])
    cost, path = librosa.sequence.dtw(
        theirs.T,
        ours.T,
        metric="cosine",
        step_sizes_sigma=steps,
        weights_add=np.array([0, 0.1, 0.1]),
    )
    path = path[::-1]
    times = np.array([path[path[:, 0] == i, 1].mean() for i in range(len(theirs))])
    times = np.maximum.accumulate(times)
    step = HOP / RATE

    def moved(time):
        return float(np.interp(time / step, np.arange(len(times)) + 0.5, times + 0.5)) * step

    phones = [Phone(moved(p.start), moved(p.end), p.letter) for p in reading.phones]
    return float(cost[-1, -1] / len(path)), phones


def align(sound: np.ndarray, text: str, bank: MelBank) -> tuple[float, list[Phone]]:
    """The cheapest warping over the readings of several flite voices."""
    text = text.lower().replace(".", ",")
    readings = [flite(text, voice, 1.0) for voice in FLITE_VOICES[1:4]]
    return min((warped(sound, reading, bank) for reading in readings), key=lambda pair: pair[0])


def with_pauses(utterance: Utterance, bank: MelBank, shortest: float = 0.18) -> Utterance:
    """The speaker pauses where the reading did not: phones make way for what is plainly quiet."""
    samples = torch.from_numpy(utterance.sound / 32768.0).float()
    levels = frame_level(bank.power(torch.nn.functional.pad(samples, (MEL_SPAN // 2,) * 2)))
    loud, floor = levels.quantile(0.95), levels.quantile(0.02)
    quiet = (levels < torch.minimum(loud - 3.5, floor + 0.35 * (loud - floor))).numpy()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet, [0]])))
    phones = utterance.phones
    for start, end in edges.reshape(-1, 2) * HOP / RATE:
        if end - start >= shortest:
            phones = _without(phones, float(start), float(end))
    return replace(utterance, phones=phones)


def _without(phones: list[Phone], start: float, end: float) -> list[Phone]:
    """The phones with silence from start to end."""
    before = [Phone(p.start, min(p.end, start), p.letter) for p in phones if p.start < start]
    after = [Phone(max(p.start, end), p.end, p.letter) for p in phones if p.end > end]
    return [*before, Phone(start, end, SILENCE), *after]


def natural_corpus(data: Path, worst: float = 0.15) -> list[Utterance]:
    """Every usable clip, aligned; the ``worst`` share by cost is left out."""
    bank, made = MelBank(mel_filters()), []
    for clip in voices(data, "train"):
        sound = read_voice(clip)
        try:
            cost, phones = align(sound, clip.transcript, bank)
        except (KeyError, ValueError):
            continue
        utterance = Utterance(sound, phones, clip.source, clip.speaker)
        made.append((cost, with_pauses(utterance, bank)))
    made.sort(key=lambda pair: pair[0])
    return [utterance for _, utterance in made[: int(len(made) * (1 - worst))]]


def alignment_error(data: Path) -> dict[str, float]:
    """Errors of the start of p, b, m in seconds, on clips with phone times of their own."""
    bank, errors = MelBank(mel_filters()), []
    for clip in voices(data, "held_out"):
        if clip.phones != "arpabet" or clip.alignment is None:
            continue
        real = arpabet_phones(json.loads(clip.alignment.read_text("utf8"))["phones"])
        _, made = align(read_voice(clip), clip.transcript, bank)
        starts = np.array([p.start for p in made if p.letter in "pbm"])
        errors += [np.abs(starts - p.start).min() for p in real if p.letter in "pbm"]
    found = np.array(errors)
    shares = {f"within {ms} ms": round(float((found <= ms / 1000).mean()), 2) for ms in (20, 40)}
    return {"count": len(found), "median": round(float(np.median(found)), 4), **shares}
