"""The weight files that vasa knows, and which of them each model needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from ..errors import InputError

MANIFESTS = Path(__file__).parent / "manifests"
MODELS_FOLDER = Path("models/vasa")  # where the command looks, as ComfyUI does in its own folder


@dataclass(frozen=True)
class KnownFile:
    """A published weight file.

    Attributes:
        name: Name of its manifest, and of the file that ``import_file`` writes.
        names: File names that it is found under; the first one is the one to ask for.
        source: Repository and path, in words.
        licence: As its authors state it.
        commercial: What they say about commercial use: "yes", "no", "not stated", "not verified".
        size: Bytes of its numbers; the file is a little larger.
        sha256: That of the published file, if known.
        ignored: Pattern of further keys that the file may hold and that are not needed.
        loose: Whether a tensor may have another shape with as many numbers.
        tensors: Whether the file holds tensors that can be read here.
        manifests: The folder of its manifest.
    """

    name: str
    names: tuple[str, ...]
    source: str
    licence: str
    commercial: str
    size: int | None = None
    sha256: str | None = None
    ignored: str | None = None
    loose: bool = False
    tensors: bool = True
    manifests: Path = MANIFESTS

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor by its published key, in published order."""
        return read_manifest(self.manifests / f"{self.name}.json")


@lru_cache
def read_manifest(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes by key, from a JSON file; do not change the result, it is shared."""
    return {key: tuple(shape) for key, shape in json.loads(path.read_text()).items()}


def dtype_of(key: str) -> torch.dtype:
    """The dtype of a published tensor; counters and masks are told by their keys."""
    if key.endswith("num_batches_tracked"):
        return torch.int64
    return torch.bool if key.endswith("alignment_mask") else torch.float32


LIVEPORTRAIT = "KwaiVGI/LivePortrait on Hugging Face: liveportrait"
KIJAI = "safetensors: Kijai/LivePortrait_safetensors"
DITTO = "digital-avatar/ditto-talkinghead on Hugging Face: ditto_pytorch"
JOYVASA = "jdh-algo/JoyVASA on Hugging Face"
MIT = "MIT (LivePortrait repository)"
MIT_CODE = "MIT for JoyVASA's code; of the weights not verified"
APACHE = "Apache-2.0 (Ditto repository)"

FILES = (
    KnownFile(
        name="liveportrait_appearance_feature_extractor",
        names=(
            "appearance_feature_extractor.safetensors",
            "liveportrait_appearance_feature_extractor.safetensors",
            "appearance_feature_extractor.pth",
            "appearance_extractor.pth",  # in Ditto's repository, as the next three
        ),
        source=f"{LIVEPORTRAIT}/base_models/appearance_feature_extractor.pth; {KIJAI}",
        licence=MIT,
        commercial="yes",
        size=3_351_552,
    ),
    KnownFile(
        name="liveportrait_motion_extractor",
        names=(
            "motion_extractor.safetensors",
            "liveportrait_motion_extractor.safetensors",
            "motion_extractor.pth",
        ),
        source=f"{LIVEPORTRAIT}/base_models/motion_extractor.pth; {KIJAI}",
        licence=MIT,
        commercial="yes",
        size=112_474_912,
    ),
    KnownFile(
        name="liveportrait_warping_module",
        names=(
            "warping_module.safetensors",
            "liveportrait_warping_module.safetensors",
            "warping_module.pth",
            "warp_network.pth",
        ),
        source=f"{LIVEPORTRAIT}/base_models/warping_module.pth; {KIJAI}",
        licence=MIT,
        commercial="yes",
        size=182_146_340,
    ),
    KnownFile(
        name="liveportrait_spade_generator",
        names=(
            "spade_generator.safetensors",
            "liveportrait_spade_generator.safetensors",
            "spade_generator.pth",
            "decoder.pth",
        ),
        source=f"{LIVEPORTRAIT}/base_models/spade_generator.pth; {KIJAI}",
        licence=MIT,
        commercial="yes",
        size=221_753_392,
    ),
    KnownFile(
        name="liveportrait_stitching_retargeting_module",
        names=(
            "stitching_retargeting_module.safetensors",
            "liveportrait_stitching_retargeting_module.safetensors",
            "stitching_retargeting_module.pth",
        ),
        source=f"{LIVEPORTRAIT}/retargeting_models/stitching_retargeting_module.pth; {KIJAI}",
        licence=MIT,
        commercial="yes",
        size=909_052,
        # upstream takes three networks out of the file and looks at nothing else in it
        ignored=r"^(?!retarget_(shoulder|mouth|eye)[._])",
    ),
    KnownFile(
        name="joyvasa_motion_generator",
        names=(
            "motion_generator_hubert_chinese.pt",
            "joyvasa_motion_generator.safetensors",
            "iter_0020000.pt",
        ),
        source=f"{JOYVASA}: motion_generator/motion_generator_hubert_chinese.pt",
        licence=MIT_CODE,
        commercial="not verified",
        size=413_898_376,
        sha256="9dd869329725caedf5f0c13dd383abec1e385f566d8afe2047b141f604844e80",
        # upstream loads it leniently; the two networks themselves were seen to fit exactly
        ignored=r"^(?!denoising_net\.|audio_encoder\.)",
    ),
    KnownFile(
        name="joyvasa_motion_template",
        names=("motion_template.pkl", "joyvasa_motion_template.safetensors"),
        source=f"{JOYVASA}: motion_template/motion_template.pkl",
        licence=MIT_CODE,
        commercial="not verified",
        size=3_600,
        sha256="294ce67350b18031b375361756f654c76d5e14c8f1e319cf9ed07f759ef81a98",
        ignored=r".",  # it holds other statistics too
        loose=True,
    ),
    KnownFile(
        name="ditto_lmdm",
        names=(
            "lmdm_v0.4_hubert.pth",
            "ditto_lmdm.safetensors",
            "ditto_lmdm_v0.4_hubert.safetensors",
        ),
        source=f"{DITTO}/models/lmdm_v0.4_hubert.pth",
        licence=APACHE,
        commercial="yes",
        size=191_164_452,
    ),
    KnownFile(
        name="ditto_hubert",
        names=("hubert_streaming_fix_kv.onnx",),
        source=f"{DITTO}/aux_models/hubert_streaming_fix_kv.onnx",
        licence=APACHE,
        commercial="not verified",
        tensors=False,
    ),
)
KNOWN = {file.name: file for file in FILES}

_FIVE = tuple(name for name in KNOWN if name.startswith("liveportrait_"))
MODEL_FILES = {
    "liveportrait": _FIVE,
    "joyvasa": (*_FIVE, "joyvasa_motion_generator", "joyvasa_motion_template"),
    "ditto": (*_FIVE, "ditto_lmdm", "ditto_hubert"),
}


def known_file(name: str) -> KnownFile:
    """The known file of a name. Raises InputError if there is none."""
    if name not in KNOWN:
        raise InputError(f"No weight file is known as {name!r}; there is: {', '.join(KNOWN)}.")
    return KNOWN[name]


def files_of(model: str) -> tuple[KnownFile, ...]:
    """The files that a model needs. Raises InputError for a model that is not known."""
    if model not in MODEL_FILES:
        raise InputError(f"No model is named {model!r}; there is: {', '.join(MODEL_FILES)}.")
    return tuple(map(known_file, MODEL_FILES[model]))


def named(path: str | Path) -> KnownFile | None:
    """The known file with this file name, if there is one."""
    return next((known for known in FILES if Path(path).name in known.names), None)
