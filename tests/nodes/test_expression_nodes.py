"""Expression editor and Move to expression without a server, and the pictures between runs."""

import gc
from io import BytesIO

import pytest
import torch
from PIL import Image

pytestmark = pytest.mark.comfyui

LAUGH = {"smile": 1.0, "mouth_open": 0.4, "yaw": -10.0}


@pytest.fixture(scope="module")
def portrait(encoded):
    return encoded[0][0]


@pytest.fixture(scope="module")
def express(run, portrait):
    """Run the editor: image and motion, or what the browser is told."""

    def call(ui=False, **values):
        return run("VASAExpressionEditor", ui=ui, portrait=portrait, **values)

    return call


@pytest.fixture
def live(nodes):
    from vasa_pack.nodes import live

    return live


def test_the_editor_has_a_slider_for_each_value(nodes):
    from vasa_pack.vasa_core.pipelines.expression import SLIDERS

    schema = nodes["VASAExpressionEditor"].define_schema()
    _, *inputs = schema.inputs
    assert [given.id for given in inputs] == list(SLIDERS)
    for given, slider in zip(inputs, SLIDERS.values(), strict=True):
        assert (given.min, given.max, given.default) == (slider.least, slider.most, slider.rest)
    assert schema.is_output_node  # runs on its own


def test_at_rest_the_image_is_the_picture(express, sample):
    image, motion = express()
    assert torch.allclose(image, sample[0], atol=1e-3)
    assert len(motion) == 1 and motion.space == "mesh" and motion.reference == "portrait"


def test_an_expression_changes_the_face_and_plays(run, express, portrait, sample):
    image, motion = express(**LAUGH)
    changed = (image - sample[0]).abs().amax(-1)[0] > 0.1
    assert changed.sum() > 1000 and not changed[:10].any()
    assert motion.rotation[0, 0] == pytest.approx(-10, abs=1e-3)
    frames, _, _ = run("VASARenderFrames", portrait=portrait, motion=motion, size="source")
    assert torch.equal(frames, image)


def test_an_image_that_other_nodes_save_is_labelled(nodes, portrait):
    from comfy_api.latest import io

    written = {}
    node = nodes["VASAExpressionEditor"].PREPARE_CLASS_CLONE({io.Hidden.extra_pnginfo: written})
    node.execute(portrait=portrait, smile=0.5)
    assert written["ai_generated"] == "true"


def test_values_out_of_range_say_so(express):
    with pytest.raises(ValueError, match="smile is 4; -1 to 1 work"):
        express(smile=4.0)


def test_a_chain_moves_from_expression_to_expression(run, express):
    first, second = (express(**values)[1] for values in ({}, LAUGH))
    way = run("VASAMoveToExpression", motion=first, expression=second, seconds=0.4, hold=0.2)[0]
    assert len(way) == 1 + 10 + 5
    assert torch.equal(way.dynamics[0], first.dynamics[0])
    assert torch.equal(way.dynamics[10:], second.dynamics.expand(6, -1))
    steps = (way.rotation[1:11, 0] - way.rotation[:10, 0]).abs()
    assert steps.max() < 2 and (way.rotation[1:11, 0] <= way.rotation[:10, 0]).all()
    back = run("VASAMoveToExpression", motion=way, expression=first, seconds=0.0, hold=0.08)[0]
    assert len(back) == len(way) + 2 and not back.rotation[-1].abs().max() > 1e-3
    with pytest.raises(ValueError, match="at least one frame"):
        run("VASAMoveToExpression", motion=way, expression=first, seconds=0.0, hold=0.0)


def picture(data):
    return torch.frombuffer(bytearray(Image.open(BytesIO(data)).tobytes()), dtype=torch.uint8)


def test_between_runs_a_face_follows_the_values(live, express, portrait):
    told = express(ui=True, smile=0.5)["expression"][0]
    assert told["values"] == {"smile": 0.5}
    assert express(ui=True)["expression"][0]["face"] == told["face"]  # named once
    still, laughing = (
        live.answer({"face": told["face"], "values": values}) for values in ({}, LAUGH)
    )
    with Image.open(BytesIO(laughing)) as made:
        side = min(portrait.portrait.crop.size, 512)
        assert made.format == "JPEG" and made.size == (side, side)
        assert b"AI-generated" in made.info["comment"]
    assert (picture(still).int() - picture(laughing).int()).abs().gt(30).float().mean() > 0.01


def test_a_face_is_forgotten_when_nobody_keeps_it(live, portrait):
    faces = live.LiveFaces()
    token = faces.token(portrait)
    assert faces.find(token) is portrait and faces.find("another") is None
    assert faces.find(["no", "name"]) is None
    copies = [type(portrait)(portrait.model, portrait.portrait) for _ in range(live.KEPT + 1)]
    tokens = [faces.token(copy) for copy in copies]
    assert len(set(tokens)) == len(tokens)
    del copies
    gc.collect()
    assert faces.find(tokens[0]) is None and faces.find(tokens[-1]) is not None
    assert live.answer({"face": tokens[0], "values": {}}) == {"state": "gone"}


@pytest.mark.parametrize("asked", [[], {}, {"values": 3}, {"values": ["smile"]}])
def test_a_question_of_another_form_is_refused(live, asked):
    with pytest.raises(ValueError, match="A picture is asked for as"):
        live.answer(asked)


def test_values_that_make_no_expression_are_refused(live, portrait):
    face = live.LIVE_FACES.token(portrait)
    for values in ({"laugh": 1}, {"smile": 9}, {"smile": "x"}, {"yaw": float("nan")}):
        with pytest.raises(ValueError):
            live.answer({"face": face, "values": values})


def test_no_picture_is_made_while_a_workflow_runs(live, portrait, monkeypatch):
    from types import SimpleNamespace

    from vasa_pack.nodes import _comfy

    asked = {"face": live.LIVE_FACES.token(portrait), "values": {}}
    queue = SimpleNamespace(currently_running={})
    monkeypatch.setattr(_comfy, "_server", lambda: SimpleNamespace(prompt_queue=queue))
    assert isinstance(live.answer(asked), bytes)
    queue.currently_running[0] = "a prompt"
    assert live.answer(asked) == {"state": "busy"}


def test_a_picture_makes_way_for_a_workflow_that_begins(nodes, monkeypatch):
    from types import SimpleNamespace

    from vasa_pack.nodes import _comfy

    queue = SimpleNamespace(currently_running={})
    monkeypatch.setattr(_comfy, "_server", lambda: SimpleNamespace(prompt_queue=queue))
    with pytest.raises(_comfy.Busy), _comfy.between_prompts() as check:
        check()
        queue.currently_running[0] = "a prompt"
        check()
    queue.currently_running.clear()
    with _comfy.between_prompts():  # nothing is left locked
        pass


def test_a_picture_waits_for_no_other_thread(live, portrait):
    from concurrent.futures import ThreadPoolExecutor

    asked = {"face": live.LIVE_FACES.token(portrait), "values": {}}
    with ThreadPoolExecutor(1) as pool:
        with portrait.model.face_space("render"):  # as a node does while it works
            assert pool.submit(live.answer, asked).result(5) == {"state": "busy"}
        assert isinstance(pool.submit(live.answer, asked).result(30), bytes)
