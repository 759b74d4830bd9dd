"""Choosing photos and frames, and the comparison, on a small video of our own."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

import vasa_core
from vasa_core.lab.evaluation import few_shot
from vasa_core.motion.editing import still
from vasa_core.render.video import VideoWriter


@pytest.fixture(scope="module")
def clip(tmp_path_factory, space, model, portrait_path):
    """A face that opens its mouth and turns away, then closes it and comes back."""
    portrait = space.encode(vasa_core.read_image(portrait_path, 192))
    swing = torch.sin(torch.linspace(0, 3.14, 60))[:, None]
    motion = still("mesh", 60)
    motion = replace(motion, rotation=swing * torch.tensor([12.0, 0, 0]))
    motion.dynamics[:, :12] = swing * 0.2 * model.actions.opening
    frames = torch.cat(list(space.render(portrait, motion)))
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, Fraction(25)) as writer:
        writer.write(frames)
    return path, frames


def test_photos_are_calm_first_and_then_unlike(space, clip):
    frames = clip[1]
    seen = space.track(frames, Fraction(25))
    first, second, third = few_shot.chosen_photos(frames, seen.landmarks, space, 3)
    assert first < 12 or first > 47
    assert 22 < second < 38
    assert len({first, second, third}) == 3


def test_the_longest_run_keeps_away_from_photos(monkeypatch):
    assert few_shot.longest_run(30, [0, 10]) == list(range(14, 30))
    assert few_shot.longest_run(20, [15]) == list(range(12))
    assert few_shot.longest_run(8, [4]) == [0]


def test_errors_are_zero_for_the_frames_themselves(space, clip):
    frames = clip[1][:6]
    points = space.track(frames, Fraction(25)).landmarks
    face, ssim, mouth, eyes, flicker = few_shot.compared(frames, frames, points).tolist()
    assert face == mouth == eyes == 0 and ssim == pytest.approx(1, abs=1e-4)
    assert flicker == pytest.approx(1)
    worse = few_shot.compared((frames + 0.1).clamp(0, 1), frames, points)
    assert worse[0] > 0.05


def test_a_clip_is_measured_and_drawn(space, clip, monkeypatch):
    monkeypatch.setattr(few_shot, "PHOTOS", (1, 2))
    monkeypatch.setattr(few_shot, "DRAWN", 8)
    results = few_shot.measure(space, clip[0])[None]
    assert results.shape == (1, 2, len(few_shot.MEASURES)) and results.isfinite().all()
    assert results[0, 1, 0] <= results[0, 0, 0] * 1.02
    lines = few_shot.table(results).splitlines()
    assert lines[0].split()[0] == "photos" and lines[2].startswith("2 ")
    (axes,) = few_shot.plot(results).axes
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert list(drawn) == ["face L1", "mouth L1", "eyes L1"]
    assert drawn["face L1"][0] == 1 and drawn["face L1"][1] <= 1.02
