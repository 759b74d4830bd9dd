"""From video and onto pictures: ``vasa track``, ``vasa render``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..models import MODELS
from ..weights.command import add_folder
from . import options
from .options import Commands, command, counted, open_portrait, progress_bar, summary, tell


def add_commands(commands: Commands) -> None:
    """Add the subcommands of this module."""
    sub = command(commands, "track", run_track, "Measure the motion of a face in a video or image.")
    sub.add_argument("input", type=Path)
    sub.add_argument("--face", type=int, default=1, help="which face: 1 the largest")
    sub.add_argument(
        "--absolute", action="store_true",
        help="the head turns as the camera saw it, not from the portrait's own pose on",
    )  # fmt: skip
    sub.add_argument(
        "--rest", type=float, default=0.0, metavar="SECONDS",
        help="moment whose pose counts as the portrait's own (default 0, the first frame)",
    )  # fmt: skip
    options.add_output(sub, "MOTION.safetensors")
    options.add_model(sub)

    sub = command(commands, "render", run_render, "Play a motion file on a portrait.")
    sub.add_argument("portrait", type=Path)
    sub.add_argument("motion", type=Path, help="from vasa motion, track, edit, mix or express")
    sub.add_argument("--audio", type=Path, help="sound to carry over: a sound or video file")
    sub.add_argument("--fps", type=options.fps, help="frames a second (default: the motion's)")
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
    from ..motion.sequence import frame_at
    from ..render.image import read_image
    from ..render.video import VideoReader, check_output

    check_output(args.out, (".safetensors",))
    if args.face < 1:
        raise InputError(f"--face {args.face}: faces are counted from 1, the largest.")
    space = load_space(MODELS[args.model].space, args.device, [args.models])
    if is_still(args.input):
        motion = space.encode(read_image(args.input).to(args.device), args.face - 1).pose
    else:
        video = VideoReader(args.input)
        with progress_bar("track") as progress:
            frames = counted(video, progress, args.device)
            tracked = space.track(frames, video.fps, args.face - 1)
        motion = tracked.motion
        if tracked.missed:
            tell(f"{tracked.missed} of {len(motion)} frames show no face; the last one was held.")
    if not args.absolute:
        moment = frame_at(args.rest, motion)
        motion = space.relative(motion, motion[moment : moment + 1])
    save_motion(args.out, motion)
    return f"{len(motion)} frames, {float(motion.fps):g} fps, {args.out}"


def is_still(path: Path) -> bool:
    """Whether a file is a picture rather than a video (an animated GIF is a video)."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return getattr(picture, "n_frames", 1) == 1
    except OSError:
        return False


def run_render(args: argparse.Namespace) -> str:
    """``vasa render``."""
    from .. import load_space
    from ..motion.files import load_motion
    from ..motion.timing import resample_motion
    from ..pipelines.animate import film
    from ..render.video import check_output
    from ..types import move

    check_output(args.out)
    motion = move(load_motion(args.motion), args.device)
    if args.fps:
        motion = resample_motion(motion, args.fps)
    space = load_space(motion.space, args.device, [args.models], args.refine)
    portrait = open_portrait(args, args.portrait, space)
    if args.neutral:
        motion = space.neutralised(portrait, motion, args.neutral)
    with progress_bar("render") as progress:
        written = film(
            args.out, space, portrait, motion, motion.fps,
            audio=args.audio, total=len(motion), workers=args.workers, progress=progress,
        )  # fmt: skip
    return summary(written)
