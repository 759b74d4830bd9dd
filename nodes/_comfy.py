"""The only file that touches ComfyUI's own modules: models, memory, progress, folders."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from threading import RLock

import comfy.model_management as management
import folder_paths
import torch
from aiohttp import web
from comfy.model_patcher import ModelPatcher
from comfy.utils import ProgressBar
from comfy_api.latest import InputImpl
from PIL import Image
from torch import Tensor

from ..vasa_core import load_motion_model, load_space
from ..vasa_core.errors import InputError
from ..vasa_core.interfaces import FaceSpace, MotionModel
from ..vasa_core.models import MODELS
from ..vasa_core.render.memory import streaming_bytes
from ..vasa_core.render.parallel import one_thread_per_frame
from ..vasa_core.spaces import options_for
from ..vasa_core.weights.registry import named
from ..vasa_core.weights.search import missing, missing_message

MODEL_FOLDER = "vasa"  # below ComfyUI's models folder
SUFFIXES = {".safetensors", ".pth", ".pt", ".pkl", ".onnx"}  # as published weights come
TITLES = {model.title: model for model in MODELS.values()}
EMBEDDED = MODELS["mesh"].title
PREVIEW_SECONDS, PREVIEW_SIDE = 0.2, 512
WORKING = RLock()  # held by who uses our models: a prompt, or a picture between prompts


class Busy(Exception):
    """A prompt is running; try again later."""


@dataclass(frozen=True, slots=True, repr=False)
class TalkingModel:
    """A face space and its motion model, under ComfyUI's memory management.

    Each network of the space is managed separately, so that those a stage does not need may leave
    the graphics card.
    """

    name: str
    space: FaceSpace
    networks: dict[str, ModelPatcher]  # the space's, by their names in it
    motion: ModelPatcher

    def __repr__(self) -> str:
        return f"TalkingModel({self.name})"

    @property
    def device(self) -> torch.device:
        """Where it computes when it is in use."""
        return self.motion.load_device

    @property
    def workers(self) -> int:
        """Threads that render: one where a graphics card does the work."""
        return min(os.cpu_count() or 1, 8) if self.device.type == "cpu" else 1

    def rendering_bytes(self, height: int, width: int, workers: int | None = None) -> int:
        """Main memory in bytes for rendering frames of this size, however many there are."""
        on_cpu = self.device.type == "cpu"
        working = self.space.working_bytes if on_cpu else 0
        return streaming_bytes(height, width, workers or self.workers, working)

    @contextmanager
    def face_space(self, *stages: str) -> Iterator[FaceSpace]:
        """The face space, with what it needs to "encode", "render" or both on its device."""
        names = {name for stage in stages for name in self.space.stages[stage]}
        with _in_use([self.networks[name] for name in sorted(names)]):
            yield self.space

    @contextmanager
    def motion_model(self) -> Iterator[MotionModel]:
        """The motion model on its device."""
        with _in_use([self.motion]):
            yield self.motion.model


@contextmanager
def _in_use(patchers: list[ModelPatcher]) -> Iterator[None]:
    with WORKING:
        # Whole, because partial loading needs layers of ComfyUI's own kind; our models are small.
        management.load_models_gpu(patchers, force_full_load=True)
        with one_thread_per_frame():
            yield


@contextmanager
def between_prompts() -> Iterator[Callable[[], None]]:
    """Allow the use of a model while no prompt runs; yields a check to call meanwhile.

    Raises Busy if a prompt or another picture is in progress; the check raises it when one starts.
    """

    def check() -> None:
        server = _server()
        if server is not None and server.prompt_queue.currently_running:
            raise Busy

    if not WORKING.acquire(blocking=False):
        raise Busy
    try:
        check()
        yield check
    finally:
        WORKING.release()


def add_route(path: str, answer: Callable[[dict], bytes | dict]) -> None:
    """Answer JSON that is posted to a path, in a thread, with a JPEG (bytes) or with JSON.

    An InputError becomes status 400. Does nothing where there is no server.
    """
    server = _server()
    if server is None:
        return

    @server.routes.post(path)
    async def handle(request: web.Request) -> web.Response:
        try:
            asked = await request.json()
            made = await asyncio.get_running_loop().run_in_executor(None, answer, asked)
        except (InputError, JSONDecodeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        if isinstance(made, bytes):
            return web.Response(body=made, content_type="image/jpeg")
        return web.json_response(made)


def _server():
    """ComfyUI's server, in a process that runs it; importing the module would start much of it."""
    module = sys.modules.get("server")
    return getattr(getattr(module, "PromptServer", None), "instance", None)


def register_model_folder() -> None:
    """Register ``models/vasa`` in addition to the folders in extra_model_paths.yaml."""
    folder = os.path.join(folder_paths.models_dir, MODEL_FOLDER)
    os.makedirs(folder, exist_ok=True)
    folder_paths.add_model_folder_path(MODEL_FOLDER, folder, is_default=True)
    paths, _ = folder_paths.folder_names_and_paths[MODEL_FOLDER]
    folder_paths.folder_names_and_paths[MODEL_FOLDER] = (paths, SUFFIXES)


def model_folders() -> list[str]:
    """The folders that may hold published weights."""
    return folder_paths.get_folder_paths(MODEL_FOLDER)


def model_names() -> list[str]:
    """The names to choose from: models by title, then motion models trained with this pack."""
    files = folder_paths.get_filename_list(MODEL_FOLDER)
    trained = [name for name in files if name.endswith(".safetensors") and named(name) is None]
    return [*TITLES, *trained]


def what_is_missing(name: str) -> str | None:
    """The message that names a model's missing weight files and their sources; None if complete."""
    if name == EMBEDDED or name not in TITLES:
        return None
    model, folders = TITLES[name].name, model_folders()
    lacking = missing(model, folders)
    return missing_message(name, lacking, folders[0]) if lacking else None


def load_talking_model(name: str, device: str, refine: bool = True) -> TalkingModel:
    """Load one of ``model_names``; ``device`` is "default" (ComfyUI's) or "cpu".

    ``refine`` is an option of the embedded model: its refiner improves open mouths. Raises
    InputError for weights that are missing or damaged.
    """
    if device == "cpu":
        load = offload = torch.device("cpu")
    else:
        load, offload = management.get_torch_device(), management.unet_offload_device()
    if name in TITLES:
        motion = load_motion_model(TITLES[name].name, folders=model_folders())
    else:
        file = folder_paths.get_full_path_or_raise(MODEL_FOLDER, name)
        motion = load_motion_model(weights=file)
    half = management.should_use_fp16(load)
    dtype = torch.float16 if half else torch.float32
    options = options_for(motion.space, refine=refine, runs_on=load, dtype=dtype)
    space = load_space(motion.space, folders=model_folders(), **options)

    def managed(network: torch.nn.Module) -> ModelPatcher:
        return ModelPatcher(network.to(offload), load_device=load, offload_device=offload)

    networks = {name: managed(network) for name, network in _module(space).named_children()}
    return TalkingModel(name, space, networks, managed(_module(motion)))


def _module(stage: FaceSpace | MotionModel) -> torch.nn.Module:
    """A stage as the torch module that it has to be for ComfyUI to move it."""
    if not isinstance(stage, torch.nn.Module):
        raise TypeError(f"{type(stage).__name__} is no torch module; ComfyUI cannot move it.")
    return stage


class Reporter:
    """Progress, live preview and cancel of one run of a node; a ``vasa_core`` progress callback."""

    def __init__(self, total: int):
        self.bar = ProgressBar(total)
        self.last = (0, total)
        self.picture = None
        self.shown = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Report; raises ComfyUI's own exception when the user has cancelled."""
        self.last = (done, total)
        management.throw_exception_if_processing_interrupted()
        self.bar.update_absolute(done, total or None, self.picture)
        self.picture = None

    def check(self) -> None:
        """Report nothing new, and stop if the user has cancelled."""
        self(*self.last)

    def preview(self, frame: Tensor) -> None:
        """Show a (3, H, W) frame with the next report, a few times a second."""
        if time.monotonic() - self.shown < PREVIEW_SECONDS:
            return
        self.shown = time.monotonic()
        pixels = (frame.movedim(0, -1) * 255).byte().cpu().numpy()
        self.picture = ("JPEG", Image.fromarray(pixels), PREVIEW_SIDE)


def require_memory(needed: int, what: str, advice: str) -> None:
    """InputError unless ``needed`` bytes of main memory are free."""
    free = management.get_free_memory(torch.device("cpu"))
    if needed > free:
        raise InputError(
            f"{what} needs {needed / 2**30:.1f} GB of memory, {free / 2**30:.1f} GB are free. "
            f"{advice}"
        )


def output_device() -> torch.device:
    """Where images for other nodes belong."""
    return management.intermediate_device()


def new_file(prefix: str, suffix: str, temporary: bool = False) -> tuple[Path, str]:
    """A free numbered file in the output (or temp) folder, and its subfolder there."""
    kind = folder_paths.get_temp_directory if temporary else folder_paths.get_output_directory
    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, kind())
    return Path(folder) / f"{name}_{counter:05}_{suffix}", subfolder


def video_file(video) -> Path:
    """The file of a VIDEO; one that lies in memory, or is cut, is written into the temp folder."""
    cut = getattr(video, "get_active_trim_window", tuple)()  # ComfyUI 0.3.64 cuts no videos
    if isinstance(video, InputImpl.VideoFromFile) and not any(cut):
        source = video.get_stream_source()
        if isinstance(source, str):
            return Path(source)
    path, _ = new_file("vasa/video", ".mp4", temporary=True)
    video.save_to(str(path))
    return path


def motion_files() -> list[str]:
    """Safetensors files in the input and output folders, as ComfyUI writes file names."""
    files = []
    for folder, mark in (
        (folder_paths.get_input_directory(), ""),
        (folder_paths.get_output_directory(), " [output]"),
    ):
        found, _ = folder_paths.recursive_search(folder)
        files += sorted(f"{name}{mark}" for name in found if name.endswith(".safetensors"))
    return files


def file_path(name: str) -> Path:
    """The file that a name of ``motion_files`` means."""
    return Path(folder_paths.get_annotated_filepath(name))
