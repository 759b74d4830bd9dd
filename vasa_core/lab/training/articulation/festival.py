"""Speech of festival's voices with exact phone times: real speakers, cut up and joined anew.

Sixteen voices in nine languages, all packages of Debian: what they lack in fluency they have in
true transitions and bursts of people's consonants, which a formant synthesiser only imitates.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from scipy.io import wavfile

from ....errors import InputError
from .phonemes import ARPABET, SILENCE, Phone, letters_of, spread
from .synthesis import SCRIPTS, english_sentences, espeak_text, pseudo_words, to_16k
from .utterances import Utterance

PACKAGES = (
    *("festvox-kallpc16k", "festvox-kdlpc16k", "festvox-us-slt-hts", "festvox-ca-ona-hts"),
    *("festvox-suopuhe-lj", "festvox-suopuhe-mv", "festvox-italp16k", "festvox-itapc16k"),
    *("festvox-czech-dita", "festvox-czech-krb", "festvox-czech-machac", "festvox-czech-ph"),
    *("festvox-ru", "festvox-hi-nsk", "festvox-mr-nsk", "festvox-te-nsk"),
)
# voice: language
VOICES = {
    **{"kal_diphone": "en", "ked_diphone": "en", "cmu_us_slt_arctic_hts": "en"},
    **{"suo_fi_lj_diphone": "fi", "hy_fi_mv_diphone": "fi", "upc_ca_ona_hts": "ca"},
    **{"pc_diphone": "it", "lp_diphone": "it", "msu_ru_nsh_clunits": "ru"},
    **{"czech_dita": "cs", "czech_krb": "cs", "czech_machac": "cs", "czech_ph": "cs"},
    **{"hindi_NSK_diphone": "hi", "marathi_NSK_diphone": "hi", "telugu_NSK_diphone": "te"},
}
TELUGU = "నమసబపతకలరవగడయభఅఆఇఈఉఊఎఓ"
# Festival's names of phones that are not their IPA letters, by language.
SAMPA = {"S": "ʃ", "Z": "ʒ", "T": "θ", "D": "ð", "N": "ŋ", "L": "ʎ", "J": "ɲ", "E": "ɛ", "O": "ɔ"}
NAMES = {
    "fi": SAMPA | {"@": "ə", "&": "æ", "7": "ø"},
    "it": SAMPA | {"ng": "ŋ", "nf": "ɱ", "ts": "ts", "tS": "tʃ", "dz": "dz", "dZ": "dʒ"},
    "ca": SAMPA | {"ax": "ə", "rr": "r"},
    "cs": {
        **{"ch": "x", "h": "ɦ", "c": "ts", "c~": "tʃ", "d~": "ɟ", "t~": "c", "n~": "ɲ"},
        **{"n*": "ŋ", "dz~": "dʒ", "r~": "r", "r~*": "r", "s~": "ʃ", "z~": "ʒ"},
    },
    "ru": {
        **{"ii": "i", "yy": "ɨ", "uu": "u", "ee": "e", "oo": "o", "aa": "a", "y": "ɨ"},
        **{"ae": "ə", "ay": "ɐ", "ur": "ʊ", "c": "ts", "ch": "tɕ", "sh": "ʂ", "sch": "ɕ"},
        **{"zh": "ʐ", "h": "x", "hh": "x"},
    },
    "hi": {
        **{"a": "ə", "aa": "a", "ih": "ɪ", "iy": "i", "uh": "ʊ", "uw": "u", "eh": "e"},
        **{"ee": "e", "ay": "aɪ", "oh": "o", "oo": "o", "aw": "aʊ", "ch": "tʃ", "T": "ʈ"},
        **{"D": "ɖ", "N": "ɳ", "th": "t", "dh": "d", "y": "j", "L": "ɭ", "R": "r", "sh": "ʃ"},
        **{"j": "dʒ", "ksh": "kʂ", "sri": "ʃri", "kh": "k", "gh": "ɡ", "td": "ʈ", "tth": "ʈ"},
        **{"ddh": "ɖ", "bh": "b", "zh": "ɻ", "@": "ə", "v": "ʋ"},
    },
}
NAMES["te"] = NAMES["hi"]
SILENCES = ("#", "##", "pau", "_", "h#", "brth")


def letters(language: str, name: str) -> str:
    """Festival's name of a phone to IPA letters; KeyError for one that has none."""
    if name in SILENCES:
        return SILENCE
    if language == "en":
        return ARPABET[name]
    plain = name.rstrip(":1")  # length and stress
    if language == "ru" and len(plain) == 2 and plain[0] == plain[1] and plain not in NAMES["ru"]:
        plain = plain[0]  # soft consonants are doubled
    found = NAMES[language].get(name) or NAMES[language].get(plain) or letters_of(plain)
    if not found:
        raise KeyError(name)
    return found


def text_for(language: str, sentences: list[str], chooser: random.Random) -> str:
    """A line to read."""
    if language == "en":
        return sentences.pop() if chooser.random() < 0.8 else pseudo_words(chooser, 6)
    if language == "te":
        return " ".join("".join(chooser.choices(TELUGU, k=chooser.randint(2, 5))) for _ in "12345")
    if language in SCRIPTS:
        words = (chooser.choices(SCRIPTS[language], k=chooser.randint(2, 6)) for _ in range(6))
        return " ".join(map("".join, words))
    return espeak_text(language, chooser)


def festival(voice: str, lines: Iterable[str], stretch: float) -> list[Utterance]:
    """Lines read by one voice; those with phones that have no letter are left out."""
    language, made = VOICES[voice], []
    with tempfile.TemporaryDirectory() as folder:
        script = [f"(voice_{voice})", f"(Parameter.set 'Duration_Stretch {stretch})"]
        for number, line in enumerate(lines):
            script += [
                f'(set! u (utt.synth (Utterance Text "{line}")))',
                f'(utt.save.segs u "{folder}/{number}.lab")',
                f'(utt.save.wave u "{folder}/{number}.wav")',
            ]
        path = Path(folder) / "read.scm"
        path.write_text("\n".join(script), "utf8")
        subprocess.run(["festival", "-b", path], capture_output=True, check=False)
        for sound in sorted(Path(folder).glob("*.wav")):
            try:
                phones = phones_of(sound.with_suffix(".lab"), language)
            except KeyError:
                continue
            rate, samples = wavfile.read(sound)
            made.append(Utterance(to_16k(samples, rate), phones, "festival", f"festival-{voice}"))
    return made


def phones_of(labels: Path, language: str) -> list[Phone]:
    """The phones of a label file: end time, colour, name."""
    phones, before = [], 0.0
    for line in labels.read_text("utf8").splitlines():
        fields = line.split()
        if len(fields) == 3:
            end = float(fields[0])
            phones += spread(before, end, letters(language, fields[2]))
            before = end
    return phones


def festival_corpus(minutes: float, chooser: random.Random, per_call: int = 12) -> list[Utterance]:
    """Every voice for as long as every other, at all speeds."""
    sentences, made = english_sentences(chooser), []
    for voice, language in VOICES.items():
        seconds = 0.0
        while seconds < 60 * minutes / len(VOICES):
            lines = [text_for(language, sentences, chooser) for _ in range(per_call)]
            stretch = chooser.choice((0.8, 0.9, 1.0, 1.0, 1.1, 1.3, 1.6))
            some = [u for u in festival(voice, lines, stretch) if len(u.phones) > 4]
            if not some:
                raise InputError(f"festival's {voice} says nothing; apt-get install {PACKAGES}.")
            made += some
            seconds += sum(u.seconds for u in some)
    return made
