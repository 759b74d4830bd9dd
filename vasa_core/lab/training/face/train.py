"""Train the face encoder and write its weights, in one command::

    python -m vasa_core.lab.training.face.train --data shared/data --cache scratch --out weights

Three networks, each by wall time on one thread: detector, landmarks, closer looks. Every step is
kept in the cache and resumed from there; delete the cache to start again.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from ....face.storage import WEIGHTS, pack
from ...data.faces import load_faces
from ...engine import Recipe
from .train_detector import train_detector
from .train_landmarks import train_landmarks
from .train_parts import train_parts


def write(file: Path, networks: dict[str, nn.Module]) -> None:
    """Networks, packed, with their sizes in the header."""
    configs = {name: asdict(net.config) for name, net in networks.items()}
    tensors = {
        f"{name}.{key}": value
        for name, net in networks.items()
        for key, value in net.state_dict().items()
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(pack(tensors), file, metadata={"config": json.dumps(configs)})


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder shared/data")
    parser.add_argument("--cache", type=Path, default=Path("encoder_cache"))
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--landmark-seconds", type=float, default=4200)
    parser.add_argument("--detector-seconds", type=float, default=900)
    parser.add_argument("--part-seconds", type=float, default=1620)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    data, cache, seed = arguments.data, arguments.cache, arguments.seed
    faces = load_faces(data, cache)
    looks = Recipe(arguments.detector_seconds, batch=16, seed=seed, between=240)
    detector = train_detector(faces, cache, looks)
    looks = Recipe(arguments.landmark_seconds, seed=seed)
    face = train_landmarks(faces, data, cache, looks, detector)
    parts = train_parts(faces, data, cache, Recipe(arguments.part_seconds, seed=seed))
    write(arguments.out / "face_detector.safetensors", {"detector": detector})
    networks = {"face": face, "lips": parts.lips, "eye": parts.eye}
    write(arguments.out / "face_landmarks.safetensors", networks)
    for name in ("landmarks", "detector", "parts"):
        shutil.copy(cache / f"{name}.csv", arguments.out / f"face_encoder_{name}.csv")


if __name__ == "__main__":
    main()
