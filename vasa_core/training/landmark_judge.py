"""Lets MediaPipe find the landmarks of pictures: an outside judge of what the renderer draws.

    python landmark_judge.py FOLDER MODEL.task OUT.npz

Runs by itself in an environment that has mediapipe, which the project's own has not. Writes
``names`` (of every PNG below the folder) and ``xyz`` (B, 478, 3) in pixels, NaN where no face was
found.
"""

import sys
from pathlib import Path

import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision


def judge(folder: Path, model: Path) -> tuple[list[str], np.ndarray]:
    """Names relative to the folder and landmarks in pixels of every PNG in it."""
    options = vision.FaceLandmarkerOptions(base_options=BaseOptions(model_asset_path=str(model)))
    names, found = [], []
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for path in sorted(folder.rglob("*.png")):
            image = mp.Image.create_from_file(str(path))
            faces = landmarker.detect(image).face_landmarks
            size = np.array([image.width, image.height, image.width])
            points = [(p.x, p.y, p.z) for p in faces[0]] if faces else np.full((478, 3), np.nan)
            names.append(str(path.relative_to(folder)))
            found.append(np.asarray(points) * size)
    return names, np.stack(found).astype(np.float32)


if __name__ == "__main__":
    folder, model, out = map(Path, sys.argv[1:])
    names, xyz = judge(folder, model)
    np.savez(out, names=np.array(names), xyz=xyz)
