"""Train the mesh space's refiner: one command makes its weights again.

    python -m vasa_core.lab.training.refiner.train --data DATA --work DIR --out run

Pairs are gathered once into ``--work`` (about ten minutes); ``run`` holds the training, from which
it is resumed, and the weight file; copy that over ``vasa_core/spaces/mesh/weights``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ....face.layers import channels_last
from ....provenance.whole import save_tensors
from ....spaces.mesh.renderer.refiner import Refiner
from ...engine import Objective, Step, Trainer, main_process_first
from ...recipe import Recipe, command_line, run_main, save_recipes
from .adversary import Critic, critic_loss, judgement
from .augment import augmented_batch, plain_batch
from .pairs import Pairs, gather

SHARES = {"common clip": 0.12, "clip": 0.28, "photo-like": 0.22, "art": 0.14, "wide": 0.24}
BETWEEN = 3.0  # weight of what is between the lips, over the rest
ASIDE = 10  # samples at either side that lie beyond what is drawn anew
EDGES = 1.0  # weight of gradients over colours
LEVELS = 3  # of their pyramid


@dataclass(frozen=True)
class RefinerRecipe(Recipe):
    """How the refiner is trained.

    Attributes:
        critic_from: Share of the steps after which the critic learns and has a say.
        critic_rate: Learning rate of the critic, the same throughout.
        critic_weight: Weight of what the critic says, over colours and their gradients.
        feature_weight: Weight of how far its features are from the truth's.
    """

    steps: int = 12300
    batch: int = 16
    learning_rate: float = 7e-4
    weight_decay: float = 0.01
    warmup: float = 0.01
    clip: float = 5.0
    checkpoint_every: int = 1500
    critic_from: float = 0.378
    critic_rate: float = 4e-4
    critic_weight: float = 0.06
    feature_weight: float = 0.15


def sampling_weights(pairs: Pairs) -> Tensor:
    """How likely each pair is drawn: kinds by ``SHARES``, persons of a kind alike."""
    kinds = [next(k for k in SHARES if name.endswith(k)) for name in pairs.names]
    people = np.array([SHARES[k] / kinds.count(k) for k in kinds])
    count = torch.bincount(pairs.group, minlength=len(people))
    return torch.from_numpy(people).float()[pairs.group] / count[pairs.group]


def refine(net: Refiner, batch: dict[str, Tensor]) -> Tensor:
    """Frames of a batch after the net, (n, 3, h, w) relative to the skin."""
    change = net(batch["part"].contiguous(memory_format=torch.channels_last))
    change = torch.einsum("nkhw,nkc->nchw", change, batch["palette"])
    return batch["part"][:, :3] + change * batch["moved"][:, None, None, None]


def distance(net: Refiner, made: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Colours and their gradients at several scales against the truth, where it is known."""
    near = net.near(batch["part"])
    weight = BETWEEN * near + batch["weight"][:, None, None, None]
    error, weight = ((x[..., ASIDE:-ASIDE]) for x in (made - batch["truth"], weight))
    loss = (error.abs() * weight).mean()
    for _ in range(LEVELS):
        for dim in (-1, -2):
            edges = error.diff(dim=dim).abs() * weight.narrow(dim, 0, weight.shape[dim] - 1)
            loss = loss + EDGES * edges.mean()
        error, weight = F.avg_pool2d(error, 2), F.avg_pool2d(weight, 2)
    return loss


def train(pairs: Pairs, held_out: Pairs, out: Path, recipe: RefinerRecipe) -> Refiner:
    """Train, or go on from the checkpoint in ``out``."""
    torch.manual_seed(recipe.seed)
    net, critic = channels_last(Refiner()), Critic()
    weights = sampling_weights(pairs)

    def batches(step: Step) -> dict[str, Tensor]:
        index = torch.multinomial(weights, recipe.batch, True, generator=step.generator)
        return augmented_batch(pairs, index, step.generator)

    def criticise(batch: dict[str, Tensor], step: Step) -> tuple[Tensor | None, dict]:
        if step.share < recipe.critic_from:
            return None, {}
        with torch.no_grad():
            made = refine(net, batch)
        return critic_loss(critic, made, batch, net.near(batch["part"])), {}

    def loss(batch: dict[str, Tensor], step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        made = refine(net, batch)
        total = away = distance(net, made, batch)
        if step.share >= recipe.critic_from:
            against, features = judgement(critic, made, batch, net.near(batch["part"]))
            total = away + recipe.critic_weight * against + recipe.feature_weight * features
        return total, {"distance": away}

    optimizer = torch.optim.Adam(critic.parameters(), recipe.critic_rate, betas=(0.5, 0.99))
    objectives = {
        "critic": Objective(critic, criticise, optimizer=optimizer, schedule="constant"),
        "refiner": Objective(net, loss),
    }
    trainer = Trainer(
        out, recipe, objectives, batches, lambda networks: examine(networks["refiner"], held_out)
    )
    refiner = trainer.run()["refiner"]
    if trainer.main:
        write(refiner, out / "refiner.safetensors", recipe)
    return refiner


@torch.no_grad()
def examine(net: Refiner, pairs: Pairs) -> dict[str, float]:
    """Error between the lips, and around the mouth, over that without the refiner."""
    kinds = [name.split()[-1] for name in pairs.names]
    rows: dict[str, list] = {}
    for index in torch.arange(len(pairs.group)).split(64):
        batch = plain_batch(pairs, index)
        near, made = net.near(batch["part"]), refine(net, batch)
        errors = [(x - batch["truth"]).abs() for x in (batch["part"][:, :3], made)]
        for n, group in enumerate(pairs.group[index].tolist()):
            rows.setdefault(kinds[group], []).append([(e[n] * near[n]).sum() for e in errors])
            if batch["weight"][n] > 0:
                around = [e[n, ..., ASIDE:-ASIDE].sum() for e in errors]
                rows.setdefault(f"{kinds[group]} whole", []).append(around)
    sums = {name: torch.tensor(values).sum(0).tolist() for name, values in rows.items()}
    return {name.replace(" ", "_"): after / before for name, (before, after) in sums.items()}


def write(refiner: Refiner, path: Path, recipe: RefinerRecipe) -> None:
    """The weight file, in half precision."""
    save_tensors(path, {k: v.half().contiguous() for k, v in refiner.state_dict().items()})
    save_recipes(path, {"refiner": recipe})


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    args, recipe = command_line(RefinerRecipe, __doc__, argv, work=True)
    with main_process_first():
        pairs, held_out = (gather(args.data, args.work, s) for s in ("train", "development"))
    train(pairs, held_out, args.out, recipe)


if __name__ == "__main__":
    run_main(main)
