import pytest
import torch

from vasa_core.motion.windows import cut, joined, stream_windows


@pytest.mark.parametrize("sizes", [[23], [1] * 23, [0, 7, 16], [10, 10, 3]])
def test_cutting_keeps_every_row(sizes):
    rows = torch.arange(23.0)[:, None]
    windows = list(cut(rows.split(sizes), 10))
    assert [len(w) for w in windows] == [10, 10, 3]
    assert torch.equal(torch.cat(windows), rows)


def test_nothing_gives_nothing():
    assert list(cut([], 10)) == []
    assert list(cut([torch.zeros(0, 2)], 10)) == []


def test_windows_get_their_past_and_the_last_is_trimmed():
    calls = []

    def sample(sound, past, start):
        calls.append((sound.clone(), past, start))
        return sound.repeat(1, 2)

    rows = torch.arange(23.0)[:, None]
    pieces = list(stream_windows(sample, [rows], window=10, past=4))
    assert [len(motion) for motion, _ in pieces] == [10, 10, 3]
    assert torch.equal(torch.cat([sound for _, sound in pieces]), rows)
    assert calls[0][1] is None and calls[1][1].shape == (4, 3)
    assert torch.equal(calls[1][1][:, 2:], rows[6:10])
    assert [start for _, _, start in calls] == [0, 10, 20]
    assert torch.equal(calls[2][0][3:], rows[22:].expand(7, 1))  # held at the last row


def test_a_join_leaves_no_step_and_fades():
    before = torch.linspace(0, 1, 10)[:, None]
    window = torch.full((20, 1), 5.0)
    bent = joined(before, window)
    assert (bent[0] - before[-1]).abs() < 0.1
    assert torch.equal(bent[8:], window[8:])
    assert bent.diff(dim=0).abs().max() < 1.0
