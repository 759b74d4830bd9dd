"""Synthetic speech with exact phone times: flite (5 voices, English), espeak-ng (17 languages)."""

from __future__ import annotations

import ctypes
import logging
import pydoc_data.topics
import random
import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.io import wavfile

from ....audio.resample import resample
from ....errors import InputError
from .phonemes import Phone, from_arpabet, letters_of, spread
from .utterances import Utterance

log = logging.getLogger(__name__)
FLITE_VOICES = ("kal16", "awb", "rms", "slt", "kal")
LATIN = (
    *("en-us", "en-gb-x-rp", "en-gb-scotland", "de", "es", "fr"),
    *("it", "pt", "pl", "tr", "fi", "cs"),
)
OTHER = ("ru", "ja", "ko", "cmn", "hi", "ar", "el")
TEST_LANGUAGES = ("nl", "sv")  # never trained on
VARIANTS = (
    *("m1", "m2", "m3", "m4", "m5", "m7", "f1", "f2", "f3", "f4"),
    *("klatt", "klatt2", "klatt3", "whisper", "croak", "", "Andy", "Annie", "Alicia", "Mario"),
    *("anika", "aunty", "belinda", "benjamin", "john", "linda", "michel", "steph", "travis", "zac"),
)
TEST_VARIANTS = ("m6", "f5", "klatt4", "m8")
SCRIPTS = {
    "ru": "аеиоуыэюябвгджзклмнпрстфхцчшщ",
    "ja": "あいうえおかきくけこさしすせそたちつてと"
    "なにのはひふへほまみむめもやゆよらりるれわんばびぶべぼぱぴぷぺぽ",
    "ko": "가나다라마바사아자차카타파하미비부모보피푸포고기구노두수조우이오어에강문밥람",
    "cmn": "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就"
    "那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起"
    "还发成事只作当想看文无开手十用主行方又如前所本见经头面",
    "hi": "नमस्तेबापमेरापानीआमकोईभूलोगवफूल",
    "ar": "بابماءفيوردكتابلوميناس",
    "el": "αεηιουωβγδζθκλμνπρστφχψ",
}


def english_sentences(chooser: random.Random) -> list[str]:
    """Sentences of five to fourteen words from Python's own manual."""
    text = " ".join(pydoc_data.topics.topics.values())
    text = re.sub(r"[^A-Za-z',. ]+", " ", text)
    found = [" ".join(s.split()) for s in text.split(".")]
    found = [s for s in found if 5 <= len(s.split()) <= 14 and len(s) < 90]
    chooser.shuffle(found)
    return found


def pseudo_words(chooser: random.Random, count: int) -> str:
    """Invented words, rich in lip sounds, open and rounded vowels."""
    onsets = (*"pbmpbmfvwtdsnlkgrj", "sh", "ch", "st", "pl", "br")
    nuclei = (*"aaouie", "oo", "ee", "ai", "ow")
    codas = ("", "", "", *"mnpsltfb")
    words = []
    for _ in range(count):
        parts = [
            chooser.choice(onsets) + chooser.choice(nuclei) + chooser.choice(codas)
            for _ in range(chooser.choice((1, 2, 2, 3)))
        ]
        words.append("".join(parts))
    return " ".join(words)


def flite(text: str, voice: str, stretch: float) -> Utterance:
    """One utterance of flite."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}"]
        command += ["-t", text, "-psdur", "-o", str(path)]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rate, sound = wavfile.read(path)
    phones, before = [], 0.0
    planned = float(listing.split()[-1].split(":")[1])
    faster = min(len(sound) / rate / planned, 1.0)  # the diphone voices come out a little shorter
    for item in listing.split():
        label, end = item.split(":")
        end = float(end) * faster
        if end < before:  # a second sentence starts its clock anew
            raise ValueError(f"flite split {text!r} into several sentences; give it one.")
        phones += spread(before, end, from_arpabet(label))
        before = end
    return Utterance(to_16k(sound, rate), phones, "flite", f"flite-{voice}")


def to_16k(sound: np.ndarray, rate: int) -> np.ndarray:
    """(N,) int16 at ``rate`` to int16 at 16 kHz."""
    samples = resample(torch.from_numpy(sound.astype(np.float32)), rate, 16000)
    return samples.clamp(-32767, 32767).numpy().astype(np.int16)


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("type", "unique", "text", "length")),
        *((name, ctypes.c_int) for name in ("audio", "sample")),
        ("user", ctypes.c_void_p),
        ("id", _EventId),
    ]


class Espeak:
    """espeak-ng's library, called synchronously with phoneme events (IPA)."""

    PHONEME = 7

    def __init__(self):
        try:
            self.library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise InputError(f"espeak-ng is not installed ({error}).") from error
        self.rate = self.library.espeak_Initialize(2, 0, None, 3)
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
        )
        self.callback = kind(self._receive)
        self.library.espeak_SetSynthCallback(self.callback)

    def _receive(self, wave, count, events) -> int:
        if wave and count:
            self.sound.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while events[index].type:
            if events[index].type == self.PHONEME:
                label = events[index].id.string.decode("utf8", "ignore")
                self.events.append((events[index].audio / 1000, label))
            index += 1
        return 0

    def __call__(self, text: str, voice: str, speed: int, pitch: int) -> Utterance:
        """One utterance; ``speed`` in words a minute, ``pitch`` 0..99."""
        self.sound, self.events = [], []
        if self.library.espeak_SetVoiceByName(voice.encode()):
            raise InputError(f"espeak-ng has no voice {voice!r}.")
        self.library.espeak_SetParameter(1, speed, 0)
        self.library.espeak_SetParameter(3, pitch, 0)
        data = text.encode()
        self.library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
        sound = np.concatenate(self.sound)
        return Utterance(to_16k(sound, self.rate), self._phones(sound), "espeak", f"espeak-{voice}")

    def _phones(self, sound: np.ndarray) -> list[Phone]:
        phones: list[Phone] = []
        ends = [start for start, _ in self.events[1:]] + [len(sound) / self.rate]
        loud = np.abs(sound).mean()
        for (start, label), end in zip(self.events, ends, strict=True):
            letters = letters_of(label)
            part = sound[int(start * self.rate) : int(end * self.rate)]
            if not letters and phones and len(part) and np.abs(part).mean() > 0.15 * loud:
                letters = phones[-1].letter  # the tail of the phone before
            phones += spread(start, end, letters)
        return closures_before_bursts(phones)


def closures_before_bursts(phones: list[Phone], closure: float = 0.06) -> list[Phone]:
    """Voiceless stops with their closure, which espeak-ng counts to the phone before.

    Its own start is the burst, as the sound's energy shows; the way has been shut for 60 ms.
    """
    moved = list(phones)
    for index, phone in enumerate(phones[1:], 1):
        if phone.letter in "ptkqcʈ":
            before = moved[index - 1]
            start = max(phone.start - closure, (before.start + before.end) / 2)
            moved[index - 1] = replace(before, end=start)
            moved[index] = replace(moved[index], start=start)
    return moved


def flite_corpus(minutes: float, chooser: random.Random) -> list[Utterance]:
    """English in every flite voice, at all speeds."""
    sentences = english_sentences(chooser)
    made, seconds = [], 0.0
    while seconds < 60 * minutes:
        text = sentences.pop() if chooser.random() < 0.7 else pseudo_words(chooser, 5)
        stretch = chooser.choice((0.8, 0.9, 1.0, 1.0, 1.1, 1.2, 1.4, 1.8, 2.5))
        try:
            made.append(flite(text, chooser.choice(FLITE_VOICES), stretch))
        except (KeyError, ValueError):
            continue  # a sentence that flite cuts in two, or a phone outside ARPABET
        seconds += made[-1].seconds
    return made


def espeak_text(language: str, chooser: random.Random) -> str:
    """Numbers (read in the language's own words), invented words, or letters of its script."""
    number = " ".join(str(chooser.randrange(10 ** chooser.randint(1, 4))) for _ in range(3))
    if language in SCRIPTS:
        letters = SCRIPTS[language]
        spaces = language in ("ru", "ko", "hi", "ar", "el")
        words = ["".join(chooser.choices(letters, k=chooser.randint(2, 6))) for _ in range(5)]
        invented = (" " if spaces else "").join(words)
    else:
        invented = pseudo_words(chooser, 6)
    return chooser.choice((number, invented, invented, number + ", " + invented))


def espeak_corpus(
    minutes: float, chooser: random.Random, languages: tuple = LATIN + OTHER, variants=VARIANTS
) -> list[Utterance]:
    """All languages and voice variants, at all speeds and pitches; a third is English prose."""
    espeak, sentences = Espeak(), english_sentences(chooser)
    made, seconds = [], 0.0
    while seconds < 60 * minutes:
        language = chooser.choice(languages)
        prose = language.startswith("en") and chooser.random() < 0.8
        if not prose and languages == LATIN + OTHER and chooser.random() < 0.2:
            language, prose = chooser.choice(LATIN[:3]), True
        text = sentences.pop() if prose else espeak_text(language, chooser)
        variant = chooser.choice(variants)
        voice = f"{language}+{variant}" if variant else language
        pitch = chooser.randint(15, 95)
        utterance = espeak(text, voice, chooser.randint(80, 220), pitch)
        if len(utterance.phones) > 4:
            made.append(utterance)
            seconds += made[-1].seconds
    return made
