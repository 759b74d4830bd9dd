import pytest
import torch

from vasa_core.motion.windows import crossfade, iter_windows, joined, stream_windows


@pytest.mark.parametrize("sizes", [[23], [1] * 23, [0, 7, 16], [10, 10, 3]])
def test_cutting_keeps_every_row(sizes):
    rows = torch.arange(23.0)[:, None]
    windows = list(iter_windows(rows.split(sizes), 10))
    assert [len(w) for w in windows] == [10, 10, 3]
    assert torch.equal(torch.cat(windows), rows)


def test_nothing_gives_nothing():
    assert list(iter_windows([], 10)) == []
    assert list(iter_windows([torch.zeros(0, 2)], 10)) == []


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


@pytest.mark.parametrize("frames", [1, 6, 7, 8, 10, 13, 14, 23])
@pytest.mark.parametrize("size", [1, 4, 50])
def test_overlapping_windows_start_as_long_as_there_are_frames(frames, size):
    rows = torch.arange(float(frames))[:, None]
    windows = list(iter_windows(rows.split(size), 10, 3))
    assert [int(window[0]) for window in windows] == list(range(0, frames, 7))
    assert all(torch.equal(w, rows[i * 7 : i * 7 + 10]) for i, w in enumerate(windows))


@pytest.mark.parametrize("frames", [1, 7, 8, 10, 14, 23])
@pytest.mark.parametrize("size", [1, 4, 50])
def test_overlaps_are_faded_over(frames, size):
    """Each window gives its number: over an overlap, the motion goes from one to the next."""
    given = []

    def sample(sound, past, start):
        given.append(past)
        return torch.full((10, 2), float(start // 7))

    rows = torch.arange(float(frames))[:, None]
    pieces = list(stream_windows(sample, rows.split(size), 10, 1, 3, crossfade(3)))
    motion = torch.cat([motion for motion, _ in pieces])
    assert torch.equal(torch.cat([sound for _, sound in pieces]), rows)
    starts = range(0, frames, 7)
    expected = torch.arange(frames) // 7 - (torch.arange(frames) >= 7) * torch.clamp(
        1 - torch.arange(frames) % 7 / 3, min=0
    )
    assert torch.allclose(motion[:, 0], expected)
    assert len(given) == len(starts) and given[0] is None
    for past, start in zip(given[1:], starts[1:], strict=True):  # the frame before, and its sound
        assert past.shape == (1, 3)
        assert torch.equal(past[0], torch.tensor([start // 7 - 1.0, start // 7 - 1.0, start - 1.0]))


def test_the_past_is_the_motion_as_it_was_joined():
    """With a long overlap, the frame before a window lies in the overlap before it."""
    given = []

    def sample(sound, past, start):
        given.append(past)
        return torch.full((10, 1), float(start))

    rows = torch.zeros(20, 1)
    pieces = list(stream_windows(sample, [rows], 10, 1, 6, crossfade(6)))
    motion = torch.cat([motion for motion, _ in pieces])
    assert [float(past[0, 0]) for past in given[1:]] == motion[3:16:4, 0].tolist()


def test_side_by_side_and_followed_by_silence():
    heard = []

    def sample(sound, past, start):
        heard.append(sound)
        return torch.full((10, 1), float(start))

    pieces = list(stream_windows(sample, [torch.ones(13, 1)], 10, 4, join=None, hold=False))
    assert torch.equal(torch.cat([m for m, _ in pieces])[:, 0], torch.tensor([0.0] * 10 + [10] * 3))
    assert heard[1][:, 0].tolist() == [1.0] * 3 + [0.0] * 7
