"""Single measures on motions and pictures whose values are known, and how rows are summed up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vasa_core.face.basis import PARTS, FaceBasis
from vasa_core.lab.data.clips import RealClip
from vasa_core.lab.data.index import Entry
from vasa_core.lab.data.lips import LipMeasures
from vasa_core.lab.evaluation.heads import blinks, head_measures, pose_variation
from vasa_core.lab.evaluation.lips import against_real, closures, spans_of
from vasa_core.lab.evaluation.measures import MEASURES, Row, summaries, table
from vasa_core.lab.evaluation.pictures import picture_errors, structural_similarity
from vasa_core.motion.editing import still


@pytest.fixture(scope="module")
def basis():
    return FaceBasis.load()


@pytest.fixture(scope="module")
def measures(basis):
    return LipMeasures.of(basis)


def swaying(frames=100, degrees=2.0):
    time = torch.arange(frames)
    rotation = torch.stack([degrees * torch.sin(time / 8.0 + k) for k in range(3)], 1)
    return replace(still("mesh", frames), rotation=rotation)


def test_head_measures_scale_as_they_should():
    small, large = swaying(degrees=1.0), swaying(degrees=2.0)
    assert pose_variation(large) == pytest.approx(2 * pose_variation(small), rel=1e-4)
    one, other = head_measures(small), head_measures(large)
    assert other["acceleration"] == pytest.approx(4 * one["acceleration"], rel=1e-3)
    assert other["pose_spread"] == pytest.approx(2 * one["pose_spread"], rel=1e-4)


def test_blinks_are_counted_and_measured_at_half_depth():
    motion = still("mesh", 100)
    closure = motion.dynamics[:, PARTS["blink"]]
    closure[20:25] = torch.tensor([0.3, 0.8, 1.0, 0.8, 0.3])[:, None]
    closure[60:63] = 0.4  # a squint is no blink
    assert blinks(motion) == [3]
    assert head_measures(motion)["blink_rate"] == pytest.approx(15)
    assert head_measures(motion)["blink_length"] == pytest.approx(120)


def test_lips_agree_with_themselves_and_their_lag_is_found(basis, measures):
    time = torch.arange(120)
    gap = 0.04 + 0.03 * torch.sin(time / 3.0) * torch.sin(time / 17.0)
    lips = gap[:, None] * measures.opening / measures.opening.square().sum()
    faces = basis.canonical + torch.einsum("td,dvc->tvc", lips, basis.lips)
    found, entry = torch.ones(120, dtype=torch.bool), Entry(file=Path("x.mp4"))
    clip = RealClip(entry, torch.zeros(0), 16000, faces, found, still("mesh", 120))
    own = against_real(lips, clip, measures)
    assert own["opening"] > 0.99 and own["lag"] == 0 and own["on_time"] == 1
    late = against_real(0.5 * lips.roll(3, 0), clip, measures)
    assert late["lag"] == 3 and late["on_time"] == 0 and late["gain"] == pytest.approx(0.5, rel=0.1)


def test_closures_are_seen_where_lips_are_shut(measures):
    lips = torch.full((50, 1), 0.05) * measures.opening / measures.opening.square().sum()
    lips[24:27] = 0
    spans = {"p b m": [(0.96, 1.08)], "others": [(0.2, 0.3)]}
    assert closures(lips, spans, measures) == {"p b m": [True], "others": [False]}


def test_only_consonants_away_from_closures_are_compared():
    phones = [(0.0, 0.1, "p"), (0.1, 0.2, "t"), (0.5, 0.6, "t"), (0.6, 0.7, "a")]
    assert spans_of(phones, "pbm", "tdn") == {"p b m": [(0.0, 0.1)], "others": [(0.5, 0.6)]}


def test_errors_of_pictures(portrait):
    image = portrait.image[0]
    same = picture_errors(image, image, portrait.landmarks)
    assert same["l1"] == same["mouth_l1"] == 0 and same["psnr"] == pytest.approx(80)
    assert same["ssim"] == pytest.approx(1, abs=1e-4)
    worse = picture_errors((image + 0.1).clamp(0, 1), image, portrait.landmarks)
    assert worse["l1"] > 0.05 and worse["psnr"] < 25
    noisy = (image + 0.2 * torch.randn_like(image)).clamp(0, 1)
    assert structural_similarity(noisy, image) < 0.8


def test_similarity_is_that_of_the_paper(rng):
    """Its formula (Wang et al. 2004, eq. 13), window by window, at one place of two pictures."""
    one, other = rng.uniform(0, 1, (2, 3, 11, 11))
    line = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = np.outer(line, line) / line.sum() ** 2

    def mean(x):
        return (x * window).sum((1, 2))

    light = (2 * mean(one) * mean(other) + 1e-4) / (mean(one) ** 2 + mean(other) ** 2 + 1e-4)
    variances = [mean(x * x) - mean(x) ** 2 for x in (one, other)]
    shared = mean(one * other) - mean(one) * mean(other)
    wanted = (light * (2 * shared + 9e-4) / (sum(variances) + 9e-4)).mean()
    found = structural_similarity(torch.tensor(one), torch.tensor(other))
    assert found == pytest.approx(wanted, abs=1e-6)
    assert np.isnan(structural_similarity(torch.ones(3, 10, 90), torch.ones(3, 10, 90)))


def test_rows_are_summed_up_by_item_and_group():
    rows = [
        Row("opening", "grid", "model", "a", 0.5),
        Row("opening", "grid", "model", "a", 0.7),  # another seed of the same clip
        Row("opening", "grid", "model", "b", 0.2),
        Row("opening", "web", "model", "a", 0.1),
        Row("opening", "web", "model", "c", float("nan")),
    ]
    found = {s.group: s for s in summaries(rows)}
    assert found["grid"].mean == pytest.approx(0.4) and found["grid"].count == 2
    assert found["web"].count == 1
    assert found["all"].mean == pytest.approx((0.6 + 0.2 + 0.1) / 3) and found["all"].count == 3
    assert [s.group for s in summaries(rows[:3])] == ["grid"]
    text = table(rows)
    assert MEASURES["opening"].title in text and "0.300" in text
