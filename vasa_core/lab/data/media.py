"""The portraits and speech of a corpus: what a model is shown on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor

from ...audio.reader import probe_audio, read_audio
from ...errors import InputError
from .index import Entry, read_index

PER_GROUP = 4
SMALLEST = 0.3  # width of the face in the picture
SHORTEST = 2.2  # seconds of sound that the sync scorer needs: its lags both ways, and a second
Fault = Callable[[Entry], str]  # why an entry is left out; "" where it is not


def portrait_entries(data: Path) -> list[Entry]:
    """Pictures to measure on, with one face of a fair size; a few of each group.

    Raises InputError where there is none, and says why.
    """
    taken: Counter[str] = Counter()
    found = []
    for entry in _without_fault(data, "portraits", _split_fault, _picture_fault, _size_fault):
        if taken[entry.group] < PER_GROUP:
            taken[entry.group] += 1
            found.append(entry)
    return found


def first_portrait(data: Path) -> Path:
    """The first picture with one face, of any size and split: it only lends its face.

    Raises InputError where there is none, and says why.
    """
    return _without_fault(data, "portraits", _picture_fault)[0].file


def speech_entries(data: Path) -> list[Entry]:
    """Speech to measure on, English first; what is too short is left out.

    Where the index does not state the seconds, the file is measured. Raises InputError where there
    is no speech, and says why, or where a file cannot be read.
    """
    found = _without_fault(data, "speech", _split_fault, _sound_fault)
    return sorted(found, key=lambda entry: entry.group != "en")


def read_speech(entry: Entry) -> tuple[Tensor, int]:
    """(N,) samples and their rate; InputError where they are fewer than the index led to expect."""
    sound, rate = read_audio(entry.file)
    if len(sound) < SHORTEST * rate:
        raise InputError(
            f"{entry.file} lasts {len(sound) / rate:.1f} s, not the {entry.seconds:g} s that its "
            f"INDEX.json states; {SHORTEST} s are needed."
        )
    return sound, rate


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Errors about an input say which file it was."""
    try:
        yield
    except InputError as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error


def _without_fault(data: Path, folder: str, *faults: Fault) -> list[Entry]:
    found, left_out = [], Counter()
    for entry in read_index(data, folder):
        fault = next((why for why in (fault(entry) for fault in faults) if why), "")
        if fault:
            left_out[fault] += 1
        else:
            found.append(entry)
    if not found:
        why = ", ".join(f"{count} {fault}" for fault, count in left_out.items())
        raise InputError(f"{data} has no {folder} to be shown: its index lists {why or 'nothing'}.")
    return found


def _split_fault(entry: Entry) -> str:
    split = entry.split_for("evaluate")
    return "" if split == "test" else f"of split {split} for evaluate"


def _picture_fault(entry: Entry) -> str:
    if entry.bad_input:
        return "marked bad_input"
    if entry.faces != 1:
        return "with several faces" if entry.faces else "without a face"
    return ""


def _size_fault(entry: Entry) -> str:
    return "" if entry.face_width >= SMALLEST else f"with a face_width below {SMALLEST}"


def _sound_fault(entry: Entry) -> str:
    seconds = entry.seconds
    if seconds == float("inf"):  # not stated
        sound = probe_audio(entry.file)
        seconds = sound.samples / sound.rate
    return "" if seconds >= SHORTEST else f"shorter than {SHORTEST} s"
