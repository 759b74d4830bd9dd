"""Measures the articulation net on people and voices that it was not trained on.

python -m vasa_core.lab.evaluation.articulation --data ../shared/data --work ../articulation
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
from ..data.lips import LipMeasures
from ..data.noises import mixed, music, noise
from ..data.tracks import voice_clips
from ..training.articulation.synthesis import TEST_LANGUAGES, TEST_VARIANTS, espeak_corpus
from ..training.articulation.utterances import Utterance, corpus
from ..training.articulation.voices import TIMED_TEST, alignment_error, own_phones
from .lips import Timed, against_real, closures, deep_pauses, spans_of, timed_voices

log = logging.getLogger(__name__)
DEVELOPMENT = ("elo_T1_1", "elo_T1_2", "elo_T1_3", "grid_id2_swwp2s")  # looked at while choosing


def clip_scores(
    data: Path, encoder: ArticulationEncoder, measures: LipMeasures, codes_of
) -> list[dict]:
    """Agreement with the real lips, per clip of people other than s1."""
    scores = []
    for clip in real_clips(data, in_step):
        lips = codes_of(encoder.encode(clip.sound, clip.rate).features)
        score = against_real(lips, clip, measures)
        scores.append({"name": clip.name, "group": clip.group} | score)
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


def timed_arpabet(data: Path) -> list[Timed]:
    """Natural voices with phone times in ARPABET."""
    result = []
    for clip in voice_clips(data, TIMED_TEST):
        phones = [(p.start, p.end, p.letter) for p in own_phones(data, clip)]
        spans = spans_of(phones, "pbm", "tdnkɡsl")
        result.append((*read_audio(data / "voices" / clip["file"]), spans))
    return result


def unheard_voices(work: Path) -> list[Utterance]:
    """Six minutes of synthetic voices and languages that were not trained on."""
    chooser = random.Random(1)
    return corpus(work, "unheard", lambda: espeak_corpus(6, chooser, TEST_LANGUAGES, TEST_VARIANTS))


def timed_synthetic(utterances: list[Utterance]) -> list[Timed]:
    """The same from synthetic voices."""
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
    for path in sorted((data / "speech").glob("*.flac")):
        features = encoder.encode(*read_audio(path)).features
        gap = codes_of(features) @ measures.opening
        deep = deep_pauses(features)
        pauses = f"{float(gap[deep].mean()):.4f} ({int(deep.sum())})" if deep.any() else "-"
        lines.append(
            f"{path.stem:26s} mean {float(gap.mean()):.4f} sd {float(gap.std()):.4f} "
            f"p95 {float(gap.quantile(0.95)):.4f} deep pauses {pauses}"
        )
    sound, rate = read_audio(data / "speech/en_lj_with_pauses.flac")
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
    for group in ("grid", "elo", "web", "mcg"):
        log.info("%s: %s", group, summary(scores, lambda s, g=group: s["group"] == g))
    log.info("without mcg: %s", summary(scores, lambda s: s["group"] != "mcg"))
    log.info(
        "without mcg and development clips: %s",
        summary(scores, lambda s: s["group"] != "mcg" and s["name"] not in DEVELOPMENT),
    )
    timed_sets = {
        "emodb (test)": timed_voices(data, "emodb"),
        "ae (development)": timed_voices(data, "ae"),
        "librivox, arctic (development)": timed_arpabet(data),
    }
    timed_sets["synthetic (development)"] = timed_synthetic(unheard_voices(work))
    for source, timed in timed_sets.items():
        log.info("closures, %s: %s", source, closure_shares(timed, encoder, measures, codes_of))
    log.info("start of p b m after time warping, against timed voices: %s", alignment_error(data))
    for line in behaviour(data, encoder, measures, codes_of):
        log.info(line)


def main() -> None:
    """Command line: the embedded weights, measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
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
