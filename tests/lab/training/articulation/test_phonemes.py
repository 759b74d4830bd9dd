import numpy as np
import pytest

from vasa_core.audio.articulation import PHONES
from vasa_core.lab.training.articulation.phonemes import (
    CONSONANTS,
    FEATURES,
    SILENCE,
    VOWELS,
    Phone,
    from_arpabet,
    letters_of,
    phone_class,
    phone_features,
    sample_classes,
    spread,
)


@pytest.mark.parametrize(
    ("letter", "kind"),
    [
        ("m", "bilabial"),
        ("v", "labiodental"),
        ("w", "w"),
        ("u", "round"),
        ("i", "spread"),
        ("ɑ", "open"),
        ("ə", "central"),
        ("t", "dental"),
        ("ʃ", "postalveolar"),
        ("k", "velar"),
        (SILENCE, "silence"),
    ],
)
def test_classes_are_what_the_lips_do(letter, kind):
    assert PHONES[phone_class(letter)] == kind


def test_every_letter_has_features_and_a_class():
    for letter in (*VOWELS, *CONSONANTS, SILENCE):
        assert phone_features(letter).shape == (len(FEATURES),)
        assert 0 <= phone_class(letter) < len(PHONES)


def test_marks_are_dropped_and_diphthongs_split():
    assert letters_of("ˈtʃʰaɪː") == "tʃaɪ"
    assert from_arpabet("AY1") == "aɪ"
    assert spread(0.0, 0.2, "aɪ") == [Phone(0.0, 0.1, "a"), Phone(0.1, 0.2, "ɪ")]


def test_time_outside_the_phones_is_silence():
    classes = sample_classes([Phone(0.1, 0.2, "m")], 0.4)
    assert len(classes) == 40
    assert np.flatnonzero(classes).tolist() == list(range(10, 20))
