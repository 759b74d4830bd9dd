"""Dependencies point one way: nodes, cli -> pipelines -> stages -> types, and none into the lab.

Every room of the house is held, by folder: a new one has to be entered here.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import vasa_core

ROOT = Path(vasa_core.__file__).parent
PACK = ROOT.parent
NODES = PACK / "nodes"
WIRES = {"types", "interfaces", "errors"}
STAGES = {"face", "audio", "motion", "spaces", "render"}

ROOMS = {
    "types": set(),
    "errors": set(),
    "interfaces": {"types"},
    "provenance": {"errors"},
    "assets": set(),
    "weights": {"errors", "provenance"},
    "face": {"types", "errors"},
    "audio": {"types", "interfaces", "errors"},
    "motion": WIRES | {"audio", "provenance", "weights"},
    "render": WIRES | {"audio", "provenance"},
    "spaces": WIRES | {"face", "render", "weights"},
    "models": WIRES | {"motion", "spaces", "weights"},
    "pipelines": WIRES | STAGES | {"assets", "provenance"},
    "bench": WIRES | STAGES | {"assets", "models", "pipelines", "weights", "__init__"},
    "lab": WIRES
    | STAGES
    | {"assets", "models", "pipelines", "weights", "bench", "__init__"}
    | {"provenance"},
    "cli": WIRES
    | {"assets", "models", "pipelines", "weights", "bench", "__init__"}
    | {"motion", "spaces", "render"},
    "__init__": {"types", "models", "spaces", "render", "pipelines"},
    "__main__": {"cli"},
}
"""What the modules of each room may import of the others. ``cli.evaluate`` alone opens the lab."""

LAB = {
    "data": set(),
    "recipe": set(),
    "metrics": set(),
    "engine": {"recipe", "metrics"},
    "scorers": {"data"},
    "training": {"data", "scorers", "engine", "recipe"},
    "evaluation": {"data", "scorers", "training"},
    "characters": set(),
}
RENDERER = {
    "geometry": set(),
    "layers": {"geometry"},
    "refiner": {"geometry"},
    "refiner_io": {"geometry", "layers", "refiner"},
    "views": {"geometry", "layers", "refiner", "refiner_io", "appearance"},
    "appearance": {"geometry", "layers", "views", "refiner_io"},
    "prepare": {"geometry", "layers", "refiner_io", "appearance"},
    "render": {"geometry", "layers", "views", "refiner", "appearance"},
}
SPACES = {
    "__init__": {"mesh", "implicit"},
    "curves": set(),
    "limits": set(),
    "playing": set(),
    "mesh": {"curves", "limits", "playing"},
    "implicit": {"curves", "limits", "playing"},
}


def name_in(folder: Path, path: Path) -> str:
    """The room of a folder that a file of it belongs to."""
    return path.relative_to(folder).parts[0].removesuffix(".py")


def rooms_imported(folder: Path, path: Path) -> Iterator[str]:
    """The rooms of ``folder`` that a file in it imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for target in (base / alias.name for alias in node.names):
                if target.is_relative_to(folder):
                    room = target.relative_to(folder).parts[0]
                    inside = (folder / room).is_dir() or (folder / f"{room}.py").is_file()
                    yield room if inside else "__init__"


def check_rooms(folder: Path, allowed: dict[str, set[str]], excused: tuple[str, ...] = ()) -> None:
    """Assert that every file of a folder is in a room of it and imports only what that may."""
    gone = {room for room in allowed if not list(folder.glob(f"{room}*"))}
    assert not gone, f"{folder} has no {gone}"
    for path in folder.rglob("*.py"):
        room = name_in(folder, path)
        if room == "__init__" and room not in allowed:
            assert len(path.read_text().splitlines()) < 10, f"{path} is more than a title"
            continue
        assert room in allowed, f"{path.relative_to(PACK)} is in no room that this test knows"
        if str(path.relative_to(folder)) not in excused:
            extra = set(rooms_imported(folder, path)) - allowed[room] - {room}
            assert not extra, f"{path.relative_to(PACK)} imports {extra}"


def test_every_room_imports_only_what_it_may():
    check_rooms(ROOT, ROOMS, excused=("cli/evaluate.py",))


def test_only_the_command_that_opens_the_lab_imports_it():
    lab = re.compile(r"^\s*(from|import)\s.*\blab\b", re.MULTILINE)
    opens = {p for p in (*ROOT.rglob("*.py"), *NODES.glob("*.py")) if lab.search(p.read_text())}
    outside = {p for p in opens if not p.is_relative_to(ROOT / "lab")}
    assert outside == {ROOT / "cli/evaluate.py"}


def test_the_lab_runs_one_way():
    check_rooms(ROOT / "lab", LAB)


def test_the_mesh_renderer_runs_one_way():
    check_rooms(ROOT / "spaces/mesh/renderer", RENDERER)


def test_face_spaces_do_not_know_each_other():
    check_rooms(ROOT / "spaces", SPACES)


def test_the_guard_sees_what_is_forbidden(tmp_path):
    (tmp_path / "low").mkdir()
    (tmp_path / "high.py").write_text("")
    (tmp_path / "low/one.py").write_text("def late():\n    from ..high import something\n")
    assert list(rooms_imported(tmp_path, tmp_path / "low/one.py")) == ["high"]
    (tmp_path / "low/one.py").write_text("from .. import high\n")
    assert list(rooms_imported(tmp_path, tmp_path / "low/one.py")) == ["high"]


def test_the_house_has_few_rooms():
    entries = {path.name for path in ROOT.iterdir() if not path.name.startswith("__")}
    assert len(entries - {"py.typed"}) <= 16, sorted(entries)


def absolute_imports(path: Path) -> set[str]:
    """Top-level names that a module imports absolutely."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_only_one_file_touches_comfyuis_own_modules():
    host = {"comfy", "folder_paths", "server", "execution", "nodes", "comfy_execution"}
    for file in ROOT.rglob("*.py"):
        assert not absolute_imports(file) & (host | {"comfy_api"}), file
    files = [file for file in NODES.glob("*.py") if file.name != "_comfy.py"]
    assert len(files) > 8
    for file in files:
        assert not absolute_imports(file) & host, file


def test_the_packs_entry_imports_nothing():
    tree = ast.parse((PACK / "__init__.py").read_text())
    assert not [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]


def test_imports_inside_the_package_are_relative():
    """ComfyUI loads the pack under a name of its own, so absolute imports would not find it."""
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert not node.module.startswith("vasa_core"), file


def test_the_runtime_needs_nothing_heavy_or_foreign():
    code = (
        "import sys, vasa_core; vasa_core.load_space(); vasa_core.load_motion_model();"
        "bad = {'cv2', 'mediapipe', 'torchvision', 'torchaudio', 'onnxruntime', 'insightface',"
        " 'comfy', 'transformers', 'vasa_core.lab'} & set(sys.modules); sys.exit(str(bad))"
        " if bad else None"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_embedded_weights_are_small_and_documented():
    weights = list(ROOT.rglob("*.safetensors"))
    assert weights
    assert sum(file.stat().st_size for file in weights) <= 20e6
    for file in weights:
        cards = [card.read_text() for card in file.parent.glob("*.md")]
        assert any(file.name in card for card in cards), f"no model card names {file.name}"


def test_files_stay_small_enough_to_read():
    nodes, scripts = NODES.glob("*.py"), (PACK / "web").rglob("*.js")
    for file in (*ROOT.rglob("*.py"), *nodes, *scripts):
        assert len(file.read_text().splitlines()) <= 400, file
