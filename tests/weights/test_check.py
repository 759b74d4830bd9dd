"""All variants come to the same tensors; all else is refused with a reason."""

import argparse
import pathlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vasa_core.errors import InputError
from vasa_core.weights.check import canonical, identify, load_known, plain
from vasa_core.weights.fill import fill
from vasa_core.weights.registry import FILES, KNOWN

STITCHING = KNOWN["liveportrait_stitching_retargeting_module"]
APPEARANCE = KNOWN["liveportrait_appearance_feature_extractor"]
TEMPLATE = KNOWN["joyvasa_motion_template"]
GENERATOR = KNOWN["joyvasa_motion_generator"]


def grouped(tensors, strip=False):
    """The stitching file as it is published: a dict of three."""
    groups = {}
    for key, value in tensors.items():
        group, _, rest = key.partition(".")
        groups.setdefault(group, {})[rest.removeprefix("module.") if strip else rest] = value
    return groups


def stitching_variants(tensors):
    flat = {key.replace(".module.", "_module."): value for key, value in tensors.items()}
    more = grouped(tensors) | {"optimizer": {"lr": torch.ones(1)}}
    return {
        "published": (grouped(tensors), "pth"),
        "with more in it": (more, "pth"),
        "without module": (grouped(tensors, strip=True), "pth"),
        "reversed": (dict(reversed(grouped(tensors).items())), "pth"),
        "kijai": (flat, "safetensors"),
        "imported": (tensors, "safetensors"),
        "state_dict": ({"state_dict": grouped(tensors)}, "pth"),
    }


@pytest.mark.parametrize("variant", stitching_variants({}))
def test_stitching_variants(tmp_path, stitching, variant, equal):
    content, kind = stitching_variants(stitching)[variant]
    path = tmp_path / f"x.{kind}"
    (save_file if kind == "safetensors" else torch.save)(content, path)
    equal(load_known(STITCHING, path), stitching)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "model_state_dict.module."])
def test_appearance_in_other_precision_and_nesting(tmp_path, appearance, dtype, prefix):
    # converters halve the counters too
    tensors = {prefix + key: value.to(dtype) for key, value in appearance.items()}
    save_file(tensors, tmp_path / "x.safetensors")
    found = load_known(APPEARANCE, tmp_path / "x.safetensors")
    assert list(found) == list(appearance)
    for key, value in appearance.items():
        assert found[key].dtype == value.dtype, key
        assert torch.allclose(found[key], value.to(dtype).to(value.dtype)), key


@pytest.fixture(scope="module")
def generator():
    """JoyVASA's file, with all large tensors as views of one small one."""
    small = {key: shape for key, shape in GENERATOR.shapes().items() if np.prod(shape) < 1e5}
    filled = fill(small)
    return {
        key: filled[key] if key in filled else torch.zeros(1).expand(shape)
        for key, shape in GENERATOR.shapes().items()
    }


def test_joyvasa_checkpoint_with_old_weight_norm(tmp_path, generator, equal):
    norm = "audio_encoder.encoder.pos_conv_embed.conv."
    old = {
        f"{norm}parametrizations.weight.original0": f"{norm}weight_g",
        f"{norm}parametrizations.weight.original1": f"{norm}weight_v",
    }
    model = {old.get(key, key): value for key, value in generator.items()} | {
        "spare": torch.ones(1)
    }
    settings = argparse.Namespace(exp=pathlib.PosixPath("x"), n_layers=6)
    torch.save({"args": settings, "model": model, "iter": 1}, tmp_path / "iter_0020000.pt")
    equal(load_known(GENERATOR, tmp_path / "iter_0020000.pt"), generator)


def test_tables_may_be_missing_or_of_another_length(generator):
    tensors = dict(generator)
    del tensors["denoising_net.PE.pe"], tensors["denoising_net.alignment_mask"]
    tensors = {k: v for k, v in tensors.items() if not k.startswith("diffusion_sched.")}
    tensors["denoising_net.TE.pe"] = torch.zeros(1, 51, 256)
    found = canonical(tensors, GENERATOR)
    gone = set(generator) - set(found)
    assert {key.split(".")[-1] for key in gone} == {
        *("pe", "alignment_mask"),
        *("betas", "alphas", "alpha_bars", "sigmas_flex", "sigmas_inflex"),
    }
    assert identify(tensors) is GENERATOR


def test_spectral_norm_is_not_taken_for_weight_norm():
    assert plain("G_middle_0.conv_0.weight_v") == "G_middle_0.conv_0.weight_v"
    assert "module" not in plain("module.a.module.module.b.weight")
    assert plain("warping_module.weight") == "warping_module.weight"


@pytest.mark.parametrize("shape", [(-1,), (1, -1), (-1, 1, 1)])
def test_template_of_any_rank_with_more_in_it(template, shape, equal):
    arrays = {key: value.double().reshape(shape) for key, value in template.items()}
    arrays |= {"R": torch.eye(3), "lip": torch.zeros(1, 2), "abs_max_t": torch.tensor(torch.inf)}
    found = canonical(arrays, TEMPLATE)
    equal(found, template)
    assert identify(arrays) is TEMPLATE


def test_template_with_another_count(template):
    with pytest.raises(InputError, match=r"1 of another shape \(mean_exp 60 instead of 63\)"):
        canonical(template | {"mean_exp": torch.zeros(60)}, TEMPLATE)


def test_every_known_file_is_identified_by_its_keys():
    for known in FILES:
        if known.tensors:
            tensors = {key: torch.zeros(1) for key in known.shapes()}
            assert identify(tensors) is known
            tensors.pop(next(iter(tensors)))
            assert identify(tensors) is None
    assert identify({"something": torch.zeros(1)}) is None


def test_files_under_each_others_names(tmp_path, appearance):
    torch.save(appearance, tmp_path / "warping_module.pth")
    with pytest.raises(InputError) as caught:
        load_known(KNOWN["liveportrait_warping_module"], tmp_path / "warping_module.pth")
    said = str(caught.value)
    assert "warping_module.pth: these are the weights of liveportrait_appearance_feature" in said
    assert "name the file appearance_feature_extractor.safetensors" in said


def test_missing_and_unexpected_keys_are_counted(tiny, tiny_tensors):
    del tiny_tensors["a.weight"]
    tensors = tiny_tensors | {f"b{i}": torch.zeros(1) for i in range(5)}
    with pytest.raises(InputError) as caught:
        canonical(tensors, tiny)
    assert "1 missing (a.weight); 5 not expected (b0, b1, b2, ...)" in str(caught.value)
    assert "somewhere" in str(caught.value)


def test_a_key_given_twice_is_unexpected(tiny, tiny_tensors):
    tensors = tiny_tensors | {"module.a.bias": torch.zeros(2)}
    with pytest.raises(InputError, match=r"1 not expected \(module.a.bias\)"):
        canonical(tensors, tiny)


def test_another_shape(tiny, tiny_tensors):
    with pytest.raises(InputError, match=r"a.weight 3x2 instead of 2x3"):
        canonical(tiny_tensors | {"a.weight": torch.zeros(3, 2)}, tiny)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_none(tiny, tiny_tensors, value):
    tiny_tensors["a.weight"][1, 2] = value
    with pytest.raises(InputError, match=r"1 with NaN or infinite numbers \(a.weight\)"):
        canonical(tiny_tensors, tiny)


def test_quantised_weights(tiny, tiny_tensors):
    with pytest.raises(InputError, match=r"1 of whole numbers \(a.weight\)"):
        canonical(tiny_tensors | {"a.weight": torch.zeros(2, 3, dtype=torch.int8)}, tiny)


def test_counter_with_one_dimension_or_missing(tiny, tiny_tensors, equal):
    counter = {"n.num_batches_tracked": torch.zeros(1)}
    equal(canonical(tiny_tensors | counter, tiny), tiny_tensors)
    del tiny_tensors["n.num_batches_tracked"]
    equal(canonical(tiny_tensors, tiny), tiny_tensors)


def test_checked_in_inference_mode_and_moved_outside(tiny, tiny_tensors):
    halved = {key: value.half() for key, value in tiny_tensors.items()}
    with torch.inference_mode():
        found = canonical(halved, tiny)
    assert not any(value.is_inference() for value in found.values())
