from fractions import Fraction
from math import nan

import numpy as np
import pytest
import torch

from vasa_core.audio.mixing import (
    LOUD,
    arranged,
    channel_blocks,
    channels_of,
    delayed,
    mixed,
    regrouped,
    timetable,
)
from vasa_core.errors import InputError

THIRD = Fraction(1, 3)


def test_turns_follow_each_other_after_a_pause():
    table = timetable([Fraction(2), THIRD, Fraction(1)], "turns", Fraction(1, 2))
    assert table.starts == (0, Fraction(5, 2), Fraction(5, 2) + THIRD + Fraction(1, 2))
    assert table.total == Fraction(13, 3)
    assert table.place(1, 3000) == (7500, 13000)


def test_together_all_start_at_once():
    table = timetable([Fraction(2), Fraction(3)], "together", Fraction(1))
    assert table.starts == (0, 0) and table.total == 3


@pytest.mark.parametrize("mode, pause", [("solo", 0), ("turns", Fraction(-1, 10)), ("turns", nan)])
def test_what_cannot_be_says_so(mode, pause):
    with pytest.raises(InputError, match="turns"):
        timetable([Fraction(1)], mode, pause)


@pytest.mark.parametrize("cut", [3, 7, 40])
def test_a_sound_is_put_between_silence_whatever_its_blocks(cut):
    sound = torch.arange(1.0, 21)
    whole = torch.cat(list(delayed(sound.split(cut), 5, 40, 8)))
    assert torch.equal(whole[5:25], sound) and len(whole) == 40
    assert whole[:5].abs().max() == whole[25:].abs().max() == 0
    assert len(torch.cat(list(delayed(sound.split(cut), 5, 12, 8)))) == 12  # cut off


@pytest.mark.parametrize("cut", [1, 5, 6, 30])
def test_blocks_get_one_size(cut):
    sound = torch.arange(22.0).view(2, 11)
    blocks = list(regrouped(sound.split(cut, 1), 5))
    assert [block.shape[1] for block in blocks] == [5, 5, 1]
    assert torch.equal(torch.cat(blocks, 1), sound)


def test_a_mix_is_the_sum_and_never_too_loud():
    one, two = torch.linspace(-0.3, 0.3, 50), torch.linspace(-0.4, 0.4, 50)
    mix = torch.cat(list(mixed([one.split(7), two.split(11)], 16)))
    assert torch.equal(mix, one + two)
    loud = torch.linspace(-3, 3, 601)
    (mix,) = mixed([[loud], [loud]], len(loud))
    assert mix.abs().max() <= 1 and (mix.diff() >= 0).all()
    assert torch.equal(mix[(2 * loud).abs() <= LOUD], 2 * loud[(2 * loud).abs() <= LOUD])


def test_sounds_of_different_rates_and_channels_are_arranged():
    low, high = torch.ones(1, 800) / 2, torch.ones(2, 1600) / 4
    table = timetable([Fraction(1, 10), Fraction(1, 10)], "turns", Fraction(1, 20))
    mix, (first, second), rate = arranged([(low, 8000), (high, 16000)], table)
    assert rate == 16000 and mix.shape == first.shape == second.shape == (2, 4000)
    assert torch.equal(mix, first + second)
    assert first[:, 1600:].abs().max() == 0 and second[:, :2400].abs().max() == 0
    assert torch.allclose(first[:, 200:1400], torch.tensor(0.5), atol=0.01)
    assert torch.equal(second[:, 2400:], high)


def test_a_file_is_read_with_the_channels_and_at_the_rate_asked_for(speech_path):
    assert channels_of(speech_path) == 1
    sound = torch.cat(list(channel_blocks(speech_path, 16000, 2)), 1)
    assert sound.shape == (2, 141360) and torch.equal(sound[0], sound[1])
    faster = torch.cat(list(channel_blocks(speech_path, 24000, 1)), 1)
    assert faster.shape == (1, 212040)
    assert np.isfinite(faster.numpy()).all() and faster.abs().max() > 0.1
