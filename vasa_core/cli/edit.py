"""Editing motions: ``vasa edit``, ``vasa mix``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from ..errors import InputError
from ..motion import editing, sequence
from ..motion.files import load_motion, save_motion
from ..motion.timing import resample_motion
from ..render.video import check_output
from ..spaces import gestures_of
from ..types import LIPS_ONLY, STRENGTHS, Motion
from . import options
from .options import Commands, command

Operation = Callable[..., Motion]
"""A motion and the operation's values, as they were written, to another motion."""


def add_commands(commands: Commands) -> None:
    """Add the subcommands of this module."""
    text = "Change a motion file, step by step."
    sub = command(commands, "edit", run_edit, text)
    sub.formatter_class = argparse.RawDescriptionHelpFormatter
    lines = [
        f"  {name}{usage:<{30 - len(name)}} {does}" for name, (usage, does, _) in OPERATIONS.items()
    ]
    sub.epilog = "\n".join(["operations, applied in the order given:", *lines])
    sub.add_argument("motion", type=Path, help="motion file to start from")
    sub.add_argument(
        "steps",
        nargs="+",
        metavar="OPERATION",
        help="one or more, as in trim=1,4 speed=1.5 reverse",
    )
    options.add_output(sub, "MOTION.safetensors")

    text = "Combine motions: the pose of one, the dynamics of another."
    sub = command(commands, "mix", run_mix, text)
    sub.add_argument(
        "base", type=Path, help="motion that gives all that no option takes from another"
    )
    for name in ("pose", "dynamics", *STRENGTHS):
        sub.add_argument(
            f"--{name}", type=Path, metavar="MOTION", help=f"take {name} from this file"
        )
    options.add_output(sub, "MOTION.safetensors")


def run_edit(args: argparse.Namespace) -> str:
    """``vasa edit``."""
    check_output(args.out, (".safetensors",))
    motion = load_motion(args.motion)
    for step in args.steps:
        motion = edited(motion, step)
    return _saved(args.out, motion)


def run_mix(args: argparse.Namespace) -> str:
    """``vasa mix``."""
    check_output(args.out, (".safetensors",))
    given = {name: getattr(args, name) for name in ("pose", "dynamics", *STRENGTHS)}
    sources = {name: load_motion(path) for name, path in given.items() if path is not None}
    return _saved(args.out, editing.mixed(load_motion(args.base), sources))


def _saved(path: Path, motion: Motion) -> str:
    save_motion(path, motion)
    return options.motion_summary(motion, path)


def edited(motion: Motion, step: str) -> Motion:
    """Apply one operation, written as in ``trim=1,4``.

    Raises InputError for an unknown operation, or for values that it does not take.
    """
    name, _, written = step.partition("=")
    if name not in OPERATIONS:
        raise InputError(f"There is no operation {name!r}; there are: {', '.join(OPERATIONS)}.")
    usage, _, operation = OPERATIONS[name]
    values = written.split(",") if written else []
    try:
        return operation(motion, *values)
    except InputError:
        raise
    except (TypeError, ValueError, ArithmeticError):
        raise InputError(f"{step!r} is not {name}{usage}, the form of this operation.") from None


def _trim(motion: Motion, start: str, end: str = "") -> Motion:
    return sequence.trimmed(motion, float(start), float(end) if end else None)


def _blinks(motion: Motion, per_minute: str, seed: str = "0") -> Motion:
    closed = gestures_of(motion.space)["blink"]
    return editing.with_blinks(motion, closed, float(per_minute), int(seed))


def _turn(motion: Motion, yaw: str, pitch: str = "0", roll: str = "0") -> Motion:
    pose = editing.posed(motion.space, float(yaw), float(pitch), float(roll))
    return editing.shifted(motion, pose)


def _move(motion: Motion, x: str, y: str = "0", distance: str = "1") -> Motion:
    pose = editing.posed(motion.space, x=float(x), y=float(y), distance=float(distance))
    return editing.shifted(motion, pose)


def _repeat(motion: Motion, seconds: str) -> Motion:
    return sequence.repeated(motion, max(1, round(Fraction(seconds) * motion.fps)))


def _spin(motion: Motion, seconds: str = "4", yaw: str = "15", pitch: str = "8") -> Motion:
    turn = editing.spun(motion.space, float(seconds), motion.fps, float(yaw), float(pitch))
    return editing.mixed(motion, {"pose": sequence.repeated(turn, len(motion))})


def _named(names: tuple[str, ...]) -> tuple[str, ...]:
    return names or STRENGTHS


# name: how its values are written, what it does, the function
OPERATIONS: dict[str, tuple[str, str, Operation]] = {
    "trim": ("=START[,END]", "keep what is between, in seconds", _trim),
    "speed": ("=FACTOR", "2 is twice as fast", lambda m, f: sequence.sped(m, Fraction(f))),
    "fps": (
        "=RATE", "change the frame rate, not the speed",
        lambda m, f: resample_motion(m, Fraction(f)),
    ),
    "reverse": ("", "play backwards", sequence.backwards),
    "loop": (
        "=SECONDS", "make it loop: its end fades into its start",
        lambda m, s: sequence.looped(m, float(s)),
    ),
    "repeat": ("=SECONDS", "repeat it for this long", _repeat),
    "then": (
        "=FILE,SECONDS", "append another motion, with a crossfade",
        lambda m, path, s: sequence.crossfaded(m, load_motion(path), float(s)),
    ),
    "to": (
        "=FILE,SECONDS[,HOLD]", "move to an expression (one frame) and hold it",
        lambda m, path, s, hold="0": sequence.moved_to(
            m, load_motion(path), float(s), float(hold)
        ),
    ),
    "smooth": (
        "=SECONDS[,PART...]", "smooth out quick changes, without delay",
        lambda m, s, *names: editing.smoothed(m, float(s), _named(names)),
    ),
    "freeze": (
        "=SECONDS[,PART...]", "hold it as it is at this moment",
        lambda m, s, *names: editing.frozen(m, float(s), _named(names)),
    ),
    "add": ("=FILE", "add another motion or an expression", lambda m, path: editing.shifted(
        m, load_motion(path))),
    "turn": ("=YAW[,PITCH[,ROLL]]", "turn the head, degrees", _turn),
    "move": ("=X[,Y[,DISTANCE]]", "move the head (eye distances) and away (factor)", _move),
    "spin": ("=[SECONDS[,YAW[,PITCH]]]", "circle the head; the face stays", _spin),
    "blinks": ("=PER_MINUTE[,SEED]", "add blinks at random times", _blinks),
    "lips-only": ("", "only the lips move", lambda m: editing.strengthened(m, LIPS_ONLY)),
    **{
        name: (
            "=STRENGTH", editing.STRENGTH_EFFECTS[name].rstrip("."),
            lambda m, s, name=name: editing.strengthened(m, {name: float(s)}),
        )
        for name in STRENGTHS
    },
}  # fmt: skip
