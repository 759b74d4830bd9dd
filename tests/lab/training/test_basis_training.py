"""The face basis is fitted to tracks that were made with another one."""

import torch
from safetensors.torch import load_file

from vasa_core.face.basis import FaceBasis
from vasa_core.lab.training import basis


def test_the_basis_of_moved_faces_spans_what_moved_them(corpus, tmp_path):
    path = tmp_path / "face_basis.safetensors"
    basis.main(["--data", str(corpus), "--out", str(path)])
    made, shipped = load_file(path), load_file(basis.SHIPPED)
    assert {name: value.shape for name, value in made.items()} == {
        name: value.shape for name, value in shipped.items()
    }
    assert all(torch.isfinite(value).all() for value in made.values())
    mirror = made["mirror"]
    flipped = made["canonical"][mirror] * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(flipped, made["canonical"], atol=1e-5)
    # what moved the lips of the tracks is in the shipped components, and so in these
    lips = shipped["lips"].flatten(1)
    projector = torch.linalg.pinv(lips) @ lips
    inside = made["lips"].flatten(1) @ projector
    assert inside.norm() > 0.8 * made["lips"].norm()
    agreement = (made["lips"] * shipped["lips"]).sum((1, 2))
    assert (agreement >= 0).all()  # no component turned round
    loaded = FaceBasis(**made)
    codes = loaded.codes(loaded.canonical[None], loaded.canonical)
    assert codes.shape[-1] == 24 and codes.abs().max() < 1e-4


def test_validation_leaves_each_person_out(corpus, tmp_path, caplog, monkeypatch):
    """All but those with many clips, who are not in the fits either."""
    caplog.set_level("INFO")
    monkeypatch.setattr(basis, "COMMON", 5)
    path = tmp_path / "face_basis.safetensors"
    basis.main(["--data", str(corpus), "--out", str(path), "--validate"])
    assert not path.exists()
    lines = [line for line in caplog.messages if "left" in line]
    people = ("chosen_by", "late", "silent", "talker")
    assert [line.split()[0] for line in lines[:-1]] == list(people)
    moved, left = (float(word.strip(",")) for word in lines[-1].split()[3::2])
    assert 0 < left < 0.5 * moved  # all were moved by the same components
