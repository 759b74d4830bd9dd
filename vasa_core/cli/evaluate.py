"""``vasa evaluate`` and ``vasa gallery``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from . import options
from .options import Commands, command, progress_bar

LAB = __name__.removesuffix("cli.evaluate") + "lab"
ABSENT = "The registry's archive has no evaluation; install the pack from its repository."
LACKING = (
    "This needs the package {}, which belongs to the extra evaluate: "
    'pip install "vasa-open[evaluate]", or pip install -e ".[evaluate]" in a checkout.'
)


def add_commands(commands: Commands) -> None:
    """Add the subcommands of this module."""
    text = "Measure a model on a set of portraits, speech and talking clips."
    sub = command(commands, "evaluate", run_evaluate, text)
    sub.add_argument("data", type=Path, help="folder with portraits, speech, talking and voices")
    sub.add_argument(
        "-o", "--out", type=Path, default=Path("evaluation"), metavar="FOLDER",
        help="for the page and metrics.json (default evaluation)",
    )  # fmt: skip
    options.add_model(sub)
    sub.add_argument("--weights", type=Path, help="mesh: a motion model trained by yourself")
    sub.add_argument(
        "--seeds", type=options.positive, default=3, help="motions for each sound (default 3)"
    )
    sub.add_argument(
        "--steps", type=options.positive, help="diffusion steps (default: the model's own)"
    )
    sub.add_argument("--cfg", type=options.finite, help="guidance scale of the sound")
    options.add_workers(sub)
    options.add_refiner(sub)

    text = "Portraits speaking, on a web page with videos: to judge by eye."
    sub = command(commands, "gallery", run_gallery, text)
    sub.add_argument("data", type=Path, nargs="?", help="evaluation set (default: shipped media)")
    sub.add_argument(
        "-o", "--out", type=Path, default=Path("gallery"), metavar="FOLDER", help="default gallery"
    )
    sub.add_argument(
        "--size", type=options.positive, default=512, help="longer side in pixels (default 512)"
    )
    options.add_model(sub)
    options.add_workers(sub)
    options.add_refiner(sub)


@contextmanager
def opened_lab() -> Iterator[None]:
    """Imports of the lab: InputError where it, or a package that it needs, is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = error.name or ""
        absent = missing == LAB or missing.startswith(f"{LAB}.")
        raise InputError(ABSENT if absent else LACKING.format(missing.split(".")[0])) from error


def run_gallery(args: argparse.Namespace) -> str:
    """``vasa gallery``."""
    with opened_lab():
        from ..lab.evaluation.gallery import exhibits, gallery

    options.check_folder(args.out)
    shown = exhibits(args.data)
    space, model = options.open_model(args)
    with progress_bar("gallery") as progress:
        page = gallery(
            space, model, shown, args.out,
            size=args.size, workers=args.workers, progress=progress,
        )  # fmt: skip
    return str(page)


def run_evaluate(args: argparse.Namespace) -> str:
    """``vasa evaluate``."""
    with opened_lab():
        from ..lab.data.media import first_portrait
        from ..lab.evaluation.evaluate import check_set, evaluate, save
        from ..lab.evaluation.measures import table
        from ..lab.evaluation.model_under_test import open_model

    options.check_folder(args.out)  # before all the measuring
    check_set(args.data)
    tested = open_model(
        args.model, first_portrait(args.data), [args.models],
        args.weights, args.steps, args.cfg, args.workers, args.refine,
    )  # fmt: skip
    with progress_bar("evaluate") as progress:
        report = evaluate(tested, args.data, range(args.seeds), progress)
    json_path, page = save(report, args.out)
    return f"{table(report.rows)}\n\n{page}\n{json_path}"
