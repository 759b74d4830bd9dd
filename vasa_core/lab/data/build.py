"""Builds the corpus that the shipped weights were trained and measured on, from public sources.

    python -m vasa_core.lab.data.build --out DATA [--only speech,voices] [--sources CHECKOUTS]
                                       [--landmarks mediapipe]

The manifest says what comes from where (``manifest``). What is there already is kept, so the
command can be broken off and given again. What cannot be had is listed at the end, and the rest is
built without it. Mind the licences: each INDEX.json that is written states them, file by file.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from ...errors import InputError
from .annotate import annotated
from .cut import written
from .fetch import Opener, Read, Repository, SourceError, downloaded, local
from .labelling import label_folder
from .making import make, make_from_others, outputs, same_samples, words_of
from .manifest import FOLDERS, SHIPPED, Manifest, Row, read_manifest
from .teacher import LABELLERS, Labeller

WORDS = "grid_s1_alignments.json"  # where the founders' notes expect the words of talking clips
OF_THE_MANIFEST = ("from", "samples", "pcm", "sha256", "blob", "labels", "made", "id")
SCHEMA = {"sound": "file", "track": "landmarks"}  # fields of talking2 as the index names them
Seen = Callable[[], object]  # called after each entry


@dataclass
class Report:
    """What a build did, per folder: entries made, kept, of unknown origin, and what failed why."""

    made: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    other_samples: Counter[str] = field(default_factory=Counter)
    failed: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    no_manifest: list[str] = field(default_factory=list)  # a sentence for each such folder

    def fail(self, folder: str, source: str, why: object) -> None:
        """Note that one entry of a source could not be made."""
        self.failed[folder, source].append(" ".join(str(why).split()))

    def lines(self) -> list[str]:
        """The report as lines of text: first the folders, then a line per source that failed."""
        lines = []
        for folder in {**self.made, **self.kept, **self.unknown, **dict.fromkeys(self._folders())}:
            text = f"{folder}: {self.made[folder]} made, {self.kept[folder]} there before"
            if self.other_samples[folder]:
                text += f", {self.other_samples[folder]} with other samples than the founders'"
            if self.unknown[folder]:
                text += f", {self.unknown[folder]} whose source file nobody noted"
            lines.append(text)
        for (folder, source), reasons in self.failed.items():
            files = "1 file" if len(reasons) == 1 else f"{len(reasons)} files"
            lines.append(f"NOT BUILT, {folder}: {files} of {source}: {reasons[0]}")
        return lines + self.no_manifest

    def _folders(self) -> Iterable[str]:
        return (folder for folder, _ in self.failed)


def build(
    out: Path,
    opener: Opener,
    folders: Iterable[str] = FOLDERS,
    manifests: Path = SHIPPED,
    labeller: Labeller | None = None,
) -> Report:
    """Build folders of a corpus, as far as their sources can be had.

    Args:
        out: the corpus; what it holds already is kept.
        opener: where sources come from: ``fetch.downloaded()`` or ``fetch.local(checkouts)``.
        folders: some of ``manifest.FOLDERS``.
        manifests: folder with a manifest for each of them.
        labeller: finds landmarks where there are none yet; None: no landmarks are made.
    """
    report = Report()
    for name in folders:
        try:
            manifest = read_manifest(name, manifests)
        except InputError as error:
            report.no_manifest.append(f"NOT BUILT, {name}: {error}")
            continue
        index = index_rows(manifest, manifests)
        try:
            _build_folder(manifest, out / name, opener, report)
        finally:  # what was made until now is of use
            write_index(manifest, index, out)
        if labeller is not None:
            for file, why in label_folder(out, manifest, labeller):
                report.fail(name, f"landmarks ({file})", why)
    return report


def _build_folder(manifest: Manifest, folder: Path, opener: Opener, report: Report) -> None:
    name = manifest.folder
    wanted: dict[str, list[Row]] = defaultdict(list)
    words = _known_words(folder)
    for entry in manifest.entries:
        if "path" not in entry and "made" not in entry:
            report.unknown[name] += 1
        elif _there(entry, folder, words):
            report.kept[name] += 1
        else:
            wanted[entry.get("from", "")].append(entry)
    others = wanted.pop("", [])
    total = len(others) + sum(map(len, wanted.values()))
    with tqdm(total=total, desc=name, disable=not total) as bar:
        for key, entries in wanted.items():
            _build_source(manifest.sources[key], entries, folder, opener, report, bar.update)
        for entry in others:
            _attempt(entry, "other files", folder, report, lambda e: make_from_others(e, folder))
            bar.update()


def _build_source(
    source: Repository,
    entries: list[Row],
    folder: Path,
    opener: Opener,
    report: Report,
    seen: Seen,
) -> None:
    """Make everything that comes from one repository."""
    entries = sorted(entries, key=lambda entry: entry["path"])
    paths = [e[key] for e in entries for key in ("path", "labels") if key in e]
    name = f"{source.name}@{source.commit[:7]}"
    try:
        with opener(source, paths) as read:
            last = _RememberLast(read)
            for entry in entries:
                _attempt(entry, name, folder, report, lambda e: _make(e, last, folder))
                seen()
    except SourceError as error:
        for _ in entries:
            report.fail(folder.name, name, error)
            seen()


def _attempt(
    entry: Row, source: str, folder: Path, report: Report, action: Callable[[Row], None]
) -> None:
    try:
        action(entry)
    except SourceError:
        raise
    except (InputError, OSError, ValueError) as error:
        report.fail(folder.name, source, error)
        return
    report.made[folder.name] += 1
    if "pcm" in entry and not same_samples(entry, folder):
        report.other_samples[folder.name] += 1


def _make(entry: Row, read: Read, folder: Path) -> None:
    if not all(path.is_file() for path in outputs(entry, folder)):
        make(entry, read, folder)
    if "labels" in entry and "alignment" not in entry:
        words = _known_words(folder) | {outputs(entry, folder)[0].stem: words_of(entry, read)}
        with written(folder / WORDS) as partial:
            partial.write_text(json.dumps(dict(sorted(words.items()))), "utf8")


class _RememberLast:
    """Reads a file once when several entries in a row are cut from it."""

    def __init__(self, read: Read):
        self._read, self._path, self._data = read, "", b""

    def __call__(self, path: str) -> bytes:
        if path != self._path:
            self._path, self._data = path, self._read(path)
        return self._data


def _there(entry: Row, folder: Path, words: dict) -> bool:
    files = outputs(entry, folder)
    timed = "labels" not in entry or "alignment" in entry or files[0].stem in words
    return timed and all(path.is_file() for path in files)


def _known_words(folder: Path) -> dict:
    path = folder / WORDS
    return json.loads(path.read_text("utf8")) if path.is_file() else {}


def index_rows(manifest: Manifest, manifests: Path = SHIPPED) -> list[Row]:
    """The index of the whole manifest, in the schema of ``index``; of faces, their sources."""
    if manifest.folder == "faces":
        rows = [
            {"repo": s.name, "commit": s.commit, "licence": s.licence}
            | manifest.details.get(key, {})
            for key, s in manifest.sources.items()
        ]
    else:
        rows = [manifest.row(entry) for entry in manifest.entries]
    # Annotated here and not when the index is read: they are known by a file that may be missing.
    rows = annotated(rows, manifests / manifest.folder)
    return [
        {SCHEMA.get(key, key): row[key] for key in row if key not in OF_THE_MANIFEST}
        for row in rows
    ]


def write_index(manifest: Manifest, rows: list[Row], out: Path) -> None:
    """Write the INDEX.json of a folder: what is there."""
    folder = out / manifest.folder
    there = [all(f.is_file() for f in outputs(e, folder)) for e in manifest.entries]
    if not any(there):
        return
    if manifest.folder == "faces":
        content: object = {"sources": [row for row in rows if "kind" in row]}
    else:
        content = [row for row, found in zip(rows, there, strict=True) if found]
    text = json.dumps(content, ensure_ascii=False, indent=1)
    path = folder / "INDEX.json"
    if not path.is_file() or path.read_text("utf8") != text:
        with written(path) as partial:
            partial.write_text(text, "utf8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to build in")
    parser.add_argument("--only", default=",".join(FOLDERS), help="folders, with commas between")
    parser.add_argument("--sources", type=Path, help="checkouts named owner+name; else GitHub")
    parser.add_argument("--landmarks", choices=LABELLERS, help="label faces as well")
    args = parser.parse_args(arguments)
    folders = args.only.split(",")
    unknown = set(folders) - set(FOLDERS)
    if unknown:
        parser.error(f"no folder {', '.join(sorted(unknown))}; there are {', '.join(FOLDERS)}")
    opener = local(args.sources) if args.sources else downloaded()
    try:
        labeller = LABELLERS[args.landmarks]() if args.landmarks else None
    except InputError as error:
        parser.error(str(error))
    report = build(args.out, opener, folders, labeller=labeller)
    print("\n".join(report.lines()))
    return int(bool(report.failed or report.no_manifest))


if __name__ == "__main__":
    raise SystemExit(main())
