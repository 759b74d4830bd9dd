"""The expression editor's pictures in a real ComfyUI server, between runs and during one."""

import json
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.comfyui

EDITOR = {
    "model": {
        "class_type": "VASALoadModel",
        "inputs": {"model": "mesh (embedded)", "device": "default"},
    },
    "sample": {"class_type": "VASASamplePortraitAndSpeech", "inputs": {"portrait": "tomas"}},
    "portrait": {
        "class_type": "VASAEncodePortrait",
        "inputs": {"model": ["model", 0], "image": ["sample", 0], "face": 1},
    },
    "editor": {"class_type": "VASAExpressionEditor", "inputs": {"portrait": ["portrait", 0]}},
}


def asked_for(server, data):
    """Status, kind and body of an answer."""
    request = urllib.request.Request(
        f"{server.url}/vasa/expression", json.dumps(data).encode(), method="POST"
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.headers.get_content_type(), response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read()


@pytest.fixture(scope="module")
def prompt(server):
    """The editor's prompt, with every slider at rest."""
    inputs = server.get("/object_info/VASAExpressionEditor")["VASAExpressionEditor"]["input"]
    sliders = {k: v[1]["default"] for k, v in inputs["required"].items() if v[0] == "FLOAT"}
    editor = {**EDITOR["editor"], "inputs": {**EDITOR["editor"]["inputs"], **sliders}}
    return {**EDITOR, "editor": editor}


@pytest.fixture(scope="module")
def face(server, prompt):
    """The name that a run gives to its face."""
    run = server.run(prompt)
    assert run.of("execution_success"), run.error or run.messages[-1]
    return run.outputs["editor"]["expression"][0]["face"]


def test_a_face_is_pictured_with_any_values(server, face):
    pictures = []
    for smile in (0.0, 1.0):
        status, kind, body = asked_for(server, {"face": face, "values": {"smile": smile}})
        assert (status, kind) == (200, "image/jpeg") and body.startswith(b"\xff\xd8")
        pictures.append(body)
    assert pictures[0] != pictures[1]


def test_the_same_run_names_the_same_face(server, prompt, face):
    again = server.run(prompt)  # all of it from ComfyUI's cache
    assert again.outputs["editor"]["expression"][0]["face"] == face
    smiling = {**prompt["editor"], "inputs": {**prompt["editor"]["inputs"], "smile": 0.5}}
    other = server.run({**prompt, "editor": smiling}).outputs["editor"]["expression"][0]
    assert other["face"] == face and other["values"]["smile"] == 0.5


def test_what_cannot_be_pictured_says_why(server, face):
    assert asked_for(server, {"face": "nobody", "values": {}})[2] == b'{"state": "gone"}'
    for data, said in (
        ({"face": face, "values": {"smile": 7}}, b"smile is 7; -1 to 1 work"),
        ({"face": face, "values": {"laugh": 1}}, b"has no 'laugh'"),
        ({"face": face}, b"A picture is asked for as"),
        (["face"], b"A picture is asked for as"),
    ):
        status, kind, body = asked_for(server, data)
        assert (status, kind) == (400, "application/json") and said in body


def test_while_a_workflow_runs_the_answer_is_to_wait(server, prompt, face):
    graph = {
        **prompt,
        "features": {
            "class_type": "VASAAudioFeatures",
            "inputs": {"model": ["model", 0], "audio": ["sample", 1]},
        },
        "motion": {
            "class_type": "VASASampleMotion",
            "inputs": {
                "model": ["model", 0], "audio_features": ["features", 0],
                "seed": 5, "steps": 5, "cfg": 0.5, "fps": 25.0,
            },
        },
        "video": {
            "class_type": "VASARenderVideo",
            "inputs": {"portrait": ["portrait", 0], "motion": ["motion", 0], "size": "crop"},
        },
    }  # fmt: skip
    answers = []

    async def ask(run, post):
        _, kind, data = run.messages[-1]
        if kind == "progress" and data["node"] == "video" and not answers:
            answers.append(await post("/vasa/expression", {"face": face, "values": {}}))

    run = server.run(graph, ask)
    assert run.of("execution_success"), run.error or run.messages[-1]
    assert answers == [{"state": "busy"}]
    assert asked_for(server, {"face": face, "values": {}})[1] == "image/jpeg"
