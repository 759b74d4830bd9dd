"""Phones of every alphabet in use as IPA letters, their articulatory features and phone classes.

A timeline is a list of ``Phone``; ``sample`` turns it into features or classes at given times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ....audio.articulation import PHONES

FEATURES = (
    *("silence", "vowel", "open", "front", "round", "bilabial", "labiodental", "dental"),
    *("alveolar", "postalveolar", "velar", "glottal", "stop", "fricative", "nasal"),
    *("approximant", "lateral", "voiced", "w", "schwa", "rhotic"),
)

# letter: openness, frontness, rounding
VOWELS = {
    **{"i": (0, 1, 0), "y": (0, 1, 1), "ɨ": (0, 0.5, 0), "ʉ": (0, 0.5, 1), "ɯ": (0, 0, 0.2)},
    **{"u": (0, 0, 1), "ɪ": (0.2, 0.9, 0), "ʏ": (0.2, 0.9, 1), "ʊ": (0.2, 0.1, 0.8)},
    **{"e": (0.35, 1, 0), "ø": (0.35, 1, 1), "ɘ": (0.4, 0.5, 0), "ɵ": (0.4, 0.5, 1)},
    **{"ɤ": (0.4, 0, 0), "o": (0.4, 0, 1), "ə": (0.5, 0.5, 0), "ɛ": (0.65, 0.95, 0)},
    **{"œ": (0.65, 0.95, 1), "ɜ": (0.6, 0.5, 0), "ɝ": (0.6, 0.5, 0.2), "ɚ": (0.5, 0.5, 0.2)},
    **{"ɞ": (0.6, 0.5, 1), "ʌ": (0.75, 0.2, 0), "ɔ": (0.65, 0, 0.8), "æ": (0.85, 0.9, 0)},
    **{"ɐ": (0.8, 0.5, 0), "a": (1, 0.6, 0), "ɑ": (1, 0, 0), "ɒ": (0.95, 0, 0.6), "ɶ": (1, 1, 1)},
}
# letter: features, phone class
CONSONANTS = {
    "p": ("bilabial stop", "bilabial"),
    "b": ("bilabial stop voiced", "bilabial"),
    "ɓ": ("bilabial stop voiced", "bilabial"),
    "m": ("bilabial nasal voiced", "bilabial"),
    "ɸ": ("bilabial fricative", "labiodental"),
    "β": ("bilabial fricative voiced", "labiodental"),
    "f": ("labiodental fricative", "labiodental"),
    "v": ("labiodental fricative voiced", "labiodental"),
    "ʋ": ("labiodental approximant voiced", "labiodental"),
    "ɱ": ("labiodental nasal voiced", "labiodental"),
    "w": ("w approximant velar voiced round", "w"),
    "ʍ": ("w approximant velar round", "w"),
    "ɥ": ("w approximant voiced round", "w"),
    "θ": ("dental fricative", "dental"),
    "ð": ("dental fricative voiced", "dental"),
    "t": ("alveolar stop", "dental"),
    "d": ("alveolar stop voiced", "dental"),
    "ʈ": ("alveolar stop", "dental"),
    "ɖ": ("alveolar stop voiced", "dental"),
    "ɗ": ("alveolar stop voiced", "dental"),
    "ɾ": ("alveolar stop voiced", "dental"),
    "ɽ": ("alveolar stop voiced", "dental"),
    "n": ("alveolar nasal voiced", "dental"),
    "ɳ": ("alveolar nasal voiced", "dental"),
    "l": ("alveolar lateral approximant voiced", "dental"),
    "ɫ": ("alveolar lateral approximant voiced", "dental"),
    "ɭ": ("alveolar lateral approximant voiced", "dental"),
    "s": ("alveolar fricative", "dental"),
    "z": ("alveolar fricative voiced", "dental"),
    "r": ("alveolar approximant voiced", "dental"),
    "ʃ": ("postalveolar fricative", "postalveolar"),
    "ʒ": ("postalveolar fricative voiced", "postalveolar"),
    "ʂ": ("postalveolar fricative", "postalveolar"),
    "ʐ": ("postalveolar fricative voiced", "postalveolar"),
    "ɕ": ("postalveolar fricative", "postalveolar"),
    "ʑ": ("postalveolar fricative voiced", "postalveolar"),
    "ɹ": ("postalveolar approximant voiced rhotic", "postalveolar"),
    "ɻ": ("postalveolar approximant voiced rhotic", "postalveolar"),
    "j": ("approximant voiced", "velar"),
    "ʎ": ("lateral approximant voiced", "velar"),
    "ɲ": ("nasal voiced", "velar"),
    "c": ("velar stop", "velar"),
    "ɟ": ("velar stop voiced", "velar"),
    "ç": ("velar fricative", "velar"),
    "ʝ": ("velar fricative voiced", "velar"),
    "k": ("velar stop", "velar"),
    "ɡ": ("velar stop voiced", "velar"),
    "ŋ": ("velar nasal voiced", "velar"),
    "x": ("velar fricative", "velar"),
    "ɣ": ("velar fricative voiced", "velar"),
    "ɰ": ("velar approximant voiced", "velar"),
    "q": ("velar stop", "velar"),
    "χ": ("velar fricative", "velar"),
    "ʁ": ("velar fricative voiced", "velar"),
    "ʀ": ("velar fricative voiced", "velar"),
    "ħ": ("glottal fricative", "velar"),
    "ʕ": ("glottal voiced", "velar"),
    "h": ("glottal fricative", "velar"),
    "ɦ": ("glottal fricative voiced", "velar"),
    "ʔ": ("glottal stop", "velar"),
}
SILENCE = "_"
ARPABET = {
    **{"aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "axr": "ɚ"},
    **{"b": "b", "ch": "tʃ", "d": "d", "dh": "ð", "dx": "ɾ", "eh": "ɛ", "el": "l", "em": "m"},
    **{"en": "n", "er": "ɝ", "ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h", "hv": "h", "ih": "ɪ"},
    **{"ix": "ɨ", "iy": "i", "jh": "dʒ", "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ"},
    **{"nx": "n", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "pt": "p", "r": "ɹ", "s": "s", "sh": "ʃ"},
    **{"t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z"},
    **{"zh": "ʒ", "pau": SILENCE, "sil": SILENCE, "sp": SILENCE, "h#": SILENCE},
}


@dataclass(frozen=True, slots=True)
class Phone:
    """One IPA letter (or ``SILENCE``) from ``start`` to ``end``, in seconds."""

    start: float
    end: float
    letter: str


def letters_of(ipa: str) -> str:
    """Known letters of an IPA string; length, stress and tone marks are dropped."""
    return "".join(c for c in ipa.replace("g", "ɡ") if c in VOWELS or c in CONSONANTS)


def from_arpabet(label: str) -> str:
    """An ARPABET label with or without stress digit to IPA letters; unknown labels raise."""
    return ARPABET[label.lower().rstrip("012")]


def spread(start: float, end: float, letters: str) -> list[Phone]:
    """Several letters (diphthongs, affricates) share a stretch of time equally; none is silence."""
    letters = letters or SILENCE
    edges = np.linspace(start, end, len(letters) + 1)
    spans = zip(edges[:-1], edges[1:], letters, strict=True)
    return [Phone(start, end, letter) for start, end, letter in spans]


def arpabet_phones(items: Iterable[Mapping]) -> list[Phone]:
    """Phones with ``start``, ``end`` and an ARPABET ``label`` to timed IPA letters."""
    phones = []
    for item in items:
        phones += spread(item["start"], item["end"], from_arpabet(item["label"].strip("+<>")))
    return phones


def phone_class(letter: str) -> int:
    """Index into ``PHONES``."""
    if letter == SILENCE:
        return PHONES.index("silence")
    if letter in CONSONANTS:
        return PHONES.index(CONSONANTS[letter][1])
    openness, front, rounding = VOWELS[letter]
    if rounding >= 0.6:
        return PHONES.index("round")
    if openness >= 0.7:
        return PHONES.index("open")
    return PHONES.index("spread" if front >= 0.8 else "central")


def phone_features(letter: str) -> np.ndarray:
    """Articulatory features of a letter, in the order of ``FEATURES``."""
    row = np.zeros(len(FEATURES), np.float32)
    if letter == SILENCE:
        names = "silence"
    elif letter in VOWELS:
        names = "vowel voiced schwa" if letter == "ə" else "vowel voiced"
        row[2:5] = VOWELS[letter]
        if letter in "ɝɚ":
            names += " rhotic"
    else:
        names = CONSONANTS[letter][0]
    for name in names.split():
        row[FEATURES.index(name)] = 1
    return row


def sample_features(timeline: list[Phone], seconds: float, step: float = 0.01) -> np.ndarray:
    """(n, 21) mean articulatory features of every ``step`` of time; silence outside the phones."""
    count = int(np.ceil(seconds / step))
    rows = np.zeros((count, len(FEATURES)), np.float32)
    rows[:, 0] = 1
    for phone in timeline:
        first, last = _span(phone, count, step)
        rows[first:last] = phone_features(phone.letter)
    return rows


def sample_classes(timeline: list[Phone], seconds: float, step: float = 0.01) -> np.ndarray:
    """(n,) phone class of every ``step`` of time."""
    classes = np.zeros(int(np.ceil(seconds / step)), np.int64)
    for phone in timeline:
        first, last = _span(phone, len(classes), step)
        classes[first:last] = phone_class(phone.letter)
    return classes


def _span(phone: Phone, count: int, step: float) -> tuple[int, int]:
    return max(round(phone.start / step), 0), min(round(phone.end / step), count)
