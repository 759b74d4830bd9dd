"""Stand-in weights: the reference's numbers, bit for bit."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from vasa_core.errors import InputError
from vasa_core.weights.check import identify, load_known
from vasa_core.weights.fill import fill, is_stand_in, stand_in_input, write_stand_ins
from vasa_core.weights.registry import FILES, KNOWN, MODEL_FILES
from vasa_core.weights.search import missing
from vasa_core.weights.writer import write_file

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"
RULES = REFERENCE / "fillrule.py"
FILLED = [known for known in FILES if known.tensors and known.name != "joyvasa_motion_template"]
MOST = 200_000  # numbers in a tensor that is compared; every rule has smaller ones


def smaller(known):
    return {key: shape for key, shape in known.shapes().items() if np.prod(shape) < MOST}


@pytest.fixture(scope="module")
def rules():
    if not RULES.is_file():
        pytest.skip(f"no reference at {RULES}")
    spec = importlib.util.spec_from_file_location("fillrule", RULES)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("salt", ["", "another"])
@pytest.mark.parametrize("known", FILLED, ids=lambda known: known.name)
def test_numbers_are_those_of_the_reference(rules, known, salt):
    shapes = smaller(known)
    name = {"ditto_lmdm": "ditto_lmdm_v0.4_hubert"}.get(known.name, known.name)
    manifest = json.loads((REFERENCE / "weights" / f"{name}.keys.json").read_text())["keys"]
    expected = rules.fill_manifest([row for row in manifest if row[0] in shapes], salt)
    found = fill(shapes, salt)
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert found[key].numpy().dtype == value.dtype, key
        assert np.array_equal(found[key].numpy(), value), key


def test_inputs_are_those_of_the_reference(rules):
    expected = rules.z("input:W.feature_3d", (1, 32, 4), "s") * np.float32(0.75)
    found = stand_in_input("W.feature_3d", (1, 32, 4), 0.75, "s")
    assert np.array_equal(found.numpy(), expected)


# Where there is no reference: the first and last number of tensors, one for each rule.
FROZEN = {
    "liveportrait_appearance_feature_extractor": {
        "first.conv.weight": [-0.0328442231, -0.464924455],
        "first.conv.bias": [-0.0214508735, -0.0021561645],
        "first.norm.weight": [1.08377731, 1.09444225],
        "first.norm.running_mean": [-0.00984989107, -0.0300705172],
        "first.norm.running_var": [1.14502704, 1.02373874],
        "resblocks_3d.3dr0.conv2.weight": [-0.0106677609, -0.0292370319],
    },
    "liveportrait_motion_extractor": {
        "detector.fc_scale.bias": [1.18941057, 1.18941057],
        "detector.stages.0.0.grn.gamma": [0.27786091, -0.143534631],
        "detector.stages.0.0.grn.beta": [0.00134352432, -0.00931293517],
        "detector.stages.0.0.pwconv2.weight": [0.0376869999, -0.011695426],
    },
    "liveportrait_spade_generator": {
        "up_1.conv_1.weight_u": [-0.0308871791, 0.120301709],
        "up_1.conv_1.weight_v": [-0.0895420536, 0.0134745501],
    },
    "joyvasa_motion_generator": {
        "null_audio_feat": [0.861310244, 0.861633182],
        "denoising_net.TE.pe": [0.0, 0.998556852],
        "diffusion_sched.betas": [0.0, 0.999000013],
        "diffusion_sched.sigmas_inflex": [0.0, 0.999014914],
        "audio_encoder.encoder.pos_conv_embed.conv.parametrizations.weight.original0": [
            2.78545713,
            2.11976838,
        ],
    },
    "ditto_lmdm": {
        "rotary.freqs": [1.0, 0.000103663289],
        "final_layer.weight": [0.0214170162, -0.00133784523],
    },
}


@pytest.mark.parametrize("name", FROZEN)
def test_frozen_numbers(name):
    wanted = FROZEN[name]
    shapes = KNOWN[name].shapes()
    stems = {key.removesuffix("weight_v") for key in wanted}
    keys = [key for key in shapes if key in wanted or key.startswith(tuple(stems))]
    found = fill({key: shapes[key] for key in keys})
    for key, ends in wanted.items():
        values = found[key].flatten()
        assert [values[0].item(), values[-1].item()] == pytest.approx(ends, rel=1e-6), key


def test_salt_and_repetition():
    shapes = {"a.weight": (4, 4), "b.pe": (1, 3, 4)}
    first, again, salted = fill(shapes), fill(shapes), fill(shapes, "x")
    assert torch.equal(first["a.weight"], again["a.weight"])
    assert not torch.equal(first["a.weight"], salted["a.weight"])
    assert torch.equal(first["b.pe"], salted["b.pe"])


def test_the_template_is_plausible(template):
    assert template["std_exp"].min() >= 0.02 and template["std_exp"].max() <= 0.05
    assert template["mean_exp"].abs().max() < 0.1
    for part in ("scale", "t", "pitch", "yaw", "roll"):
        assert (template[f"min_{part}"] < template[f"max_{part}"]).all()
    assert template["max_yaw"] == 20 and template["min_t"].shape == (3,)


@pytest.fixture
def small_model(monkeypatch):
    """A model of the two smallest files and the ONNX file."""
    names = ("liveportrait_stitching_retargeting_module", "joyvasa_motion_template", "ditto_hubert")
    monkeypatch.setitem(MODEL_FILES, "small", names)
    return "small"


def test_stand_in_files_pass_for_a_model_and_say_what_they_are(tmp_path, small_model, equal):
    written = write_stand_ins(tmp_path, small_model)
    assert [path.stem for path in written] == list(MODEL_FILES[small_model][:2])
    assert [known.name for known in missing(small_model, [tmp_path])] == ["ditto_hubert"]
    for path in written:
        known = KNOWN[path.stem]
        tensors = load_known(known, path)
        equal(tensors, fill(known))
        assert identify(tensors) is known and is_stand_in(path)
    before = written[0].read_bytes()
    assert write_stand_ins(tmp_path, small_model) == written  # over stand-ins
    assert written[0].read_bytes() == before
    write_stand_ins(tmp_path, small_model, salt="x")
    assert written[0].read_bytes() != before


def test_stand_ins_do_not_overwrite_weights(tmp_path, small_model, template):
    write_file(tmp_path / "joyvasa_motion_template.safetensors", template, {"source": "real"})
    with pytest.raises(InputError, match="holds weights; give another folder"):
        write_stand_ins(tmp_path, small_model)
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(InputError, match="No model is named 'huge'"):
        write_stand_ins(tmp_path, "huge")
