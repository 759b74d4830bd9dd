"""Everything that makes the articulation net, from synthetic speech to the weight file."""

import random

import numpy as np
import pytest
import torch

from vasa_core.audio.articulation import PHONES, load_articulation
from vasa_core.audio.features import FEATURES, ArticulationEncoder
from vasa_core.audio.spectrum import MelBank, mel_filters
from vasa_core.face.basis import FaceBasis
from vasa_core.lab.data.lips import LipMeasures
from vasa_core.lab.recipe import recipes_of
from vasa_core.lab.training.articulation import lip_model, train
from vasa_core.lab.training.articulation.augment import augmented_mel
from vasa_core.lab.training.articulation.crops import FRAMES, ROWS, CropSampler, Recording
from vasa_core.lab.training.articulation.festival import VOICES, festival_corpus, letters
from vasa_core.lab.training.articulation.lip_model import LipModelRecipe, fit, word_phones
from vasa_core.lab.training.articulation.phonemes import SILENCE, Phone
from vasa_core.lab.training.articulation.synthesis import (
    closures_before_bursts,
    english_sentences,
    espeak_corpus,
    flite,
    flite_corpus,
    pseudo_words,
)
from vasa_core.lab.training.articulation.utterances import Utterance
from vasa_core.lab.training.articulation.utterances import corpus as kept_corpus
from vasa_core.lab.training.articulation.voices import (
    align,
    alignment_error,
    natural_corpus,
    with_pauses,
)


@pytest.fixture(autouse=True)
def no_phones_kept():
    """What flite said of a word is cached; another test may have another flite."""
    word_phones.cache_clear()


@pytest.fixture(scope="module")
def recordings():
    """Ten seconds of hum whose lips open and close with it."""
    time = np.arange(160000) / 16000
    loud = 0.5 - 0.5 * np.cos(2 * np.pi * time)
    sound = (8000 * loud * np.sin(2 * np.pi * 150 * time)).astype(np.int16)
    direction = LipMeasures.of(FaceBasis.load()).press().shut.numpy()
    codes = -0.05 * loud[::160, None] * direction
    classes = np.where(loud[::160] > 0.5, PHONES.index("open"), 0)
    return [Recording(sound, codes.astype(np.float16), classes.astype(np.int8))]


@pytest.fixture(scope="module")
def sampler(recordings):
    groups = {"seen": (0.5, recordings), "synthetic": (0.3, recordings), "none": (0.2, [])}
    return CropSampler(groups, seed=0, bank=2)


def timeline_is_sound(phones, seconds):
    assert all(
        one.end == pytest.approx(two.start) for one, two in zip(phones, phones[1:], strict=False)
    )
    assert phones[0].start == 0 and phones[-1].end <= seconds + 0.05
    assert all(phone.end >= phone.start for phone in phones)


def test_flite_tells_the_phones_of_what_it_says(speech_programs):
    utterance = flite("mama", "slt", 1.0)
    assert [p.letter for p in utterance.phones] == [SILENCE, *"mæmæ", SILENCE]
    timeline_is_sound(utterance.phones, utterance.seconds)
    assert word_phones("b") == (("b", pytest.approx(4 / 7)), ("i", pytest.approx(3 / 7)))


def test_corpora_are_as_long_as_asked_and_timed(speech_programs):
    chooser = random.Random(0)
    made = {
        "flite": flite_corpus(0.1, chooser),
        "espeak": espeak_corpus(0.1, chooser),
        "festival": festival_corpus(0.1, chooser, per_call=3),
    }
    for source, utterances in made.items():
        assert sum(u.seconds for u in utterances) >= 6
        for utterance in utterances:
            assert utterance.source == source and utterance.sound.dtype == np.int16
            timeline_is_sound(utterance.phones, utterance.seconds)
    assert {u.voice for u in made["festival"]} == {
        "festival-lp_diphone",
        "festival-suo_fi_lj_diphone",
    }


def test_every_voice_of_festival_has_letters_for_its_phones():
    assert letters("en", "ow") == "oʊ" and letters("ru", "tt") == "t"
    assert letters("cs", "n*") == "ŋ" and letters("fi", "a:") == "a"
    assert all(letters(language, "pau") == SILENCE for language in VOICES.values())
    with pytest.raises(KeyError):
        letters("it", "?!")


def test_the_closure_of_a_voiceless_stop_comes_before_its_burst():
    phones = [Phone(0.0, 0.2, "a"), Phone(0.2, 0.3, "p"), Phone(0.3, 0.5, "a")]
    before, stop, after = closures_before_bursts(phones)
    assert (before.end, stop.start, stop.end) == (pytest.approx(0.14), pytest.approx(0.14), 0.3)
    assert after == phones[2]


def test_texts_are_sentences_and_words_to_read():
    chooser = random.Random(1)
    assert all(5 <= len(s.split()) <= 14 for s in english_sentences(chooser)[:50])
    assert len(pseudo_words(chooser, 6).split()) == 6


def test_utterances_are_kept_as_they_were(tmp_path):
    made = [
        Utterance(np.arange(n, dtype=np.int16), [Phone(0, n / 100, "ʃ")], "a", str(n))
        for n in (7, 3)
    ]
    first = kept_corpus(tmp_path, "two", lambda: made)
    again = kept_corpus(tmp_path, "two", lambda: pytest.fail("made twice"))
    for one, other, kept in zip(made, first, again, strict=True):
        assert np.array_equal(one.sound, kept.sound) and kept.voice == one.voice
        assert other.phones == kept.phones and kept.phones[0].letter == "ʃ"


def test_voices_are_timed_by_a_reading_of_the_same_text(corpus, speech_programs):
    bank = MelBank(mel_filters())
    reading = flite("mamafarpat", "slt", 1.0)
    cost, phones = align(reading.sound, "mamafarpat", bank)
    assert cost == pytest.approx(0, abs=1e-3)  # the sample against itself
    starts = np.array([[p.start, q.start] for p, q in zip(phones, reading.phones, strict=True)])
    assert np.abs(np.diff(starts)).max() < 0.02
    (kept,) = natural_corpus(corpus)  # of two, the one that costs more is left out
    assert kept.voice in ("one:1", "two:1") and len(kept.phones) >= 8
    found = alignment_error(corpus)
    assert found["count"] == 1 and 0 <= found["median"] < 2


def test_phones_make_way_for_a_pause():
    sound = np.zeros(16000, np.int16)
    noise = np.random.default_rng(0).normal(0, 3000, 16000).astype(np.int16)
    sound[:5000], sound[11000:] = noise[:5000], noise[11000:]
    spoken = Utterance(sound, [Phone(0, 0.5, "a"), Phone(0.5, 1, "o")], "a", "b")
    phones = with_pauses(spoken, MelBank(mel_filters())).phones
    assert [p.letter for p in phones] == ["a", SILENCE, "o"]
    assert phones[1].start == pytest.approx(5 / 16, abs=0.03)
    assert phones[1].end == pytest.approx(11 / 16, abs=0.03)


def test_crops_follow_from_the_generator(sampler):
    mel, codes, classes = sampler.batch(6, np.random.default_rng(5))
    assert mel.shape == (6, FRAMES, 40) and codes.shape == (6, ROWS, 12)
    assert classes.shape == (6, ROWS, 11) and torch.allclose(classes.sum(-1), torch.ones(6, ROWS))
    again = sampler.batch(6, np.random.default_rng(5))
    assert all(torch.equal(one, two) for one, two in zip((mel, codes, classes), again, strict=True))
    assert not torch.equal(mel, sampler.batch(6, np.random.default_rng(6))[0])


def test_crops_leave_the_recordings_alone(sampler, recordings):
    before = [x.copy() for x in (recordings[0].sound, recordings[0].codes, recordings[0].classes)]
    sampler.batch(8, np.random.default_rng(1))
    after = (recordings[0].sound, recordings[0].codes, recordings[0].classes)
    assert all(np.array_equal(one, two) for one, two in zip(before, after, strict=True))


def test_lips_rest_where_there_is_no_speech(recordings):
    sampler = CropSampler({"seen": (0.0, recordings), "none": (1.0, [])}, seed=0, bank=2)
    _, codes, classes = sampler.batch(4, np.random.default_rng(0))
    assert not codes.any()
    assert (classes[..., PHONES.index("silence")] == 1).all()


def test_another_voice_is_another_mel_of_the_same_length():
    sounds = [np.random.default_rng(0).normal(0, 0.1, 16000)] * 3
    mel = augmented_mel(sounds, [140, 160, 180], 60, np.random.default_rng(2))
    assert mel.shape == (3, 60, 40) and torch.isfinite(mel).all()
    assert not torch.equal(mel[0], mel[1])


def test_a_lip_model_learns_what_phones_do(tmp_path):
    """Lips that open with the first feature."""
    torch.manual_seed(0)
    measures = LipMeasures.of(FaceBasis.load())
    inputs = torch.randn(256, 294)
    codes = inputs[:, :1] * torch.linspace(0.2, 1, 12) + 0.01 * torch.randn(256, 12)
    start = fit(inputs, codes, measures, tmp_path / "a", LipModelRecipe(steps=1))
    model = fit(inputs, codes, measures, tmp_path / "b", LipModelRecipe(steps=60))
    errors = [(net(inputs) - codes).square().mean() for net in (start, model)]
    assert errors[1] < 0.3 * errors[0]


def test_the_phoneme_to_lip_model_is_cross_validated(corpus, tmp_path, speech_programs, caplog):
    caplog.set_level("INFO")
    lip_model.main(["--data", str(corpus), "--out", str(tmp_path), "--steps", "2"])
    assert "cross-validation: {'opening'" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fold_0", "fold_1", "fold_2"]


def test_the_command_trains_an_articulation_net(
    second_device, corpus, tmp_path, speech_programs, monkeypatch
):
    monkeypatch.setattr(train, "MINUTES", {"synthetic": 0.05, "joined": 0.05})
    monkeypatch.setattr(train, "CropSampler", lambda groups, seed: CropSampler(groups, seed, 2))
    work = tmp_path / "work"
    command = ["--data", str(corpus), "--work", str(work), "--out", str(tmp_path)]
    command += ["--batch", "2", "--channels", "16", "--teacher-steps", "3"]
    train.main([*command, "--steps", "2"])
    path = tmp_path / "articulation.safetensors"
    net, press, bank = load_articulation(path)
    assert all(torch.isfinite(value).all() for value in net.parameters())
    features = ArticulationEncoder(net, press, bank).encode(torch.randn(16000), 16000).features
    assert features.shape[0] == 25 and torch.isfinite(features[:, FEATURES["lips"]]).all()
    assert recipes_of(path)["articulation"]["channels"] == 16
    kept = {item.name for item in work.iterdir()}
    assert {"synthetic.npz", "joined.npz", "natural.npz", "lip_model_2"} <= kept
    train.main([*command, "--steps", "3"])
    longer, *_ = load_articulation(path)
    assert not torch.equal(longer.lips.weight, net.lips.weight)
    header, *rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert {"loss", "lips", "phones", "held_out_opening"} <= set(header.split(","))
    assert [row.split(",")[0] for row in rows] == ["2", "3"]
