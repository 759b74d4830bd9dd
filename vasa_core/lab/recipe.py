"""Recipes: how a network is trained, as a dataclass, on the command line and beside the weights."""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, TypeVar, get_args, get_origin, get_type_hints

import torch
from safetensors import safe_open

from ..errors import InputError
from ..provenance.whole import save_tensors

MAY_BE_ZERO = ("seed", "workers")  # of the whole numbers
SHARES = ("ema", "beta2", "warmup")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; subclasses add the fields of one training.

    Attributes:
        steps: Steps of the optimizer.
        batch: Examples in a step, per process and accumulated part.
        learning_rate: Peak of the schedule.
        weight_decay: Of AdamW.
        beta2: Of AdamW.
        schedule: "cosine" (linear warm-up, cosine to zero), "one-cycle" or "constant".
        warmup: Share of the steps over which the learning rate climbs.
        ema: Decay of the average of the weights, which is what is kept; 0 for the last weights.
        clip: Longest norm of a network's gradient; 0 for any.
        accumulate: Parts in which a step's batches are worked through.
        seed: Of weights, data and noise.
        precision: "no" is float32; "fp16" needs a GPU.
        workers: Extra processes that make batches; they are forked, so not on Windows.
        report_every: Steps between rows of the metrics.
        checkpoint_every: Steps between checkpoints; each comes with a validation.

    Raises:
        InputError: A value with which nothing can be trained.
    """

    steps: int = 1000
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    beta2: float = 0.999
    schedule: Literal["cosine", "one-cycle", "constant"] = "cosine"
    warmup: float = 0.02
    ema: float = 0.998
    clip: float = 1.0
    accumulate: int = 1
    seed: int = 0
    precision: Literal["no", "fp16", "bf16"] = "no"
    workers: int = 0
    report_every: int = 50
    checkpoint_every: int = 500

    def __post_init__(self):
        for name, hint in get_type_hints(type(self)).items():
            if hint not in (int, float):
                continue
            value, least = getattr(self, name), int(hint is int and name not in MAY_BE_ZERO)
            most, beyond = (1, ", and less than 1") if name in SHARES else (math.inf, "")
            if not least <= value < most:  # nor is "nan"
                said = name.replace("_", "-")
                raise InputError(f"{said} is {value}; it must be {least} or more{beyond}.")

    def rate(self, step: int, schedule: str | None = None) -> float:
        """The learning rate of a step.

        Args:
            step: Counted from 0.
            schedule: Instead of the recipe's.

        Returns:
            Share of the peak, 0..1.
        """
        schedule, climb = schedule or self.schedule, self.warmup * self.steps
        climbed = min((step + 1) / max(climb, 1.0), 1.0)
        if schedule == "constant":
            return climbed
        if schedule == "cosine":
            return climbed * _fall(step / self.steps)
        # Smith and Topin 2018, "Super-convergence"; as torch's OneCycleLR it starts at 1/25
        if step + 1 < climb:
            return 0.04 + 0.96 * (1 - _fall(step / (climb - 1)))
        return _fall((step + 1 - climb) / (self.steps - climb))


def _fall(share: float) -> float:
    """1 to 0 on a cosine, as ``share`` goes from 0 to 1."""
    return 0.5 + 0.5 * math.cos(math.pi * min(max(share, 0.0), 1.0))


R = TypeVar("R", bound=Recipe)


def add_arguments(parser: argparse.ArgumentParser, kind: type[Recipe], prefix: str = "") -> None:
    """Add an option for each field of a recipe: ``--learning-rate`` and so on.

    Args:
        parser: Gets them, as a group.
        kind: Its fields give types, choices and defaults, its docstring the help.
        prefix: Of the options' names, where a command has several recipes: ``--detector-steps``.
    """
    hints, helps = get_type_hints(kind), _attributes(kind)
    group = parser.add_argument_group(f"{prefix} recipe".strip())
    for field in fields(kind):
        hint, choices = hints[field.name], None
        if get_origin(hint) is Literal:
            choices = get_args(hint)
            hint = type(choices[0])
        said = helps.get(field.name, "").replace("%", "%%")
        group.add_argument(
            _option(prefix, field.name),
            type=hint,
            choices=choices,
            default=field.default,
            help=f"{said} Default: %(default)s.",
        )


def recipe_from(arguments: argparse.Namespace, kind: type[R], prefix: str = "") -> R:
    """The recipe that the options of ``add_arguments`` say.

    Args:
        arguments: As parsed.
        kind: As given to ``add_arguments``.
        prefix: As given to ``add_arguments``.
    """
    names = {f.name: _option(prefix, f.name)[2:].replace("-", "_") for f in fields(kind)}
    return kind(**{name: getattr(arguments, option) for name, option in names.items()})


def _option(prefix: str, name: str) -> str:
    return "--" + "-".join(filter(None, (prefix, name))).replace("_", "-")


def _attributes(kind: type) -> dict[str, str]:
    """First lines of what the docstrings of a dataclass and its bases say of each field."""
    found = {}
    for base in reversed(kind.__mro__):
        text = (base.__doc__ or "").partition("Attributes:")[2]
        found |= dict(re.findall(r"^ +(\w+): (.+)$", text, re.MULTILINE))
    return found


def training_parser(description: str | None, *, work: bool = False) -> argparse.ArgumentParser:
    """A parser with the options that every training command has.

    Args:
        description: Shown by ``--help``.
        work: Whether the training prepares something that is kept for other runs as well.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="Folder of the corpus.")
    parser.add_argument("--out", type=Path, required=True, help="Folder of the run; resumed from.")
    if work:
        text = "Folder where prepared material is kept, for this and other runs."
        parser.add_argument("--work", type=Path, required=True, help=text)
    parser.add_argument(
        "--threads", type=_threads, default=1, help="Of the CPU. Default: %(default)s."
    )
    return parser


def _threads(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of threads, as in 2")
    return int(text)


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; makes the folders, sets up threads and, in the main process, the log.

    Raises InputError when the corpus is not there, or when a folder cannot be made.
    """
    arguments = parser.parse_args(argv)
    if not arguments.data.is_dir():
        raise InputError(f"There is no folder {arguments.data}; --data names that of the corpus.")
    main = os.environ.get("RANK", "0") == "0"
    logging.basicConfig(
        level=logging.INFO if main else logging.WARNING, format="%(asctime)s %(message)s"
    )
    torch.set_num_threads(arguments.threads)
    for name in ("out", "work"):
        if name in arguments:
            folder = getattr(arguments, name)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"--{name} {folder} cannot be a folder ({error}).") from error
    return arguments


def command_line(
    kind: type[R],
    description: str | None,
    argv: Sequence[str] | None,
    *,
    work: bool = False,
    others: Mapping[str, type[Recipe]] | None = None,
) -> tuple[argparse.Namespace, R]:
    """The arguments of a training's command and its recipe, checked before anything is read.

    Args:
        kind: The training's recipe.
        description: Shown by ``--help``.
        argv: The command line. None: that of the process.
        work: As in ``training_parser``.
        others: More recipes by the prefix of their options, for ``recipe_from``.
    """
    parser = training_parser(description, work=work)
    add_arguments(parser, kind)
    for prefix, other in (others or {}).items():
        add_arguments(parser, other, prefix)
    arguments = parse(parser, argv)
    return arguments, recipe_from(arguments, kind)


def run_main(main: Callable[[], None]) -> None:
    """Run a training's command and end the process.

    Bad use and files or programs that are missing are one line on stderr and status 2, a stop by
    Ctrl-C is one line and status 130. Whatever else goes wrong is a bug, and shows where.
    """
    try:
        main()
    except (InputError, FloatingPointError) as error:  # the engine raises the latter: see Trainer
        print(error, file=sys.stderr)
        sys.exit(2)
    except FileNotFoundError as error:
        print(f"There is no {error.filename or error}.", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        said = "Stopped. The same command goes on from the last checkpoint, if there is one."
        print(said, file=sys.stderr)
        sys.exit(130)


def recipes_of(weights: Path) -> dict[str, dict]:
    """The recipes in the header of a safetensors file, by the name of the training."""
    with safe_open(weights, framework="pt") as file:
        return json.loads((file.metadata() or {}).get("recipes", "{}"))


def save_recipes(weights: Path, recipes: Mapping[str, Recipe | dict]) -> None:
    """Put recipes into the header of a safetensors file, and as JSON beside it.

    Args:
        weights: The file, which exists; its tensors and the rest of its header stay.
        recipes: By the name of the training.
    """
    plain = {
        name: recipe if isinstance(recipe, dict) else asdict(recipe)
        for name, recipe in recipes.items()
    }
    with safe_open(weights, framework="pt") as file:
        about = (file.metadata() or {}) | {"recipes": json.dumps(plain)}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_tensors(weights, tensors, about)
    weights.with_suffix(".recipe.json").write_text(json.dumps(plain, indent=2) + "\n")
