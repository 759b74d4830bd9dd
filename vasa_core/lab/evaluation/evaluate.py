"""``vasa evaluate``: every measure of a model on a set of portraits, speech and talking clips.

The set is a corpus (docs/corpus.md): ``portraits`` and ``speech``, and, for the measures that need
real people, ``talking`` with landmarks and ``voices`` with phone times.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from ...bench.stages import Bench
from ...errors import InputError, NoFaceError
from ...face.basis import PARTS
from ...types import Progress, stepper
from ..data.clips import RealClip
from ..data.index import has_index
from ..data.media import portrait_entries, speech_entries
from ..scorers.alignment import alignment
from ..scorers.sync import MAX_LAG, sync_of
from .asked import gaze_error, gazes_seen
from .heads import pose_rows, pose_variation
from .measures import Row, summaries
from .model_under_test import ModelUnderTest
from .plots import Curve
from .reenactment import Reenacted, reenact, reenactment_rows
from .rendered import SECONDS, distance_rows, faces, flicker_rows, identity_rows
from .report import Report, Strip, write_report
from .speaking import Speech, beginning, speaking_rows, speeches
from .talking import TALKER, Judges, clips_of, free_heads, head_rows, lip_rows, usable

FOLDERS = ("portraits", "speech")
STAGES = 6  # that progress counts
GAZE_SECONDS = 1.6
GAZES = ((15.0, 0.0), (-15.0, 5.0), (0.0, 12.0), (5.0, -10.0))  # degrees
SHIFTS, SCALES = range(-8, 9), (0.2, 0.5, 1.0, 1.5, 3.0)
STRIP = 6  # frames
TIMED_FRAMES = 32


def check_set(data: Path) -> None:
    """Raises InputError when a folder is no set."""
    missing = [name for name in FOLDERS if not has_index(data, name)]
    if missing:
        lacking = ", ".join(f"{name}/INDEX.json" for name in missing)
        raise InputError(f"{data} is no evaluation set: it has no {lacking}.")
    portrait_entries(data)  # they say themselves what is lacking
    speech_entries(data)


def evaluate(
    tested: ModelUnderTest, data: Path, seeds: range, progress: Progress | None = None
) -> Report:
    """Measure a model; some ten minutes on two cores for the embedded one.

    ``seeds`` are those of the motions on talking clips and speech. Raises InputError when ``data``
    is no set; ``progress`` counts stages and may raise to stop.
    """
    check_set(data)
    step, began = stepper(STAGES, progress), perf_counter()
    judges, report = Judges(), Report({})
    spoken = clips_of(data, usable)
    report.rows += lip_rows(tested, judges, spoken, seeds)
    report.curves += judge_curves(tested, judges, spoken) if spoken else []
    step()
    report.rows += head_rows(tested, clips_of(data, free_heads), seeds)
    step()
    speech = speeches(data)
    report.rows += speaking_rows(tested, judges, speech, data, seeds)
    report.rows += gaze_rows(tested, speech[0])
    step()
    for shown in reenacted(tested, data):
        report.rows += reenactment_rows(tested, shown)
        report.strips.append(_strip(shown))
    step()
    _add_portraits(report, tested, data, speech[0])
    step()
    report.rows += time_rows(tested, speech[0])
    step()
    report.about |= {
        "model": f"{tested.space.name}, {type(tested.model).__name__}",
        "seeds": str(len(seeds)),
        "steps": str(tested.steps or "the model's own"),
        "machine": f"{platform.machine()}, {tested.workers} threads, torch {torch.__version__}",
        "took": f"{perf_counter() - began:.0f} s",
    }
    return report


def judge_curves(tested: ModelUnderTest, judges: Judges, clips: Sequence[RealClip]) -> list[Curve]:
    """Do the judges judge? Scores by shift, and by scale of the motion, of real people and model.

    Sync must fall with the shift; alignment with the shift, and with too much or too little motion
    (VASA-1's checks of CAPP, section 4.1).
    """
    made = [tested.speak(tested.features(c.sound, c.rate), seed=1) for c in clips]
    motions = {"real": [clip.motion for clip in clips], "model": made}
    sounds = [judges.heard(clip.sound, clip.rate) for clip in clips]
    sync, shifted, scaled = {}, {}, {}
    for who, each in motions.items():
        lips = [motion.dynamics[:, PARTS["lips"]] for motion in each]
        found = [
            sync_of(judges.sync, c.sound, c.rate, x).curve for c, x in zip(clips, lips, strict=True)
        ]
        sync[who] = torch.stack(found).mean(0).tolist()
        heads = [pose_rows(m) * (TALKER / max(pose_variation(m), 1e-6)) for m in each]

        def score(heads=heads, shift: int = 0, scale: float = 1.0) -> float:
            pairs = zip(sounds, heads, strict=True)
            values = [alignment(judges.alignment, s, scale * h, shift) for s, h in pairs]
            return sum(values) / len(values)

        shifted[who] = [score(shift=shift) for shift in SHIFTS]
        scaled[who] = [score(scale=scale) for scale in SCALES]
    lags = list(range(-MAX_LAG, MAX_LAG + 1))
    return [
        Curve("sync by shift of the lips", "frames", lags, sync),
        Curve("head and sound by shift", "frames", list(SHIFTS), shifted),
        Curve("head and sound by scale of the motion", "times", SCALES, scaled),
    ]


def gaze_rows(tested: ModelUnderTest, speech: Speech) -> Iterator[Row]:
    """Mean gaze in the frames against the gaze that was asked for."""
    heard = beginning(tested, speech, GAZE_SECONDS)
    for asked, found in gazes_seen(tested, heard, GAZES).items():
        yaw, pitch = asked
        error = gaze_error(asked, found)
        yield Row("gaze_error", "speech", "model", f"{yaw:g}, {pitch:g}", error)


def reenacted(tested: ModelUnderTest, data: Path) -> Iterator[Reenacted]:
    """Talking clips of every person whose head moves freely, and of some before a camera."""
    seen = set()
    for clip in clips_of(data, lambda c: free_heads(c) or usable(c)):
        if clip.entry.person in seen:
            continue
        seen.add(clip.entry.person)
        try:
            yield reenact(tested, clip.entry.file, clip.group)
        except NoFaceError:
            continue


def _strip(shown: Reenacted) -> Strip:
    pick = torch.linspace(0, len(shown.real) - 1, STRIP).round().long()
    rows = torch.cat([shown.real[pick], shown.drawn[pick]], 2)  # one over the other
    rows = torch.cat([shown.first.repeat(1, 1, 2, 1), rows])
    caption = f"{shown.name}: first frame; real above, drawn from the first frame below"
    return Strip(f"reenacted_{shown.name}", caption, rows)


def _add_portraits(report: Report, tested: ModelUnderTest, data: Path, speech: Speech) -> None:
    heard = beginning(tested, speech, SECONDS)
    for face in faces(tested, data):
        report.rows += identity_rows(tested, face, heard)
        report.rows += flicker_rows(tested, face)
        report.rows += distance_rows(tested, face, heard)
        moments = torch.linspace(8, len(heard) - 1, STRIP).long()
        frames = tested.frames(tested.motion(heard, 1)[moments], face.portrait)
        shown = torch.stack([face.portrait.image[0], *frames])
        report.strips.append(
            Strip(face.name, f"{face.name} ({face.group}): picture, speech", shown)
        )


def time_rows(tested: ModelUnderTest, speech: Speech) -> Iterator[Row]:
    """Wall time per frame of each stage, one thread; encoding is per portrait."""
    runs = Bench(tested.portrait.image.device)
    sound, rate = speech.sound, speech.rate
    image = tested.portrait.image
    runs.measure("encode portrait", lambda: tested.space.encode(image), 1, "portrait", 2)
    frames = int(len(sound) * 25 / rate)
    heard = runs.measure("hear", lambda: tested.features(sound, rate), frames, "frame", 2)
    motion = runs.measure("sample", lambda: tested.motion(heard), frames, "frame", 2)
    few = motion[:TIMED_FRAMES]

    def render() -> list[Tensor]:
        return list(tested.space.render(tested.portrait, few))

    runs.measure("render", render, len(few), "frame", 2)
    for stage in runs.stages:
        yield Row(
            "time",
            stage.name,
            "model",
            f"{max(image.shape[-2:])} px",
            1e3 * stage.wall / stage.count,
        )


def save(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write ``metrics.json`` (every value, and the summaries) and ``index.html``; their paths."""
    page = write_report(report, folder)
    path = folder / "metrics.json"
    content = {
        "about": report.about,
        "summary": [asdict(s) for s in summaries(report.rows)],
        "curves": [asdict(c) for c in report.curves],
        "rows": [asdict(row) for row in report.rows],
    }
    path.write_text(json.dumps(content, indent=1), "utf8")
    return path, page
