"""The templates in a real ComfyUI server: all are offered, and run or say what they lack."""

import json
from pathlib import Path

import av
import pytest

pytestmark = pytest.mark.comfyui

WORKFLOWS = Path(__file__).parents[2] / "workflows"
NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
NEEDS_CHECKPOINT = "generated_portrait"
NEED_WEIGHTS = ["liveportrait_ditto_emotion", "liveportrait_joyvasa"]
WHOLE = "talking_portrait"  # runs as it is, the others on a second of sound
SECOND, WAYS, TALK = 25, 106, 60  # frames; a talk is two of one second and a pause between
FRAMES = {WHOLE: 221, "expression_editor": WAYS, "dialogue": TALK}


def api_prompt(graph, info):
    """A workflow as saved by the browser to what the HTTP API takes."""
    links = {link[0]: [str(link[1]), link[2]] for link in graph["links"]}
    prompt = {}
    for node in graph["nodes"]:
        if node["type"] not in info:
            continue  # a note
        spec = info[node["type"]]["input"]
        values, inputs = iter(node.get("widgets_values") or []), {}
        for name, (kind, *options) in {**spec["required"], **spec.get("optional", {})}.items():
            if isinstance(kind, list) or kind in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"):
                inputs[name] = next(values)
                if options and options[0].get("control_after_generate"):
                    next(values)
        for slot in node["inputs"]:
            if slot["link"] is not None:
                inputs[slot["name"]] = links[slot["link"]]
        assert not list(values), f"{node['type']} has more values than widgets"
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt


def shortened(prompt):
    """The same on a second of its sounds and of the motions that it loads."""
    short, cut = dict(prompt), ("TrimAudioDuration", "VASAEditMotion")
    for key, node in prompt.items():
        kind, inputs = node["class_type"], dict(node["inputs"])
        if kind == "TrimAudioDuration":
            inputs["duration"] = 1.0
        elif kind == "VASAEditMotion" and inputs["end"]:
            inputs["end"] = 1.0
        elif kind not in cut:
            for name, value in inputs.items():
                source = prompt[value[0]]["class_type"] if isinstance(value, list) else ""
                made = f"{key}-{name}"
                if source == "VASASamplePortraitAndSpeech" and value[1] == 1:
                    given = {"audio": value, "start_index": 0.0, "duration": 1.0}
                    short[made] = {"class_type": "TrimAudioDuration", "inputs": given}
                elif source == "VASALoadMotion":
                    given = {
                        "motion": value, "start": 0.0, "end": 1.0, "speed": 1.0, "reverse": False,
                        "smooth": 0.0, "smooth_face": False, "loop_fade": 0.0, "fps": 0.0,
                    }  # fmt: skip
                    short[made] = {"class_type": "VASAEditMotion", "inputs": given}
                else:
                    continue
                inputs[name] = [made, 0]
        short[key] = {"class_type": kind, "inputs": inputs}
    return short


def read(name):
    return json.loads((WORKFLOWS / f"{name}.json").read_text())


def test_every_workflow_is_offered(server):
    assert sorted(server.get("/workflow_templates")["ComfyUI-VASA"]) == NAMES


@pytest.mark.parametrize("name", sorted({*NAMES} - {NEEDS_CHECKPOINT, *NEED_WEIGHTS}))
def test_every_workflow_runs_through_the_api(server, name):
    prompt = api_prompt(read(name), server.get("/object_info"))
    run = server.run(prompt if name == WHOLE else shortened(prompt))
    assert run.of("execution_success"), run.error or run.messages[-1]
    films = [out["images"][0] for out in run.outputs.values() if out and out.get("animated")]
    assert len(films) >= 2 or name == "save_and_reuse_motion"
    for film in films:
        with av.open(str(server.folder / film["type"] / film["subfolder"] / film["filename"])) as v:
            assert v.streams.video[0].frames == FRAMES.get(name, SECOND)
            assert v.metadata["ai_generated"] == "true"
            assert bool(v.streams.audio) == (name != "expression_editor")


def test_the_workflow_with_an_image_model_names_what_is_missing(server):
    graph = read(NEEDS_CHECKPOINT)
    refusal = server.run(api_prompt(graph, server.get("/object_info"))).error
    ((error,),) = (node["errors"] for node in refusal["node_errors"].values())
    assert error["type"] == "value_not_in_list" and "v1-5-pruned" in error["details"]
    assert "v1-5-pruned-emaonly-fp16.safetensors" in json.dumps(graph["nodes"])


@pytest.mark.parametrize("name", NEED_WEIGHTS)
def test_a_workflow_without_its_weights_names_each_missing_file(server, name):
    graph = read(name)
    refusal = server.run(api_prompt(graph, server.get("/object_info"))).error
    ((error,),) = (node["errors"] for node in refusal["node_errors"].values())
    assert error["type"] == "custom_validation_failed" and "lacks 7 files" in error["details"]
    assert str(server.folder / "models" / "vasa") in error["details"]
    files = graph["models"]
    assert len(files) == 7 and all(file["name"] in error["details"] for file in files)
    (note,) = (node["widgets_values"][0] for node in graph["nodes"] if "Note" in node["type"])
    assert all(file["url"] in note and file["directory"] == "vasa" for file in files)
    (loader,) = (node for node in graph["nodes"] if node["type"] == "VASALoadModel")
    assert loader["properties"]["models"] == files
