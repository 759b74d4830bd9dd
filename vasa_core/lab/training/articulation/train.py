"""Trains the articulation net (audio/weights/articulation.safetensors).

    python -m vasa_core.lab.training.articulation.train --data DATA --work work --out run

needs flite, espeak-ng and the festival voices of ``festival.PACKAGES``. Synthetic speech, aligned
voices and the phoneme-to-lip models are kept in the work folder; ``run`` holds the training, from
which it is resumed, and the weight file.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from librosa.version import version as librosa_version
from torch import Tensor

from ....audio.articulation import PHONES, ArticulationNet, LipPress
from ....audio.features import FEATURES, ArticulationEncoder
from ....audio.spectrum import MelBank, mel_filters
from ....provenance.whole import save_tensors
from ...data.lips import LipMeasures, correlation
from ...engine import Objective, Step, Trainer, main_process_first
from ...recipe import Recipe, command_line, recipe_from, run_main, save_recipes
from .crops import CropSampler, Groups, Recording, filmed_recordings, synthetic_recording
from .festival import festival_corpus
from .lip_model import LipModelRecipe, fit_teacher, lip_loss
from .synthesis import espeak_corpus, flite_corpus
from .utterances import corpus
from .voices import natural_corpus

log = logging.getLogger(__name__)
SHARES = {"seen": 0.24, "synthetic": 0.26, "joined": 0.20, "natural": 0.23, "none": 0.07}
MINUTES = {"synthetic": 60, "joined": 90}  # of each synthesiser
HELD_OUT_EVERY, HELD_OUT = 12, 5  # of the filmed recordings, one in twelve is not trained on
# What the lips must not miss counts more; silence is plentiful.
PHONE_WEIGHTS = {"silence": 0.6, "bilabial": 2.5, "labiodental": 2.0, "w": 1.5, "round": 1.3}
CLOSED = PHONES.index("bilabial")
# Lips are pressed where p, b, m reach one half; this moves the half to where nine in ten of the
# development voices' closures are found.
CLOSURE_BIAS = 0.8


@dataclass(frozen=True)
class ArticulationRecipe(Recipe):
    """How the articulation net is trained.

    Attributes:
        channels: Width of the net.
    """

    steps: int = 9000
    batch: int = 16
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.02
    warmup: float = 0.0167
    ema: float = 0.995
    channels: int = 192


def training_recordings(
    data: Path, work: Path, seed: int, teacher_recipe: LipModelRecipe
) -> tuple[Groups, list[Recording], LipMeasures]:
    """Groups of recordings to train on, filmed ones held out, and the measures of lips.

    What takes long is kept in ``work``.
    """
    teacher = fit_teacher(data, work, teacher_recipe)
    chooser = random.Random(seed)
    with main_process_first():
        minutes = MINUTES["synthetic"]
        synthetic = corpus(
            work,
            "synthetic",
            lambda: espeak_corpus(minutes, chooser) + flite_corpus(minutes, chooser),
        )
        joined = corpus(work, "joined", lambda: festival_corpus(MINUTES["joined"], chooser))
        natural = corpus(work, "natural", lambda: natural_corpus(data))
    seen = list(filmed_recordings(data).values())
    held = seen[HELD_OUT::HELD_OUT_EVERY]
    groups = {
        "seen": [r for i, r in enumerate(seen) if i % HELD_OUT_EVERY != HELD_OUT],
        "synthetic": [synthetic_recording(u, teacher) for u in synthetic],
        "joined": [synthetic_recording(u, teacher) for u in joined],
        "natural": [synthetic_recording(u, teacher) for u in natural],
        "none": [],
    }
    for name, recordings in groups.items():
        log.info("%s: %.1f minutes", name, sum(len(r.codes) for r in recordings) / 6000)
    return {name: (SHARES[name], r) for name, r in groups.items()}, held, teacher.measures


def losses(
    net: ArticulationNet, batch: tuple[Tensor, Tensor, Tensor], measures: LipMeasures
) -> dict[str, Tensor]:
    """The parts of the training loss; the lips are judged after the press."""
    mel, codes, classes = batch
    lips, logits = net(mel)
    lips = press_on(measures, lips).at_closures(lips, logits.detach().softmax(-1))
    weights = classes.new_tensor([PHONE_WEIGHTS.get(name, 1.0) for name in PHONES])
    closed = classes[..., CLOSED]
    velocity = lip_loss(lips.diff(dim=1), codes.diff(dim=1), measures)
    return {
        "lips": (lip_loss(lips, codes, measures) * (1 + 3 * closed)).mean(),
        "velocity": velocity.mean(),
        "phones": -(weights * classes * logits.log_softmax(-1)).sum(-1).mean() * 0.5,
    }


def press_on(measures: LipMeasures, lips: Tensor) -> LipPress:
    """The lip press of the measures, for codes in their type and on their device."""
    press = measures.press()
    return LipPress(press.opening.to(lips), press.shut.to(lips))


def train(
    groups: Groups,
    held: list[Recording],
    measures: LipMeasures,
    out: Path,
    recipe: ArticulationRecipe,
) -> ArticulationNet:
    """Train, or go on from the checkpoint in ``out``; each checkpoint writes the weight file."""
    torch.manual_seed(recipe.seed)
    net = ArticulationNet(channels=recipe.channels)
    codes = torch.cat([torch.from_numpy(r.codes).float() for r in groups["seen"][1]])
    net.scale.copy_(codes.std(0))
    crops = CropSampler(groups, recipe.seed)

    def loss(batch: tuple[Tensor, Tensor, Tensor], step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        parts = losses(net, batch, measures)
        return torch.stack(list(parts.values())).sum(), parts

    def validate(networks: dict) -> dict[str, float]:
        average = networks["articulation"]
        write(average, measures, out / "articulation.safetensors", recipe)
        return held_out(average, held, measures)

    return Trainer(
        out,
        recipe,
        {"articulation": Objective(net, loss)},
        lambda step: crops.batch(recipe.batch, step.rng),
        validate,
    ).run()["articulation"]


def held_out(
    net: ArticulationNet, recordings: list[Recording], measures: LipMeasures
) -> dict[str, float]:
    """Mean correlation of opening and width with the lips seen, on recordings not trained on."""
    encoder = ArticulationEncoder(net, measures.press(), MelBank(mel_filters()))
    scores = []
    for recording in recordings:
        sound = torch.from_numpy(recording.sound / 32768.0).float()
        lips = encoder.encode(sound, 16000).features[:, FEATURES["lips"]]
        seen = torch.from_numpy(recording.codes[::4]).float()
        lips = lips[: len(seen)]
        scores.append([correlation(lips @ m, seen @ m) for m in (measures.opening, measures.width)])
    opening, width = torch.tensor(scores).mean(0).tolist()
    return {"held_out_opening": opening, "held_out_width": width}


def write(
    net: ArticulationNet, measures: LipMeasures, path: Path, recipe: ArticulationRecipe
) -> None:
    """The weight file: the net in half precision, the lip press and the mel filters."""
    press = measures.press()
    tensors = {name: value.half() for name, value in net.state_dict().items()}
    tensors["phones.bias"] = tensors["phones.bias"].clone()
    tensors["phones.bias"][CLOSED] += CLOSURE_BIAS
    tensors |= {"press.opening": press.opening, "press.shut": press.shut}
    tensors["spectrum.mel_filters"] = mel_filters()
    source = f"librosa.filters.mel(norm=None) of librosa {librosa_version}"
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    save_tensors(path, tensors, {"spectrum.mel_filters": source})
    save_recipes(path, {"articulation": recipe})


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: everything from the corpus to the weight file."""
    others = {"teacher": LipModelRecipe}
    args, recipe = command_line(ArticulationRecipe, __doc__, argv, work=True, others=others)
    teacher_recipe = recipe_from(args, LipModelRecipe, "teacher")
    groups, held, measures = training_recordings(args.data, args.work, recipe.seed, teacher_recipe)
    train(groups, held, measures, args.out, recipe)


if __name__ == "__main__":
    run_main(main)
