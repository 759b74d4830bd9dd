"""Train the mesh space's refiner: one command makes its weights again.

    python -m vasa_core.lab.training.refiner.train --data ../shared/data --work DIR --seed 0

Pairs are gathered once into ``--work`` (about ten minutes); training resumes from its checkpoint
there. ``--hours`` is wall time on one thread.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from ....spaces.mesh.renderer.refiner import Refiner
from ...engine import Recipe, Training
from .adversary import Adversary
from .augment import drawn, plain
from .pairs import Pairs, gather

SHARES = {"common clip": 0.12, "clip": 0.28, "photo-like": 0.22, "art": 0.14, "wide": 0.24}
BETWEEN = 3.0  # weight of what is between the lips, over the rest
ASIDE = 10  # samples at either side that lie beyond what is drawn anew
EDGES = 1.0  # weight of gradients over colours
LEVELS = 3  # of their pyramid
CRITIC_FROM = 0.3  # share of the time after which the critic has a say
SAY, FEATURES = 0.06, 0.15  # its weight, and that of its features


def odds(pairs: Pairs) -> Tensor:
    """How likely each pair is drawn: kinds by ``SHARES``, persons of a kind alike."""
    kinds = [next(k for k in SHARES if name.endswith(k)) for name in pairs.names]
    people = np.array([SHARES[k] / kinds.count(k) for k in kinds])
    count = torch.bincount(pairs.group, minlength=len(people))
    return torch.from_numpy(people).float()[pairs.group] / count[pairs.group]


def refined(net: Refiner, batch: dict[str, Tensor]) -> Tensor:
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


def train(data: Path, work: Path, recipe: Recipe) -> Refiner:
    """Train for a given wall time; resumes from ``refiner.ckpt`` in the working folder."""
    pairs, held_out = gather(data, work, "train"), gather(data, work, "development")
    training = Training(work / "refiner", Refiner(), recipe)
    adversary = Adversary(work / "critic.ckpt")
    generator, shares = training.generator, odds(pairs)
    while training.running():
        index = torch.multinomial(shares, recipe.batch, True, generator=generator)
        batch = drawn(pairs, index, generator)
        made = refined(training.net, batch)
        loss = distance(training.net, made, batch)
        if training.spent > CRITIC_FROM * recipe.seconds:
            where = training.net.near(batch["part"])
            adversary.step(made, batch, where)
            held_against, features = adversary.judge(made, batch, where)
            loss = loss + SAY * held_against + FEATURES * features
        training.step(loss)
        if training.due():
            training.report(examine(training.smooth, held_out))
            adversary.save()
    training.report(examine(training.smooth, held_out))
    return training.smooth


@torch.no_grad()
def examine(net: Refiner, pairs: Pairs) -> dict[str, float]:
    """Error between the lips, and around the mouth, over that without the refiner."""
    kinds = [name.split()[-1] for name in pairs.names]
    rows: dict[str, list] = {}
    for index in torch.arange(len(pairs.group)).split(64):
        batch = plain(pairs, index)
        near, made = net.near(batch["part"]), refined(net, batch)
        errors = [(x - batch["truth"]).abs() for x in (batch["part"][:, :3], made)]
        for n, group in enumerate(pairs.group[index].tolist()):
            rows.setdefault(kinds[group], []).append([(e[n] * near[n]).sum() for e in errors])
            if batch["weight"][n] > 0:
                around = [e[n, ..., ASIDE:-ASIDE].sum() for e in errors]
                rows.setdefault(f"{kinds[group]} whole", []).append(around)
    sums = {name: torch.tensor(values).sum(0).tolist() for name, values in rows.items()}
    return {name.replace(" ", "_"): after / before for name, (before, after) in sums.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hours", type=float, default=1.0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    recipe = Recipe(3600 * args.hours, batch=16, peak=7e-4, decay=0.01, seed=args.seed, between=300)
    refiner = train(args.data, args.work, recipe)
    weights = Path(__file__).parents[3] / "spaces/mesh/weights/refiner.safetensors"
    save_file({k: v.half().contiguous() for k, v in refiner.state_dict().items()}, weights)


if __name__ == "__main__":
    main()
