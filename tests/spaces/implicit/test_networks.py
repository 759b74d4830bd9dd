"""Every network against the golden outputs of its authors' code, on stand-in weights."""

import pytest
import torch

from vasa_core.spaces.implicit.keypoints import bins_to_degrees, canonical_keypoints, face_state
from vasa_core.spaces.implicit.load import filled, stitching_tensors, without_spectral_norm
from vasa_core.spaces.implicit.networks.appearance import AppearanceExtractor
from vasa_core.spaces.implicit.networks.decoder import SpadeDecoder
from vasa_core.spaces.implicit.networks.motion import HEADS, MotionExtractor
from vasa_core.spaces.implicit.networks.stitching import StitchingRetargeting
from vasa_core.spaces.implicit.networks.warping import WarpingNetwork

pytestmark = pytest.mark.usefixtures("all_threads")


@pytest.fixture(scope="module")
def load(goldens):
    """A network of published size with the stand-ins of a file."""

    def loaded(network, name, change=dict):
        return filled(network, change(goldens.weights(f"liveportrait_{name}"))).train(False)

    return loaded


@torch.no_grad()
def test_appearance_extractor(goldens, load):
    network = load(AppearanceExtractor, "appearance_feature_extractor")
    volume = network(goldens.picture("lp_F", "image_u8"))
    goldens.check("lp_F", "f_s", volume, 3e-5)
    goldens.check("lp_F", "f_s_chan_mean", volume.mean((0, 2, 3, 4)), 3e-5)
    goldens.check("lp_F", "f_s_chan_std", volume.std((0, 2, 3, 4)), 3e-5)
    goldens.check("lp_F", "f_s_slice_c5_d7", volume[0, 5, 7], 3e-5)


@torch.no_grad()
def test_motion_extractor(goldens, load):
    network = load(MotionExtractor, "motion_extractor")
    for face in ("src", "drv0", "drv1"):
        if not goldens.holds("lp_M", f"{face}_image_u8"):  # the excerpt has one
            continue
        outputs = network(goldens.picture("lp_M", f"{face}_image_u8"))
        for name in HEADS:
            goldens.check("lp_M", f"{face}_{name}", outputs[name], 2e-5)
        angles = [bins_to_degrees(outputs[name]) for name in ("pitch", "yaw", "roll")]
        goldens.check("lp_M", f"{face}_deg", torch.stack(angles, 1), 2e-4)


@torch.no_grad()
def test_warping_network(goldens, load):
    network = load(WarpingNetwork, "warping_module")
    volume = goldens.input("W.feature_3d", (1, 32, 16, 64, 64), 0.75)
    source = network.prepare(volume, goldens.tensor("lp_W", "kp_source"))
    motion = network.dense_motion_network(source, goldens.tensor("lp_W", "kp_driving"))
    goldens.check("lp_W", "mask", motion.mask, 5e-5)
    goldens.check("lp_W", "deformation", motion.deformation, 5e-5)
    goldens.check("lp_W", "deformation_slice_d7", motion.deformation[0, 7, ::4, ::4], 5e-5)
    goldens.check("lp_W", "occlusion_map", motion.occlusion, 5e-5)
    warped = network.warp(source, motion)
    goldens.check("lp_W", "out", warped, 2e-4)
    goldens.check("lp_W", "out_chan_mean", warped.mean((0, 2, 3)), 2e-4)
    goldens.check("lp_W", "out_chan_std", warped.std((0, 2, 3)), 2e-4)


@torch.no_grad()
def test_decoder(goldens, load):
    network = load(SpadeDecoder, "spade_generator", without_spectral_norm)
    painted = network(goldens.input("G.feature", (1, 256, 64, 64), 0.4))
    goldens.check("lp_G", "out", painted, 5e-5)
    goldens.check("lp_G", "out_down64", torch.nn.functional.avg_pool2d(painted, 8), 5e-5)


@torch.no_grad()
def test_stitching_and_retargeting(goldens, load):
    network = load(StitchingRetargeting, "stitching_retargeting_module", stitching_tensors)
    for name, part in (
        ("stitch", network.retarget_shoulder),
        ("lip", network.retarget_mouth),
        ("eye", network.retarget_eye),
    ):
        given = goldens.tensor("lp_camera_stitch", f"{name}_in")
        goldens.check("lp_camera_stitch", f"{name}_out", part["mlp"](given), 2e-5)
    source, driving = (goldens.tensor("lp_camera_stitch", key) for key in ("kp_s", "kp_d"))
    goldens.check("lp_camera_stitch", "stitched", network.stitch(source, driving), 2e-5)


@torch.no_grad()
@pytest.mark.parametrize("exact", [True, False], ids=["exact", "fast"])
def test_the_whole_chain(goldens, implicit_space_of, exact):
    space = implicit_space_of(exact)
    image = goldens.picture("lp_e2e", "img256_u8")
    outputs = space.motion(image)
    points = face_state(outputs).points(canonical_keypoints(outputs))
    goldens.check("lp_e2e", "x_s", points, 2e-5)
    volume = space.appearance(image)
    goldens.check("lp_e2e", "f_s", volume, 3e-5)
    source = space.painter.prepare(volume, goldens.tensor("lp_e2e", "x_s"))
    driving = goldens.tensor("lp_e2e", "x_d")
    motion = space.painter.warping.dense_motion_network(source, driving[-1:])
    goldens.check("lp_e2e", "deformation", motion.deformation, 5e-5)
    goldens.check("lp_e2e", "occlusion_map", motion.occlusion, 5e-5)
    painted = space.painter(source, driving)
    goldens.check("lp_e2e", "out", painted, 5e-4, 0)
    goldens.check("lp_e2e", "out_down64", torch.nn.functional.avg_pool2d(painted, 8), 5e-5, 0)
    mean = goldens.difference("lp_e2e", "out", painted).mean()
    assert mean < 5e-5
    if not goldens.holds("lp_e2e", "frame1_u8_down"):  # nor this
        return
    levels = (painted[-1].clamp(0, 1) * 255).floor().movedim(0, -1)
    goldens.check("lp_e2e", "frame1_u8_down", levels[::4, ::4], 1.0, 0)
