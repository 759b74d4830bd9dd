"""Shared inputs, and ComfyUI for the tests that need one.

ComfyUI is looked for at COMFYUI_PATH, around an enclosing custom_nodes folder, and at
~/comfy/ComfyUI. The pack is then loaded as ``vasa_pack``, as ComfyUI loads it under a name of its
own.
"""

import asyncio
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import vasa_core
from vasa_core.spaces.implicit.networks.appearance import AppearanceExtractor
from vasa_core.spaces.implicit.networks.decoder import SpadeDecoder
from vasa_core.spaces.implicit.networks.motion import MotionExtractor
from vasa_core.spaces.implicit.networks.stitching import StitchingRetargeting
from vasa_core.spaces.implicit.networks.warping import WarpingNetwork
from vasa_core.spaces.implicit.painter import Painter
from vasa_core.spaces.implicit.space import ImplicitSpace

sys.path.insert(0, str(Path(__file__).parent))  # for tests that share goldens.py
from goldens import Goldens

ROOT = Path(__file__).resolve().parents[1]
ASSETS = Path(vasa_core.__file__).parent / "assets"
# python -m pytest puts the checkout first on the path, where our nodes/ hides ComfyUI's nodes.py
sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != ROOT]


def find_comfyui() -> tuple[Path | None, str]:
    """The ComfyUI checkout to test with, or why there is none."""
    places = [os.environ.get("COMFYUI_PATH"), Path.home() / "comfy" / "ComfyUI"]
    if ROOT.parent.name == "custom_nodes":
        places.insert(1, ROOT.parent.parent)
    for place in map(Path, filter(None, places)):
        if (place / "main.py").is_file() and (place / "comfy").is_dir():
            missing = missing_packages(place / "requirements.txt")
            if missing:
                return None, f"{place} needs {', '.join(missing)} here: see .ci/comfyui"
            return place.resolve(), ""
    return None, "no ComfyUI: set COMFYUI_PATH or put one at ~/comfy/ComfyUI"


def missing_packages(requirements: Path) -> list[str]:
    """The packages of a requirements file that are not installed in this environment."""
    names = re.findall(r"^[A-Za-z][\w.-]*", requirements.read_text(), re.MULTILINE)
    missing = []
    for name in (*names, "requests"):  # which it imports without requiring it
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    return missing


COMFYUI, WHY_NOT = find_comfyui()


def pytest_addoption(parser):
    """Options of single tests."""
    parser.addoption("--write-schemas", action="store_true", help="see nodes/test_schemas.py")
    parser.addoption("--goldens", type=Path, help="folder of golden outputs, see goldens.py")
    parser.addoption("--salt", default="", help="salt that those were made with")


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


def pytest_unconfigure():
    """Take ComfyUI's folders away again."""
    if COMFYUI is not None:
        from comfy.cli_args import args

        shutil.rmtree(args.base_directory, ignore_errors=True)


def pytest_collection_modifyitems(items):
    """Without ComfyUI, leave out what needs it."""
    skip = pytest.mark.skip(reason=WHY_NOT)
    for item in items:
        if COMFYUI is None and item.get_closest_marker("comfyui"):
            item.add_marker(skip)


def pytest_terminal_summary(terminalreporter):
    """Say loudly when the node pack went untested."""
    if COMFYUI is None:
        terminalreporter.section("COMFYUI NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.line(f"The tests of nodes, server and browser did NOT run: {WHY_NOT}.")


ENDS = ("execution_success", "execution_error", "execution_interrupted")


@dataclass
class Run:
    """What a ComfyUI server said while it ran a prompt."""

    error: dict | None = None  # the refusal, when the prompt was not accepted
    messages: list[tuple[float, str, dict]] = field(default_factory=list)  # time, type, data
    previews: int = 0

    def of(self, kind: str) -> list[dict]:
        """The messages of one type."""
        return [data for _, type, data in self.messages if type == kind]

    @property
    def outputs(self) -> dict[str, dict]:
        """What the nodes show, by node."""
        return {data["node"]: data["output"] for data in self.of("executed")}


class ComfyServer:
    """A real ComfyUI with the pack linked in and folders of its own."""

    def __init__(self, folder: Path, frontend: Path | None = None):
        self.folder, self.log = folder, folder / "server.log"
        for name in ("custom_nodes", "input", "output", "temp", "user", "models"):
            (folder / name).mkdir()
        (folder / "custom_nodes" / "ComfyUI-VASA").symlink_to(ROOT)
        (folder / "user" / "default").mkdir()
        settings = {"Comfy.TutorialCompleted": True}  # or the page opens with a dialog
        (folder / "user" / "default" / "comfy.settings.json").write_text(json.dumps(settings))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        options = [
            *("--cpu", "--listen", "127.0.0.1", "--port", str(self.port)),
            *("--base-directory", str(folder), "--user-directory", str(folder / "user")),
            *("--database-url", "sqlite:///:memory:"),
            *("--disable-auto-launch", "--disable-api-nodes"),
        ]
        if frontend is not None:
            options += ["--front-end-root", str(frontend)]
        self.process = subprocess.Popen(
            [sys.executable, str(COMFYUI / "main.py"), *options],
            cwd=COMFYUI,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait()

    def _wait(self):
        for _ in range(360):
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.5)
        raise RuntimeError(f"ComfyUI did not start:\n{self.log.read_text()[-3000:]}")

    def stop(self):
        """End it, its threads and children too."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)

    def get(self, path: str):
        """The JSON at a path."""
        return asyncio.run(self._get(path))

    async def _get(self, path):
        import aiohttp

        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            assert response.status == 200, f"{path}: {response.status}"
            return await response.json()

    def run(self, prompt: dict, on_message=None) -> Run:
        """Execute an API prompt; ``on_message(run, post)`` may ``await post(path, data)``."""
        return asyncio.run(self._run(prompt, on_message))

    async def _run(self, prompt, on_message) -> Run:
        import aiohttp

        run, client = Run(), uuid.uuid4().hex
        async with aiohttp.ClientSession() as session:

            async def post(path, data):
                async with session.post(self.url + path, json=data) as response:
                    return await response.json() if response.content_length else None

            address = f"{self.url}/ws?clientId={client}"
            async with session.ws_connect(address, max_msg_size=2**26) as socket:
                features = {"supports_preview_metadata": True}
                await socket.send_json({"type": "feature_flags", "data": features})
                answer = await post("/prompt", {"prompt": prompt, "client_id": client})
                if "prompt_id" not in answer:
                    return Run(error=answer)
                async for message in socket:
                    if message.type == aiohttp.WSMsgType.BINARY:
                        run.previews += 1
                        continue
                    data = json.loads(message.data)
                    run.messages.append((time.monotonic(), data["type"], data["data"]))
                    if on_message:
                        await on_message(run, post)
                    if data["type"] in ENDS:
                        return run
        raise RuntimeError("The server closed the connection.")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running ComfyUI with the frontend that it pins."""
    server = ComfyServer(tmp_path_factory.mktemp("comfyui"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def newest_server(tmp_path_factory):
    """A running ComfyUI with a newer frontend, where one was put."""
    given = os.environ.get("COMFYUI_NEWEST_FRONTEND")
    usual = Path.home() / "comfy" / "frontend" / "comfyui_frontend_package" / "static"
    frontend = Path(given) if given else usual
    if not (frontend / "index.html").is_file():
        pytest.skip(f"no newer frontend at {frontend}: see .ci/comfyui")
    server = ComfyServer(tmp_path_factory.mktemp("newest"), frontend)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def goldens(pytestconfig):
    """The golden outputs of the published networks."""
    return Goldens(pytestconfig.getoption("--goldens"), pytestconfig.getoption("--salt"))


@pytest.fixture(scope="session")
def need(goldens):
    """Skips the test, saying so, where the golden outputs at hand lack what it compares with."""

    def need(name, *keys):
        if not (goldens.folder / f"{name}.npz").is_file():
            pytest.skip(f"the goldens in {goldens.folder} have no {name}")
        for key in keys:
            if not goldens.holds(name, key):
                pytest.skip(f"the goldens in {goldens.folder} lack {key} of {name}")

    return need


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


@pytest.fixture(scope="session")
def tiny_space(space):
    """A space with narrow networks and random weights, on the real face encoder."""
    torch.manual_seed(0)
    volume = (4, 4)
    made = ImplicitSpace(
        space.encoder,
        AppearanceExtractor(8, volume),
        MotionExtractor((1, 1, 1, 1), (8, 8, 16, 16)),
        Painter(WarpingNetwork(volume, 4, 16), SpadeDecoder(16, 32, 8)),
        StitchingRetargeting(),
    )
    return made.train(False).requires_grad_(False)


@pytest.fixture(scope="session")
def portrait_of(portrait_path):
    """A small portrait, encoded by a space."""

    @cache
    def encoded(space):
        return space.encode(vasa_core.read_image(portrait_path, 256))

    return encoded


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def one_thread():
    """The library's own way of working: threads over frames, not inside operations."""
    torch.set_num_threads(1)
