"""Where every file of the founders' corpus comes from, so that others can build it again.

``manifest/FOLDER.json`` holds ``sources`` (repository, commit, licence as stated), to which each
of the ``entries`` refers by ``from``; the entries come in the order of the founders' index. Beside
the fields of that index an entry may hold

    path           in the repository; where it is missing, nobody noted the file
    crop_xy_side   square that is cut out: left, top, side in pixels of the source
    size           side of the square when it is stored, pixels
    sha256         of the file, which is the source's own bytes
    blob           git's name for the source's bytes
    samples, pcm   of sound: how many at 16 kHz, and the first digits of their SHA-256
    labels         path of the label file that says when words or phones are spoken
    made           instead of a source: ``join`` of silences (seconds) and pieces of other files
                   (file, start, end), or ``mix`` of other files with their gains

The files are made from the founders' folder, and from checkouts of the sources what its indices do
not say (see ``recover``); ``build`` makes a folder from the manifest.

    python -m vasa_core.lab.data.manifest DATA [--sources CHECKOUTS]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from ...errors import InputError
from .fetch import Repository

FOLDERS = ("portraits", "speech", "voices", "talking", "talking2", "faces")
SHIPPED = Path(__file__).parent / "manifest"
DIGITS = 16  # of the hash of samples
Row = dict[str, Any]
EMPTY = (None, "", False)  # what an index need not say

# Fields of the founders' indices that are kept: what a rebuilt index needs, not what was measured.
KEPT = {
    "portraits": "file path kind note bad_input faces_detected face_width_frac width height",
    "speech": "file path lang note transcript seconds",
    "voices": "file source path language speaker sex transcript emotion truncated seconds "
    "trim_start_s alignment",
    "talking": "file landmarks path crop_xy_side size frames note sync_grade",
    "talking2": "id source path blob start end crop_xy_side kind system grade use "
    "group unit lag language faces_in_shot under_90_px frames",
}
ABOUT = {
    "portraits": "Pictures as published, or shrunk to width x height where there is no sha256.",
    "speech": "Sound at 16 kHz, mono. No label files.",
    "voices": "Sound at 16 kHz, mono, from trim_start_s on. Transcripts are left out where the "
    "licence is not a free one. Label files of emodb, ae, librivox and arctic are recorded, of "
    "other corpora not. Which recordings of fsdd were joined was not noted.",
    "talking": "Real people, 25 frames a second, from the start of the source. The boxes of GRID's "
    "first speaker (grid_s1) were not noted; they were found by matching the pictures.",
    "talking2": "Cuts from start to end, seconds. The founders keep no pictures of them.",
    "faces": "Crops of 256 pixels and negatives (pictures without a face). The founders noted "
    "repositories and counts only; files and boxes were found by matching the pictures, until the "
    "crop made from them had the founders' pixels.",
}
# Label files beside the recordings: by source of voices, or repository of talking clips.
LABELS = {
    "emodb": (r"wav/(.*)\.wav", r"lablaut/\1xx.lablaut"),
    "ae": (r"(.*)\.wav", r"\1_annot.json"),
    "librivox": (r"(.*)\.wav", r"\1.phone.json"),
    "arctic": (r"(.*)\.wav", r"\1_phone.lab"),
    "Chevinjeon/ReadingLips": (r"data/s1/(.*)\.mpg", r"data/alignments/s1/\1.align"),
}
# The founders' notes say what these were made of; the numbers were found in their samples.
MADE = {
    "silence_3s.flac": {"join": [3.0]},
    "en_lj_with_pauses.flac": {
        "join": [2.0, ["en_lj_0001.flac", 0.0, 3.0], 2.0, ["en_lj_0001.flac", 3.0, 6.0], 1.0]
    },
    "en_lj_over_music.flac": {
        "mix": [["en_lj_0001.flac", 1.0], ["sing_imagine_en.flac", 0.641171]]
    },
}
NOT_FREE = re.compile(r"\bNC\b|\bND\b|non-commercial|research|not stated|states no|see its licence")


@dataclass(frozen=True)
class Manifest:
    """What is known of a folder: its sources by key, more about each, and its entries."""

    folder: str
    sources: dict[str, Repository]
    details: dict[str, Row]  # of the source: everything but repository, commit and licence
    entries: list[Row]

    def row(self, entry: Row) -> Row:
        """An entry as a founders' index would hold it."""
        source = self.sources.get(entry.get("from", ""))
        if source is None:
            return dict(entry)
        row = {key: value for key, value in entry.items() if key != "from"}
        if "id" in row:
            row |= {
                "sound": f"sound/{row['id']}.ogg",
                "video": f"video/{row['id']}.mp4",
                "track": f"tracks/{row['id']}.npz",
            }
        return row | {"repo": source.name, "commit": source.commit, "licence": source.licence}


def read_manifest(folder: str, where: Path = SHIPPED) -> Manifest:
    """The manifest of one of ``FOLDERS``; InputError when there is none."""
    path = where / f"{folder}.json"
    if not path.is_file():
        raise InputError(f"There is no manifest for the folder {folder}: {path.name} is missing.")
    content = json.loads(path.read_text("utf8"))
    sources, details = {}, {}
    for key, row in content["sources"].items():
        sources[key] = Repository(row.pop("repo"), row.pop("commit"), row.pop("licence"))
        if row:
            details[key] = row
    return Manifest(folder, sources, details, content["entries"])


def write_manifest(manifest: Manifest, where: Path) -> None:
    """Write a manifest, a line per source and entry."""
    sources = []
    for key, source in manifest.sources.items():
        row = {"repo": source.name, "commit": source.commit, "licence": source.licence}
        sources.append(f"{_text(key)}: {_text(row | manifest.details.get(key, {}))}")
    lines = [
        "{",
        f'"about": {_text(ABOUT[manifest.folder])},',
        '"sources": {',
        ",\n".join(sources),
        "},",
        '"entries": [',
        ",\n".join(map(_text, manifest.entries)),
        "]",
        "}",
    ]
    where.mkdir(parents=True, exist_ok=True)
    (where / f"{manifest.folder}.json").write_text("\n".join(lines) + "\n", "utf8")


def from_index(data: Path, folder: str) -> Manifest:
    """The manifest of a folder as far as the founders' index and files tell."""
    if folder == "faces":
        return _faces(data / folder)
    content = json.loads((data / folder / "INDEX.json").read_text("utf8"))
    manifest = Manifest(folder, {}, {}, [])
    for row in content["clips"] if isinstance(content, dict) else content:
        entry = {key: row[key] for key in KEPT[folder].split() if row.get(key) not in EMPTY}
        if "commit" in row:
            entry["from"] = _key(manifest.sources, row["repo"], row["commit"], row["licence"])
        else:
            entry |= {"made": MADE[row["file"]], "licence": row["licence"]}
        if "*" in entry.get("path", ""):  # one of many files; which was not noted
            del entry["path"]
        if NOT_FREE.search(row["licence"]):
            entry.pop("transcript", None)
        pattern = LABELS.get(row.get("source", row["repo"]))
        if pattern:
            entry["labels"] = re.sub(*pattern, row["path"])
        else:
            entry.pop("alignment", None)
        manifest.entries.append(entry | _hashes(data / folder, row))
    return manifest


def _faces(folder: Path) -> Manifest:
    index = json.loads((folder / "INDEX.json").read_text("utf8"))
    with np.load(folder / "landmarks.npz") as labels:
        names, sources = labels["names"].tolist(), labels["sources"][labels["source"]].tolist()
    manifest = Manifest("faces", {}, {}, [])
    for row in index["sources"]:
        key = _key(manifest.sources, row["repo"], row["commit"], row["licence"])
        manifest.details[key] = {"kind": row["kind"]}
    for row in index["negatives"]["sources"]:
        key = _key(manifest.sources, row["repo"], row["commit"], row["licence"])
        manifest.details.setdefault(key, {})["negatives"] = row["kind"]
    keys = {source.folder: key for key, source in manifest.sources.items()}
    for name, source in zip(names, sources, strict=True):
        manifest.entries.append({"file": f"train/{name}", "from": keys[source]})
    for file in sorted((folder / "negatives").iterdir()):
        manifest.entries.append({"file": f"negatives/{file.name}"})
    return manifest


def _key(sources: dict[str, Repository], name: str, commit: str, licence: str) -> str:
    """The key of a source, which is added if it is new: owner/name, numbered if there are more."""
    source = Repository(name, commit, licence)
    known = {value: key for key, value in sources.items()}
    if source not in known:
        count = sum(other.name == name for other in sources.values())
        sources[name if not count else f"{name} {count + 1}"] = source
    return next(key for key, value in sources.items() if value == source)


def _hashes(folder: Path, row: Row) -> Row:
    """What the founders' file tells: the hash of original bytes, length and hash of samples."""
    if row.get("note") == "original bytes":
        return {"sha256": hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest()}
    if str(row.get("file", "")).endswith(".flac"):
        with av.open(str(folder / row["file"])) as container:
            blocks = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        samples = np.concatenate(blocks)
        return {"samples": len(samples), "pcm": pcm_hash(samples)}
    return {}


def pcm_hash(samples: np.ndarray) -> str:
    """The first digits of the SHA-256 of (N,) int16 samples."""
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()[:DIGITS]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main() -> None:
    """Command line."""
    from .recover import keep, recover

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="the founders' folder")
    parser.add_argument("--sources", type=Path, help="checkouts named owner+name, to look in")
    parser.add_argument("--only", default=",".join(FOLDERS), help="folders, with commas between")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for folder in args.only.split(","):
        manifest = from_index(args.data, folder)
        if (args.out / f"{folder}.json").is_file():
            keep(manifest, read_manifest(folder, args.out))
        if args.sources:
            recover(manifest, args.data, args.sources)
        write_manifest(manifest, args.out)
        lost = sum("path" not in e and "made" not in e for e in manifest.entries)
        print(f"{folder}: {len(manifest.entries)} entries, {lost} of unknown path")


if __name__ == "__main__":
    main()
