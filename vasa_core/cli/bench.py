"""``vasa bench``."""

from __future__ import annotations

import argparse

from ..assets import PORTRAITS, SPEECH
from . import options
from .options import Commands, command


def add_commands(commands: Commands) -> None:
    """Add the subcommand of this module."""
    text = "Measure time and memory of each stage on the sample media."
    sub = command(commands, "bench", run_bench, text)
    sub.add_argument(
        "--size",
        type=options.positive,
        default=512,
        help="longer side of the picture, pixels (default 512)",
    )
    options.add_workers(sub)
    options.add_device(sub)
    sub.add_argument(
        "--space", choices=("mesh", "implicit"), default="mesh",
        help="implicit: LivePortrait, JoyVASA and Ditto with stand-in weights (default mesh)",
    )  # fmt: skip
    sub.add_argument(
        "--compile", action="store_true", help="implicit: use torch.compile and CUDA graphs"
    )


def run_bench(args: argparse.Namespace) -> str:
    """``vasa bench``."""
    portrait = PORTRAITS["astronaut"]
    if args.space == "implicit":
        from ..bench.implicit import bench as bench_implicit

        return bench_implicit(portrait, args.size, args.workers, args.device, args.compile)
    from ..bench.mesh import bench
    from ..bench.stages import stage_table

    return stage_table(bench(portrait, SPEECH, args.size, args.workers, args.device))
