"""Measures a motion model against real talking people that it was not trained on.

    python -m vasa_core.training.motion.evaluate --data ../shared/data [--weights FILE] [--seeds 3]

Prints one line per figure: what, value, target. Lips are scored on the clips of people other than
the training speaker whose sound is trusted (grades A and B, lags taken out); pose against the
real pose variation of talking people, without laboratory recordings.
"""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...audio.features import AudioEncoder
from ...motion.model import MotionDiffusion, load_motion_model
from ...spaces.mesh.dynamics import PARTS, FaceBasis
from ...types import AudioFeatures, Motion
from .data import LAGS, TalkingClip, load_talking, raw_vector, read_sound
from .windows import head_speed

log = logging.getLogger(__name__)
STILL_HEADED = ("grid", "elo", "mcg")  # laboratory recordings of read speech
LONGEST_LAG = 6


@dataclass(frozen=True)
class Score:
    """A figure and what it should be."""

    what: str
    value: float
    target: str

    def __str__(self) -> str:
        return f"{self.what:58s}{self.value:9.3f}   {self.target}"


class MouthMeasures:
    """Opening and width of the lips, in eye distances, straight from codes."""

    def __init__(self, basis: FaceBasis):
        self.gap = basis.lips[:, 14, 1] - basis.lips[:, 13, 1]
        self.wide = basis.lips[:, 291, 0] - basis.lips[:, 61, 0]

    def opening(self, codes: Tensor) -> Tensor:
        """(T, 24) to (T,): 0 for closed lips, below 0 for pressed ones."""
        return codes[:, PARTS["lips"]] @ self.gap

    def width(self, codes: Tensor) -> Tensor:
        """(T, 24) to (T,): change from the neutral width."""
        return codes[:, PARTS["lips"]] @ self.wide


def correlation(one: Tensor, other: Tensor) -> float:
    """Pearson's r of two (T,) tracks."""
    return float(np.corrcoef(one.numpy(), other.numpy())[0, 1])


def best_lag(made: Tensor, real: Tensor) -> int:
    """Frames by which ``made`` lags behind ``real`` where they correlate best."""
    scores = {}
    for lag in range(-LONGEST_LAG, LONGEST_LAG + 1):
        a, b = made[max(0, lag) :], real[max(0, -lag) :]
        frames = min(len(a), len(b))
        scores[lag] = correlation(a[:frames], b[:frames])
    return max(scores, key=scores.get)


def blinks(motion: Motion, depth: float = 0.5) -> int:
    """Closures of both eyes beyond ``depth``."""
    shut = motion.dynamics[:, PARTS["blink"]].mean(1) > depth
    return int((shut[1:] & ~shut[:-1]).sum())


def acceleration(vectors: Tensor) -> float:
    """Mean squared second difference of the pose angles, degrees² per frame⁴."""
    return float(vectors[:, :3].diff(2, dim=0).square().mean())


def lip_scores(model, clips, sounds, seeds, mouth: MouthMeasures) -> list[Score]:
    """Agreement of the lips with real ones, for clips with trusted sound."""
    rows = []
    for clip in clips:
        real = clip.motion[:, 6:]
        for seed in seeds:
            motion = model.sample(sounds[clip.name], seed=seed)
            lag = LAGS.get(clip.name, 0)
            made = motion.dynamics[max(0, lag) :]
            reals = real[max(0, -lag) :] if lag < 0 else real
            frames = min(len(made), len(reals))
            made, reals = made[:frames], reals[:frames]
            opening, wanted = mouth.opening(made), mouth.opening(reals)
            rows.append([
                correlation(opening, wanted),
                correlation(mouth.width(made), mouth.width(reals)),
                best_lag(opening, wanted),
                float(opening.std() / wanted.std()),
            ])  # fmt: skip
    found = np.array(rows)
    return [
        Score(f"lip opening, r at lag 0 ({len(clips)} clips)", found[:, 0].mean(), ">= 0.52"),
        Score("lip width, r at lag 0", found[:, 1].mean(), ">= 0.25"),
        Score("best lag, frames, median", np.median(found[:, 2]), "-1 .. 1"),
        Score("lip opening, spread against real", found[:, 3].mean(), ""),
    ]


def closure_scores(model, sounds, seeds, mouth: MouthMeasures) -> list[Score]:
    """Gap of the lips where a bilabial is heard, and where nothing is said."""
    pressed, spoken = [], []
    for sound in sounds.values():
        heard = model.hearing.lips_pressed(sound.features)
        for seed in seeds:
            gap = mouth.opening(model.sample(sound, seed=seed).dynamics)
            pressed.append(gap[heard > 0.6])
            spoken.append(gap)
    pressed, spoken = torch.cat(pressed), torch.cat(spoken)
    scores = [
        Score("gap in m, b, p: median", float(pressed.median()), "<= 0.01"),
        Score("gap in m, b, p: 90th percentile", float(pressed.quantile(0.9)), "<= 0.02"),
        Score("gap in these clips: 75th percentile", float(spoken.quantile(0.75)), ""),
    ]
    generator = torch.Generator().manual_seed(0)
    for name, sound in {
        "silence": torch.zeros(16000 * 20),
        "noise": 0.1 * torch.randn(16000 * 20, generator=generator),
    }.items():
        motion = model.sample(model.features(sound, 16000), seed=1)
        gap = mouth.opening(motion.dynamics)
        most = float(gap.quantile(0.95))
        scores.append(Score(f"gap in {name}: 95th percentile", most, "<= 0.02"))
    return scores


def pose_scores(model, clips: list[TalkingClip], sounds, seeds) -> list[Score]:
    """Amount and smoothness of head motion against real people's."""
    free = [c for c in clips if c.person != "grid_s1"]
    real = [c.motion for c in free if not c.name.startswith(STILL_HEADED)]
    made = [raw_vector(model.sample(s, seed=seed)) for s in sounds.values() for seed in seeds]
    made = [m for m in made if len(m) >= 50]
    amount = np.mean([head_speed(m) for m in made]) / np.mean([head_speed(m) for m in real])
    spread = [np.mean([m[:, :3].std(0).mean() for m in group]) for group in (made, real)]
    jerk = [np.mean([acceleration(m) for m in group]) for group in (made, real)]
    return [
        Score(f"pose variation against real ({len(real)} clips)", amount, "0.5 .. 1.3"),
        Score("pose spread against real", spread[0] / spread[1], "0.5 .. 1.3"),
        Score("acceleration energy against real (eased tracks)", jerk[0] / jerk[1], "<= 1"),
    ]


def long_sound(model: MotionDiffusion, sounds, seconds: int) -> AudioFeatures:
    """The clips' features one after the other, over and over."""
    features = torch.cat([sound.features for sound in sounds.values()])
    frames = int(seconds * model.fps)
    features = features.repeat(-(-frames // len(features)), 1)[:frames]
    return AudioFeatures(features, model.hearing.encoder, model.fps, Fraction(seconds))


def liveliness_scores(model: MotionDiffusion, sounds) -> list[Score]:
    """Blinks, seams and speed over five minutes of speech; blinks and head in silence."""
    began = time.process_time()
    sound = long_sound(model, sounds, 300)
    motion = model.sample(sound, seed=3)
    spent = time.process_time() - began
    quiet = torch.zeros(300 * 16000)
    idle = model.sample(model.features(quiet, 16000), seed=4)
    vectors = (raw_vector(motion) - model.scaler.mean) / model.scaler.std
    steps = vectors.diff(dim=0).square().mean(1).sqrt()
    window = model.network.config.window
    at_seam = torch.zeros(len(steps), dtype=torch.bool)
    at_seam[window - 1 :: window] = True
    seam = steps[at_seam].mean() / steps[~at_seam].mean()
    return [
        Score("blinks a minute, speech", blinks(motion) / 5, "8 .. 30"),
        Score("blinks a minute, silence", blinks(idle) / 5, "8 .. 30"),
        Score("head speed in silence, degrees a frame", head_speed(raw_vector(idle)), "> 0.02"),
        Score("step at seams against inside", float(seam), "<= 1.1"),
        Score("seconds of motion per second of CPU", 300 / spent, ">= 10"),
    ]


def drift_scores(model: MotionDiffusion, sounds) -> list[Score]:
    """First against last five minutes of an hour, in spreads of the first."""
    first, last = [], []
    frames, done = int(300 * model.fps), 0
    for piece in model.stream(long_sound(model, sounds, 3600), seed=5, steps=4):
        vector = raw_vector(piece)
        if done < frames:
            first.append(vector)
        elif done >= 11 * frames:
            last.append(vector)
        done += len(piece)
    a, b = torch.cat(first), torch.cat(last)
    shift = ((b.mean(0) - a.mean(0)).abs() / a.std(0)).max()
    growth = (b.std(0) / a.std(0)).max()
    return [
        Score("an hour: largest shift of a mean, in spreads", float(shift), "<= 0.3"),
        Score("an hour: largest growth of a spread", float(growth), "<= 1.3"),
    ]


def evaluate(model: MotionDiffusion, data: Path, seeds: range, hour: bool = True) -> list[Score]:
    """All figures, in the order of the targets."""
    torch.manual_seed(0)
    clips = load_talking(data, AudioEncoder.load(), trainable=False)
    spoken = [c for c in clips if c.grade in "AB" and c.person != "grid_s1" and c.person != "aoc"]
    files = {clip.name: data / "talking" / f"{clip.name}.mp4" for clip in spoken}
    sounds = {name: model.features(*read_sound(path)) for name, path in files.items()}
    mouth = MouthMeasures(FaceBasis.load())
    scores = lip_scores(model, spoken, sounds, seeds, mouth)
    scores += closure_scores(model, sounds, seeds, mouth)
    scores += pose_scores(model, clips, sounds, seeds)
    scores += liveliness_scores(model, sounds)
    return scores + (drift_scores(model, sounds) if hour else [])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--weights")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="leave out the hour")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_motion_model("mesh", weights=args.weights)
    for score in evaluate(model, Path(args.data), range(args.seeds), not args.short):
        print(score)


if __name__ == "__main__":
    main()
