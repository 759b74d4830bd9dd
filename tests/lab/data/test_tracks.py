"""Landmark tracks: every way in which they are stored gives the same landmarks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vasa_core.errors import InputError
from vasa_core.face.basis import FaceBasis
from vasa_core.face.geometry import rotation_matrix
from vasa_core.lab.data.index import Entry
from vasa_core.lab.data.tracks import COMMON, Clip, common_people, read_track

WIDTH, HEIGHT, FRAMES = 320, 240, 7


@pytest.fixture
def entry(tmp_path):
    return Entry(file=tmp_path / "clip.mp4", landmarks=tmp_path / "clip.npz")


@pytest.fixture
def points(rng):
    """(T, V, 3) fractions of a frame, in steps that the coded form can hold."""
    return rng.integers(0, 4096, (FRAMES, 478, 3)).astype(np.int16) / 4096


def save(entry, **arrays):
    found = np.arange(FRAMES) != 2
    np.savez(entry.landmarks, ok=found, width=WIDTH, height=HEIGHT, **arrays)
    return found


def test_plain_and_delta_coded_landmarks_are_the_same(entry, points):
    wanted = (points * [WIDTH, HEIGHT, WIDTH]).astype(np.float32)
    found = save(entry, landmarks=points, fps=25.0)
    plain = read_track(entry)
    steps = np.diff((points * 4096).astype(np.int16), axis=0, prepend=np.int16(0))
    planes = steps.view(np.uint8).reshape(*steps.shape, 2).transpose(3, 0, 1, 2)
    save(entry, q=planes, fps=25.0)
    for landmarks, seen in (plain, read_track(entry)):
        assert landmarks.dtype == np.float32 and np.array_equal(landmarks, wanted)
        assert np.array_equal(seen, found)


def test_codes_of_a_basis_are_turned_and_placed(entry, rng, tmp_path):
    mean = FaceBasis.load().canonical.numpy()
    basis = rng.normal(0, 0.01, (4, 478 * 3)).astype(np.float32)
    codes = rng.integers(-300, 300, (FRAMES, 4)).astype(np.int16)
    steps = np.diff(codes, axis=0, prepend=np.int16(0)).astype(np.int16)
    angles = rng.uniform(-20, 20, (FRAMES, 3)).astype(np.float32)
    scale, shift = np.full(FRAMES, 90.0), rng.uniform(0, 100, (FRAMES, 3))
    save(
        entry, codes=steps.T.copy().view(np.uint8).reshape(4, FRAMES, 2).transpose(2, 0, 1),
        mean=(mean * 8192).round().astype(np.int16), angles=angles, scale=scale, shift=shift,
    )  # fmt: skip
    np.savez(tmp_path / "basis.npz", basis=basis)
    landmarks, _ = read_track(replace(entry, basis=tmp_path / "basis.npz"))
    shape = mean + (codes / 200 @ basis).reshape(FRAMES, 478, 3)
    turned = shape @ rotation_matrix(torch.tensor(angles)).numpy().transpose(0, 2, 1)
    assert np.abs(landmarks - (90 * turned + shift[:, None])).max() < 0.05
    with pytest.raises(InputError, match="basis"):
        read_track(entry)


def test_missing_landmarks_and_another_frame_rate_are_refused(entry, points):
    with pytest.raises(InputError, match="lab.data.label"):
        read_track(entry)
    save(entry, landmarks=points, fps=30.0)
    with pytest.raises(InputError, match="30 frames a second"):
        read_track(entry)


def test_people_are_common_from_many_clips_on(entry, points):
    few, many = (replace(entry, person=name) for name in ("few", "many"))
    clips = [Clip(few, points, points)] * COMMON + [Clip(many, points, points)] * (COMMON + 1)
    assert common_people(clips) == {"many"}
