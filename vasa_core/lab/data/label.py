"""Landmarks for the talking clips of a corpus that have none yet, by the shipped face encoder.

    python -m vasa_core.lab.data.label DATA

It writes them where the index of ``talking`` says, or to landmarks/talking/NAME.npz.
"""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ...face.encoder import FaceEncoder
from ...render.video import VideoReader
from .index import Entry, read_index


def label(entry: Entry, encoder: FaceEncoder) -> None:
    """Write the landmarks of a clip, in the form that ``tracks.read_track`` reads.

    Raises NoFaceError when no frame shows a face.
    """
    video = VideoReader(entry.file)
    frames = iter(video)
    first = next(frames)
    height, width = first.shape[-2:]
    landmarks, found = encoder.track(chain([first], frames))
    entry.landmarks.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        entry.landmarks,
        landmarks=(landmarks / torch.tensor([width, height, width])).numpy(),
        ok=found.numpy(),
        width=width,
        height=height,
        fps=float(video.fps),
    )


def missing(data: Path) -> list[Entry]:
    """The talking clips that have no landmarks."""
    return [entry for entry in read_index(data, "talking") if not entry.landmarks.is_file()]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder with talking/INDEX.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    encoder = FaceEncoder.load()
    for entry in tqdm(missing(args.data)):
        label(entry, encoder)


if __name__ == "__main__":
    main()
