"""Makes the files of one entry of a manifest from the bytes of its source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ...audio.reader import read_audio
from ...errors import InputError
from .cut import (
    FPS,
    RATE,
    cut_frames,
    open_picture,
    read_sound,
    save_flac,
    save_opus,
    save_picture,
    save_video,
    written,
)
from .fetch import Read
from .manifest import Row, pcm_hash
from .resize import resize_square
from .timings import read_timings

CROP = 256  # side of the crops of faces, pixels
CROP_QUALITY = 88  # of their JPEGs
LARGEST = 512  # side of the pictures of talking2, which the founders did not keep
Make = Callable[[Row, bytes, Path], None]  # entry, bytes of its source, folder it is made in


def outputs(entry: Row, folder: Path) -> list[Path]:
    """The files that an entry stands for."""
    if "id" in entry:
        return [folder / f"sound/{entry['id']}.ogg", folder / f"video/{entry['id']}.mp4"]
    file = entry["file"].removeprefix(f"{folder.name}/")  # talking names files from the corpus
    alignment = [folder / entry["alignment"]] if "alignment" in entry else []
    return [folder / file, *alignment]


def make(entry: Row, read: Read, folder: Path) -> None:
    """Make the files of an entry; InputError when they cannot be made as recorded."""
    data = read(entry["path"])
    _check(entry, data)
    MAKERS[folder.name](entry, data, folder)
    if "alignment" in entry:
        _save_alignment(entry, read(entry["labels"]), folder)


def make_from_others(entry: Row, folder: Path) -> None:
    """Make a sound out of silence and other sounds of the folder."""
    made = entry["made"]
    if "join" in made:
        pieces = [_piece(piece, folder) for piece in made["join"]]
        samples = np.concatenate(pieces)
    else:
        sounds = [(_samples(folder / file), gain) for file, gain in made["mix"]]
        shortest = min(len(sound) for sound, _ in sounds)
        samples = sum(gain * sound[:shortest].astype(np.float64) for sound, gain in sounds)
    save_flac(
        np.clip(np.round(samples), -(2**15), 2**15 - 1).astype(np.int16), folder / entry["file"]
    )


def same_samples(entry: Row, folder: Path) -> bool:
    """Whether a sound is, sample for sample, the one that the manifest was made from."""
    return pcm_hash(_samples(outputs(entry, folder)[0])) == entry["pcm"]


def words_of(entry: Row, read: Read) -> list[list]:
    """The timed words of a talking clip: start, end, word."""
    spans = read_timings(entry["labels"], read(entry["labels"]).decode("utf8"))
    return [[round(start, 3), round(end, 3), word] for start, end, word in spans]


def _check(entry: Row, data: bytes) -> None:
    """Refuse bytes other than those that the manifest was made from."""
    if "sha256" in entry and hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise InputError(f"{entry['path']} has other bytes than the manifest says (sha256)")
    if "blob" in entry:
        header = f"blob {len(data)}\0".encode()
        if hashlib.sha1(header + data, usedforsecurity=False).hexdigest() != entry["blob"]:
            raise InputError(f"{entry['path']} has other bytes than the manifest says (git blob)")


def _portrait(entry: Row, data: bytes, folder: Path) -> None:
    (path,) = outputs(entry, folder)
    if "sha256" in entry:
        with written(path) as partial:
            partial.write_bytes(data)
        return
    picture = open_picture(data)
    if path.suffix != ".png" and picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    save_picture(picture.resize((entry["width"], entry["height"])), path)


def _sound(entry: Row, data: bytes, folder: Path) -> None:
    count = entry["samples"]
    samples = read_sound(data, entry.get("trim_start_s", 0), count)
    if len(samples) < count:
        raise InputError(f"{entry['path']} has {len(samples)} of {count} samples")
    save_flac(samples, outputs(entry, folder)[0])


def _clip(entry: Row, data: bytes, folder: Path) -> None:
    box, count = entry["crop_xy_side"], entry["frames"]
    sound = read_sound(data, 0, round(count * RATE / FPS))
    frames = cut_frames(data, box, entry["size"], count)
    save_video(frames, sound, outputs(entry, folder)[0])


def _cut(entry: Row, data: bytes, folder: Path) -> None:
    sound_file, video_file = outputs(entry, folder)
    box, count, start = entry["crop_xy_side"], entry["frames"], entry["start"]
    sound = read_sound(data, start, round(count * RATE / FPS))
    side = min(box[2] // 2 * 2, LARGEST)
    save_video(cut_frames(data, box, side, count, start), sound, video_file)
    save_opus(sound, sound_file)


def _crop(entry: Row, data: bytes, folder: Path) -> None:
    (path,) = outputs(entry, folder)
    x, y, side = entry["crop_xy_side"]
    square = open_picture(data).convert("RGB").crop((x, y, x + side, y + side))
    crop = Image.fromarray(resize_square(np.asarray(square), CROP))
    with written(path) as partial:
        crop.save(partial, quality=CROP_QUALITY)


MAKERS: dict[str, Make] = {
    "portraits": _portrait,
    "speech": _sound,
    "voices": _sound,
    "talking": _clip,
    "talking2": _cut,
    "faces": _crop,
}


def _save_alignment(entry: Row, labels: bytes, folder: Path) -> None:
    """Phones with their times in the cut sound."""
    start, end = entry.get("trim_start_s", 0), entry["samples"] / RATE
    spans = read_timings(entry["labels"], labels.decode("latin1"))
    moved = [(round(a - start, 4), round(min(b - start, end), 4), label) for a, b, label in spans]
    phones = [{"start": a, "end": b, "label": label} for a, b, label in moved if a < end]
    with written(folder / entry["alignment"]) as partial:
        partial.write_text(json.dumps({"file": entry["file"], "phones": phones}), "utf8")


def _piece(piece: float | list, folder: Path) -> np.ndarray:
    if not isinstance(piece, list):  # seconds of silence, whole ones too
        return np.zeros(round(piece * RATE), np.int16)
    file, start, end = piece
    return _samples(folder / file)[round(start * RATE) : round(end * RATE)]


def _samples(path: Path) -> np.ndarray:
    sound, _ = read_audio(path)
    return (sound * 2**15).numpy().astype(np.int16)
