from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from vasa_core.errors import InputError
from vasa_core.motion.editing import smoothed
from vasa_core.motion.files import load_motion, save_motion
from vasa_core.motion.sequence import held, sped
from vasa_core.types import Motion


def motion(frames=4):
    torch.manual_seed(0)
    codes = torch.randn(frames, 24)
    shape = codes[:, :3], codes[:, 3:5], codes[:, 5].exp(), codes
    return Motion(*shape, "mesh", Fraction(30000, 1001))


@pytest.mark.parametrize("frames", [1, 4])
def test_round_trip(tmp_path, frames):
    path = tmp_path / "m.safetensors"
    save_motion(path, motion(frames))
    read = load_motion(path)
    assert (read.space, read.fps, read.reference) == ("mesh", Fraction(30000, 1001), "portrait")
    for name in ("rotation", "translation", "scale", "dynamics"):
        assert torch.equal(getattr(read, name), getattr(motion(frames), name))
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_motion_may_lie_in_memory_in_any_way(tmp_path):
    """A smoothed one does not lie row by row, a held one is a single row."""
    turned = motion(6)
    turned = replace(turned, rotation=turned.rotation.T.contiguous().T)
    changed = (turned, held(motion(1), 9), smoothed(motion(9), 0.1), sped(motion(9), 1.5))
    for number, made in enumerate(changed):
        save_motion(tmp_path / str(number), made)
        read = load_motion(tmp_path / str(number))
        for name in ("rotation", "translation", "scale", "dynamics"):
            assert torch.equal(getattr(read, name), getattr(made, name))


def test_made_motion_says_that_it_is_made(tmp_path):
    for reference in ("portrait", "camera"):
        save_motion(tmp_path / reference, replace(motion(), reference=reference))
    with (
        safe_open(tmp_path / "portrait", "pt") as made,
        safe_open(tmp_path / "camera", "pt") as seen,
    ):
        assert "AI-generated" in made.metadata()["comment"]
        assert "comment" not in seen.metadata()
    assert load_motion(tmp_path / "camera").reference == "camera"


def test_bad_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no frames"):
        save_motion(tmp_path / "empty", motion()[:0])
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="does not exist"):
        load_motion(tmp_path / "missing")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InputError, match="no safetensors"):
        load_motion(tmp_path / "text")
    save_file({"x": torch.zeros(1)}, tmp_path / "foreign")
    with pytest.raises(InputError, match="holds no motion"):
        load_motion(tmp_path / "foreign")
    tensors = {
        n: getattr(motion(), n).clone() for n in ("rotation", "translation", "scale", "dynamics")
    }
    about = {"format": "vasa-motion", "version": "1", "space": "mesh", "reference": "portrait"}
    save_file(tensors, tmp_path / "rateless", metadata=about)
    with pytest.raises(InputError, match="broken"):
        load_motion(tmp_path / "rateless")
    save_file(tensors, tmp_path / "newer", metadata=about | {"version": "2"})
    with pytest.raises(InputError, match="version 2"):
        load_motion(tmp_path / "newer")
