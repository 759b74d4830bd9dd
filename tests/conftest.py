"""Shared inputs, and ComfyUI for the tests that need one.

ComfyUI is looked for at COMFYUI_PATH, around an enclosing custom_nodes folder, and at
~/comfy/ComfyUI. The pack is then loaded as ``vasa_pack``, as ComfyUI loads it under a name of its
own.
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

import vasa_core

ROOT = Path(__file__).resolve().parents[1]
ASSETS = Path(vasa_core.__file__).parent / "assets"
# python -m pytest puts the checkout first on the path, where our nodes/ hides ComfyUI's nodes.py
sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != ROOT]


def find_comfyui() -> Path | None:
    """The ComfyUI checkout to test with."""
    places = [os.environ.get("COMFYUI_PATH"), Path.home() / "comfy" / "ComfyUI"]
    if ROOT.parent.name == "custom_nodes":
        places.insert(1, ROOT.parent.parent)
    for place in filter(None, places):
        if (Path(place) / "main.py").is_file() and (Path(place) / "comfy").is_dir():
            return Path(place).resolve()
    return None


COMFYUI = find_comfyui()


def pytest_configure(config):
    """Make ComfyUI importable, with folders of its own, and load the pack."""
    if COMFYUI is None:
        return
    sys.path.insert(0, str(COMFYUI))
    from comfy.cli_args import args

    args.cpu = not torch.cuda.is_available()
    args.base_directory = tempfile.mkdtemp(prefix="vasa-comfyui-")
    for name in ("input", "output", "temp", "models", "custom_nodes"):
        (Path(args.base_directory) / name).mkdir()
    import utils.extra_config  # noqa: F401  (before nodes.py changes what "utils" means)

    spec = importlib.util.spec_from_file_location(
        "vasa_pack", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = sys.modules["vasa_pack"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def pytest_collection_modifyitems(items):
    """Without ComfyUI, leave out what needs it."""
    skip = pytest.mark.skip(reason="no ComfyUI: set COMFYUI_PATH or put one at ~/comfy/ComfyUI")
    for item in items:
        if COMFYUI is None and item.get_closest_marker("comfyui"):
            item.add_marker(skip)


def pytest_terminal_summary(terminalreporter):
    """Say loudly when the node pack went untested."""
    if COMFYUI is None:
        terminalreporter.section("COMFYUI NOT FOUND", sep="!", red=True, bold=True)
        terminalreporter.line("The ComfyUI nodes, server and browser tests did NOT run.")


@pytest.fixture(scope="session")
def comfyui() -> Path:
    """The checkout."""
    return COMFYUI


@pytest.fixture(scope="session")
def portrait_path() -> Path:
    return ASSETS / "portrait.jpg"


@pytest.fixture(scope="session")
def speech_path() -> Path:
    return ASSETS / "speech.flac"


@pytest.fixture(scope="session")
def space():
    return vasa_core.load_space("mesh")


@pytest.fixture(scope="session")
def model():
    return vasa_core.load_motion_model("mesh")


@pytest.fixture(scope="session")
def portrait(space, portrait_path):
    return space.encode(vasa_core.read_image(portrait_path, 256))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def one_thread():
    """The library's own way of working: threads over frames, not inside operations."""
    torch.set_num_threads(1)
