"""The ``vasa`` command: thin glue from arguments to the library."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import torch
from tqdm import tqdm

from .assets import PORTRAITS, SPEECH
from .errors import InputError
from .models import MODELS
from .motion import keyframes
from .types import EMOTIONS, Controls
from .weights.command import add_command as add_weights_command
from .weights.command import add_folder

STRENGTHS = {"lips": "lips", "expression": "expression", "blink": "blink", "pose": "head"}


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; 0 done, 2 bad input (one sentence on stderr), 130 stopped by Ctrl-C."""
    args = build_parser().parse_args(arguments)
    # The work is spread over frames, one thread each (see render.parallel), not within operations.
    torch.set_num_threads(1)
    try:
        print(args.run(args))  # noqa: T201
    except InputError as error:
        print(f"vasa: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print("vasa: stopped; nothing was written.", file=sys.stderr)  # noqa: T201
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All subcommands and their options."""
    parser = argparse.ArgumentParser(
        prog="vasa", description="One portrait and one voice clip in, a talking face out."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        sub.add_argument("--device", default="cpu", help="cpu, cuda, mps (default cpu)")
        return sub

    sub = command("animate", run_animate, "Make a portrait speak a sound file.")
    sub.add_argument("portrait", type=Path, help="image with a face")
    sub.add_argument("audio", type=Path, help="sound or video file with speech or singing")
    _add_output(sub, "OUT.mp4")
    _add_sampling(sub)
    _add_rendering(sub)

    sub = command("demo", run_demo, "The main job on the sample portrait and speech.")
    sub.set_defaults(portrait=PORTRAITS["mira"], audio=SPEECH)
    sub.add_argument("-o", "--out", type=Path, default=Path("demo.mp4"), help="default demo.mp4")
    _add_sampling(sub)
    _add_rendering(sub)

    sub = command("track", run_track, "Measure the motion of a face in a video or image.")
    sub.add_argument("input", type=Path)
    _add_model(sub)
    _add_output(sub, "MOTION.safetensors")

    sub = command("motion", run_motion, "Make motion from a sound file.")
    sub.add_argument("audio", type=Path)
    sub.add_argument("--portrait", type=Path, help="face that it is for; only Ditto needs one")
    sub.add_argument("--face", type=int, default=1, help="which face of it")
    _add_output(sub, "MOTION.safetensors")
    _add_sampling(sub)

    sub = command("render", run_render, "Play a motion file on a portrait.")
    sub.add_argument("portrait", type=Path)
    sub.add_argument("motion", type=Path, help="file from vasa motion or vasa track")
    sub.add_argument("--audio", type=Path, help="sound to carry over")
    sub.add_argument("--fps", type=_fps, help="frames a second (default: the motion's)")
    add_folder(sub)
    _add_output(sub, "OUT.mp4")
    _add_rendering(sub)

    sub = command("bench", run_bench, "Time and memory of each stage on the sample media.")
    sub.add_argument("--size", type=int, default=512, help="longer side in pixels (default 512)")
    sub.add_argument("--workers", type=int, default=_cores(), help="render threads (default cores)")
    sub.add_argument(
        "--space", choices=("mesh", "implicit"), default="mesh",
        help="implicit: LivePortrait, JoyVASA and Ditto, with stand-in weights",
    )  # fmt: skip
    sub.add_argument(
        "--compile", action="store_true", help="implicit: with torch.compile and CUDA graphs"
    )

    add_weights_command(commands)
    return parser


def _add_output(sub: argparse.ArgumentParser, metavar: str) -> None:
    sub.add_argument("-o", "--out", type=Path, required=True, metavar=metavar)


def _add_model(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--model", choices=MODELS, default="mesh",
        help="mesh is embedded; joyvasa and ditto are photoreal, with public weights (see vasa "
        "weights list)",
    )  # fmt: skip
    add_folder(sub)


def _add_sampling(sub: argparse.ArgumentParser) -> None:
    _add_model(sub)
    sub.add_argument("--seed", type=int, default=0, help="same seed, same result (default 0)")
    sub.add_argument("--steps", type=int, help="diffusion steps (default mesh 10, others 50)")
    sub.add_argument(
        "--cfg", type=float,
        help="how strictly the sound is followed (default mesh 0.5, joyvasa 1.8, ditto 1)",
    )  # fmt: skip
    sub.add_argument("--fps", type=_fps, help="frames a second, 30 or 30000/1001 (default 25)")
    sub.add_argument("--gaze", type=_pair, metavar="YAW,PITCH", help="main gaze, degrees")
    sub.add_argument("--distance", type=float, help="head distance: 1 as is, 2 twice as far")
    sub.add_argument(
        "--emotion", type=_emotion, action="append", default=[], metavar="NAME:STRENGTH",
        help=f"{', '.join(EMOTIONS[1:])}; may be repeated to blend",
    )  # fmt: skip
    for name in STRENGTHS:
        sub.add_argument(
            f"--{name}", type=float, default=1.0, metavar="STRENGTH",
            help=f"strength of {name}: 0 none, 1 as sampled, > 1 exaggerated",
        )  # fmt: skip
    sub.add_argument("--eyes", type=float, default=1.0, metavar="STRENGTH", help="of eye movement")
    sub.add_argument("--lip-rest", type=float, default=0.0, help="rest opening, eye distances")


def _add_rendering(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--size", type=int, help="longer side of the picture, pixels (default: as is)")
    sub.add_argument("--face", type=int, default=1, help="which face: 1 the largest, 2 the next")
    sub.add_argument("--workers", type=int, default=_cores(), help="render threads (default cores)")


def _cores() -> int:
    return os.cpu_count() or 1


def _fps(text: str) -> Fraction:
    try:
        fps = Fraction(text)
    except (ValueError, ZeroDivisionError):
        message = f"{text!r} is no frame rate; try 25 or 30000/1001"
        raise argparse.ArgumentTypeError(message) from None
    if not 1 <= fps <= 240:
        raise argparse.ArgumentTypeError(f"{text} frames a second; 1 to 240 work")
    return fps


def _pair(text: str) -> tuple[float, float]:
    try:
        yaw, pitch = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not YAW,PITCH, as in 10,-5") from None
    return yaw, pitch


def _emotion(text: str) -> tuple[str, float]:
    name, _, strength = text.partition(":")
    if name not in EMOTIONS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(EMOTIONS)}")
    try:
        return name, float(strength or 1)
    except ValueError:
        message = f"{text!r} is not NAME:STRENGTH, as in happy:0.7"
        raise argparse.ArgumentTypeError(message) from None


def controls_from(args: argparse.Namespace) -> Controls:
    """The Controls that the command's options ask for."""
    values = {field: getattr(args, name) for name, field in STRENGTHS.items()}
    values |= {"eyes": args.eyes, "lip_rest": args.lip_rest}
    if args.gaze is not None:
        values["gaze_yaw"], values["gaze_pitch"] = args.gaze
    if args.distance is not None:
        values["distance"] = args.distance
    for name, strength in args.emotion:
        if name != "neutral":  # adds nothing
            values[name] = values.get(name, 0.0) + strength
    return keyframes.controls_from(values)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A tqdm bar behind the library's one progress callback."""
    with tqdm(desc=title, unit="frame", disable=None, leave=False) as bar:

        def update(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        yield update


def open_portrait(args: argparse.Namespace, path: Path, space):
    """The portrait that the options name, encoded by a face space."""
    from .render.image import read_image

    if args.face < 1:
        raise InputError(f"--face {args.face}: faces are counted from 1, the largest.")
    image = read_image(path, getattr(args, "size", None)).to(args.device)
    portrait = space.encode(image, args.face - 1)
    if portrait.faces > 1:
        many = f"{portrait.faces} faces found, face {args.face} is used (--face N picks)."
        print(f"vasa: {many}", file=sys.stderr)  # noqa: T201
    return portrait


def run_animate(args: argparse.Namespace) -> str:
    """``vasa animate`` and ``vasa demo``."""
    from .models import load_model
    from .pipeline import animate
    from .render.video import check_output

    check_output(args.out)
    space, model = load_model(args.model, args.device, [args.models])
    portrait = open_portrait(args, args.portrait, space)
    with progress_bar("animate") as progress:
        written = animate(
            portrait, args.audio, args.out,
            space=space, model=model, controls=controls_from(args),
            seed=args.seed, steps=args.steps, cfg=args.cfg, fps=args.fps,
            workers=args.workers, progress=progress,
        )  # fmt: skip
    return summary(written)


run_demo = run_animate


def run_track(args: argparse.Namespace) -> str:
    """``vasa track``."""
    from . import load_space
    from .motion.files import save_motion
    from .render.image import read_image
    from .render.video import VideoReader, check_output

    check_output(args.out, (".safetensors",))
    space = load_space(MODELS[args.model].space, args.device, [args.models])
    if is_still(args.input):
        motion = space.encode(read_image(args.input).to(args.device)).pose
    else:
        video = VideoReader(args.input)
        with progress_bar("track") as progress:
            motion = space.track(counted(video, progress, args.device), video.fps)
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


def counted(video, progress, device: str) -> Iterator[torch.Tensor]:
    """A video's frames on a device, reported one by one."""
    for done, frame in enumerate(video, 1):
        yield frame.to(device)
        progress(done, video.frames)


def run_motion(args: argparse.Namespace) -> str:
    """``vasa motion``."""
    from . import load_motion_model, load_space
    from .motion.files import save_motion
    from .motion.timing import resample
    from .pipeline import hear
    from .render.video import check_output
    from .types import Motion

    check_output(args.out, (".safetensors",))
    model = load_motion_model(args.model, args.device, [args.models])
    portrait = None
    if args.portrait is not None:
        space = load_space(model.space, args.device, [args.models])
        portrait = open_portrait(args, args.portrait, space)
    features, duration = hear(args.audio, model)
    with progress_bar("motion") as progress:
        pieces = model.stream(
            features, controls_from(args), args.seed, args.steps, args.cfg, progress, portrait
        )
        motion = resample(Motion.concat(pieces), args.fps or model.fps, duration)
    save_motion(args.out, motion)
    return f"{len(motion)} frames, {float(motion.fps):g} fps, {args.out}"


def run_render(args: argparse.Namespace) -> str:
    """``vasa render``."""
    from . import load_space
    from .motion.files import load_motion
    from .motion.timing import resample
    from .pipeline import film
    from .render.video import check_output
    from .types import move

    check_output(args.out)
    motion = move(load_motion(args.motion), args.device)
    if args.fps:
        motion = resample(motion, args.fps)
    space = load_space(motion.space, args.device, [args.models])
    portrait = open_portrait(args, args.portrait, space)
    with progress_bar("render") as progress:
        written = film(
            args.out, space, portrait, motion, motion.fps,
            audio=args.audio, total=len(motion), workers=args.workers, progress=progress,
        )  # fmt: skip
    return summary(written)


def run_bench(args: argparse.Namespace) -> str:
    """``vasa bench``."""
    portrait = PORTRAITS["astronaut"]
    if args.space == "implicit":
        from .bench.implicit import bench as bench_implicit

        return bench_implicit(portrait, args.size, args.workers, args.device, args.compile)
    from .bench.mesh import bench
    from .bench.stages import table

    return table(bench(portrait, SPEECH, args.size, args.workers, args.device))


def summary(written) -> str:
    """The one line at the end."""
    return f"{written.frames} frames, {float(written.fps):g} fps, {written.path}"
