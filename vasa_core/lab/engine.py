"""The training engine: one loop for every network of the project.

A training brings a recipe, a source of batches and, for each optimizer, an objective: a network and
the loss that moves it. The engine brings the rest: learning-rate schedule, exponential moving
average of the weights (EMA), gradient clipping and accumulation, precision, checkpoints, metrics.
It stands on Hugging Face Accelerate, so ``accelerate launch`` spreads a training over processes,
GPUs and machines (data parallel; every process holds the whole network).

Time is counted in steps of the optimizer. Whatever is random in a step follows from the recipe's
seed, the step's number and the process, so a run that was resumed draws what one that never stopped
draws; on several threads the weights of the two are equal up to rounding, as those of any two runs.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import parse_flag_from_env, send_to_device
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ..errors import InputError
from ..provenance.whole import written_whole
from .metrics import Metrics
from .recipe import Recipe

log = logging.getLogger(__name__)
CHECKPOINT, RECIPE = "checkpoint.pt", "recipe.json"
# What may change when a run is resumed: none of it changes what a step does to the weights,
# except ``steps``, which stretches the schedule: that is how a run is prolonged.
MAY_CHANGE = {"steps", "workers", "report_every", "checkpoint_every"}


@dataclass(frozen=True)
class Step:
    """One step of a training and its randomness.

    Attributes:
        number: Counted from 0.
        share: How much of the training lies behind, 0..1.
        generator: For torch, on the CPU. Torch's global generators are seeded as well.
        rng: For numpy.
    """

    number: int
    share: float
    generator: torch.Generator
    rng: np.random.Generator

    @staticmethod
    def of(recipe: Recipe, number: int, *place: int) -> Step:
        """The step of a number; ``place`` tells apart what must not draw the same."""
        words = np.random.SeedSequence((recipe.seed, number, *place)).generate_state(3, np.uint64)
        own, everywhere, rng = (int(word) >> 1 for word in words)
        torch.manual_seed(everywhere)
        generator = torch.Generator().manual_seed(own)
        return Step(number, number / recipe.steps, generator, np.random.default_rng(rng))


Loss = Callable[[Any, Step], tuple[Tensor | None, Mapping[str, Tensor]]]
Batches = Callable[[Step], Any]
Networks = dict[str, Any]  # modules of whichever class, by the names of their objectives
Validation = Callable[[Networks], Mapping[str, float]]


class Objective(nn.Module):
    """A network and the loss that moves it.

    Args:
        network: What is trained.
        loss: Called with a batch and its step; gives the loss, or None to leave the network alone
            in this step, and numbers to report.
        frozen: Networks that the loss needs and does not train; moved and kept in eval mode.
        optimizer: Instead of AdamW as in the recipe.
        schedule: Instead of the recipe's.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        *,
        frozen: tuple[nn.Module, ...] = (),
        optimizer: torch.optim.Optimizer | None = None,
        schedule: str | None = None,
    ):
        super().__init__()
        self.network, self.loss = network, loss
        self.frozen = nn.ModuleList(frozen).requires_grad_(False)
        self.optimizer, self.schedule = optimizer, schedule

    def train(self, mode: bool = True) -> Objective:
        """As any module's, but what is frozen stays in eval mode."""
        super().train(mode)
        self.frozen.train(False)
        return self

    def forward(self, batch: Any, step: Step) -> tuple[Tensor | None, Mapping[str, Tensor]]:
        """The loss; a method of the module, so that Accelerate can wrap it."""
        return self.loss(batch, step)


class Trainer:
    """A training run in a folder of its own, from which it is resumed.

    The folder holds ``checkpoint.pt``, ``metrics.csv``, ``recipe.json`` and TensorBoard's events.
    Only the main process writes.

    Args:
        out: The run's folder.
        recipe: Steps, learning rate and so on.
        objectives: By name, in the order in which they are stepped.
        batches: Makes the batch of a step: tensors in tuples and dicts, or anything with ``to``.
        validate: Called on the main process at each checkpoint, with copies of the averaged
            networks as they will be used: in eval mode, on the CPU. Gives numbers to report.

    Raises:
        InputError: The folder holds a run of another recipe or a broken checkpoint, or this machine
            cannot train in the recipe's precision.
    """

    def __init__(
        self,
        out: Path,
        recipe: Recipe,
        objectives: Mapping[str, Objective],
        batches: Batches,
        validate: Validation | None = None,
    ):
        self.out, self.recipe, self.batches, self.validate = out, recipe, batches, validate
        try:
            self.accelerator = Accelerator(mixed_precision=recipe.precision)
        except ValueError as error:  # which precisions there are depends on the machine
            raise InputError(f"Precision {recipe.precision!r} cannot be used: {error}") from error
        self.main = self.accelerator.is_main_process
        self.objectives, self.wrapped, self.optimizers, self.average = dict(objectives), {}, {}, {}
        for name, part in self.objectives.items():
            part.train().to(self.accelerator.device)
            optimizer = part.optimizer or torch.optim.AdamW(
                part.network.parameters(),
                recipe.learning_rate,
                betas=(0.9, recipe.beta2),
                weight_decay=recipe.weight_decay,
            )
            for group in optimizer.param_groups:
                group["peak"] = group["lr"]
            self.wrapped[name], self.optimizers[name] = self.accelerator.prepare(part, optimizer)
            self.average[name] = copy.deepcopy(part.network).requires_grad_(False).eval()
        self.step = 0
        self.sums: dict[str, tuple[Tensor, int]] = {}  # of the numbers since the last report
        self._resume()

    def run(self) -> Networks:
        """Train to the last step.

        Returns:
            The averaged networks in eval mode, on the CPU, by the names of their objectives.

        Raises:
            FloatingPointError: A loss is no longer finite.
        """
        recipe = self.recipe
        metrics = Metrics(self.out, self.step) if self.main else None
        bar = tqdm(
            total=recipe.steps,
            initial=self.step,
            desc=self.out.name,
            disable=None if self.main else True,  # None: only on a terminal
        )
        loader = self._loader()
        while self.step < recipe.steps:
            self._advance([next(loader) for _ in range(recipe.accumulate)])
            bar.update()
            last, row = self.step == recipe.steps, {}
            checkpoint = last or self.step % recipe.checkpoint_every == 0
            if last or self.step % recipe.report_every == 0:
                row = self._report()
                bar.set_postfix({name: f"{value:.4g}" for name, value in row.items()})
            if checkpoint:
                row |= self._validation()
            if row and metrics:
                metrics.add(self.step, row)
            if checkpoint:
                self._save()
        bar.close()
        if metrics:
            metrics.close()
        self.accelerator.wait_for_everyone()
        return {name: network.cpu() for name, network in self.average.items()}

    def _loader(self) -> Iterator[Any]:
        recipe, data = self.recipe, _Draws(self.recipe, self.batches, self.accelerator)
        left = range(self.step * recipe.accumulate, recipe.steps * recipe.accumulate)
        loader = DataLoader(
            data,
            batch_size=None,
            sampler=left,
            collate_fn=_unchanged,
            num_workers=recipe.workers,
            multiprocessing_context="fork" if recipe.workers else None,
        )
        return (send_to_device(batch, self.accelerator.device) for batch in loader)

    def _advance(self, batches: list) -> None:
        """One step of every optimizer, over the parts of one step's data."""
        for name, part in self.objectives.items():
            optimizer, wrapped, loss = self.optimizers[name], self.wrapped[name], None
            optimizer.zero_grad(set_to_none=True)
            for piece, batch in enumerate(batches):
                place = (self.accelerator.process_index, piece)
                more = piece < len(batches) - 1  # gradients are exchanged after the last piece
                with self.accelerator.no_sync(wrapped) if more else nullcontext():
                    loss, numbers = wrapped(batch, Step.of(self.recipe, self.step, 1, *place))
                    if loss is not None:
                        self.accelerator.backward(loss / len(batches))
                        self._count(name, {"loss": loss, **numbers})
            if loss is None:
                continue
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * self.recipe.rate(self.step, part.schedule)
            if self.recipe.clip:
                self.accelerator.unscale_gradients(optimizer)
                nn.utils.clip_grad_norm_(part.network.parameters(), self.recipe.clip)
            optimizer.step()
            self._update_average(name)
        self.step += 1

    @torch.no_grad()
    def _update_average(self, name: str) -> None:
        """Short at first, so that the untrained weights are soon forgotten."""
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        mean, new = self.average[name], self.objectives[name].network
        for kept, value in zip(_tensors(mean), _tensors(new), strict=True):
            if kept.is_floating_point():
                kept.lerp_(value, 1 - decay)
            else:
                kept.copy_(value)

    def _count(self, name: str, numbers: Mapping[str, Tensor]) -> None:
        for key, value in numbers.items():
            key = key if len(self.objectives) == 1 else f"{name}/{key}"
            total, count = self.sums.get(key, (0, 0))
            self.sums[key] = (total + torch.as_tensor(value).detach().float(), count + 1)

    def _report(self) -> dict[str, float]:
        """Means over the steps since the last report, and over the processes."""
        means = torch.stack([total / count for total, count in self.sums.values()])
        means = self.accelerator.reduce(means.to(self.accelerator.device), "mean")
        row = dict(zip(self.sums, torch.as_tensor(means).tolist(), strict=True))
        self.sums.clear()
        if not all(map(math.isfinite, row.values())):
            raise FloatingPointError(
                f"{self.out}: {row} around step {self.step}. Train in a new folder, with a lower"
                " learning rate or with precision 'no'."
            )
        return row | {"learning_rate": self.recipe.learning_rate * self.recipe.rate(self.step - 1)}

    def _validation(self) -> dict[str, float]:
        found: dict[str, float] = {}
        if self.main and self.validate:
            networks = {name: copy.deepcopy(net).cpu() for name, net in self.average.items()}
            with torch.no_grad():
                found = {name: float(value) for name, value in self.validate(networks).items()}
            log.info("%s, step %d: %s", self.out.name, self.step, found)
        self.accelerator.wait_for_everyone()
        return found

    def _save(self) -> None:
        if not self.main:
            return
        scaler = self.accelerator.scaler
        state = {
            "step": self.step,
            "recipe": asdict(self.recipe),
            "sums": self.sums,
            "scaler": scaler.state_dict() if scaler else {},
            "network": {name: part.network.state_dict() for name, part in self.objectives.items()},
            "average": {name: network.state_dict() for name, network in self.average.items()},
            "optimizer": {name: part.state_dict() for name, part in self.optimizers.items()},
        }
        state = send_to_device(state, "cpu")  # whichever device it was made on
        with written_whole(self.out / CHECKPOINT) as partial:
            torch.save(state, partial)

    def _resume(self) -> None:
        """Go on from the folder's checkpoint, or begin."""
        file, recipe = self.out / CHECKPOINT, asdict(self.recipe)
        if file.exists():
            state = _checkpoint(file)
            differ = {k for k, v in recipe.items() if state["recipe"].get(k) != v} - MAY_CHANGE
            if differ:
                was = {name: state["recipe"].get(name) for name in sorted(differ)}
                raise InputError(
                    f"{self.out} holds a run with {was}; give the same or another folder."
                )
            for name, part in self.objectives.items():
                part.network.load_state_dict(state["network"][name])
                self.average[name].load_state_dict(state["average"][name])
                self.optimizers[name].load_state_dict(state["optimizer"][name])
            if self.accelerator.scaler:
                self.accelerator.scaler.load_state_dict(state["scaler"])
            self.step, self.sums = state["step"], state["sums"]
            if self.step < self.recipe.steps:
                log.info("%s: resumed at step %d", self.out.name, self.step)
            else:
                said = "%s: finished at step %d; it is not trained again (more steps prolong it)"
                log.info(said, self.out.name, self.step)
        if self.main:
            self.out.mkdir(parents=True, exist_ok=True)
            (self.out / RECIPE).write_text(json.dumps(recipe, indent=2) + "\n")


class _Draws(Dataset):
    """The data of a process as a function of the step, so that workers change nothing."""

    def __init__(self, recipe: Recipe, batches: Batches, accelerator: Accelerator):
        self.recipe, self.batches, self.process = recipe, batches, accelerator.process_index

    def __getitem__(self, index: int) -> Any:
        number, piece = divmod(index, self.recipe.accumulate)
        return self.batches(Step.of(self.recipe, number, 0, self.process, piece))


def is_main_process() -> bool:
    """Whether this process is the one that writes."""
    return _process().is_main_process


def main_process_first() -> AbstractContextManager:
    """Around what is made once and kept on disk: the main process makes it, the others read it."""
    return _process().main_process_first()


def _process() -> PartialState:
    """This process among the others; it may be asked for before there is an ``Accelerator``."""
    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"))


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    yield from network.parameters()
    yield from network.buffers()


def _unchanged(batch: Any) -> Any:
    return batch


def _checkpoint(file: Path) -> dict[str, Any]:
    """What a checkpoint holds; InputError for a file that is cut off or something else."""
    try:
        return torch.load(file, "cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(
            f"{file} is broken and cannot be resumed from; remove it to begin anew, or give another"
            " folder."
        ) from error
