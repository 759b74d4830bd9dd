"""A face posed by hand: ``vasa express``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..models import MODELS
from ..pipelines.expression import SLIDERS
from . import options
from .options import Commands, command, open_portrait


def add_commands(commands: Commands) -> None:
    """Add the subcommand of this module."""
    text = "Pose a head and an expression by hand, as a picture and as a motion of one frame."
    sub = command(commands, "express", run_express, text)
    sub.add_argument("portrait", type=Path, help="image with a face")
    for name, slider in SLIDERS.items():
        sub.add_argument(
            f"--{name.replace('_', '-')}", type=float, metavar="VALUE",
            help=f"{slider.does.rstrip('.')} ({slider.least:g} to {slider.most:g})",
        )  # fmt: skip
    sub.add_argument(
        "--motion", type=Path, metavar="MOTION.safetensors",
        help="also write the expression as a motion, for vasa edit and vasa render",
    )  # fmt: skip
    options.add_output(sub, "OUT.png")
    options.add_model(sub)
    options.add_picture(sub)
    options.add_refiner(sub)


def run_express(args: argparse.Namespace) -> str:
    """``vasa express``."""
    from .. import load_space
    from ..motion.files import save_motion
    from ..pipelines.expression import express_on
    from ..render.image import SUFFIXES, write_image
    from ..render.video import check_output

    check_output(args.out, SUFFIXES)
    if args.motion is not None:
        check_output(args.motion, (".safetensors",))
    given = {name: getattr(args, name) for name in SLIDERS}
    values = {name: value for name, value in given.items() if value is not None}
    name = MODELS[args.model].space
    asked = options.space_options(args, name)
    space = load_space(name, args.device, [args.models], **asked)
    portrait = open_portrait(args, args.portrait, space)
    motion = express_on(space, portrait, values)
    (frame,) = space.render(portrait, motion)
    write_image(args.out, frame)
    if args.motion is not None:
        save_motion(args.motion, motion)
    height, width = frame.shape[-2:]
    return f"{width}x{height}, {args.out}"
