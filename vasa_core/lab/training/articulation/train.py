"""Trains the articulation net and writes vasa_core/audio/weights/articulation.safetensors.

    python -m vasa_core.lab.training.articulation.train --data ../shared/data --work ../articulation

needs flite, espeak-ng and the festival voices of ``festival.PACKAGES``. What takes long is kept in
the work folder: synthetic speech, aligned voices, and the training's own state, from which it
resumes.
"""

from __future__ import annotations

import argparse
import logging
import math
import random
import time
from pathlib import Path

import librosa
import torch
from safetensors.torch import save_file
from torch import Tensor

from ....audio.articulation import PHONES, WEIGHTS, ArticulationNet
from ....audio.features import FEATURES, ArticulationEncoder
from ....audio.spectrum import MelBank, mel_filters
from ....face.basis import FaceBasis
from ...data.lips import LipMeasures, correlation
from .festival import festival_corpus
from .lip_model import LipModel, LipTeacher, fit_teacher, lip_loss
from .material import CropMaker, Take, seen_takes, take_of
from .synthesis import espeak_corpus, flite_corpus
from .utterances import corpus
from .voices import natural_corpus

log = logging.getLogger(__name__)
SHARES = {"seen": 0.24, "synthetic": 0.26, "joined": 0.20, "natural": 0.23, "none": 0.07}
# What the lips must not miss counts more; silence is plentiful.
PHONE_WEIGHTS = {"silence": 0.6, "bilabial": 2.5, "labiodental": 2.0, "w": 1.5, "round": 1.3}
CLOSED = PHONES.index("bilabial")
# Lips are pressed where p, b, m reach one half; this moves the half to where nine in ten of the
# development voices' closures are found.
CLOSURE_BIAS = 0.8


def fitted_teacher(data: Path, work: Path) -> LipTeacher:
    """The phoneme-to-lip models, kept in the work folder."""
    path = work / "lip_models.pt"
    if not path.exists():
        torch.save([model.state_dict() for model in fit_teacher(data).models], path)
    models = []
    for state in torch.load(path, weights_only=True):
        models.append(LipModel().eval().requires_grad_(False))
        models[-1].load_state_dict(state)
    return LipTeacher(models, LipMeasures.of(FaceBasis.load()))


def material(data: Path, work: Path, seed: int) -> tuple[dict, list[Take], LipTeacher]:
    """Groups of takes to train on with their shares, held-out takes of s1, and the teacher."""
    teacher = fitted_teacher(data, work)
    chooser = random.Random(seed)
    synthetic = corpus(
        work, "synthetic", lambda: espeak_corpus(60, chooser) + flite_corpus(60, chooser)
    )
    joined = corpus(work, "joined", lambda: festival_corpus(90, chooser))
    natural = corpus(work, "natural", lambda: natural_corpus(data))
    seen = seen_takes(data)
    held = [take for i, take in enumerate(seen.values()) if i % 12 == 5]
    groups = {
        "seen": [take for i, take in enumerate(seen.values()) if i % 12 != 5],
        "synthetic": [take_of(u, teacher) for u in synthetic],
        "joined": [take_of(u, teacher) for u in joined],
        "natural": [take_of(u, teacher) for u in natural],
        "none": [],
    }
    for name, takes in groups.items():
        log.info("%s: %.1f minutes", name, sum(len(t.codes) for t in takes) / 6000)
    return {name: (SHARES[name], takes) for name, takes in groups.items()}, held, teacher


def loss_of(net: ArticulationNet, batch: tuple, measures: LipMeasures) -> dict[str, Tensor]:
    """The parts of the training loss; the lips are judged after the press."""
    mel, codes, classes = batch
    lips, logits = net(mel)
    lips = measures.press().at_closures(lips, logits.detach().softmax(-1))
    weights = classes.new_tensor([PHONE_WEIGHTS.get(name, 1.0) for name in PHONES])
    closed = classes[..., CLOSED]
    velocity = lip_loss(lips.diff(dim=1), codes.diff(dim=1), measures)
    return {
        "lips": (lip_loss(lips, codes, measures) * (1 + 3 * closed)).mean(),
        "velocity": velocity.mean(),
        "phones": -(weights * classes * logits.log_softmax(-1)).sum(-1).mean() * 0.5,
    }


def train(groups: dict, measures: LipMeasures, args, check) -> ArticulationNet:
    """The averaged net after ``args.steps`` steps; ``check`` is called with it now and then."""
    torch.manual_seed(args.seed)
    net = ArticulationNet(channels=args.channels)
    codes = torch.cat([torch.from_numpy(t.codes).float() for t in groups["seen"][1]])
    net.scale.copy_(codes.std(0))
    optimizer = torch.optim.AdamW(net.parameters(), 2.5e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(step / 150, 0.5 + 0.5 * math.cos(math.pi * step / args.steps))
    )
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995)
    )
    state_path, start = args.work / "state.pt", 0
    parts = {"net": net, "optimizer": optimizer, "schedule": schedule, "average": average}
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        start = state.pop("step")
        for name, part in parts.items():
            part.load_state_dict(state[name])
    crops, began = CropMaker(groups, args.seed + start), time.time()
    for step in range(start, args.steps):
        losses = loss_of(net, crops.batch(args.batch), measures)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(net)
        if step % 50 == 0:
            text = " ".join(f"{name} {float(value.detach()):.3f}" for name, value in losses.items())
            log.info("step %d (%.0f s): %s", step, time.time() - began, text)
        if step % 500 == 499 or step == args.steps - 1:
            state = {name: part.state_dict() for name, part in parts.items()}
            torch.save({"step": step + 1, **state}, state_path)
            write(average.module, measures, args.out)
            check(average.module)
    return average.module


def held_out(net: ArticulationNet, takes: list[Take], measures: LipMeasures) -> dict[str, float]:
    """Mean correlation of opening and width with the lips seen, on takes not trained on."""
    encoder = ArticulationEncoder(net.eval(), measures.press(), MelBank(mel_filters()))
    scores = []
    for take in takes:
        sound = torch.from_numpy(take.sound / 32768.0).float()
        lips = encoder.encode(sound, 16000).features[:, FEATURES["lips"]]
        seen = torch.from_numpy(take.codes[::4]).float()
        lips = lips[: len(seen)]
        scores.append([correlation(lips @ m, seen @ m) for m in (measures.opening, measures.width)])
    opening, width = torch.tensor(scores).mean(0).tolist()
    return {"opening": round(opening, 3), "width": round(width, 3)}


def write(net: ArticulationNet, measures: LipMeasures, path: Path) -> None:
    """The weight file: the net in half precision, the lip press and the mel filters."""
    press = measures.press()
    tensors = {name: value.half() for name, value in net.state_dict().items()}
    tensors["phones.bias"] = tensors["phones.bias"].clone()
    tensors["phones.bias"][CLOSED] += CLOSURE_BIAS
    tensors |= {"press.opening": press.opening, "press.shut": press.shut}
    tensors["spectrum.mel_filters"] = mel_filters()
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"librosa.filters.mel(norm=None) of librosa {librosa.__version__}"
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    save_file(tensors, path, {"spectrum.mel_filters": source})


def main() -> None:
    """Command line: everything from the corpus to the weight file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--channels", type=int, default=192)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    groups, held, _ = material(args.data, args.work, args.seed)
    measures = LipMeasures.of(FaceBasis.load())
    train(
        groups,
        measures,
        args,
        lambda net: log.info("held-out s1: %s", held_out(net, held, measures)),
    )


if __name__ == "__main__":
    main()
