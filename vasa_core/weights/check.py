"""Checks weight files, and brings their variants to the published keys."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from .reader import read_file
from .registry import FILES, KnownFile, dtype_of, named

CONTAINERS = ("model_state_dict", "state_dict", "model")
# Tables that follow from a formula and counters that only training reads: they may be missing.
SPARE = re.compile(r"\.pe$|alignment_mask$|rotary\.freqs$|^diffusion_sched\.|num_batches_tracked$")
SPELLINGS = (
    (re.compile(r"^(retarget_[a-z]+)_module\."), r"\1."),  # Kijai's conversion
    (re.compile(r"(?<![^.])module\."), ""),  # training on several devices
    # weight norm before torch 2.1; elsewhere weight_v belongs to spectral norm
    (re.compile(r"(pos_conv_embed\.conv)\.weight_g$"), r"\1.parametrizations.weight.original0"),
    (re.compile(r"(pos_conv_embed\.conv)\.weight_v$"), r"\1.parametrizations.weight.original1"),
)
SHOWN = 3  # examples in a message


@torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
def canonical(tensors: dict[str, Tensor], known: KnownFile) -> dict[str, Tensor]:
    """A file's tensors under the published keys, in published order; float numbers as float32.

    Accepts files nested in "model", "model_state_dict" or "state_dict", keys with or without
    "module.", both names of weight norm, half precision. Tables that can be recomputed
    (sinusoids, schedules) are left out if they are missing or of another length. Raises InputError
    if keys, shapes or numbers are not those of ``known``; the message names the file that they
    belong to, if it is a known one.
    """
    found, extra = match(tensors, known)
    shapes = known.shapes()
    lacking = [key for key in shapes if key not in found and not SPARE.search(key)]
    if lacking or extra:
        other = identify(tensors)
        if other is not None and other.name != known.name:
            raise InputError(
                f"these are the weights of {other.name}, not of {known.name}; name the file"
                f" {other.names[0]}, or put the right one there."
            )
        problems = _counted("missing", lacking) + _counted("not expected", extra)
        raise InputError(
            f"these are not the weights of {known.name}: {'; '.join(problems)}. Get the file from"
            f" {known.source}."
        )
    fitting = {k: v for k, v in found.items() if _fits(v, shapes[k], known)}
    wrong = [key for key in found if key not in fitting and not SPARE.search(key)]
    if wrong:
        told = [
            f"{key} {_shape(found[key].shape)} instead of {_shape(shapes[key])}" for key in wrong
        ]
        problems = _counted("of another shape", told)
        raise InputError(
            f"{known.name} in another size than the published one: {problems[0]}. Get the file from"
            f" {known.source}."
        )
    return _numbers({k: fitting[k].reshape(s) for k, s in shapes.items() if k in fitting}, known)


def match(tensors: dict[str, Tensor], known: KnownFile) -> tuple[dict[str, Tensor], list[str]]:
    """A known file's tensors by their published keys, and the keys that do not belong to it."""
    wanted = {plain(key): key for key in known.shapes()}
    found, extra = {}, []
    for key, tensor in unwrap(tensors).items():
        published = wanted.get(plain(key))
        if published is not None and published not in found:
            found[published] = tensor
        elif known.ignored is None or not re.search(known.ignored, key):
            extra.append(key)
    return found, extra


def unwrap(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The contents of a training checkpoint's weights entry; its other entries are not weights."""
    for name in CONTAINERS:
        inside = {
            k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")
        }
        if inside:
            return unwrap(inside)
    return tensors


def plain(key: str) -> str:
    """The one spelling that all variants of a key share."""
    for pattern, instead in SPELLINGS:
        key = pattern.sub(instead, key)
    return key


def identify(tensors: dict[str, Tensor]) -> KnownFile | None:
    """The known file that has these keys; shapes are not compared."""
    for known in FILES:
        if known.tensors:
            found, _ = match(tensors, known)
            if all(key in found or SPARE.search(key) for key in known.shapes()):
                return known
    return None


def load_known(known: KnownFile, path: str | Path) -> dict[str, Tensor]:
    """A known file's tensors under its published keys; see ``canonical``.

    Raises InputError, naming the file, if it cannot be read or holds something else.
    """
    return recognise(path, known)[1]


def recognise(
    path: str | Path, known: KnownFile | None = None
) -> tuple[KnownFile, dict[str, Tensor]]:
    """Which known file this is, told by its keys, and its tensors as in ``canonical``.

    With ``known``, it must be that one. Raises InputError, naming the file, if it cannot be read or
    is not a known file.
    """
    tensors = read_file(path)
    known = known or identify(tensors) or named(path)
    if known is None or not known.tensors:
        raise InputError(
            f"{path} holds none of the weights that vasa knows; vasa weights list names them."
        )
    try:
        return known, canonical(tensors, known)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _fits(tensor: Tensor, shape: tuple[int, ...], known: KnownFile) -> bool:
    if known.loose or not shape:  # some converters store a single number as (1,)
        return tensor.numel() == torch.Size(shape).numel()
    return tuple(tensor.shape) == shape


def _numbers(tensors: dict[str, Tensor], known: KnownFile) -> dict[str, Tensor]:
    """The tensors in their published dtypes; InputError if a number is not usable."""
    whole = [
        key
        for key, tensor in tensors.items()
        if dtype_of(key).is_floating_point and not tensor.is_floating_point()
    ]
    if whole:
        problem = _counted("of whole numbers", whole)[0]
        raise InputError(f"{known.name} is quantised or no weights: {problem}. Get it unquantised.")
    settled = {key: tensor.to(dtype_of(key)) for key, tensor in tensors.items()}
    broken = [key for key, tensor in settled.items() if not torch.isfinite(tensor).all()]
    if broken:
        problem = _counted("with NaN or infinite numbers", broken)[0]
        raise InputError(f"{known.name} is damaged: {problem}. Get the file again.")
    return settled


def _counted(what: str, keys: list[str]) -> list[str]:
    """ "12 missing (a, b, c, ...)" as a list of one, or an empty list."""
    if not keys:
        return []
    more = ", ..." if len(keys) > SHOWN else ""
    return [f"{len(keys)} {what} ({', '.join(keys[:SHOWN])}{more})"]


def _shape(shape) -> str:
    return "x".join(map(str, shape)) or "one number"
