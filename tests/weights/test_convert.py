"""Importing: verified, the same bytes each time, nothing half-written."""

import hashlib
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from vasa_core.errors import InputError
from vasa_core.provenance import whole
from vasa_core.weights import writer
from vasa_core.weights.check import load_known
from vasa_core.weights.convert import as_published, import_file
from vasa_core.weights.registry import KNOWN
from vasa_core.weights.search import find

APPEARANCE = KNOWN["liveportrait_appearance_feature_extractor"]


def header(path):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["vasa-weights"])


def test_a_published_file_becomes_safetensors(tmp_path, appearance, equal):
    source = tmp_path / "appearance_feature_extractor.pth"
    torch.save({f"module.{key}": value for key, value in appearance.items()}, source)
    out = tmp_path / "made" / "here"
    path = import_file(source, out)
    assert path == out / "liveportrait_appearance_feature_extractor.safetensors"
    equal(load_known(APPEARANCE, path), appearance)
    plain = load_file(path)  # any other reader
    assert all(torch.equal(plain[key], value) for key, value in appearance.items())
    assert header(path) == {
        "version": "1",
        "name": APPEARANCE.name,
        "source": APPEARANCE.source,
        "licence": APPEARANCE.licence,
        "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "sha256_as_published": "not known",
    }
    assert find(APPEARANCE, [out]) == path
    assert list(out.iterdir()) == [path]


def test_the_same_file_gives_the_same_bytes(tmp_path, stitching):
    torch.save(stitching, tmp_path / "x.pth")
    first, second = (import_file(tmp_path / "x.pth", tmp_path / name) for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_the_template_and_its_sum(tmp_path, template, equal):
    source = tmp_path / "motion_template.pkl"
    source.write_bytes(pickle.dumps({key: value.numpy()[None] for key, value in template.items()}))
    path = import_file(source, tmp_path)
    equal(load_known(KNOWN["joyvasa_motion_template"], path), template)
    assert header(path)["sha256_as_published"] == "no"
    known = KNOWN["joyvasa_motion_template"]
    assert as_published(known, known.sha256) == "yes"


def test_shared_and_transposed_tensors_are_written(tmp_path, tiny):
    one = torch.arange(6.0)
    tensors = {"b": torch.tensor(True), "a": one, "c": one.reshape(2, 3).T, "i": torch.tensor(7)}
    writer.write_file(tmp_path / "x.safetensors", tensors, {"note": 'with "quotes" and ü'})
    found = load_file(tmp_path / "x.safetensors")
    assert all(torch.equal(found[key], value) for key, value in tensors.items())
    assert header(tmp_path / "x.safetensors")["note"] == 'with "quotes" and ü'


def test_onnx_and_own_files_are_to_be_copied(tmp_path, stitching):
    (tmp_path / "hubert_streaming_fix_kv.onnx").write_bytes(b"\x08")
    with pytest.raises(InputError, match="is an ONNX network.*copy it as it is"):
        import_file(tmp_path / "hubert_streaming_fix_kv.onnx", tmp_path)
    torch.save(stitching, tmp_path / "x.pth")
    path = import_file(tmp_path / "x.pth", tmp_path)
    with pytest.raises(InputError, match="was written by vasa already; copy it"):
        import_file(path, tmp_path / "out")


def test_what_is_refused_leaves_nothing(tmp_path, stitching, monkeypatch):
    out = tmp_path / "out"
    torch.save({"w": torch.ones(1)}, tmp_path / "x.pth")
    with pytest.raises(InputError, match="holds none of the weights that vasa knows"):
        import_file(tmp_path / "x.pth", out)
    torch.save({"w": torch.ones(1)}, tmp_path / "warping_module.pth")  # its name tells more
    with pytest.raises(InputError, match="liveportrait_warping_module: 84 missing"):
        import_file(tmp_path / "warping_module.pth", out)
    assert not out.exists()
    torch.save(stitching, tmp_path / "y.pth")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file; give a folder"):
        import_file(tmp_path / "y.pth", tmp_path / "file")


def test_nothing_half_written_is_left(tmp_path, stitching, monkeypatch):
    broken = dict(stitching) | {"z": torch.zeros(1).to("meta")}
    with pytest.raises(NotImplementedError, match="meta"):
        writer.write_file(tmp_path / "out" / "x.safetensors", broken, {})

    def fails(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(whole, "save_file", fails)
    with pytest.raises(OSError, match="no space"):
        writer.write_file(tmp_path / "out" / "x.safetensors", stitching, {})
    assert list((tmp_path / "out").iterdir()) == []
