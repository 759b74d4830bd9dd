"""Measures of lips: against the real ones, on sounds that close them, and when nobody speaks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from ...audio.features import FEATURES
from ...audio.reader import read_audio
from ...face.canonical import mouth_opening, mouth_width
from ..data.clips import RealClip
from ..data.index import read_index
from ..data.lips import LipMeasures, correlation
from ..training.articulation.phonemes import arpabet_phones

MAX_LAG = 6  # frames of lag that are searched
SHUT = 0.15  # of the 95th percentile of the opening: below it lips count as closed
LABIALS, OTHERS = ("p", "b", "m"), ("t", "d", "n", "k", "g", "ɡ", "s", "l")  # SAMPA and IPA
CLEAR = 0.15  # seconds that another consonant must be away from any p, b, m to be compared

Timed = tuple[Tensor, int, dict[str, list[tuple[float, float]]]]
"""Samples, their rate, and the times of p, b, m ("p b m") and of other consonants ("others")."""


def against_real(lips: Tensor, clip: RealClip, measures: LipMeasures) -> dict[str, float]:
    """How (T, 12) lips codes agree with the lips of a clip of the same sound.

    Correlation (Pearson) of opening and width at lag 0; the lag with the highest correlation of the
    opening, > 0 where the codes come late; the ratio of the openings' spreads.
    """
    count = min(len(lips), len(clip.faces))
    found = clip.found[:count]
    real = mouth_opening(clip.faces)[:count], mouth_width(clip.faces)[:count]
    made = (lips @ measures.opening)[:count], (lips @ measures.width)[:count]
    lagged = [at_lag(made[0], real[0], found, lag) for lag in range(-MAX_LAG, MAX_LAG + 1)]
    lag = max(range(len(lagged)), key=lagged.__getitem__) - MAX_LAG
    return {
        "opening": lagged[MAX_LAG],
        "width": at_lag(made[1], real[1], found, 0),
        "lag": float(lag),
        "on_time": float(abs(lag) <= 1),
        "gain": float(made[0][found].std() / real[0][found].std()),
    }


def at_lag(made: Tensor, real: Tensor, found: Tensor, lag: int) -> float:
    """Correlation of made[t + lag] with real[t]."""
    time = torch.arange(len(real))
    time = time[found & (time + lag >= 0) & (time + lag < len(real))]
    return correlation(made[time + lag], real[time])


def closures(
    lips: Tensor, spans: dict[str, list[tuple[float, float]]], measures: LipMeasures
) -> dict[str, list[bool]]:
    """Per kind of phone: for each (start, end) in seconds, whether the lips come to under ``SHUT``
    within two frames of it. (T, 12) lips codes at 25 fps."""
    gap = lips @ measures.opening
    limit = SHUT * float(gap.quantile(0.95))
    shares: dict[str, list[bool]] = {}
    for kind, times in spans.items():
        shares[kind] = []
        for start, end in times:
            middle = round(25 * (0.65 * start + 0.35 * end))
            near = gap[max(middle - 2, 0) : middle + 3]
            shares[kind].append(bool(len(near) and near.min() < limit))
    return shares


def spans_of(
    phones: Iterable[tuple[float, float, str]], labials: Iterable[str], others: Iterable[str]
) -> dict[str, list[tuple[float, float]]]:
    """Times of p, b, m, and of consonants that need no closure and are well away from any."""
    phones = list(phones)
    shut = [(start, end) for start, end, label in phones if label in labials]
    free = [
        (start, end)
        for start, end, label in phones
        if label in others and all(start > b + CLEAR or end < a - CLEAR for a, b in shut)
    ]
    return {"p b m": shut, "others": free}


def timed_voices(data: Path, split: str) -> dict[str, list[Timed]]:
    """The voices of a split of the task "articulation" whose phones are timed, by group."""
    result: dict[str, list[Timed]] = {}
    for entry in read_index(data, "voices"):
        if entry.phones and entry.alignment and entry.split_for("articulation") == split:
            spans = spans_of(timed_phones(entry.alignment, entry.phones), LABIALS, OTHERS)
            result.setdefault(entry.group, []).append((*read_audio(entry.file), spans))
    return result


def timed_phones(alignment: Path, kind: str) -> list[tuple[float, float, str]]:
    """Start, end and letter of a voice's phones, SAMPA as it is and ARPABET as IPA.

    ``kind``: the set of phones that the file of timed phones is written in.
    """
    phones = json.loads(alignment.read_text("utf8")).get("phones", [])
    if kind == "sampa":
        return [(p["start"], p["end"], p["label"]) for p in phones]
    return [(p.start, p.end, p.letter) for p in arpabet_phones(phones)]


def deep_pauses(features: Tensor) -> Tensor:
    """(T,) whether a row lies a quarter of a second or more inside a pause.

    ``features`` are those of ``audio.features``, of the sound without noise or music.
    """
    quiet = (features[:, FEATURES["energy"]][:, 0] < -0.6).float()
    around = torch.nn.functional.avg_pool1d(quiet[None], 13, 1, 6, count_include_pad=False)
    return around[0] > 0.99
