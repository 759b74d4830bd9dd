"""``vasa weights``: lists, checks and imports published weight files."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from .registry import MODELS_FOLDER


def add_command(commands: argparse._SubParsersAction) -> None:
    """Add ``weights list | check | import`` to the command's subparsers."""
    text = "List, check and import published weight files (LivePortrait, JoyVASA, Ditto)."
    weights = commands.add_parser("weights", help=text, description=text)
    actions = weights.add_subparsers(required=True, metavar="ACTION")

    text = "List the known files: where each was found, its licence, and what each model lacks."
    sub = actions.add_parser("list", help=text, description=text)
    add_folder(sub)
    sub.set_defaults(run=run_list)

    text = "Check that files are complete and hold what their names say."
    sub = actions.add_parser("check", help=text, description=text)
    sub.add_argument(
        "files",
        type=Path,
        nargs="*",
        metavar="FILE",
        help="weight file (default: all that are found)",
    )
    add_folder(sub)
    sub.set_defaults(run=run_check)

    text = "Check published files and write them as safetensors, which cannot hold code."
    sub = actions.add_parser("import", help=text, description=text)
    sub.add_argument("files", type=Path, nargs="+", metavar="FILE", help="weight file")
    sub.add_argument(
        "-o", "--out", type=Path, default=MODELS_FOLDER, metavar="FOLDER",
        help=f"folder to write to (default {MODELS_FOLDER})",
    )  # fmt: skip
    sub.set_defaults(run=run_import)


def add_folder(sub: argparse.ArgumentParser) -> None:
    """The option that says where weights are."""
    sub.add_argument(
        "--models", type=Path, default=MODELS_FOLDER, metavar="FOLDER",
        help=f"folder with published weights, at any depth (default {MODELS_FOLDER})",
    )  # fmt: skip


def run_list(args: argparse.Namespace) -> str:
    """``vasa weights list``."""
    from .registry import FILES, MODEL_FILES
    from .search import find, missing

    lines = []
    for known in FILES:
        path = find(known, [args.models])
        place = "missing" if path is None else f"{path}{_stand_in(path)}"
        size = "size not known" if known.size is None else f"about {known.size / 1e3:,.0f} kB"
        lines += [
            f"{known.name}: {place}",
            f"    as {' or '.join(known.names)}; {size}",
            f"    licence: {known.licence}; commercial use: {known.commercial}",
            f"    from {known.source}",
        ]
    lines.append("")
    for model in MODEL_FILES:
        lacking = ", ".join(known.name for known in missing(model, [args.models]))
        lines.append(f"{model}: {f'lacks {lacking}' if lacking else 'complete'}")
    return "\n".join([*lines, f"Missing files go into {args.models}, or any folder in it."])


def run_check(args: argparse.Namespace) -> str:
    """``vasa weights check``; InputError after all files have been checked, if any is bad."""
    from .registry import FILES
    from .search import find

    paths = args.files or [path for known in FILES if (path := find(known, [args.models]))]
    if not paths:
        raise InputError(f"No weight files in {args.models}; vasa weights list tells what to get.")
    return _each(paths, lambda path: f"{path}: {check(path)}")


def _each(paths: list[Path], work: Callable[[Path], str]) -> str:
    """One line for each file; InputError with them all if any of them failed."""
    lines, bad = [], 0
    for path in paths:
        try:
            lines.append(work(path))
        except InputError as error:
            bad += 1
            lines.append(str(error))
    if bad:
        raise InputError(f"{bad} of {len(paths)} cannot be used.\n" + "\n".join(lines))
    return "\n".join(lines)


def check(path: Path) -> str:
    """Describe a usable weight file; InputError, naming the file, for any other.

    A file with a known name must hold what the name says.
    """
    from .check import recognise
    from .convert import as_published, sha256
    from .reader import read_head
    from .registry import named

    known = named(path)
    if known is not None and not known.tensors:
        read_head(path)
        return f"{known.name}, there; its content cannot be checked"
    known, tensors = recognise(path, known)
    said = f"{known.name}, {len(tensors)} tensors, sound{_stand_in(path)}"
    if known.sha256 is None or path.suffix == ".safetensors":  # converted: another sum
        return said
    return f"{said}; sha256 as published: {as_published(known, sha256(path))}"


def run_import(args: argparse.Namespace) -> str:
    """``vasa weights import``."""
    from .convert import import_file

    return _each(args.files, lambda path: f"{path} -> {import_file(path, args.out)}")


def _stand_in(path: Path) -> str:
    from .fill import STAND_IN, is_stand_in

    try:
        return f" ({STAND_IN})" if is_stand_in(path) else ""
    except InputError:  # a damaged file: list says where it is, check what is wrong with it
        return " (damaged)"
