"""Whether controls do what they say: asked against measured in the rendered frames.

    python -m vasa_core.lab.evaluation.control [--model mesh] [--size 320]

The sample speech is said by each shipped portrait under a sweep of each control; the frames are
tracked by the face encoder and compared with what was asked (VASA-1, section 4.2; gaze and distance
errors: see ``asked``). Needs no data but the package's own.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from scipy.stats import spearmanr
from torch import Tensor

from ...assets import PORTRAITS, SPEECH
from ...audio.reader import read_audio
from ...face.basis import PARTS
from ...face.canonical import mouth_opening
from ...models import MODELS, load_model
from ...motion.model import MotionDiffusion
from ...render.image import read_image
from ...spaces.mesh.space import MeshSpace
from ...types import EMOTIONS, AudioFeatures
from ...weights.registry import MODELS_FOLDER
from .asked import distance_errors, gaze_error, gazes_seen, seen
from .model_under_test import ModelUnderTest
from .speaking import Speech, beginning

SEED = 0  # of every motion
GAZES = tuple(map(float, range(-20, 21, 5)))  # degrees, each way
DISTANCES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
SWEEP_SECONDS, EMOTION_SECONDS = 1.6, 4.0
STRENGTH = 0.8  # of emotions
MOVED = 0.5  # share of an emotion's largest displacement from which a point counts


def measure(tested: ModelUnderTest, speech: Speech) -> dict[str, float]:
    """All measures of one portrait."""
    short = beginning(tested, speech, SWEEP_SECONDS)
    return (
        gaze_rows(tested, short)
        | distance_rows(tested, short)
        | emotion_rows(tested, beginning(tested, speech, EMOTION_SECONDS))
        | edge_rows(tested, short)
    )


def gaze_rows(tested: ModelUnderTest, heard: AudioFeatures) -> dict[str, float]:
    """Rank correlation of asked and measured gaze, measured degrees per asked degree, and error."""
    rows = {}
    asked = torch.tensor(GAZES, dtype=torch.float64)
    for axis, name in enumerate(("gaze_yaw", "gaze_pitch")):
        gazes = [(d, 0.0) if axis == 0 else (0.0, d) for d in GAZES]
        found = gazes_seen(tested, heard, gazes, SEED)
        means = torch.stack([gaze[axis] for gaze in found.values()]).double()
        errors = [gaze_error(gaze, means_of) for gaze, means_of in found.items()]
        rows[f"{name}: rank correlation"] = rank_correlation(asked, means)
        rows[f"{name}: measured per asked degree"] = float(asked @ means / asked.square().sum())
        rows[f"{name}: mean error, degrees"] = sum(errors) / len(errors)
    return rows


def rank_correlation(one: Tensor, other: Tensor) -> float:
    """Spearman's."""
    found = spearmanr(one.numpy(), other.numpy())
    # scipy makes this named tuple from text, so its fields cannot be seen
    return float(found.statistic)  # pyright: ignore[reportAttributeAccessIssue]


def distance_rows(tested: ModelUnderTest, heard: AudioFeatures) -> dict[str, float]:
    """Largest error of the face's size against what the asked distance makes it, percent."""
    errors = distance_errors(tested, heard, DISTANCES, seed=SEED)
    return {"distance: largest size error, %": max(errors.values())}


def emotion_rows(tested: ModelUnderTest, heard: AudioFeatures) -> dict[str, float]:
    """Per emotion: does the face change as the emotion means (cosine of displacements, at the
    points that it moves most), and do the lips still open as in the neutral run (correlation).

    What an emotion means is known of the mesh model only, whose emotions are displacements.
    """
    neutral = seen(tested, heard, seed=SEED)
    rows = {}
    for name in EMOTIONS[1:]:
        acted = seen(tested, heard, seed=SEED, **{name: STRENGTH})
        if isinstance(tested.model, MotionDiffusion) and tested.space is tested.reader:
            change = (acted.faces - neutral.faces).mean(0)[:, :2]
            code = emotion_code(tested.model, name)
            meant = tested.reader.basis.displacement(code[None])[0, :, :2]
            most = meant.norm(dim=1) > MOVED * meant.norm(dim=1).amax()
            cosine = torch.cosine_similarity(change[most].flatten(), meant[most].flatten(), 0)
            rows[f"{name}: change along its own"] = float(cosine)
        lips = torch.stack([mouth_opening(neutral.faces), mouth_opening(acted.faces)])
        rows[f"{name}: lip opening against neutral"] = float(torch.corrcoef(lips)[0, 1])
    return rows


def emotion_code(model: MotionDiffusion, name: str) -> Tensor:
    """(D,) what an emotion adds where no sound needs closed lips."""
    actions, index = model.actions, EMOTIONS.index(name)
    code = actions.emotions[index].clone()
    code[PARTS["lips"]] += actions.emotion_opening[index] * actions.opening
    return code


def edge_rows(tested: ModelUnderTest, heard: AudioFeatures) -> dict[str, float]:
    """Whether the soft edge flickers while somebody speaks: 1 is as much change as within."""
    frames = torch.stack(list(tested.frames(tested.motion(heard, SEED))))
    edge, inside = changes(frames, tested.space.edit_mask(tested.portrait)[0])
    return {"edge: mean change against inside": float(edge.mean() / inside.mean())}


def changes(frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Changes from frame to frame of (T, 3, H, W) at the soft edge of ``mask`` (H, W), and within
    it: (T - 1, N) each."""
    change = frames.diff(dim=0).abs().amax(1)
    return change[:, (mask > 0) & (mask < 1)], change[:, mask == 1]


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Measures by portrait, and their means."""
    lines = [_line("", (*rows, "mean"))]
    for name in next(iter(rows.values())):
        values = [row[name] for row in rows.values()]
        lines.append(_line(name, [f"{v:.3f}" for v in (*values, sum(values) / len(values))]))
    return "\n".join(lines)


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:38}" + "".join(f"{cell:>11}" for cell in cells)


def main() -> None:
    """Command line: print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", choices=MODELS, default="mesh")
    parser.add_argument("--models", type=Path, default=MODELS_FOLDER)
    parser.add_argument("--size", type=int, default=320, help="of the portraits, pixels")
    args = parser.parse_args()
    torch.set_num_threads(1)
    space, model = load_model(args.model, folders=[args.models])
    reader = space if isinstance(space, MeshSpace) else MeshSpace.load()
    speech = Speech("sample", "en", *read_audio(SPEECH))
    rows = {}
    for name, path in PORTRAITS.items():
        portrait = space.encode(read_image(path, args.size))
        rows[name] = measure(ModelUnderTest(space, model, reader, portrait), speech)
    print(table(rows))


if __name__ == "__main__":
    main()
