"""Sound to driven keypoints with JoyVASA, against its own code, for stand-in weights."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from vasa_core.motion.controls import FaceActions
from vasa_core.motion.joyvasa.model import STEPS, JoyVasa
from vasa_core.spaces.implicit.actions import action_tensors
from vasa_core.spaces.implicit.code import PARTS, MotionCode
from vasa_core.spaces.implicit.driving import Driving, KeypointDriver, only
from vasa_core.spaces.implicit.keypoints import canonical_keypoints, face_state, head_rotation
from vasa_core.types import Motion

pytestmark = pytest.mark.usefixtures("all_threads")
KEYPOINTS, SEQUENCE = "joy_driving_kp", "joy_motion_sequence"
ATOL = 2e-5
SAMPLED = 5e-5  # behind fifty steps of sampling


@pytest.fixture(scope="module", autouse=True)
def complete(need):
    need(KEYPOINTS, "xd_cli_default", "image_u8")
    need(SEQUENCE, "pcm16_crc32")


def test_rotations_of_a_sampled_motion(goldens):
    for kind in ("raw", "smooth"):
        angles = (goldens.tensor(SEQUENCE, f"{kind}_{a}")[:, 0] for a in ("pitch", "yaw", "roll"))
        goldens.check(SEQUENCE, f"{kind}_R", head_rotation(*angles).mT, ATOL)


@pytest.fixture(scope="module")
def model(goldens):
    template = {
        name.removeprefix("template_"): goldens.tensor(SEQUENCE, name)
        for name in goldens.arrays(SEQUENCE)
        if name.startswith("template_")
    }
    actions = FaceActions(PARTS, **action_tensors())
    model = JoyVasa.load(
        goldens.weights("joyvasa_motion_generator"), template, MotionCode(), actions
    )
    shape = (1, model.denoiser.window, model.denoiser.motion)
    start = goldens.input("joy.xT.w0", shape)
    model.noise = lambda seed, steps: lambda window: (
        start, lambda step: goldens.input(f"joy.eps.w{window}.t{STEPS - step}", shape)
    )  # fmt: skip
    return model


@pytest.fixture(scope="module")
def sound(goldens):
    """The start of the 16-bit sound that the motion sequence was made from."""
    samples = int(goldens.tensor(SEQUENCE, "n_samples"))
    time = np.arange(samples) / 16000
    loudness = 0.2 + np.abs(np.sin(2 * np.pi * 1.3 * time))
    wave = goldens.input("joy.wav", (samples,), 0.1).numpy() * loudness
    pcm = np.clip(wave * 32767, -32768, 32767).astype(np.int16)
    assert zlib.crc32(pcm.tobytes()) == int(goldens.tensor(SEQUENCE, "pcm16_crc32"))
    start = pcm[: int(goldens.tensor(KEYPOINTS, "n_pcm"))].astype(np.float32) / 32768
    return torch.cat([torch.from_numpy(start), torch.zeros(1280 + 640)])


@pytest.fixture(scope="module")
def motions(goldens, model, sound):
    """Sampled with and without smoothing, and raw with lips that add to the portrait's own."""
    frames = (int(goldens.tensor(KEYPOINTS, "n_pcm")) + 1920) // 640  # as upstream counts them
    audio, window, made = model.features(sound, 16000), model.window, []

    def once(*args, **options):  # there is one window, the same each time
        if not made:
            made.append(window(*args, **options))
        return made[0]

    model.window = once
    smoothed = model.sample(audio)
    model.smooth = False
    raw = model.sample(audio)
    forward = model.to_motion.forward
    model.to_motion.forward = lambda **values: forward(**values | {"lips_absolute": False})
    relative = model.sample(audio)
    return {"smoothed": smoothed[:frames], "raw": raw[:frames], "relative": relative[:frames]}


@torch.no_grad()
def test_driven_keypoints(goldens, implicit_space_of, motions):
    space = implicit_space_of(True)
    outputs = space.motion(goldens.picture(KEYPOINTS, "image_u8"))
    canonical, state = canonical_keypoints(outputs), face_state(outputs)
    goldens.check(KEYPOINTS, "x_s", state.points(canonical), ATOL)

    def check(name, motion: Motion, region="all", **options):
        offsets = space.code.offsets(motion)
        if region != "all":  # scale and shift follow the driver in JoyVASA, whatever the region
            kept = only(offsets, region)
            offsets = replace(kept, scale=offsets.scale, shift=offsets.shift)
        driver = KeypointDriver(canonical, state, space.stitching, Driving(**options), offsets[:1])
        goldens.check(KEYPOINTS, f"xd_{name}", driver(offsets), SAMPLED)

    check("cli_default", motions["smoothed"], stitching=False, multiplier=1.1)
    check("human_stitch_rel", motions["smoothed"], friendly=True)
    check("pose_friendly_raw", motions["raw"], stitching=False)
    check("region_exp", motions["raw"], "exp", stitching=False)
    check("region_lip", motions["relative"], "lip", stitching=False)
