"""Train the face encoder and write its weights, in one command::

    python -m vasa_core.lab.training.face.train --data DATA --work work --out run

Three networks, one after the other: detector, landmarks, closer looks at lips and eyes. ``run``
holds a folder for each, from which it is resumed, and in the end the two weight files; copy those
over ``vasa_core/face/weights``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from ....face.detector import Detector
from ....face.landmark_net import LandmarkNet
from ....face.part_net import PartNet
from ....face.storage import pack
from ....provenance.whole import save_tensors
from ...data.faces import load_faces
from ...engine import is_main_process, main_process_first
from ...recipe import (
    Recipe,
    add_arguments,
    parse,
    recipe_from,
    run_main,
    save_recipes,
    training_parser,
)
from .train_detector import DetectorRecipe, train_detector
from .train_landmarks import LandmarkRecipe, train_landmarks
from .train_parts import PartsRecipe, train_parts

Network = Detector | LandmarkNet | PartNet
RECIPES = {"detector": DetectorRecipe, "landmarks": LandmarkRecipe, "parts": PartsRecipe}


def write(file: Path, networks: Mapping[str, Network], recipes: Mapping[str, Recipe]) -> None:
    """Networks, packed, with their sizes and recipes in the header."""
    configs = {name: asdict(net.config) for name, net in networks.items()}
    tensors = {
        f"{name}.{key}": value
        for name, net in networks.items()
        for key, value in net.state_dict().items()
    }
    save_tensors(file, pack(tensors), {"config": json.dumps(configs)})
    save_recipes(file, recipes)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = training_parser(__doc__, work=True)
    for name, kind in RECIPES.items():
        add_arguments(parser, kind, name)
    arguments = parse(parser, argv)
    data, work, out = arguments.data, arguments.work, arguments.out
    recipes = {name: recipe_from(arguments, kind, name) for name, kind in RECIPES.items()}
    with main_process_first():
        faces = load_faces(data, work)
    detector = train_detector(faces, out / "detector", recipes["detector"])
    face = train_landmarks(faces, data, work, out / "landmarks", recipes["landmarks"], detector)
    parts = train_parts(faces, data, work, out / "parts", recipes["parts"])
    if is_main_process():
        networks = {"face": face, "lips": parts.lips, "eye": parts.eye}
        write(out / "face_landmarks.safetensors", networks, recipes)
        write(out / "face_detector.safetensors", {"detector": detector}, recipes)


if __name__ == "__main__":
    run_main(main)
