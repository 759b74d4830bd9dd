"""Motion from videos and onto pictures: ``vasa track``, ``vasa render``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..models import MODELS
from ..weights.command import add_folder
from . import options
from .options import Commands, command, open_portrait, progress_bar, summary, tell


def add_commands(commands: Commands) -> None:
    """Add the subcommands of this module."""
    sub = command(
        commands, "track", run_track, "Measure the motion of a face in a video or picture."
    )
    sub.add_argument("input", type=Path, help="video or picture with a face")
    sub.add_argument(
        "--face", type=int, default=1, help="which face of the first frame: 1 is the largest"
    )
    sub.add_argument(
        "--absolute", action="store_true",
        help="keep the head as the camera saw it; otherwise a portrait starts from its own pose",
    )  # fmt: skip
    sub.add_argument(
        "--rest", type=float, default=0.0, metavar="SECONDS",
        help="the moment whose pose counts as the portrait's own (default 0, the first frame)",
    )  # fmt: skip
    options.add_output(sub, "MOTION.safetensors")
    options.add_model(sub)

    sub = command(commands, "render", run_render, "Play a motion file on a portrait.")
    sub.add_argument("portrait", type=Path, help="image with a face")
    sub.add_argument("motion", type=Path, help="file from vasa motion, track, edit, mix or express")
    sub.add_argument("--audio", type=Path, help="sound of the video: a sound or video file")
    sub.add_argument("--fps", type=options.fps, help="frames per second (default: the motion's)")
    add_folder(sub)
    options.add_output(sub, "OUT.mp4")
    options.add_neutral(sub)
    options.add_rendering(sub)
    options.add_device(sub)


def run_track(args: argparse.Namespace) -> str:
    """``vasa track``."""
    from .. import load_space
    from ..errors import InputError
    from ..motion.files import save_motion
    from ..pipelines.track import track_motion
    from ..render.video import check_output

    check_output(args.out, (".safetensors",))
    if args.face < 1:
        raise InputError(f"--face {args.face}: faces are counted from 1, the largest.")
    space = load_space(MODELS[args.model].space, args.device, [args.models])
    with progress_bar("track") as progress:
        tracked = track_motion(
            args.input, space=space, face=args.face - 1, absolute=args.absolute, rest=args.rest,
            device=args.device, progress=progress,
        )  # fmt: skip
    motion = tracked.motion
    if tracked.missed:
        tell(f"{tracked.missed} of {len(motion)} frames show no face; they hold the frame before.")
    save_motion(args.out, motion)
    return options.motion_summary(motion, args.out)


def run_render(args: argparse.Namespace) -> str:
    """``vasa render``."""
    from .. import load_space
    from ..motion.files import load_motion
    from ..motion.timing import resample_motion
    from ..pipelines.animate import render_video
    from ..render.video import check_output
    from ..types import move

    check_output(args.out)
    motion = move(load_motion(args.motion), args.device)
    if args.fps:
        motion = resample_motion(motion, args.fps)
    asked = options.space_options(args, motion.space)
    space = load_space(motion.space, args.device, [args.models], **asked)
    portrait = open_portrait(args, args.portrait, space)
    if args.neutral:
        motion = space.neutralised(portrait, motion, args.neutral)
    with progress_bar("render") as progress:
        written = render_video(
            portrait, motion, args.out,
            space=space, audio=args.audio, workers=args.workers, progress=progress,
        )  # fmt: skip
    return summary(written)
