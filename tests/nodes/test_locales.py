"""Locales: English says what the schemas say, and every other language says all of it.

``python tests/nodes/test_locales.py --write`` makes the English nodeDefs.json from the schemas.
"""

import json
import re
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.comfyui

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ROOT / "locales"
TRANSLATIONS = ("nl", "de", "it")


def schemas() -> list:
    """The schema of each node, in the pack's order."""
    from vasa_pack.nodes.extension import NODES, TalkingPortraitExtension

    TalkingPortraitExtension()  # makes the models folder known, which a schema lists
    return [node.define_schema() for node in NODES]


def english(schema) -> dict:
    """What a schema says, as ComfyUI's frontend reads it from nodeDefs.json."""
    inputs = {
        given.id: {
            "name": given.display_name or given.id.replace("_", " "),
            "tooltip": given.tooltip,
        }
        for given in schema.inputs
    }
    outputs = {
        str(index): {"name": output.display_name, "tooltip": output.tooltip}
        for index, output in enumerate(schema.outputs)
    }
    return {
        "display_name": schema.display_name,
        "description": schema.description,
        "inputs": inputs,
        "outputs": outputs,
    }


def read(language: str, file: str = "nodeDefs") -> dict:
    return json.loads((LOCALES / language / f"{file}.json").read_text(encoding="utf-8"))


def texts(tree: dict, path: str = "") -> dict[str, str]:
    """Every text of a locale file by its path, as in VASASampleMotion.inputs.seed.name."""
    found = {}
    for key, value in tree.items():
        here = f"{path}.{key}".strip(".")
        found |= texts(value, here) if isinstance(value, dict) else {here: value}
    return found


def numbers(text: str) -> list[str]:
    """The numbers in a text, a comma counting as a point."""
    return sorted(found.replace(",", ".") for found in re.findall(r"\d+(?:[.,]\d+)?", text))


def test_english_is_what_the_schemas_say():
    said = {schema.node_id: english(schema) for schema in schemas()}
    assert read("en") == said, "write it anew: python tests/nodes/test_locales.py --write"


@pytest.mark.parametrize("language", TRANSLATIONS)
@pytest.mark.parametrize("file", ["nodeDefs", "main"])
def test_a_translation_has_every_text_and_no_other(language, file):
    needed, given = texts(read("en", file)), texts(read(language, file))
    assert not needed.keys() - given.keys(), f"not translated into {language}"
    assert not given.keys() - needed.keys(), f"in {language}, but of no node"


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_translation_is_one(language):
    source, given = texts(read("en")), texts(read(language))
    both = sorted(source.keys() & given.keys())
    sentences = [path for path in both if path.endswith(("tooltip", "description"))]
    same = [path for path in sentences if given[path] == source[path]]
    assert not same, f"still English in {language}"
    other = [path for path in sentences if numbers(given[path]) != numbers(source[path])]
    assert not other, f"other numbers in {language} than in English"


@pytest.mark.parametrize("language", ("en", *TRANSLATIONS))
def test_no_text_holds_what_the_frontend_takes_for_a_formula(language):
    """vue-i18n fills in {braces}, follows @links and splits at | for plurals."""
    given = {**texts(read(language)), **texts(read(language, "main"))}
    bad = {path: text for path, text in given.items() if set(text) & set("{}@|")}
    assert not bad


def test_the_named_category_is_the_nodes_own():
    parts = {part for schema in schemas() for part in schema.category.split("/")}
    assert set(read("en", "main")["nodeCategories"]) <= parts


def test_the_words_of_the_widgets_are_named():
    """web/js takes them from main.json: text("..."), titles of curves, emotions."""
    from vasa_pack.vasa_core.types import EMOTIONS

    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "web/js").glob("*.js"))
    used = set(re.findall(r'(?:\btext\(|title: )"([^"]+)"', scripts)) | set(EMOTIONS)
    assert len(used) > len(EMOTIONS)
    assert not used - read("en", "main")["vasa"].keys()


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import conftest

    conftest.pytest_configure(None)
    written = {schema.node_id: english(schema) for schema in schemas()}
    (LOCALES / "en").mkdir(parents=True, exist_ok=True)
    (LOCALES / "en" / "nodeDefs.json").write_text(
        json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
