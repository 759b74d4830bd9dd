"""Motion files: safetensors with a header that says what the numbers are.

Tensors ``rotation``, ``translation``, ``scale``, ``dynamics`` as in ``vasa_core.types.Motion``; the
header tells format, version, space, fps ("num/den"), reference, and that made motion is
AI-generated.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from ..errors import InputError
from ..provenance.label import label
from ..provenance.whole import save_tensors
from ..types import Motion

FORMAT, VERSION = "vasa-motion", "1"
MAKERS = "vasa track, vasa motion or the node Save motion"
PARTS = ("rotation", "translation", "scale", "dynamics")


def save_motion(path: str | Path, motion: Motion) -> None:
    """Write a motion; a made one (reference "portrait") is labelled as AI-generated.

    Nothing half-written is left. Raises InputError for no frames.
    """
    path = Path(path)
    if len(motion) == 0:
        raise InputError(f"The motion has no frames; nothing was written to {path}.")
    header = {
        "format": FORMAT,
        "version": VERSION,
        "space": motion.space,
        "fps": f"{motion.fps.numerator}/{motion.fps.denominator}",
        "reference": motion.reference,
    }
    if motion.reference == "portrait":
        header |= label()
    tensors = {name: getattr(motion, name).detach().float().cpu() for name in PARTS}
    # a motion's tensors may be views of others, which the format does not take
    tensors = {name: t.clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    save_tensors(path, tensors, header)


def load_motion(path: str | Path) -> Motion:
    """The motion in a file. Raises InputError if it is missing, foreign, newer or broken."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a file made by {MAKERS}.")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is no safetensors file ({error}); give a motion.") from error
    if header.get("format") != FORMAT or set(tensors) != set(PARTS):
        raise InputError(f"{path} holds no motion; give a file made by {MAKERS}.")
    if header.get("version") != VERSION:
        found = header.get("version")
        raise InputError(f"{path} is a motion file of version {found}; this reads {VERSION}.")
    try:
        motion = Motion(
            **tensors,
            space=header["space"],
            fps=Fraction(header["fps"]),
            reference=header["reference"],
        )
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise InputError(f"{path} is broken ({error}); make it anew.") from error
    if len(motion) == 0:
        raise InputError(f"{path} holds a motion without frames.")
    return motion
