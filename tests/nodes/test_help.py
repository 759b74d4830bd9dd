"""The help pages: one per node, with every input and output of its schema, and pictures that exist.

Both frontends fetch web/docs/<node id>/<language>.md and take the addresses of pictures relative to
web/docs, not to the page's own folder.
"""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "web" / "docs"
PAGE = "en.md"
COUNTLESS = 10**6  # a range that ends beyond, as a seed's, needs no numbers
FILES = (".safetensors", "[output]")  # choices that depend on what lies in a folder


@pytest.fixture(scope="module")
def schemas():
    """Schemas by node id."""
    from vasa_pack.nodes.extension import NODES, TalkingPortraitExtension

    TalkingPortraitExtension()  # makes the models folder known, which a schema lists
    return {schema.node_id: schema for schema in (node.define_schema() for node in NODES)}


def pages() -> dict[str, str]:
    """The text of each page by node id."""
    return {page.parent.name: page.read_text(encoding="utf-8") for page in DOCS.glob(f"*/{PAGE}")}


def row(page: str, heading: str, name: str) -> str:
    """The line of a table below a heading that begins with a name, or nothing."""
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(rf"^\| {re.escape(name)} \|.*$", section, re.MULTILINE)
    return found.group() if found else ""


def label(given) -> str:
    """An input's name as the English locale shows it."""
    return given.display_name or given.id.replace("_", " ")


@pytest.mark.comfyui
def test_every_node_has_a_page_and_every_page_a_node(schemas):
    assert pages().keys() == schemas.keys()


@pytest.mark.comfyui
def test_pages_name_every_input_and_output(schemas):
    missing = []
    for node_id, page in pages().items():
        schema = schemas[node_id]
        missing += [
            f"{node_id}: {heading}: {name}"
            for heading, names in (
                ("Inputs", [label(given) for given in schema.inputs]),
                ("Outputs", [output.display_name for output in schema.outputs]),
            )
            for name in names
            if not row(page, heading, name)
        ]
    assert not missing


@pytest.mark.comfyui
def test_pages_tell_ranges_and_choices_as_they_are(schemas):
    wrong = []
    for node_id, page in pages().items():
        for given in schemas[node_id].inputs:
            told = row(page, "Inputs", label(given))
            needed = [o for o in getattr(given, "options", None) or [] if not o.endswith(FILES)]
            if getattr(given, "max", None) is not None and given.max < COUNTLESS:
                needed.append(f"{given.min:g} to {given.max:g} ({given.default:g})")
            wrong += [f"{node_id}: {given.id}: {text}" for text in needed if text not in told]
    assert not wrong


@pytest.mark.comfyui
def test_the_controls_page_names_every_keyframe_and_its_examples_work():
    from vasa_pack.vasa_core.motion.keyframes import NAMES, controls_from, parse_keyframes

    page = pages()["VASATalkingControls"]
    assert not [name for name in NAMES if f"`{name}`" not in page]
    examples = re.findall(r"^```\n(.+?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(examples) >= 2
    for example in examples:
        controls_from(parse_keyframes(example, 25))


def test_pictures_lie_where_the_pages_look():
    for node_id, page in pages().items():
        pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", page)
        assert f"{node_id}/node.png" in pictures
        assert not [picture for picture in pictures if not (DOCS / picture).is_file()]
