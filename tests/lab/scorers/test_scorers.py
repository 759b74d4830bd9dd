"""The scorers of sound and movement: they fall with the shift, and know what does not fit."""

import pytest
import torch

from vasa_core.audio.features import ArticulationEncoder
from vasa_core.audio.reader import read_audio
from vasa_core.face.basis import PARTS
from vasa_core.lab.evaluation.heads import pose_rows
from vasa_core.lab.scorers.alignment import HEARD, alignment, load_alignment
from vasa_core.lab.scorers.dual_encoder import Tower, at_lags
from vasa_core.lab.scorers.sync import MAX_LAG, load_sync, sound_rows, sync_of

SECONDS = 8


@pytest.fixture(scope="module")
def spoken(model, speech_path):
    sound, rate = read_audio(speech_path)
    sound = sound[: SECONDS * rate]
    return sound, rate, model.sample(model.features(sound, rate))


@pytest.fixture(scope="module")
def lips(spoken):
    return spoken[2].dynamics[:, PARTS["lips"]]


def test_lips_are_in_sync_with_the_sound_that_moved_them(spoken, lips):
    sync = sync_of(load_sync(), *spoken[:2], lips)
    assert abs(sync.offset) <= 1
    assert sync.confidence > 0.2
    middle = [float((sync.curve[MAX_LAG - d] + sync.curve[MAX_LAG + d]) / 2) for d in range(2, 7)]
    assert middle == sorted(middle, reverse=True)


@pytest.mark.parametrize("shift", [-5, 4])
def test_the_offset_is_the_shift_of_the_lips(spoken, lips, shift):
    assert abs(sync_of(load_sync(), *spoken[:2], lips.roll(shift, 0)).offset - shift) <= 1


def test_foreign_and_still_lips_are_not_in_sync(spoken, lips):
    own = sync_of(load_sync(), *spoken[:2], lips).confidence
    for other in (lips.flip(0), torch.zeros_like(lips)):
        assert sync_of(load_sync(), *spoken[:2], other).confidence < own / 2


def test_amplitude_of_the_lips_hardly_matters(spoken, lips):
    curves = [sync_of(load_sync(), *spoken[:2], size * lips).curve[MAX_LAG] for size in (0.7, 1.3)]
    assert abs(float(curves[0] - curves[1])) < 0.1


def test_sound_rows_are_four_to_a_frame(spoken):
    sound, rate = spoken[:2]
    for count in (rate, rate + 1, 3 * rate // 2):
        assert len(sound_rows(sound[:count], rate)) == 4 * -(-count * 25 // rate)


def test_alignment_prefers_motion_of_a_likely_size(spoken):
    sound, rate, motion = spoken
    heard = ArticulationEncoder.load().encode(sound, rate).features[:, HEARD]
    net, pose = load_alignment(), pose_rows(motion)
    usual = alignment(net, heard, pose)
    assert -1 <= usual <= 1
    assert alignment(net, heard, 0.1 * pose) < usual and alignment(net, heard, 8 * pose) < usual


def test_towers_see_frames_one_by_one():
    torch.manual_seed(0)
    tower = Tower(5, 16, strides=(2, 2), dilations=(1, 2)).eval()
    embedded = tower(torch.randn(2, 40, 5))
    assert embedded.shape[:2] == (2, 10)
    assert embedded.norm(dim=-1).allclose(torch.ones(2, 10), atol=1e-5)


def test_lags_are_cosines_with_later_frames():
    sound, movement = torch.randn(2, 9, 4), torch.randn(2, 9, 4)
    found = at_lags(sound, movement, 2)
    assert found.shape == (2, 5, 5)
    assert found[1, 3, 4] == pytest.approx(float(sound[1, 5] @ movement[1, 7]), abs=1e-5)
    assert found[0, 0, 0] == pytest.approx(float(sound[0, 2] @ movement[0, 0]), abs=1e-5)
