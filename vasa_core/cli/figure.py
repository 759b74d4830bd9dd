"""``vasa figure``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..assets import SPEECH
from ..pipelines.figures import FIGURES
from . import options
from .options import Commands, command, progress_bar


def add_commands(commands: Commands) -> None:
    """Add the subcommand of this module."""
    text = "Make a figure of VASA-1's project page with this system, as a sheet of frames."
    sub = command(commands, "figure", run_figure, text)
    what = "; ".join(f"{name}: {_summary(make)}" for name, make in FIGURES.items())
    sub.add_argument("name", choices=FIGURES, help=what)
    sub.add_argument(
        "portraits", type=Path, nargs="*", help="pictures with a face (default: the samples)"
    )
    sub.add_argument(
        "--audio", type=Path, default=SPEECH, help="sound file (default: the sample speech)"
    )
    sub.add_argument(
        "--size",
        type=options.positive,
        default=512,
        help="longer side of the pictures, pixels (default 512)",
    )
    options.add_output(sub, "SHEET.png")
    options.add_model(sub)
    options.add_refiner(sub)


def _summary(make) -> str:
    """What a figure shows: the first line of its docstring."""
    return make.__doc__.splitlines()[0].rstrip(".").replace("%", "%%")


def run_figure(args: argparse.Namespace) -> str:
    """``vasa figure``."""
    from ..pipelines.figures import figure, figure_setup
    from ..render.image import SUFFIXES, write_image
    from ..render.video import check_output

    check_output(args.out, SUFFIXES)
    space, model = options.open_model(args)
    setup = figure_setup(space, model, args.portraits, args.audio, args.size, args.device)
    with progress_bar("figure") as progress:
        sheet = figure(setup, args.name, progress)
    write_image(args.out, sheet[None])
    return f"{sheet.shape[-1]} x {sheet.shape[-2]} pixels, {args.out}"
