"""What the mesh space's codes have to say about controls: emotions and the opening of the lips.

Emotions are designed as gestures are, from facial action units (``spaces.mesh.gestures``): no
corpus at hand labels them. A change here reaches the shipped weights by

    python -m vasa_core.lab.training.motion.actions
"""

from __future__ import annotations

import torch
from safetensors import safe_open

from ....face.basis import PARTS, FaceBasis
from ....motion.controls import FaceActions
from ....motion.model import WEIGHTS
from ....provenance.whole import save_tensors
from ....spaces.mesh.gestures import Design, code_of, lip_opening
from ....types import EMOTIONS
from ...recipe import run_main

# Lids (AU5 wider < 0, AU7 narrower > 0) the codes know directly.
DESIGNS = {
    "neutral": Design(),
    "happy": Design({"AU6": 1.3, "AU12": 1.8}, lids=(0.15, 0.15)),
    "sad": Design({"AU1": 1.6, "AU4": 0.8, "AU15": 2.2}, lids=(0.25, 0.25)),
    "angry": Design({"AU4": 2.0, "AU23": 2.0, "AU15": 0.7}, lids=(0.15, 0.15)),
    "surprised": Design({"AU1": 1.3, "AU2": 1.4}, lids=(-0.25, -0.25)),
}
JAW = {"neutral": 0.0, "happy": 0.0, "sad": 0.0, "angry": 0.0, "surprised": 0.07}  # AU25 + 26


def face_actions(basis: FaceBasis) -> FaceActions:
    """The emotions and the opening direction in the codes of a face basis."""
    emotions = torch.stack([code_of(basis, DESIGNS[name]) for name in EMOTIONS])
    jaw = torch.tensor([JAW[name] for name in EMOTIONS])
    return FaceActions(PARTS, emotions, jaw, lip_opening(basis), basis.lip_gap)


def main() -> None:
    """Command line: put these emotions into the shipped motion model, which needs no training."""
    with safe_open(WEIGHTS, framework="pt") as file:
        about = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    actions = face_actions(FaceBasis.load()).state_dict()
    made = {f"actions.{name}": value.contiguous() for name, value in actions.items()}
    save_tensors(WEIGHTS, tensors | made, about)


if __name__ == "__main__":
    run_main(main)
