"""Measures the articulation net on people and voices that it was not trained on.

python -m vasa_core.lab.evaluation.articulation --data DATA --work work
"""

from __future__ import annotations

import argparse
import logging
import random
from pathlib import Path

import numpy as np
import torch

from ...audio.articulation import WEIGHTS, load_articulation
from ...audio.features import FEATURES, ArticulationEncoder
from ...audio.reader import read_audio
from ...face.basis import FaceBasis
from ..data.clips import in_step, real_clips
from ..data.index import read_index
from ..data.lips import LipMeasures
from ..data.noises import mixed, music, noise
from ..training.articulation.synthesis import TEST_LANGUAGES, TEST_VARIANTS, espeak_corpus
from ..training.articulation.utterances import Utterance, corpus
from ..training.articulation.voices import alignment_error
from .lips import Timed, against_real, closures, deep_pauses, spans_of, timed_voices

log = logging.getLogger(__name__)


def clip_scores(
    data: Path, encoder: ArticulationEncoder, measures: LipMeasures, codes_of
) -> list[dict]:
    """Agreement with the real lips, per clip of people who taught no lips."""
    scores = []
    for clip in real_clips(data, in_step):
        lips = codes_of(encoder.encode(clip.sound, clip.rate).features)
        score = against_real(lips, clip, measures)
        split = clip.entry.split_for
        about = {"name": clip.name, "group": clip.group, "split": split("articulation")}
        scores.append(about | {"talks": split("motion") != "unused"} | score)
    return scores


def summary(scores: list[dict], keep) -> str:
    """Means with standard errors over the clips that ``keep`` accepts."""
    chosen = [s for s in scores if keep(s)]
    parts = [f"{len(chosen)} clips"]
    for key in ("opening", "width", "on_time", "gain"):
        values = np.array([s[key] for s in chosen])
        parts.append(f"{key} {values.mean():.3f} +- {values.std() / len(values) ** 0.5:.3f}")
    lags = np.array([s["lag"] for s in chosen])
    return ", ".join(parts) + f", lag median {np.median(lags):.0f}"


def unheard_voices(work: Path) -> list[Utterance]:
    """Six minutes of synthetic voices and languages that were not trained on."""
    chooser = random.Random(1)
    return corpus(work, "unheard", lambda: espeak_corpus(6, chooser, TEST_LANGUAGES, TEST_VARIANTS))


def timed_synthetic(utterances: list[Utterance]) -> list[Timed]:
    """Synthetic voices and the times of their phones, as ``lips.timed_voices`` gives them."""
    result = []
    for utterance in utterances:
        phones = [(p.start, p.end, p.letter) for p in utterance.phones]
        spans = spans_of(phones, "pbm", "tdnkɡsl")
        result.append((torch.from_numpy(utterance.sound / 32768.0).float(), 16000, spans))
    return result


def closure_shares(
    timed: list[Timed], encoder: ArticulationEncoder, measures: LipMeasures, codes_of
) -> str:
    """Share of closures on p, b, m and, for comparison, on consonants that need none."""
    total: dict[str, list] = {"p b m": [], "others": []}
    for samples, rate, spans in timed:
        lips = codes_of(encoder.encode(samples, rate).features)
        for kind, hits in closures(lips, spans, measures).items():
            total[kind] += hits
    return ", ".join(f"{kind} {np.mean(v):.3f} (n {len(v)})" for kind, v in total.items())


def behaviour(
    data: Path, encoder: ArticulationEncoder, measures: LipMeasures, codes_of
) -> list[str]:
    """Opening of the lips over the speech clips; without ground truth."""
    lines = []
    spoken = sorted(read_index(data, "speech"), key=lambda entry: entry.name)
    for entry in spoken:
        features = encoder.encode(*read_audio(entry.file)).features
        gap = codes_of(features) @ measures.opening
        deep = deep_pauses(features)
        pauses = f"{float(gap[deep].mean()):.4f} ({int(deep.sum())})" if deep.any() else "-"
        lines.append(
            f"{entry.name:26s} mean {float(gap.mean()):.4f} sd {float(gap.std()):.4f} "
            f"p95 {float(gap.quantile(0.95)):.4f} deep pauses {pauses}"
        )
    paused = next((entry for entry in spoken if entry.pauses), None)
    if paused is None:
        return lines
    sound, rate = read_audio(paused.file)
    deep = deep_pauses(encoder.encode(sound, rate).features)
    for name, make in (("noise", noise), ("music", music)):
        for decibels in (20, 10):
            chance = np.random.default_rng(0)
            worn = mixed(sound.numpy().astype(float), make(len(sound), chance), decibels)
            features = encoder.encode(torch.from_numpy(worn).float(), rate).features
            gap = codes_of(features) @ measures.opening
            lines.append(
                f"pauses under {name}, {decibels} dB: {float(gap[deep].mean()):.4f}, "
                f"speech {float(gap[~deep].mean()):.4f}"
            )
    return lines


def report(data: Path, work: Path, encoder: ArticulationEncoder, codes_of) -> None:
    """Log every measure."""
    measures = LipMeasures.of(FaceBasis.load())
    scores = clip_scores(data, encoder, measures, codes_of)
    for score in scores:
        log.info({k: round(v, 3) if isinstance(v, float) else v for k, v in score.items()})
    for group in dict.fromkeys(s["group"] for s in scores):
        log.info("%s: %s", group, summary(scores, lambda s, g=group: s["group"] == g))
    log.info("of people talking: %s", summary(scores, lambda s: s["talks"]))
    log.info(
        "the same without clips looked at while choosing: %s",
        summary(scores, lambda s: s["talks"] and s["split"] == "test"),
    )
    timed_sets = {
        f"{group} ({split})": timed
        for split in ("test", "held_out")
        for group, timed in timed_voices(data, split).items()
    }
    timed_sets["synthetic (held_out)"] = timed_synthetic(unheard_voices(work))
    for source, timed in timed_sets.items():
        log.info("closures, %s: %s", source, closure_shares(timed, encoder, measures, codes_of))
    log.info("start of p b m after time warping, against timed voices: %s", alignment_error(data))
    for line in behaviour(data, encoder, measures, codes_of):
        log.info(line)


def main() -> None:
    """Command line: the embedded weights, measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    report(
        args.data,
        args.work,
        ArticulationEncoder(*load_articulation(args.weights)),
        lambda f: f[:, FEATURES["lips"]],
    )


if __name__ == "__main__":
    main()
