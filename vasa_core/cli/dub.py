"""``vasa dub``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import InputError
from . import options
from .options import Commands, command, progress_bar, summary, tell


def add_commands(commands: Commands) -> None:
    """Add the subcommand of this module."""
    text = (
        "Make the face in a video say another sound; its head, eyes and all else stay as they are."
    )
    sub = command(commands, "dub", run_dub, text)
    sub.add_argument("video", type=Path, help="video with a face")
    sub.add_argument("audio", type=Path, help="sound or video file with the new speech")
    sub.add_argument(
        "--face", type=int, default=1, help="which face of the first frame: 1 is the largest"
    )
    options.add_output(sub, "OUT.mp4")
    options.add_model(sub)
    options.add_sampler(sub)
    sub.add_argument(
        "--lips",
        type=float,
        default=1.0,
        metavar="STRENGTH",
        help="strength of the lips (default 1)",
    )
    options.add_workers(sub)
    options.add_refiner(sub)


def run_dub(args: argparse.Namespace) -> str:
    """``vasa dub``."""
    from ..motion.keyframes import controls_from
    from ..pipelines.dub import dub
    from ..render.video import check_output

    check_output(args.out)
    if args.face < 1:
        raise InputError(f"--face {args.face}: faces are counted from 1, the largest.")
    space, model = options.open_model(args)
    with progress_bar("dub") as progress:
        written, seen = dub(
            args.video, args.audio, args.out,
            space=space, model=model, controls=controls_from({"lips": args.lips}),
            face=args.face - 1, seed=args.seed, steps=args.steps, cfg=args.cfg,
            workers=args.workers, progress=progress, device=args.device,
        )  # fmt: skip
    if seen.missed:
        tell(f"{seen.missed} of {len(seen.found)} frames show no face; they stay as they are.")
    return summary(written)
