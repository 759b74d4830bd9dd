"""Recipes: their schedules, their command line, and where they are kept."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from vasa_core import lab
from vasa_core.errors import InputError
from vasa_core.lab.recipe import (
    Recipe,
    add_arguments,
    parse,
    recipe_from,
    recipes_of,
    run_main,
    save_recipes,
    training_parser,
)


@dataclass(frozen=True)
class WideRecipe(Recipe):
    """A recipe.

    Attributes:
        width: How wide, in 100 % of a line.
        steps: As many as it takes.
    """

    steps: int = 70
    width: float = 0.5
    size: Literal["small", "large"] = "small"


@pytest.mark.parametrize("steps", [20, 500])
def test_one_cycle_is_that_of_torch(steps):
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), 0.0)
    torchs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 2.0, steps, pct_start=0.1, cycle_momentum=False
    )
    recipe = Recipe(steps=steps, schedule="one-cycle", warmup=0.1)
    for step in range(steps):
        assert 2 * recipe.rate(step) == pytest.approx(torchs.get_last_lr()[0], abs=1e-3)
        optimizer.step()
        if step < steps - 1:
            torchs.step()


def test_a_cosine_climbs_in_a_line_and_falls_to_nothing():
    recipe = Recipe(steps=1000, warmup=0.1)
    assert recipe.rate(49) == pytest.approx(0.5, abs=0.01)
    assert recipe.rate(500) == pytest.approx(0.5, abs=0.01)
    assert max(map(recipe.rate, range(1000))) == recipe.rate(99) > 0.97
    assert recipe.rate(999) < 1e-4
    assert Recipe(steps=10, warmup=0.0, schedule="constant").rate(0) == 1


def parsed(tmp_path, *options):
    parser = training_parser("Trains.", work=True)
    add_arguments(parser, WideRecipe)
    add_arguments(parser, Recipe, "other")
    places = [
        "--data",
        f"{tmp_path}",
        "--out",
        f"{tmp_path / 'run'}",
        "--work",
        f"{tmp_path / 'work'}",
    ]
    arguments = parse(parser, [*places, *options])
    return recipe_from(arguments, WideRecipe), recipe_from(arguments, Recipe, "other")


def test_every_field_of_a_recipe_is_an_option(tmp_path):
    threads = torch.get_num_threads()
    assert parsed(tmp_path) == (WideRecipe(), Recipe())
    assert torch.get_num_threads() == 1
    torch.set_num_threads(threads)
    options = ("--steps", "5", "--width", "2", "--size", "large", "--learning-rate", "1e-4")
    recipe, other = parsed(tmp_path, *options, "--other-steps", "9", "--threads", str(threads))
    assert recipe == WideRecipe(steps=5, width=2.0, size="large", learning_rate=1e-4)
    assert other == Recipe(steps=9)
    assert (tmp_path / "run").is_dir() and (tmp_path / "work").is_dir()


def test_help_is_what_the_docstring_says(capsys, tmp_path):
    with pytest.raises(SystemExit):
        parsed(tmp_path, "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "--width WIDTH How wide, in 100 % of a line. Default: 0.5." in text
    assert "As many as it takes. Default: 70." in text
    assert "--other-steps OTHER_STEPS Steps of the optimizer. Default: 1000." in text
    with pytest.raises(SystemExit):
        parsed(tmp_path, "--size", "huge")
    assert "choose from" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        *({"steps": 0}, {"batch": 0}, {"accumulate": 0}, {"report_every": 0}, {"seed": -1}),
        *({"checkpoint_every": -2}, {"workers": -1}, {"learning_rate": float("nan")}),
        *({"ema": 1.0}, {"beta2": -0.1}, {"warmup": 1.0}, {"clip": float("inf")}, {"width": -1.0}),
    ],
)
def test_values_that_cannot_be_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(InputError, match=f"{name.replace('_', '-')} is .* must be"):
        WideRecipe(**wrong)


def test_folders_and_threads_are_checked_first(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="no folder nope"):
        parsed(tmp_path, "--data", "nope")
    with pytest.raises(InputError, match="--out .*file cannot be a folder"):
        parsed(tmp_path, "--out", f"{tmp_path / 'file'}")
    with pytest.raises(SystemExit):
        parsed(tmp_path, "--threads", "0")
    assert "no number of threads" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InputError("No such corpus."), 2, "No such corpus."),
        (FloatingPointError("The loss is nan."), 2, "The loss is nan."),
        (FileNotFoundError(2, "not there", "flite"), 2, "There is no flite."),
        (KeyboardInterrupt(), 130, "same command"),
    ],
)
def test_bad_use_of_a_training_is_one_line(error, status, said, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as stop:
        run_main(main)
    message = capsys.readouterr().err
    assert stop.value.code == status
    assert said in message and len(message.splitlines()) == 1


def test_a_bug_in_a_training_shows_itself():
    def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_main(main)


def test_every_training_command_ends_in_a_sentence():
    """Each of them goes through ``run_main``."""
    training = Path(lab.__file__).parent / "training"
    commands = [path for path in training.rglob("*.py") if "__main__" in path.read_text()]
    assert len(commands) > 8
    for path in commands:
        assert path.read_text().endswith('if __name__ == "__main__":\n    run_main(main)\n'), path


def test_recipes_lie_in_the_weights_and_beside_them(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"weight": torch.arange(3.0)}, path, metadata={"config": "{}"})
    assert recipes_of(path) == {}
    save_recipes(path, {"first": WideRecipe(steps=3)})
    save_recipes(path, recipes_of(path) | {"second": Recipe(seed=7)})
    found = recipes_of(path)
    assert WideRecipe(**found["first"]) == WideRecipe(steps=3)
    assert Recipe(**found["second"]) == Recipe(seed=7)
    assert json.loads((tmp_path / "net.recipe.json").read_text()) == found
    assert load_file(path)["weight"].tolist() == [0, 1, 2]
    with safe_open(path, "pt") as file:
        assert file.metadata()["config"] == "{}"
