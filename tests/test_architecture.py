"""Dependencies point one way: nodes -> vasa_core, and inside it from glue to stages to types."""

import ast
import subprocess
import sys
from pathlib import Path

import vasa_core

ROOT = Path(vasa_core.__file__).parent
ALLOWED = {
    "types": set(),
    "interfaces": {"types"},
    "errors": set(),
    "weights": {"errors"},
    "provenance": set(),
    "render": {"types", "interfaces", "errors", "provenance", "audio"},
    "audio": {"types", "errors"},
    "motion": {"types", "interfaces", "errors", "audio", "provenance", "weights"},
    "spaces": {"types", "interfaces", "errors", "render", "weights"},
}


def imported_packages(path: Path) -> set[str]:
    """Top-level names inside vasa_core that a module imports."""
    names = set()
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            parts = node.module.split(".")[:1] if node.module else [a.name for a in node.names]
            names.update(parts)
    return names


def test_stages_do_not_know_each_other():
    for part, allowed in ALLOWED.items():
        files = [ROOT / f"{part}.py"] if (ROOT / f"{part}.py").exists() else []
        files += (ROOT / part).rglob("*.py")
        assert files, part
        for file in files:
            extra = imported_packages(file) - allowed - {part}
            assert not extra, f"{file.relative_to(ROOT)} imports {extra}"


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
    files = [file for file in (ROOT.parent / "nodes").glob("*.py") if file.name != "_comfy.py"]
    assert len(files) > 8
    for file in files:
        assert not absolute_imports(file) & host, file


def test_the_packs_entry_imports_nothing():
    tree = ast.parse((ROOT.parent / "__init__.py").read_text())
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
    nodes, scripts = (ROOT.parent / "nodes").glob("*.py"), (ROOT.parent / "web").rglob("*.js")
    for file in (*ROOT.rglob("*.py"), *nodes, *scripts):
        assert len(file.read_text().splitlines()) <= 400, file
