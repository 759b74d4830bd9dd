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

from ...audio.reader import read_audio
from ...motion.model import MotionDiffusion, load_motion_model
from ...spaces.mesh.dynamics import PARTS, FaceBasis
from ...types import AudioFeatures, Controls, Motion
from ..articulation.evaluate import clip_scores, closure_shares, timed_voices
from ..articulation.lip_model import LipMeasures
from .data import TalkingClip, load_talking, raw_vector
from .windows import head_speed

log = logging.getLogger(__name__)
TAUGHT = ("hdtf_aoc",)  # of the clips with trusted sound, the one trained on beside s1
STILL_HEADED = ("grid", "elo", "mcg")  # laboratory recordings of read speech


@dataclass(frozen=True)
class Score:
    """A figure and what it should be."""

    what: str
    value: float
    target: str

    def __str__(self) -> str:
        return f"{self.what:58s}{self.value:9.3f}   {self.target}"


def blinks(motion: Motion, depth: float = 0.5) -> int:
    """Closures of both eyes beyond ``depth``."""
    shut = motion.dynamics[:, PARTS["blink"]].mean(1) > depth
    return int((shut[1:] & ~shut[:-1]).sum())


def acceleration(vectors: Tensor) -> float:
    """Mean squared second difference of the pose angles, degrees² per frame⁴."""
    return float(vectors[:, :3].diff(2, dim=0).square().mean())


def lips_of(model: MotionDiffusion, seed: int):
    """A function from (T, F) features to the (T, 12) lips codes of a sampled motion."""

    def sampled(features: Tensor) -> Tensor:
        duration = len(features) / model.fps
        audio = AudioFeatures(features, model.hearing.encoder, model.fps, duration)
        return model.sample(audio, seed=seed).dynamics[:, PARTS["lips"]]

    return sampled


def lip_scores(model: MotionDiffusion, data: Path, seeds: range) -> list[Score]:
    """Agreement with real lips, and closure where hand-timed natural voices say m, b, p."""
    measures = LipMeasures.of(FaceBasis.load())
    clips, shares = [], {"p b m": [], "others": []}
    voices = timed_voices(data, "emodb")
    for seed in seeds:
        codes_of = lips_of(model, seed)
        found = clip_scores(data, model.encoder, measures, codes_of)
        clips += [c for c in found if c["group"] != "mcg" and c["name"] not in TAUGHT]
        for samples, rate, spans in voices[seed :: len(seeds)]:
            lips = codes_of(model.features(samples, rate).features)
            for kind, hits in closure_shares(lips, spans, measures).items():
                shares[kind] += hits
    mean = {key: np.mean([clip[key] for clip in clips]) for key in ("opening", "width", "gain")}
    count = len(clips) // len(seeds)
    return [
        Score(f"lip opening, r at lag 0 ({count} clips)", mean["opening"], ">= 0.52"),
        Score("lip width, r at lag 0", mean["width"], ">= 0.25"),
        Score("best lag, frames, median", np.median([clip["lag"] for clip in clips]), "-1 .. 1"),
        Score("lip opening, spread against real", mean["gain"], ""),
        Score("lips closed on m, b, p, natural voices, share", np.mean(shares["p b m"]), ""),
        Score("the same on t, d, n, k, g, s, l", np.mean(shares["others"]), ""),
    ]


def rest_scores(model: MotionDiffusion) -> list[Score]:
    """Gap of the lips when nobody speaks."""
    measures, scores = LipMeasures.of(FaceBasis.load()), []
    generator = torch.Generator().manual_seed(0)
    noise = 0.1 * torch.randn(16000 * 20, generator=generator)
    for name, sound in {"silence": torch.zeros(16000 * 20), "noise": noise}.items():
        lips = lips_of(model, 1)(model.features(sound, 16000).features)
        most = float((lips @ measures.opening).quantile(0.95))
        scores.append(Score(f"gap in {name}, 95th percentile, eye distances", most, "<= 0.02"))
    return scores


def pose_scores(model: MotionDiffusion, data: Path, clips: list[TalkingClip], seeds) -> list[Score]:
    """Amount and smoothness of head motion against real people's, over the same sounds."""
    free = [c for c in clips if c.person != "grid_s1" and not c.name.startswith(STILL_HEADED)]
    real = [clip.motion for clip in free]
    files = [data / "talking" / f"{clip.name}.mp4" for clip in free]
    sounds = [model.features(*read_audio(file)) for file in files]
    made = [raw_vector(model.sample(sound, seed=seed)) for sound in sounds for seed in seeds]
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


def control_scores(model: MotionDiffusion, sounds) -> list[Score]:
    """How far the mean gaze and the mean size are from what was asked, over ten seconds."""
    sound, gaze_errors, size_errors = long_sound(model, sounds, 10), [], []
    for seed, asked in enumerate(([15.0, 0.0], [-15.0, 5.0], [0.0, 12.0], [5.0, -10.0])):
        gaze, distance = torch.tensor(asked), torch.tensor(0.7 + 0.3 * seed)
        motion = model.sample(sound, Controls(gaze=gaze, distance=distance), seed=seed)
        found = motion.dynamics[:, PARTS["gaze"]].mean(0)
        gaze_errors.append(float((found - gaze).norm()))
        size_errors.append(abs(float(motion.scale.log().mean() + distance.log())))
    return [
        Score("asked gaze, error of the mean, degrees", np.mean(gaze_errors), "<= 5"),
        Score("asked distance, error of the mean size, share", np.mean(size_errors), "<= 0.02"),
    ]


def evaluate(model: MotionDiffusion, data: Path, seeds: range, hour: bool = True) -> list[Score]:
    """All figures, in the order of the targets."""
    clips = load_talking(data, model.encoder, trainable=False)
    spoken = [c for c in clips if c.grade in "AB" and c.person not in ("grid_s1", "aoc")]
    files = {clip.name: data / "talking" / f"{clip.name}.mp4" for clip in spoken}
    sounds = {name: model.features(*read_audio(path)) for name, path in files.items()}
    scores = lip_scores(model, data, seeds) + rest_scores(model)
    scores += pose_scores(model, data, clips, seeds)
    scores += control_scores(model, sounds) + liveliness_scores(model, sounds)
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
