"""Deterministic stand-ins for published weights, to measure and test without the real ones.

Each tensor is drawn by a generator seeded with the CRC-32 of its key, scaled so that activations
neither vanish nor overflow. The networks then show nothing like a face, but two implementations
filled the same way can be compared number for number.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .registry import KnownFile, dtype_of, files_of
from .writer import read_about, write_file

STAND_IN = "stand-in, not trained"
# Weights are normal / sqrt(inputs), times the gain of the first pattern that fits.
GAINS = (
    # LivePortrait: appearance, motion, warping, generator, stitching (the last layers are small)
    (r"^resblocks_3d\..*\.conv2\.weight$", 0.5),
    (r"^detector\..*\.dwconv\.weight$", 1.0),
    (r"^detector\..*\.pwconv1\.weight$", 1.4),
    (r"^detector\..*\.pwconv2\.weight$", 0.7),
    (r"^detector\.fc_kp\.weight$", 0.25),
    (r"^detector\.fc_exp\.weight$", 0.03),
    (r"^detector\.fc_scale\.weight$", 0.08),
    (r"^detector\.fc_t\.weight$", 0.05),
    (r"^detector\.fc_(pitch|yaw|roll)\.weight$", 1.0),
    (r"^dense_motion_network\.mask\.weight$", 2.0),
    (r"^dense_motion_network\.occlusion\.weight$", 1.5),
    (r"\.mlp_(gamma|beta)\.weight$", 0.5),
    (r"\.weight_orig$", 1.7),
    (r"^conv_img\.0\.weight$", 1.0),
    (r"^retarget_(shoulder|mouth)\..*mlp\.6\.weight$", 0.1),
    (r"^retarget_eye\..*mlp\.10\.weight$", 0.1),
    # JoyVASA
    (r"^denoising_net\.diff_step_map\.", 1.4),
    (r"^denoising_net\.motion_dec\.2\.", 0.5),
    (r"^denoising_net\.", 1.0),
    (r"^audio_feature_map\.", 1.0),
    (r"^audio_encoder\.feature_extractor\.", 1.4),
    (r"^audio_encoder\.", 1.0),
    # Ditto
    (r"^seqTransDecoder\..*film\d\.", 0.3),
    (r"^(seqTransDecoder|cond_encoder)\.", 0.6),
    (r"^final_layer\.", 0.3),
    (r"^(cond_projection|input_projection|to_time_|time_mlp|non_attn_cond)", 0.7),
)
OTHER_GAIN = 1.4
# Numbers that are normal times a spread, by the ends of their keys.
SPREADS = (
    ("running_mean", 0.1),
    ("grn.gamma", 0.2),
    ("grn.beta", 0.02),
    ("bias", 0.02),
    ("mean_exp", 0.02),
)
LEARNED_VECTOR = re.compile(
    r"(start_motion_feat|start_audio_feat|null_audio_feat|null_cond_embed|null_cond_hidden"
    r"|masked_spec_embed)$"
)
# The motion template's limits: scale, translation, and degrees.
LIMITS = {"scale": (1.1, 1.6), "t": (-0.1, 0.1), "pitch": (-20, 20), "yaw": (-20, 20)}
LIMITS |= {"roll": (-20, 20)}


def fill(weights: KnownFile | Mapping[str, Sequence[int]], salt: str = "") -> dict[str, Tensor]:
    """Stand-ins for all tensors of a known file, or of a dict of shapes, in the same order.

    Another ``salt`` gives other numbers. Tensors that are not learned (sinusoids, schedules, masks)
    have their true values, and the vectors of spectral norm fit their weight.
    """
    shapes = weights.shapes() if isinstance(weights, KnownFile) else weights
    arrays = {key: _values(key, tuple(shape), salt) for key, shape in shapes.items()}
    for key in arrays:
        stem = key.removesuffix("weight_v")
        if stem != key and f"{stem}weight_orig" in arrays:
            arrays[key] = _right_vector(arrays[f"{stem}weight_orig"], arrays[f"{stem}weight_u"])
    return {key: torch.from_numpy(np.asarray(array)) for key, array in arrays.items()}


def stand_in_input(name: str, shape: Sequence[int], gain: float = 1.0, salt: str = "") -> Tensor:
    """An input of the given shape for a network: normal numbers, seeded by its name."""
    return torch.from_numpy(_normal(f"input:{name}", tuple(shape), salt) * np.float32(gain))


def write_stand_ins(folder: str | Path, model: str, salt: str = "") -> list[Path]:
    """Write stand-ins for all tensor files of a model, marked as such; returns their paths.

    An ONNX file has no stand-in. Raises InputError for an unknown model, or if a file that is not a
    stand-in would be overwritten.
    """
    targets = {Path(folder) / f"{known.name}.safetensors": known for known in files_of(model)}
    targets = {path: known for path, known in targets.items() if known.tensors}
    for path in targets:
        if path.exists() and not is_stand_in(path):
            raise InputError(f"{path} holds weights; give another folder for stand-ins.")
    for path, known in targets.items():
        write_file(path, fill(known, salt), {"name": known.name, "source": STAND_IN, "salt": salt})
    return list(targets)


def is_stand_in(path: str | Path) -> bool:
    """Whether a file was written by ``write_stand_ins``."""
    return read_about(path).get("source") == STAND_IN


def _normal(key: str, shape: tuple[int, ...], salt: str) -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64(zlib.crc32((key + salt).encode())))
    return generator.standard_normal(shape).astype(np.float32)


def _values(key: str, shape: tuple[int, ...], salt: str) -> np.ndarray:
    """The numbers of one tensor, by the first rule that fits its key."""
    true = _unlearned(key, shape)
    if true is not None:
        return true
    normal, f32 = _normal(key, shape, salt), np.float32
    if key.endswith("weight_u"):
        wide = normal.astype(np.float64)
        return (wide / np.linalg.norm(wide)).astype(f32)
    if key.endswith("running_var"):
        return f32(1) + f32(0.1) * np.abs(normal)
    if key.endswith(("original0", "weight_g")):
        return f32(2.45) * (f32(1) + f32(0.1) * normal)
    if key == "std_exp":  # of the motion template
        return np.clip(f32(0.035) + f32(0.006) * normal, f32(0.02), f32(0.05))
    if key.endswith("fc_scale.bias"):
        return f32(1.2) + f32(0.02) * normal
    for ends, spread in SPREADS:
        if key.endswith(ends):
            return f32(spread) * normal
    if LEARNED_VECTOR.search(key):
        return f32(0.5) * normal
    if len(shape) <= 1:  # scales of norms
        return f32(1) + f32(0.1) * normal
    gain = next((g for pattern, g in GAINS if re.search(pattern, key)), OTHER_GAIN)
    return (normal * f32(gain / np.sqrt(int(np.prod(shape[1:]))))).astype(f32)


def _unlearned(key: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """The true values of a tensor that follows from a formula; None for a learned one."""
    if key.endswith(".pe"):
        return _sinusoid(shape[1], shape[2])
    if key.endswith("alignment_mask"):
        return ~np.eye(shape[0], shape[1], dtype=bool)
    if "diffusion_sched." in key:
        return _cosine_schedule(shape[0] - 1)[key.rpartition(".")[2]].astype(np.float32)
    if key.endswith("rotary.freqs"):
        even = np.arange(0, 2 * shape[0], 2).astype(np.float32)
        return (1.0 / 10000 ** (even / (2 * shape[0]))).astype(np.float32)
    if dtype_of(key) == torch.int64:
        return np.zeros(shape, np.int64)
    end, _, part = key.partition("_")
    if end in ("min", "max") and part in LIMITS:
        return np.full(shape, LIMITS[part][end == "max"], np.float32)
    return None


def _sinusoid(length: int, width: int) -> np.ndarray:
    """(1, length, width) sine on even, cosine on odd channels, in float32 as torch computes it."""
    position = np.arange(length, dtype=np.float32)[:, None]
    rate = np.exp(np.arange(0, width, 2).astype(np.float32) * np.float32(-np.log(10000.0) / width))
    table = np.zeros((length, width), np.float32)
    table[:, 0::2] = np.sin(position * rate)
    table[:, 1::2] = np.cos(position * rate)
    return table[None]


def _cosine_schedule(steps: int, offset: float = 0.008) -> dict[str, np.ndarray]:
    """JoyVASA's diffusion tables, (steps + 1,) each; step 0 adds no noise."""
    time = np.linspace(0, steps, steps + 1) / steps
    kept = np.cos((time + offset) / (1 + offset) * np.pi * 0.5) ** 2
    kept = kept / kept[0]
    betas = np.concatenate([[0.0], np.clip(1 - kept[1:] / kept[:-1], 1e-4, 0.999)])
    alphas = 1 - betas
    alpha_bars = np.exp(np.cumsum(np.log(alphas)))
    inflexible = np.zeros_like(betas)
    inflexible[1:] = np.sqrt((1 - alpha_bars[:-1]) / (1 - alpha_bars[1:]) * betas[1:])
    return {
        "betas": betas,
        "alphas": alphas,
        "alpha_bars": alpha_bars,
        "sigmas_flex": np.sqrt(betas),
        "sigmas_inflex": inflexible,
    }


def _right_vector(weight: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Spectral norm's second vector: the unit vector along the weight's transpose times the first.

    The weight's norm is then not 1, which exposes a network that forgets to divide by it.
    """
    vector = left.astype(np.float64) @ weight.reshape(len(weight), -1).astype(np.float64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)
