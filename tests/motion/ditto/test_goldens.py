"""Ditto's network and sampling against the outputs of its own code, for stand-in weights."""

import re

import pytest
import torch

from vasa_core.motion.ditto.model import GUIDANCE, MOST_STEPS, Ditto
from vasa_core.motion.guidance import guided
from vasa_core.motion.sampling import predicted_noise
from vasa_core.motion.schedule import NoiseSchedule

LIMIT = 5e-5
# at time 0 next to nothing of the noise is left, and dividing by that magnifies every rounding
ILL_CONDITIONED = 1e-3
SET = "ditto_lmdm"


@pytest.fixture(scope="module")
def model(goldens, new_recorder, face_actions, audio_encoder):
    return Ditto.load(goldens.weights(SET), new_recorder(), face_actions, audio_encoder)


@pytest.fixture(scope="module")
def shape(model):
    return (1, model.network.window, model.network.motion)


@pytest.fixture(scope="module")
def inputs(goldens, model, shape):
    width = model.network.cond_projection.in_features
    return {
        "x": goldens.input("ditto.x", shape),
        "frame": goldens.input("ditto.cond_frame", (1, shape[2]), 0.5),
        "condition": goldens.input("ditto.cond", (1, shape[1], width), 0.5),
    }


def keys_of(goldens, need, pattern):
    """Stored arrays by the number in their name."""
    need(SET)
    found = [re.fullmatch(f"({pattern})(_val)?", key) for key in goldens.arrays(SET)]
    keys = {match[1]: int(match[2]) for match in found if match}
    if not keys:
        pytest.skip(f"the goldens in {goldens.folder} have nothing like {pattern}")
    return keys.items()


@torch.no_grad()
def test_guided_predictions_and_their_noise(goldens, need, model, inputs):
    alphas_cumprod = NoiseSchedule.cosine(MOST_STEPS).alphas_cumprod
    given = {"audio": model.network.encode_condition(inputs["condition"]), "frame": inputs["frame"]}
    denoise = guided(model.denoised, given, {"audio": GUIDANCE})
    for key, time in keys_of(goldens, need, r"x_start_t(\d+)"):
        clean = denoise(inputs["x"], torch.tensor([time]))
        goldens.check(SET, key, clean, LIMIT)
        if goldens.holds(SET, f"pred_noise_t{time}"):
            noise, rtol = predicted_noise(inputs["x"], clean, alphas_cumprod[time]), 1e-4
            atol = LIMIT if time else ILL_CONDITIONED * float(noise.abs().max())
            goldens.check(SET, f"pred_noise_t{time}", noise, atol, rtol)


@pytest.mark.parametrize("name", ["cond", "uncond"])
@torch.no_grad()
def test_with_and_without_condition(goldens, need, model, inputs, name):
    for key, time in keys_of(goldens, need, rf"{name}_t(\d+)"):
        tokens, dropped = (
            model.network.encode_condition(inputs["condition"]),
            torch.tensor([name[0] == "u"]),
        )
        clean = model.network(
            inputs["x"], torch.tensor([time]), inputs["frame"], tokens, dropped
        )  # fmt: skip
        goldens.check(SET, key, clean, LIMIT)


def test_sampling(goldens, need, model, inputs, shape):
    for key, steps in keys_of(goldens, need, r"ddim(\d+)"):
        start = goldens.input(f"ditto.noise{steps - 1}", shape)
        noise = (start, lambda step: goldens.input(f"ditto.noise{step}", shape))
        made = model.window(inputs["condition"][0], inputs["frame"][0], noise, steps)
        goldens.check(SET, key, made, LIMIT)
