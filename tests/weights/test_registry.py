"""The table of known files: complete, and without two files under one name."""

import json
from pathlib import Path

import pytest

from vasa_core.errors import InputError
from vasa_core.weights.registry import (
    FILES,
    KNOWN,
    MANIFESTS,
    MODEL_FILES,
    dtype_of,
    files_of,
    known_file,
    named,
)

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "weights"
REFERENCE_NAMES = {"ditto_lmdm": "ditto_lmdm_v0.4_hubert"}


def test_every_file_is_told_in_full():
    for known in FILES:
        assert known.source and known.licence and known.commercial, known.name
        assert "://" not in known.source
        if known.tensors:
            assert f"{known.name}.safetensors" in known.names
            assert known.shapes() and known.size > 1000
    assert {path.stem for path in MANIFESTS.glob("*.json")} == {f.name for f in FILES if f.tensors}


def test_no_file_name_stands_for_two_files():
    names = [name for known in FILES for name in known.names]
    assert len(names) == len(set(names))
    assert named("models/warp_network.pth") is KNOWN["liveportrait_warping_module"]
    assert named("else.pth") is None


def test_models_and_their_files():
    assert [len(files_of(model)) for model in MODEL_FILES] == [5, 7, 7]
    with pytest.raises(InputError, match="'sadtalker'.*liveportrait"):
        files_of("sadtalker")
    assert known_file("ditto_lmdm") is KNOWN["ditto_lmdm"]
    with pytest.raises(InputError, match="'lmdm'.*ditto_lmdm"):
        known_file("lmdm")


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no reference at {REFERENCE}")
def test_manifests_are_those_of_the_reference():
    for known in FILES:
        file = REFERENCE / f"{REFERENCE_NAMES.get(known.name, known.name)}.keys.json"
        if not file.is_file():
            assert known.name in ("joyvasa_motion_template", "ditto_hubert")
            continue
        keys = json.loads(file.read_text())["keys"]
        assert known.shapes() == {key: tuple(shape) for key, shape, _ in keys}
        assert list(known.shapes()) == [key for key, _, _ in keys]
        assert all(str(dtype_of(key)) == f"torch.{dtype}" for key, _, dtype in keys)
