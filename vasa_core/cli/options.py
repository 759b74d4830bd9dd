"""Options and small tasks that several subcommands share."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..errors import InputError
from ..interfaces import FaceSpace, MotionModel
from ..models import MODELS, load_model
from ..motion import keyframes
from ..motion.controls import GUIDED
from ..motion.editing import STRENGTH_EFFECTS
from ..spaces import options_for
from ..types import EMOTIONS, LIPS_ONLY, STRENGTHS, Controls, Motion, Portrait
from ..weights.command import add_folder

Commands = argparse._SubParsersAction


def command(commands: Commands, name: str, run: Callable, text: str) -> argparse.ArgumentParser:
    """Add a subcommand; ``run`` turns its arguments into the line printed at the end."""
    sub = commands.add_parser(name, help=text, description=text)
    sub.set_defaults(run=run)
    return sub


def add_device(sub: argparse.ArgumentParser) -> None:
    """The device that networks run on."""
    sub.add_argument("--device", default="cpu", help="cpu, cuda or mps (default cpu)")


def add_output(sub: argparse.ArgumentParser, metavar: str) -> None:
    """The file to write."""
    sub.add_argument("-o", "--out", type=Path, required=True, metavar=metavar, help="file to write")


def add_model(sub: argparse.ArgumentParser) -> None:
    """Which model, where its weights are and which device it runs on."""
    sub.add_argument(
        "--model", choices=MODELS, default="mesh",
        help="mesh comes with the package (the default); joyvasa and ditto are photoreal and need "
        "public weights, see vasa weights list",
    )  # fmt: skip
    add_folder(sub)
    add_device(sub)


def add_refiner(sub: argparse.ArgumentParser) -> None:
    """Whether the mesh space uses its refiner."""
    sub.add_argument(
        "--no-refiner", dest="refine", action="store_false",
        help="mesh: do not improve open mouths with the learned refiner",
    )  # fmt: skip


def add_sampler(sub: argparse.ArgumentParser) -> None:
    """How motion is sampled."""
    sub.add_argument(
        "--seed", type=seed, default=0, help="the same seed gives the same result (default 0)"
    )
    steps = ", ".join(f"{name} {model.steps}" for name, model in MODELS.items())
    sub.add_argument("--steps", type=positive, help=f"diffusion steps (default: {steps})")
    cfg = ", ".join(f"{name} {model.cfg:g}" for name, model in MODELS.items())
    sub.add_argument(
        "--cfg", type=finite, help=f"how closely the motion follows the sound (default: {cfg})"
    )


def add_sampling(sub: argparse.ArgumentParser) -> None:
    """How motion is made from sound, and steered."""
    add_model(sub)
    add_sampler(sub)
    sub.add_argument(
        "--fps", type=fps, help="frames per second, as in 30 or 30000/1001 (default 25)"
    )
    sub.add_argument("--gaze", type=pair, metavar="YAW,PITCH", help="main gaze direction, degrees")
    sub.add_argument(
        "--distance", type=float, help="head distance: 1 as in the picture, 2 twice as far"
    )
    sub.add_argument(
        "--emotion", type=emotion, action="append", default=[], metavar="NAME:STRENGTH",
        help=f"{', '.join(EMOTIONS[1:])}; repeat the option to blend several",
    )  # fmt: skip
    for name in GUIDED:
        sub.add_argument(
            f"--{name}-cfg", type=finite, metavar="SCALE",
            help=f"guidance scale of the {name} (default: the model's own)",
        )  # fmt: skip
    add_strengths(sub)
    sub.add_argument(
        "--lip-rest",
        type=float,
        default=0.0,
        help="how far the lips are open at rest, in distances between the eyes",
    )
    sub.add_argument(
        "--keyframes", type=Path, metavar="FILE",
        help="changes of these controls over time: .json, .csv, or text as in "
        "'gaze_yaw: 0=0, 1=12'",
    )  # fmt: skip


def add_strengths(sub: argparse.ArgumentParser) -> None:
    """A strength for each part of the face."""
    for name in STRENGTHS:
        sub.add_argument(
            f"--{name}", type=float, metavar="STRENGTH",
            help=STRENGTH_EFFECTS[name].rstrip("."),
        )  # fmt: skip
    sub.add_argument("--lips-only", action="store_true", help="only the lips move")


def add_rendering(sub: argparse.ArgumentParser) -> None:
    """How a portrait is read and rendered."""
    add_picture(sub)
    add_workers(sub)
    add_refiner(sub)
    sub.add_argument(
        "--mask", type=Path, metavar="MASK.png",
        help="also write a mask that is white where frames may differ from the picture",
    )  # fmt: skip


def add_picture(sub: argparse.ArgumentParser) -> None:
    """How a portrait is read."""
    sub.add_argument(
        "--size",
        type=positive,
        help="shrink the picture until its longer side has this many pixels",
    )
    sub.add_argument(
        "--face", type=int, default=1, help="which face: 1 is the largest, 2 the next (default 1)"
    )
    sub.add_argument(
        "--view", type=Path, action="append", default=[], metavar="PHOTO",
        help="another photo of the same person, for what the first one does not show (teeth, "
        "closed eyes); repeat the option for more",
    )  # fmt: skip


def add_neutral(sub: argparse.ArgumentParser) -> None:
    """How much of the portrait's own expression is taken away."""
    sub.add_argument(
        "--neutral", type=share, default=0.0, metavar="AMOUNT",
        help="how much of the expression in the picture to take away, 0 to 1 (default 0)",
    )  # fmt: skip


def add_workers(sub: argparse.ArgumentParser) -> None:
    """How many threads render."""
    count = os.cpu_count() or 1
    sub.add_argument(
        "--workers",
        type=positive,
        default=count,
        help="threads that render (default: one per core)",
    )


def positive(text: str) -> int:
    """An option that counts something, of which there must be one at least."""
    return _whole(text, 1)


def seed(text: str) -> int:
    """An option's seed: what torch's generators take."""
    return _whole(text, -(2**63), 2**64 - 1)


def _whole(text: str, least: int, most: int | None = None) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"{text} is too small; {least} is the least that works")
    if most is not None and value > most:
        raise argparse.ArgumentTypeError(f"{text} is too large; {most} is the most that works")
    return value


def finite(text: str) -> float:
    """An option's number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no number, as in 1.5")
    return value


def share(text: str) -> float:
    """An option's amount, from none to all of something."""
    value = finite(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is outside 0 to 1")
    return value


def fps(text: str) -> Fraction:
    """An option's frame rate."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        message = f"{text!r} is no frame rate; try 25 or 30000/1001"
        raise argparse.ArgumentTypeError(message) from None
    if not 1 <= rate <= 240:
        raise argparse.ArgumentTypeError(f"{text} frames a second; 1 to 240 work")
    return rate


def numbers(text: str, names: str) -> list[float]:
    """The numbers of an option, one for each name in "YAW,PITCH"."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != len(names.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r} is not {names}, as in 10,-5")
    return values


def pair(text: str) -> list[float]:
    """A gaze direction."""
    return numbers(text, "YAW,PITCH")


def emotion(text: str) -> tuple[str, float]:
    """An emotion and its strength."""
    name, _, strength = text.partition(":")
    if name not in EMOTIONS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(EMOTIONS)}")
    try:
        return name, float(strength or 1)
    except ValueError:
        message = f"{text!r} is not NAME:STRENGTH, as in happy:0.7"
        raise argparse.ArgumentTypeError(message) from None


def open_model(args: argparse.Namespace) -> tuple[FaceSpace, MotionModel]:
    """The face space and the motion model that the options name."""
    asked = space_options(args, MODELS[args.model].space)
    return load_model(args.model, args.device, [args.models], **asked)


def space_options(args: argparse.Namespace, space: str) -> dict[str, Any]:
    """The options of the command that this face space takes, for ``load_space``."""
    return options_for(space, refine=args.refine)


def strengths_from(args: argparse.Namespace) -> dict[str, float]:
    """The strengths that the options set, by part."""
    asked = {name: value for name in STRENGTHS if (value := getattr(args, name)) is not None}
    return (LIPS_ONLY if args.lips_only else {}) | asked


def controls_from(args: argparse.Namespace) -> Controls:
    """The Controls that the command's options ask for."""
    rate = Fraction(25)
    values = {**strengths_from(args), "lip_rest": args.lip_rest}
    if args.gaze is not None:
        values["gaze_yaw"], values["gaze_pitch"] = args.gaze
    if args.distance is not None:
        values["distance"] = args.distance
    for name, strength in args.emotion:
        if name != "neutral":  # adds nothing
            values[name] = values.get(name, 0.0) + strength
    if args.keyframes is not None:
        values |= keyframes.read_keyframes(args.keyframes, rate)
    scales = {name: getattr(args, f"{name}_cfg") for name in GUIDED}
    scales = {name: scale for name, scale in scales.items() if scale is not None}
    return keyframes.controls_from(values, rate, scales)


def check_device(name: str) -> None:
    """Raises InputError unless torch can compute on the device of this name."""
    try:
        usable = torch.zeros(1, device=name).device.type != "meta"  # which holds no numbers
    except (RuntimeError, AssertionError):  # the latter where torch is built without it
        usable = False
    if not usable:
        there = ["cpu"]
        there += [f"cuda:{n}" for n in range(torch.cuda.device_count())]
        there += ["mps"] if torch.backends.mps.is_available() else []
        raise InputError(f"--device {name} cannot be used; there is: {', '.join(there)}.")


def check_folder(folder: Path) -> None:
    """Raises InputError unless files can be written into a folder, which need not be there yet."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise InputError(f"{there} is a file; give a folder for the output.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"The folder {there} cannot be written to; give another for the output.")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A tqdm bar behind the library's one progress callback."""
    with tqdm(desc=title, unit="frame", disable=None, leave=False) as bar:

        def update(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        yield update


def open_portrait(args: argparse.Namespace, path: Path, space) -> Portrait:
    """The portrait that the options name, encoded by a face space."""
    from ..render.image import read_image, write_image
    from ..render.video import check_output

    mask = getattr(args, "mask", None)
    if mask is not None:
        check_output(mask, (".png",))
    if args.face < 1:
        raise InputError(f"--face {args.face}: faces are counted from 1, the largest.")
    image = read_image(path, getattr(args, "size", None)).to(args.device)
    views = [read_image(view).to(args.device) for view in getattr(args, "view", ())]
    portrait = space.encode(image, args.face - 1, views=views)
    if portrait.faces > 1:
        tell(f"{portrait.faces} faces found; face {args.face} is used (choose with --face).")
    if mask is not None:
        write_image(mask, space.edit_mask(portrait).expand(3, -1, -1))
    return portrait


def tell(text: str) -> None:
    """Print a note for the user to stderr."""
    print(f"vasa: {text}", file=sys.stderr)  # noqa: T201


def summary(written) -> str:
    """The one line at the end of what wrote a video."""
    return _summary(written.frames, written.fps, written.path)


def motion_summary(motion: Motion, path: Path) -> str:
    """The one line at the end of what wrote a motion."""
    return _summary(len(motion), motion.fps, path)


def _summary(frames: int, rate: Fraction, path: Path) -> str:
    return f"{frames} frame{'s' if frames != 1 else ''}, {float(rate):g} fps, {path}"
