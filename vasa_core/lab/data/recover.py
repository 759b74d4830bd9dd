"""Adds to a manifest what the founders' indices do not say, by looking into the sources.

The boxes of GRID's first speaker, and file and box of every crop of a face: see ``boxes``.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import av
from PIL import Image

from ...errors import InputError
from .boxes import Pictures, find
from .cut import open_picture
from .fetch import Read, Repository, list_paths, local
from .manifest import Manifest, Row

log = logging.getLogger(__name__)
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
FOUND = ("from", "path", "crop_xy_side", "size")  # what is recovered
FOLDERS = {  # parts of large repositories in which the pictures are, where the founders noted them
    "MachineLearning2020/Homework2-Caltech101": "101_ObjectCategories/*",
    "chandrikadeb7/Face-Mask-Detection": "dataset/with*",
    "electinth/politician-directory": "src/images/people/*",
}


def keep(manifest: Manifest, before: Manifest) -> None:
    """Take over what an earlier manifest had recovered."""
    known = {entry["file"]: entry for entry in before.entries if "file" in entry}
    for entry in manifest.entries:
        old = known.get(entry.get("file"), {})
        for field in FOUND:
            if field in old and old[field] not in (None, ""):
                entry.setdefault(field, old[field])


def recover(manifest: Manifest, data: Path, checkouts: Path) -> None:
    """Look for everything that is missing in a manifest."""
    if manifest.folder == "talking":
        _recover_clips(manifest, data, checkouts)
    if manifest.folder == "faces":
        _recover_faces(manifest, data / "faces", checkouts)


def _recover_clips(manifest: Manifest, data: Path, checkouts: Path) -> None:
    for entry in manifest.entries:
        if "crop_xy_side" in entry:
            continue
        source = manifest.sources[entry["from"]]
        crop = _first_frame((data / entry["file"]).read_bytes())
        with local(checkouts)(source, [entry["path"]]) as read:
            frame = _first_frame(read(entry["path"]))
        (found,) = find([crop], lambda name=entry["path"], frame=frame: [(name, frame)])
        log.info("%s: %s", entry["file"], found)
        if found:
            entry |= {"crop_xy_side": list(found.box), "size": crop.width}


def _recover_faces(manifest: Manifest, folder: Path, checkouts: Path) -> None:
    for key, source in manifest.sources.items():
        faces = [e for e in manifest.entries if "path" not in e and e.get("from") == key]
        if "negatives" in manifest.details.get(key, {}):
            faces += [e for e in manifest.entries if "from" not in e]
        if faces and (checkouts / source.folder).is_dir():
            _look_in(source, key, faces, folder, checkouts)


def _look_in(
    source: Repository, key: str, missing: Sequence[Row], folder: Path, checkouts: Path
) -> None:
    crops = [Image.open(folder / entry["file"]).convert("RGB") for entry in missing]
    pattern = FOLDERS.get(source.name, "*")
    paths = [
        path
        for path in list_paths(checkouts / source.folder, source.commit)
        if fnmatchcase(path, pattern) and path.lower().endswith(PICTURES)
    ]
    with local(checkouts)(source, paths) as read:
        found = find(crops, lambda: _pictures(read, paths))
    for entry, place in zip(missing, found, strict=True):
        if place:
            entry |= {"from": key, "path": place.picture, "crop_xy_side": list(place.box)}
    named = [place for entry, place in zip(missing, found, strict=True) if place]
    log.info("%s: %d of %d found in %d pictures", key, len(named), len(missing), len(paths))


def _pictures(read: Read, paths: Sequence[str]) -> Pictures:
    for path in paths:
        try:
            yield path, open_picture(read(path)).convert("RGB")
        except (InputError, OSError) as error:
            log.info("%s: %s", path, error)


def _first_frame(video: bytes) -> Image.Image:
    with av.open(io.BytesIO(video)) as container:
        frames: Iterator[av.VideoFrame] = container.decode(video=0)
        return next(frames).to_image()
