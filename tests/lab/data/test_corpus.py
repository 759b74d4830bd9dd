"""What is selected of the corpus that the shipped weights were made of: it must stay the same.

Runs where that corpus lies: at VASA_CORPUS, or in ../shared/data beside this checkout. The digests
are of the names that the code chose while it still knew the files by name.
"""

import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

import vasa_core
from vasa_core.lab.data.clips import in_step
from vasa_core.lab.data.index import read_index, read_sources
from vasa_core.lab.data.media import portrait_entries, speech_entries
from vasa_core.lab.data.tracks import Clip, common_people, load_face_labels
from vasa_core.lab.evaluation.few_shot import videos
from vasa_core.lab.evaluation.talking import free_heads, usable

BESIDE = Path(vasa_core.__file__).parents[2] / "shared/data"
DATA = Path(os.environ.get("VASA_CORPUS", BESIDE))
pytestmark = pytest.mark.skipif(
    not (DATA / "talking/INDEX.json").is_file(), reason=f"no corpus at {DATA}"
)

PEOPLE = (241, "67f31de2")
GROUPS = (47, "bd49c60b")
SPLITS = {
    ("articulation", "train"): (194, "8c98ed5b"),
    ("articulation", "held_out"): (4, "8642cf99"),
    ("face", "train"): (194, "8c98ed5b"),
    ("face", "test"): (47, "c323bd59"),
    ("motion", "train"): (207, "78c68696"),
    ("motion", "held_out"): (18, "a6a238a7"),
    ("refiner", "train"): (200, "32dfa24a"),
    ("refiner", "held_out"): (6, "274bbab4"),
    ("refiner", "test"): (16, "33ff485b"),
    ("few_shot", "test"): (16, "7fd23896"),
}
TRAINABLE = (238, "2f0f2c13")
IN_STEP = (28, "959e1d7c")
USABLE = (17, "264ed4aa")
FREE_HEADS = (16, "d2272724")
PORTRAITS = (12, "9ed20671")
SPEECH = (30, "94c09ca0")
TIMED = (230, "9fa43e82")
VOICES = (175, "64a3c506")
ARPABET = (6, "cf528667")
FACES = (4, "0671f76a")
STILLS = (3, "4504c4c5")


def digest(names):
    """Count and hash of names, in any order."""
    lines = sorted(map(str, names))
    return len(lines), sha256("\n".join(lines).encode()).hexdigest()[:8]


@pytest.fixture(scope="module")
def entries():
    return read_index(DATA, "talking")


@pytest.fixture(scope="module")
def clips(entries):
    return [Clip(entry, np.zeros(0), np.zeros(0)) for entry in entries]


def of(entries, task, split):
    return [entry.name for entry in entries if entry.split_for(task) == split]


def test_people_lags_grades_and_groups(entries, clips):
    assert digest(f"{e.name} {e.person} {e.lag_frames} {e.sync_grade}" for e in entries) == PEOPLE
    (common,) = common_people(clips)
    assert digest(f"{e.name} {e.group}" for e in entries if e.person != common) == GROUPS


@pytest.mark.parametrize(
    ("task", "split"),
    [
        ("articulation", "train"),
        ("articulation", "held_out"),
        ("face", "train"),
        ("face", "test"),
        ("motion", "train"),
        ("motion", "held_out"),
        ("refiner", "train"),
        ("refiner", "held_out"),
        ("refiner", "test"),
        ("few_shot", "test"),
    ],
)
def test_who_trains_and_who_is_held_out(entries, task, split):
    assert digest(of(entries, task, split)) == SPLITS[task, split]


def test_what_is_measured_on(entries, clips):
    assert digest(e.name for e in entries if e.trainable) == TRAINABLE
    assert digest(c.name for c in clips if in_step(c)) == IN_STEP
    assert digest(c.name for c in clips if usable(c)) == USABLE
    assert digest(c.name for c in clips if free_heads(c)) == FREE_HEADS
    assert digest(path.stem for path in videos(DATA)) == SPLITS["few_shot", "test"]
    assert digest(f"{e.name} {e.group}" for e in portrait_entries(DATA)) == PORTRAITS
    assert digest(f"{e.name} {e.group}" for e in speech_entries(DATA)) == SPEECH


def test_voices_that_are_timed_and_voices_that_train():
    voices = read_index(DATA, "voices")
    timed = [e for e in voices if e.phones == "sampa" and e.split_for("articulation") == "test"]
    assert {e.group for e in timed} == {"German, acted"}
    assert digest(e.name for e in timed) == TIMED
    assert digest(of(voices, "articulation", "train")) == VOICES
    arpabet = [e for e in voices if e.phones == "arpabet"]
    assert digest(f"{e.name} {e.phones}" for e in arpabet) == ARPABET


def test_faces_by_source():
    sources = read_sources(DATA)
    assert digest(n for n, s in sources.items() if s.split_for("face") == "train") == FACES
    assert digest(n for n, s in sources.items() if s.split_for("refiner") == "train") == STILLS
    assert len(load_face_labels(DATA)) == 3004  # without the non-commercial sources
