"""The ``vasa`` command: thin glue from arguments to the library, a module per kind of work."""

from __future__ import annotations

import argparse
import sys

import torch

from ..errors import InputError
from ..weights.command import add_command as add_weights
from . import bench, dialogue, dub, edit, evaluate, express, figure, options, play, talk


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; 0 done, 2 bad input (one sentence on stderr), 130 stopped by Ctrl-C."""
    args = build_parser().parse_args(arguments)
    # The work is spread over frames, one thread each (see render.parallel), not within operations.
    torch.set_num_threads(1)
    try:
        if "device" in args:
            options.check_device(args.device)
        print(args.run(args))  # noqa: T201
    except InputError as error:
        print(f"vasa: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print("vasa: stopped; no unfinished file is left.", file=sys.stderr)  # noqa: T201
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All subcommands and their options."""
    parser = argparse.ArgumentParser(
        prog="vasa", description="One portrait and one voice clip in, a talking face out."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (talk, dialogue, play, edit, express, dub, figure, bench, evaluate):
        module.add_commands(commands)
    add_weights(commands)
    return parser
