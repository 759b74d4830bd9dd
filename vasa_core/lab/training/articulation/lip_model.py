"""The phoneme-to-lip model: a small network from timed phones to the lips code of one speaker.

    python -m vasa_core.lab.training.articulation.lip_model --data DATA --out run

prints its cross-validation. GRID speaker s1 is the only one with video, word times and a free
licence (CC BY 4.0). The phones of a word take the proportions that flite gives them. What the model
blurs is made exact afterwards: lips touch on p, b, m, nearly touch on f, v, rest in silence.
"""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ....audio.articulation import PHONES
from ....face.basis import FaceBasis
from ...data.lips import LipMeasures, correlation, lip_codes
from ...data.tracks import Clip, load_clips
from ...engine import Objective, Step, Trainer
from ...recipe import Recipe, command_line, run_main
from .phonemes import SILENCE, Phone, from_arpabet, phone_class, sample_features, spread

log = logging.getLogger(__name__)
STEP = 0.01  # seconds between the model's outputs
OFFSETS = tuple(range(-24, 29, 4))  # steps at which the phones around are looked at
LETTERS = {
    **{"a": "ey", "b": "b iy", "c": "s iy", "d": "d iy", "e": "iy", "f": "eh f", "g": "jh iy"},
    **{"h": "ey ch", "i": "ay", "j": "jh ey", "k": "k ey", "l": "eh l", "m": "eh m"},
    **{"n": "eh n", "o": "ow", "p": "p iy", "q": "k y uw", "r": "aa r", "s": "eh s"},
    **{"t": "t iy", "u": "y uw", "v": "v iy", "x": "eh k s", "y": "w ay", "z": "z eh d"},
}


@cache
def word_phones(word: str) -> tuple[tuple[str, float], ...]:
    """Phones of one word and their shares of its time, from flite."""
    text = ["-p", LETTERS[word]] if word in LETTERS else ["-t", word]
    command = ["flite", "-voice", "slt", *text, "-psdur", "none"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    phones, before = [], 0.0
    for label, end in (item.split(":") for item in listing):
        if label != "pau":
            phones.append((from_arpabet(label), float(end) - before))
        before = float(end)
    phones[-1] = (phones[-1][0], 0.75 * phones[-1][1])  # flite draws the last one out
    total = sum(share for _, share in phones)
    return tuple((letters, share / total) for letters, share in phones)


def timeline_of(words: list) -> list[Phone]:
    """Timed words [start, end, word] of GRID to timed phones."""
    timeline = []
    for start, end, word in words:
        if word in ("sil", "sp"):
            timeline.append(Phone(start, end, SILENCE))
            continue
        at = start
        for letters, share in word_phones(word):
            timeline += spread(at, at + share * (end - start), letters)
            at += share * (end - start)
    return timeline


def context(features: np.ndarray) -> Tensor:
    """(n, 21) phone features, one per step, to the model's (n, 294) inputs: 40 ms means around."""
    reach = max(OFFSETS) + 4
    first, last = np.repeat(features[:1], reach, 0), np.repeat(features[-1:], reach, 0)
    padded = np.concatenate([first, features, last]).cumsum(0)
    centre = np.arange(len(features)) + reach
    means = [(padded[centre + o + 1] - padded[centre + o - 3]) / 4 for o in OFFSETS]
    return torch.from_numpy(np.concatenate(means, 1)).float()


class LipModel(nn.Module):
    """294 phone features around a moment to the lips code of that moment."""

    mean: Tensor
    std: Tensor

    def __init__(self):
        super().__init__()
        widths = (len(OFFSETS) * 21, 128, 128, 12)
        parts = []
        for (a, b), drop in zip(zip(widths, widths[1:], strict=False), (0.3, 0.2, 0), strict=True):
            parts += [nn.Linear(a, b), nn.GELU(), nn.Dropout(drop)]
        self.layers = nn.Sequential(*parts[:-2])
        self.register_buffer("mean", torch.zeros(12))
        self.register_buffer("std", torch.ones(12))

    def forward(self, inputs: Tensor) -> Tensor:
        """(n, 294) to (n, 12) lips codes."""
        return self.layers(inputs) * self.std + self.mean


@dataclass(frozen=True)
class LipModelRecipe(Recipe):
    """How a phoneme-to-lip model is trained: 25 times over the 13,350 frames of GRID s1."""

    steps: int = 2600
    batch: int = 128
    learning_rate: float = 3e-3
    schedule: Literal["cosine", "one-cycle", "constant"] = "one-cycle"
    warmup: float = 0.1
    ema: float = 0.0
    clip: float = 0.0


def fit(
    inputs: Tensor, codes: Tensor, measures: LipMeasures, out: Path, recipe: LipModelRecipe
) -> LipModel:
    """One model on (n, 294) inputs and (n, 12) codes; goes on from the checkpoint in ``out``."""
    torch.manual_seed(recipe.seed)
    model = LipModel()
    model.mean, model.std = codes.mean(0), codes.std(0)

    def batches(step: Step) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(inputs), (recipe.batch,), generator=step.generator)
        return inputs[rows], codes[rows]

    def loss(batch: tuple[Tensor, Tensor], step: Step) -> tuple[Tensor, dict]:
        return lip_loss(model(batch[0]), batch[1], measures).mean(), {}

    trainer = Trainer(out, recipe, {"lips": Objective(model, loss)}, batches)
    return trainer.run()["lips"].requires_grad_(False)


def lip_loss(made: Tensor, real: Tensor, measures: LipMeasures) -> Tensor:
    """(..., 12) codes to (...) error: movement of the mesh, opening and width, all of order one."""
    wrong = made - real
    mesh = (wrong.square() * measures.weight.to(wrong)).sum(-1) / 0.1
    opening = (wrong @ measures.opening.to(wrong) / 0.04).square()
    width = (wrong @ measures.width.to(wrong) / 0.015).square()
    return mesh + opening + width


class LipTeacher:
    """Timed phones to exact lips: the mean of some models, then closures, pauses and rounding."""

    def __init__(self, models: list[LipModel], measures: LipMeasures):
        self.models, self.measures, self.press = models, measures, measures.press()

    def __call__(self, timeline: list[Phone], seconds: float) -> Tensor:
        """(n, 12) lips codes, one per ``STEP``."""
        short = squeeze(timeline, 0.2)
        length = warp(timeline, short, np.array([seconds]))[0]
        inputs = context(sample_features(short, length + 1e-6, STEP))
        codes = torch.stack([model(inputs) for model in self.models]).mean(0)
        times = warp(timeline, short, np.arange(int(np.ceil(seconds / STEP))) * STEP)
        at = torch.as_tensor(times / STEP).clamp(0, len(codes) - 1.001)
        low, part = at.long(), (at - at.long()).float()[:, None]
        codes = codes[low] * (1 - part) + codes[(low + 1).clamp(max=len(codes) - 1)] * part
        return self.exact(codes, timeline)

    def exact(self, codes: Tensor, timeline: list[Phone]) -> Tensor:
        """Codes with the lips shut on p, b, m, nearly on f, v, and at rest in silence."""
        time = torch.arange(len(codes)) * STEP
        shut, near, rest = (torch.zeros(len(codes)) for _ in range(3))
        for index, phone in enumerate(timeline):
            kind = PHONES[phone_class(phone.letter)]
            length = phone.end - phone.start
            if kind == "bilabial":  # the closure ends before the burst does
                span = (phone.start - 0.005, max(phone.end - 0.3 * length, phone.start + 0.05))
                shut = torch.maximum(shut, _plateau(time, *span, 0.05))
            elif kind == "labiodental":
                near = torch.maximum(near, _plateau(time, phone.start, phone.end, 0.05))
            elif kind == "silence" and length > 0.15:
                start = -1.0 if index == 0 else phone.start + 0.12
                end = float(time[-1]) + 1 if index == len(timeline) - 1 else phone.end - 0.14
                rest = torch.maximum(rest, _plateau(time, start, end, 0.12))
        codes = self.press(codes, near, gap=0.012)
        codes = codes * (1 - rest[:, None])
        return self.press(codes, shut)


def _plateau(time: Tensor, start: float, end: float, ramp: float) -> Tensor:
    """1 from start to end, with smooth ramps outside."""
    outside = torch.maximum(start - time, time - end).clamp(0, ramp) / ramp
    return 0.5 + 0.5 * torch.cos(torch.pi * outside) if end > start else torch.zeros_like(time)


def squeeze(timeline: list[Phone], longest: float) -> list[Phone]:
    """No phone longer than ``longest``: the model has seen no held vowels."""
    result, at = [], 0.0
    for phone in timeline:
        length = phone.end - phone.start
        limit = longest if phone.letter != SILENCE else 0.6
        result.append(Phone(at, at + min(length, limit), phone.letter))
        at = result[-1].end
    return result


def warp(timeline: list[Phone], other: list[Phone], times: np.ndarray) -> np.ndarray:
    """Times in one timeline to the same moments of another with the same phones."""
    ours = [timeline[0].start - 1e-6, *(p.end for p in timeline)]
    theirs = [other[0].start, *(p.end for p in other)]
    extra = np.maximum(times - ours[-1], 0)
    return np.interp(times, ours, theirs) + extra


def training_rows(clips: list[Clip], words: dict, basis: FaceBasis) -> list[tuple[Tensor, Tensor]]:
    """Per clip: (T, 294) inputs and (T, 12) codes at 25 fps."""
    rows = []
    for clip in clips:
        features = sample_features(timeline_of(words[clip.name]), len(clip.found) / 25, STEP)
        rows.append((context(features)[::4][: len(clip.found)], lip_codes(clip, basis)))
    return rows


def speaker_clips(data: Path) -> tuple[list[Clip], dict]:
    """The clips that teach lips, and their timed words by name."""
    clips = [c for c in load_clips(data) if c.entry.split_for("articulation") == "train"]
    words = {}
    for file in {clip.entry.words for clip in clips if clip.entry.words}:
        words |= json.loads(file.read_text("utf8"))
    return [clip for clip in clips if clip.name in words], words


def cross_validate(
    rows: list, measures: LipMeasures, out: Path, recipe: LipModelRecipe, folds: int = 3
) -> dict[str, float]:
    """Correlations on clips left out, pooled over folds, in every clip by itself."""
    scores = []
    for fold in range(folds):
        kept = [row for i, row in enumerate(rows) if i % folds != fold]
        inputs, codes = (torch.cat(parts) for parts in zip(*kept, strict=True))
        model = fit(inputs, codes, measures, out / f"fold_{fold}", replace(recipe, seed=fold))
        for x, real in rows[fold::folds]:
            made = model(x)
            score = [correlation(made @ m, real @ m) for m in (measures.opening, measures.width)]
            scale = measures.weight.sqrt()
            score.append(correlation((made * scale).flatten(), (real * scale).flatten()))
            scores.append(score)
    means = np.nanmean(np.array(scores), 0)
    return dict(zip(("opening", "width", "mesh"), means.tolist(), strict=True))


def fit_teacher(data: Path, out: Path, recipe: LipModelRecipe, count: int = 3) -> LipTeacher:
    """The teacher fitted on every clip that teaches lips; its models are kept in ``out``."""
    basis = FaceBasis.load()
    measures = LipMeasures.of(basis)
    inputs, codes = (
        torch.cat(parts) for parts in zip(*training_rows(*speaker_clips(data), basis), strict=True)
    )
    models = [
        fit(inputs, codes, measures, out / f"lip_model_{seed}", replace(recipe, seed=seed))
        for seed in range(count)
    ]
    return LipTeacher(models, measures)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: cross-validation of the phoneme-to-lip model."""
    args, recipe = command_line(LipModelRecipe, __doc__, argv)
    basis = FaceBasis.load()
    rows = training_rows(*speaker_clips(args.data), basis)
    scores = cross_validate(rows, LipMeasures.of(basis), args.out, recipe)
    log.info("cross-validation: %s", scores)


if __name__ == "__main__":
    run_main(main)
