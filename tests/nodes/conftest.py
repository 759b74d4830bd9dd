"""What the tests of nodes share: how to call one, and a small portrait and sound to give it."""

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
