"""Several people in one picture: ``vasa dialogue``."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import options
from .options import Commands, command, controls_from, progress_bar, summary


def add_commands(commands: Commands) -> None:
    """Add the subcommand of this module."""
    text = "Let several people in one picture talk, each with a sound file of their own."
    sub = command(commands, "dialogue", run_dialogue, text)
    sub.add_argument("picture", type=Path, help="image with several faces")
    sub.add_argument("audio", type=Path, nargs="+", help="a sound file for each face")
    options.add_output(sub, "OUT.mp4")
    sub.add_argument(
        "--faces", type=face_numbers, metavar="N,N",
        help="which face speaks each sound: 1 is the largest, 2 the next; faces listed beyond the "
        "sounds only listen (default: the largest faces, from left to right)",
    )  # fmt: skip
    when = sub.add_mutually_exclusive_group()
    for mode, help in (
        ("turns", "one speaks after the other (the default)"),
        ("together", "all speak at once"),
    ):
        when.add_argument(
            f"--{mode}", action="store_const", const=mode, default="turns", dest="mode", help=help
        )
    sub.add_argument(
        "--pause", type=float, default=0.4, help="seconds of silence between turns (default 0.4)"
    )
    sub.add_argument("--look", action="store_true", help="listeners look at whoever speaks")
    sub.add_argument(
        "--size",
        type=options.positive,
        help="shrink the picture until its longer side has this many pixels",
    )
    options.add_workers(sub)
    options.add_refiner(sub)
    options.add_sampling(sub)
    options.add_neutral(sub)


def face_numbers(text: str) -> list[int]:
    """An option's faces, counted from 1."""
    try:
        faces = [int(part) for part in text.split(",")]
    except ValueError:
        faces = []
    if not faces or min(faces) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of faces, as in 1,2")
    return faces


def run_dialogue(args: argparse.Namespace) -> str:
    """``vasa dialogue``."""
    from ..pipelines.dialogue import LOOK, dialogue, leftmost_faces
    from ..render.image import read_image
    from ..render.video import check_output

    check_output(args.out)
    controls = controls_from(args)
    space, model = options.open_model(args)
    image = read_image(args.picture, args.size).to(args.device)
    if args.faces is None:
        portraits = leftmost_faces(space, image, len(args.audio))
    else:
        portraits = [space.encode(image, face - 1) for face in args.faces]
    with progress_bar("dialogue") as progress:
        written = dialogue(
            portraits, args.audio, args.out,
            space=space, model=model, mode=args.mode, pause=args.pause,
            look=LOOK if args.look else 0.0, controls=controls,
            seed=args.seed, steps=args.steps, cfg=args.cfg, fps=args.fps,
            neutral=args.neutral, workers=args.workers, progress=progress,
        )  # fmt: skip
    return summary(written)
