"""From sound: ``vasa animate``, ``vasa demo``, ``vasa motion``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..assets import PORTRAITS, SPEECH
from . import options
from .options import Commands, command, controls_from, open_portrait, progress_bar, summary


def add_commands(commands: Commands) -> None:
    """Add the subcommands of this module."""
    sub = command(commands, "animate", run_animate, "Make a portrait speak a sound file.")
    sub.add_argument("portrait", type=Path, help="image with a face")
    sub.add_argument("audio", type=Path, help="sound or video file with speech or singing")
    options.add_output(sub, "OUT.mp4")
    options.add_sampling(sub)
    options.add_neutral(sub)
    options.add_rendering(sub)

    text = "Make the sample portrait speak the sample speech."
    sub = command(commands, "demo", run_animate, text)
    sub.set_defaults(portrait=PORTRAITS["mira"], audio=SPEECH)
    sub.add_argument(
        "-o", "--out", type=Path, default=Path("demo.mp4"), help="file to write (default demo.mp4)"
    )
    options.add_sampling(sub)
    options.add_neutral(sub)
    options.add_rendering(sub)

    sub = command(commands, "motion", run_motion, "Make motion from a sound file.")
    sub.add_argument("audio", type=Path, help="sound or video file with speech or singing")
    sub.add_argument(
        "--portrait", type=Path, help="picture of the face it is for; only Ditto needs it"
    )
    sub.add_argument("--face", type=int, default=1, help="which face in it: 1 is the largest")
    options.add_output(sub, "MOTION.safetensors")
    options.add_sampling(sub)


def run_animate(args: argparse.Namespace) -> str:
    """``vasa animate`` and ``vasa demo``."""
    from ..pipelines.animate import animate
    from ..render.video import check_output

    check_output(args.out)
    controls = controls_from(args)
    space, model = options.open_model(args)
    portrait = open_portrait(args, args.portrait, space)
    with progress_bar("animate") as progress:
        written = animate(
            portrait, args.audio, args.out,
            space=space, model=model, controls=controls,
            seed=args.seed, steps=args.steps, cfg=args.cfg, fps=args.fps,
            neutral=args.neutral, workers=args.workers, progress=progress,
        )  # fmt: skip
    return summary(written)


def run_motion(args: argparse.Namespace) -> str:
    """``vasa motion``."""
    from .. import load_motion_model, load_space
    from ..motion.files import save_motion
    from ..motion.timing import resample_motion
    from ..pipelines.animate import audio_features_of
    from ..render.video import check_output
    from ..types import Motion

    check_output(args.out, (".safetensors",))
    controls = controls_from(args)
    model = load_motion_model(args.model, args.device, [args.models])
    portrait = None
    if args.portrait is not None:
        space = load_space(model.space, args.device, [args.models])
        portrait = open_portrait(args, args.portrait, space)
    features, duration = audio_features_of(args.audio, model)
    with progress_bar("motion") as progress:
        pieces = model.stream(
            features, controls, args.seed, args.steps, args.cfg, progress, portrait
        )
        motion = resample_motion(Motion.concat(pieces), args.fps or model.fps, duration)
    save_motion(args.out, motion)
    return options.motion_summary(motion, args.out)
