"""Measures the articulation net on people and voices that it was not trained on.

python -m vasa_core.training.articulation.evaluate --data ../shared/data --work ../articulation
"""

from __future__ import annotations

import argparse
import json
import logging
import random
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...audio.articulation import WEIGHTS, load_articulation
from ...audio.features import FEATURES, AudioEncoder
from ...audio.reader import read_audio
from ...spaces.mesh.dynamics import FaceBasis, mouth_opening, mouth_width
from ...spaces.mesh.geometry import fit_pose
from ..tracks import Clip, load_clips
from .augment import mixed, music, noise
from .lip_model import LipMeasures, correlation
from .synthesis import TEST_LANGUAGES, TEST_VARIANTS, espeak_corpus
from .utterances import Utterance, corpus
from .voices import TIMED_TEST, alignment_error, own_phones, voice_clips

log = logging.getLogger(__name__)
# Frames by which a source's sound is late; four separately trained nets agreed on them.
LAGS = {"elo_T1": 1, "elo_T4": 1, "hdtf_aoc": 3, "anchor_FAzSK8": 1, "vrt_2": 1, "mcg_pl": -1}
DEVELOPMENT = ("elo_T1_1", "elo_T1_2", "elo_T1_3", "grid_id2_swwp2s")  # looked at while choosing
SAMPA_LABIALS = ("p", "b", "m")
SAMPA_OTHERS = ("t", "d", "n", "k", "g", "s", "l")


def group_of(name: str) -> str:
    """Corpus of a clip."""
    return next((g for g in ("grid", "elo", "mcg") if name.startswith(g)), "web")


def shifted(clip: Clip, encoder: AudioEncoder, data: Path) -> Tensor:
    """(T, F) features of a clip with the lag of its source taken out."""
    samples, rate = read_audio(data / clip.info["file"])
    late = next((lag for key, lag in LAGS.items() if clip.name.startswith(key)), 0)
    cut = round(late * rate / 25)
    samples = samples[cut:] if cut > 0 else torch.nn.functional.pad(samples, (-cut, 0))
    return encoder.encode(samples, rate).features


def clip_scores(data: Path, encoder: AudioEncoder, measures: LipMeasures, codes_of) -> list[dict]:
    """Per clip of grade A or B of people other than s1: correlations of opening and width."""
    basis, scores = FaceBasis.load(), []
    for clip in load_clips(data, trainable=False):
        if clip.person == "grid_s1" or clip.info.get("sync_grade") not in ("A", "B"):
            continue
        faces = torch.as_tensor(clip.landmarks)
        faces = fit_pose(faces, basis.canonical).canonical(faces)
        found = torch.as_tensor(clip.found)
        codes = codes_of(shifted(clip, encoder, data))
        count = min(len(codes), len(faces))
        real = mouth_opening(faces)[:count], mouth_width(faces)[:count]
        made = (codes @ measures.opening)[:count], (codes @ measures.width)[:count]
        lagged = [_at_lag(made[0], real[0], found[:count], lag) for lag in range(-6, 7)]
        scores.append(
            {
                "name": clip.name,
                "group": group_of(clip.name),
                "opening": lagged[6],
                "best": max(lagged),
                "lag": int(np.argmax(lagged)) - 6,
                "width": _at_lag(made[1], real[1], found[:count], 0),
                "gain": float(made[0][found[:count]].std() / real[0][found[:count]].std()),
            }
        )
    return scores


def _at_lag(made: Tensor, real: Tensor, found: Tensor, lag: int) -> float:
    """Correlation of made[t + lag] with real[t]."""
    time = torch.arange(len(real))
    time = time[found & (time + lag >= 0) & (time + lag < len(real))]
    return correlation(made[time + lag], real[time])


def summary(scores: list[dict], keep) -> str:
    """Means with standard errors over the clips that ``keep`` accepts."""
    chosen = [s for s in scores if keep(s)]
    parts = [f"{len(chosen)} clips"]
    for key in ("opening", "best", "width", "gain"):
        values = np.array([s[key] for s in chosen])
        parts.append(f"{key} {values.mean():.3f} +- {values.std() / len(values) ** 0.5:.3f}")
    lags = np.array([s["lag"] for s in chosen])
    return ", ".join(parts) + f", lag median {np.median(lags):.0f}"


def closure_shares(lips: Tensor, spans: dict[str, list], measures: LipMeasures) -> dict[str, list]:
    """Per kind of phone: for each (start, end) in seconds, whether the lips come to under 15 % of
    the 95th percentile of their opening within two frames of it."""
    gap = lips @ measures.opening
    limit = 0.15 * float(gap.quantile(0.95))
    shares: dict[str, list] = {}
    for kind, times in spans.items():
        shares[kind] = []
        for start, end in times:
            middle = round(25 * (0.65 * start + 0.35 * end))
            near = gap[max(middle - 2, 0) : middle + 3]
            shares[kind].append(bool(len(near) and near.min() < limit))
    return shares


def spans_of(phones: list[tuple[float, float, str]], labials, others) -> dict[str, list]:
    """Times of p, b, m, and of consonants that need no closure and are 0.15 s away from any."""
    shut = [(start, end) for start, end, label in phones if label in labials]
    free = [
        (start, end)
        for start, end, label in phones
        if label in others and all(start > b + 0.15 or end < a - 0.15 for a, b in shut)
    ]
    return {"p b m": shut, "others": free}


def timed_voices(data: Path, source: str) -> list[tuple[Tensor, int, dict[str, list]]]:
    """Natural voices with phone times made by hand (SAMPA): samples, rate, spans by kind."""
    result = []
    for clip in voice_clips(data, (source,)):
        tiers = json.loads((data / "voices" / clip["alignment"]).read_text())
        phones = [(item["start"], item["end"], item["label"]) for item in tiers.get("phones", [])]
        spans = spans_of(phones, SAMPA_LABIALS, SAMPA_OTHERS)
        result.append((*read_audio(data / "voices" / clip["file"]), spans))
    return result


def timed_arpabet(data: Path) -> list[tuple[Tensor, int, dict[str, list]]]:
    """The same from voices with phone times in ARPABET."""
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


def timed_synthetic(utterances: list[Utterance]) -> list[tuple[Tensor, int, dict[str, list]]]:
    """The same from synthetic voices."""
    result = []
    for utterance in utterances:
        phones = [(p.start, p.end, p.letter) for p in utterance.phones]
        spans = spans_of(phones, "pbm", "tdnkɡsl")
        result.append((torch.from_numpy(utterance.sound / 32768.0).float(), 16000, spans))
    return result


def closures(timed: list, encoder: AudioEncoder, measures: LipMeasures, codes_of) -> str:
    """Share of closures on p, b, m and, for comparison, on consonants that need none."""
    total: dict[str, list] = {"p b m": [], "others": []}
    for samples, rate, spans in timed:
        lips = codes_of(encoder.encode(samples, rate).features)
        for kind, hits in closure_shares(lips, spans, measures).items():
            total[kind] += hits
    return ", ".join(f"{kind} {np.mean(v):.3f} (n {len(v)})" for kind, v in total.items())


def deep_pauses(features: Tensor) -> Tensor:
    """(T,) whether a row lies a quarter of a second or more inside a pause."""
    quiet = (features[:, FEATURES["energy"]][:, 0] < -0.6).float()
    around = torch.nn.functional.avg_pool1d(quiet[None], 13, 1, 6, count_include_pad=False)
    return around[0] > 0.99


def behaviour(data: Path, encoder: AudioEncoder, measures: LipMeasures, codes_of) -> list[str]:
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


def report(data: Path, work: Path, encoder: AudioEncoder, codes_of) -> None:
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
        log.info("closures, %s: %s", source, closures(timed, encoder, measures, codes_of))
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
        AudioEncoder(*load_articulation(args.weights)),
        lambda f: f[:, FEATURES["lips"]],
    )


if __name__ == "__main__":
    main()
