"""From Ditto's vectors to a face's numbers, and smoothing as a stream."""

import numpy as np
import pytest
import torch

from vasa_core.motion.ditto.face import FaceMover, own_vector, smoothed, with_gaze_kept


@pytest.fixture(scope="module")
def own(face):
    return own_vector(face.conditioning.extracted)


def test_the_own_vector_holds_all_but_the_keypoints(face, own):
    raw = face.conditioning.extracted
    assert own.shape == (1, 265)
    assert own[0, 0] == pytest.approx(0.3)
    assert torch.equal(own[:, 67:133], raw["yaw"]) and torch.equal(own[:, 199:202], raw["t"])
    assert torch.equal(own[:, 202:], raw["exp"])


def degrees(logits):
    shares = np.exp(logits) / np.exp(logits).sum()
    return float((shares * np.arange(66)).sum() * 3 - 97.5)


def test_no_change_leaves_the_face(face, own):
    mover, raw = FaceMover(), face.conditioning.extracted
    values = mover(torch.zeros(4, 265), own)
    for name, value in mover.still(own).items():
        assert torch.allclose(values[name], value.expand_as(values[name]), atol=1e-5), name
    angles = [degrees(raw[name][0].double().numpy()) for name in ("pitch", "yaw", "roll")]
    assert torch.allclose(values["rotation"][0], torch.tensor(angles), atol=1e-4)
    assert values["scale"].tolist() == pytest.approx([1.3] * 4)


def test_logits_are_added_and_only_lips_and_eyes_follow(face, own):
    change = 0.3 * torch.randn(6, 265, generator=torch.Generator().manual_seed(1))
    values, raw = FaceMover()(change, own), face.conditioning.extracted
    pitch = degrees((raw["pitch"] + change[2, 1:67])[0].double().numpy())
    assert float(values["rotation"][2, 0]) == pytest.approx(pitch, abs=1e-3)
    assert torch.allclose(values["t"], raw["t"] + change[:, 199:202])
    assert torch.allclose(values["scale"], torch.full((6,), 1.3))
    moved = (values["exp"] - raw["exp"]).view(6, 21, 3)
    follows = {6, 12, 14, 17, 19, 20, 11, 13, 15, 16, 18}
    for point in range(21):
        given = change[:, 202 + 3 * point : 205 + 3 * point]
        if point in (11, 15):  # turned back as well
            assert torch.allclose(moved[:, point, 2], given[:, 2], atol=1e-6)
        else:
            assert torch.allclose(moved[:, point], given * (point in follows), atol=1e-6)


def test_the_eyes_turn_back_when_the_head_turns():
    turned = torch.tensor([[0.0, 10, 0], [0, -10, 0], [10, 0, 50]])  # pitch, yaw, roll
    exp = with_gaze_kept(torch.zeros(3, 63), turned).view(3, 21, 3)
    assert exp[0, 11].tolist() == pytest.approx([2.6 * 0.0007, 0, 0])
    assert exp[0, 15].tolist() == pytest.approx([2.6 * 0.001, 0, 0])
    assert exp[1, 11].tolist() == pytest.approx([-2.6 * 0.001, 0, 0])
    assert exp[1, 15].tolist() == pytest.approx([-2.6 * 0.0007, 0, 0])
    assert exp[2, [11, 15], 1].tolist() == pytest.approx([-2.8 * 0.001] * 2)
    rest = [point for point in range(21) if point not in (11, 15)]
    assert not exp[:, rest].any()


@pytest.mark.parametrize("sizes", [[1], [2], [20], [1] * 20, [1, 2, 17], [7, 7, 6], [19, 1]])
def test_smoothing_does_not_know_of_pieces(sizes):
    rows = torch.randn(sum(sizes), 265)
    made = list(smoothed(iter(rows.split(sizes))))
    assert all(len(piece) for piece in made)
    made = torch.cat(made)
    for i in range(len(rows)):
        mean = rows[max(i - 1, 0) : i + 2, :202].mean(0)
        assert torch.allclose(made[i, :202], mean, atol=1e-6)
    assert torch.equal(made[:, 202:], rows[:, 202:])


def test_smoothing_looks_one_frame_ahead():
    asked = []

    def pieces():
        for number in range(3):
            asked.append(number)
            yield torch.zeros(5, 265)

    assert len(next(smoothed(pieces()))) == 4 and asked == [0]
