"""The templates as files: pictured, listed, up to date with the nodes, and laid out to be read."""

import itertools
import json
import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = ROOT / "workflows"
NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
SCHEMAS = json.loads((ROOT / "tests/nodes/schemas.json").read_text())["schemas"]
TITLE = 30  # pixels of a node's title, above its place


@pytest.fixture(params=NAMES)
def graph(request):
    return json.loads((WORKFLOWS / f"{request.param}.json").read_text())


def box(node):
    """Left, top, right and bottom of a node."""
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE, x + width, y + height


def apart(one, other):
    return one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


def test_no_other_folder_passes_for_the_templates():
    """ComfyUI serves a pack's templates from the first of these folders that it finds."""
    names = ["example_workflows", "example", "examples", "workflow", "workflows"]
    assert [name for name in names if (ROOT / name).exists()] == [WORKFLOWS.name]


def test_every_template_has_a_picture_and_a_line_in_the_readme():
    assert NAMES
    assert {path.name for path in WORKFLOWS.iterdir()} == {
        f"{name}.{ending}" for name in NAMES for ending in ("json", "jpg")
    }
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(table) == NAMES
    for name in NAMES:
        with Image.open(WORKFLOWS / f"{name}.jpg") as picture:
            assert 400 <= picture.width <= 500 and 300 <= picture.height <= 400


def test_its_nodes_have_the_inputs_and_outputs_of_today(graph):
    for node in graph["nodes"]:
        if node["type"] in SCHEMAS:
            schema = SCHEMAS[node["type"]]
            assert {slot["name"] for slot in node["inputs"]} == {
                given["id"] for given in schema["inputs"]
            }, node["type"]
            assert [slot["type"] for slot in node["outputs"]] == [
                kind for kind, _ in schema["outputs"]
            ], node["type"]
        assert not node["type"].startswith("VASA") or node["type"] in SCHEMAS


def test_one_note_says_what_to_do(graph):
    (note,) = (node for node in graph["nodes"] if node["type"] == "MarkdownNote")
    assert note["widgets_values"][0].startswith("## ")


def test_nothing_lies_on_anything_else(graph):
    for one, other in itertools.combinations(graph["nodes"], 2):
        assert apart(box(one), box(other)), (one["type"], other["type"])
    frames = [group["bounding"] for group in graph["groups"]]
    frames = [(x, y, x + width, y + height) for x, y, width, height in frames]
    assert all(apart(one, other) for one, other in itertools.combinations(frames, 2))
    for (left, top, right, bottom), node in itertools.product(frames, graph["nodes"]):
        x, y, far, low = box(node)
        inside = left <= x and top <= y and far <= right and low <= bottom
        assert inside or apart((left, top, right, bottom), (x, y, far, low)), node["type"]


def test_seeds_stay_as_they_are(graph):
    for node in graph["nodes"]:
        assert "randomize" not in (node.get("widgets_values") or [])
