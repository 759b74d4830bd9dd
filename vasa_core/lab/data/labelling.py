"""Landmark files for the folders of a built corpus, where there are none yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image
from tqdm import tqdm

from ...errors import InputError
from .cut import open_picture, written
from .index import read_index
from .manifest import Manifest
from .teacher import Labeller, label_crop, save_still, save_track

Failure = tuple[str, Exception]


def label_folder(corpus: Path, manifest: Manifest, labeller: Labeller) -> Iterator[Failure]:
    """Label the folder of a corpus that was built from a manifest; gives the files that failed."""
    folder = manifest.folder
    if not (corpus / folder / "INDEX.json").is_file():
        return
    if folder == "faces":
        _label_faces(corpus / folder, labeller, manifest)
    elif folder in ("talking", "talking2", "portraits"):
        for entry in tqdm(read_index(corpus, folder), desc=f"landmarks of {folder}"):
            if entry.landmarks.is_file():
                continue
            try:
                _label(folder, entry.file, entry.landmarks, labeller)
            except InputError as error:
                yield entry.name, error


def _label(folder: str, file: Path, landmarks: Path, labeller: Labeller) -> None:
    if folder == "portraits":
        picture = open_picture(file.read_bytes()).convert("RGB")
        save_still(landmarks, labeller.picture(np.asarray(picture)), picture.size)
        return
    if folder == "talking2":
        file = file.parent.parent / "video" / f"{file.stem}.mp4"
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        frames = (frame.to_ndarray(format="rgb24") for frame in container.decode(stream))
        points, found = labeller.track(frames)
        save_track(landmarks, points, found, (stream.width, stream.height))


def _label_faces(folder: Path, labeller: Labeller, manifest: Manifest) -> None:
    """``landmarks.npz``: the crops that show a face, in the order of the manifest."""
    target = folder / "landmarks.npz"
    known = _known_faces(target)
    kinds = [key for key, details in manifest.details.items() if "kind" in details]
    sources = sorted({manifest.sources[key].folder for key in kinds})
    points, source = {}, []
    for entry in tqdm(manifest.entries, desc="landmarks of faces"):
        file = folder / entry["file"]
        if file.parent.name != "train" or not file.is_file():
            continue
        found = known.get(file.name)
        if found is None:
            found = label_crop(labeller, Image.open(file).convert("RGB"))
        if found is not None:
            points[file.name] = found.astype(np.float16)
            source.append(sources.index(manifest.sources[entry["from"]].folder))
    if points.keys() == known.keys():
        return
    with written(target) as partial:
        np.savez_compressed(
            partial,
            names=np.array(list(points)),
            xyz=np.array(list(points.values())),
            source=np.array(source, np.int16),
            sources=np.array(sources),
        )


def _known_faces(file: Path) -> dict[str, np.ndarray]:
    if not file.is_file():
        return {}
    with np.load(file) as labels:
        return dict(zip(labels["names"].tolist(), labels["xyz"], strict=True))
