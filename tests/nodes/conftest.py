"""What the tests of nodes share: how to call one, and a small portrait and sound to give it."""

import math
from fractions import Fraction

import pytest
import torch


@pytest.fixture(scope="module")
def nodes():
    """The pack's node classes by id."""
    from vasa_pack.nodes.extension import NODES, TalkingPortraitExtension

    TalkingPortraitExtension()
    return {node.define_schema().node_id: node for node in NODES}


@pytest.fixture(scope="module")
def run(nodes):
    """Call a node as ComfyUI does: its outputs as a tuple, or all of them with ``ui``."""

    def call(name, ui=False, **inputs):
        with torch.inference_mode():
            output = nodes[name].PREPARE_CLASS_CLONE({}).execute(**inputs)
        return output.ui if ui else output.args

    return call


@pytest.fixture(scope="module")
def model(run):
    return run("VASALoadModel", model="mesh (embedded)", device="default")[0]


@pytest.fixture(scope="module")
def sample(run):
    image, audio = run("VASASamplePortraitAndSpeech", portrait="astronaut")
    audio = {**audio, "waveform": audio["waveform"][..., : 2 * audio["sample_rate"]]}
    small = torch.nn.functional.interpolate(image.movedim(-1, 1), (256, 256), mode="area")
    return small.movedim(1, -1), audio


@pytest.fixture(scope="module")
def encoded(run, model, sample):
    return run("VASAEncodePortrait", model=model, image=sample[0], face=1)


class Ears:
    """Hears nothing, as many frames of it as the sound has."""

    name, fps = "hubert-streaming-1024", Fraction(25)

    def encode(self, waveform, rate):
        """(C, N) samples to features of silence."""
        from vasa_core.types import AudioFeatures

        duration = Fraction(waveform.shape[-1], rate)
        frames = math.ceil(duration * self.fps)
        return AudioFeatures(torch.zeros(frames, 1024), self.name, self.fps, duration)


@pytest.fixture(scope="module")
def ditto(tiny_space):
    """LivePortrait + Ditto with narrow networks and random weights."""
    from comfy.model_patcher import ModelPatcher
    from vasa_pack.nodes._comfy import TalkingModel

    from vasa_core.models import _implicit
    from vasa_core.motion.ditto.model import Ditto
    from vasa_core.motion.ditto.network import MotionDecoder

    torch.manual_seed(0)
    network = MotionDecoder(width=16, heads=2, layers=1, feedforward=16)
    motion = Ditto(network, *_implicit(), Ears()).train(False).requires_grad_(False)

    def managed(network):
        return ModelPatcher(network, torch.device("cpu"), torch.device("cpu"))

    networks = {name: managed(network) for name, network in tiny_space.named_children()}
    return TalkingModel("LivePortrait + Ditto", tiny_space, networks, managed(motion))
