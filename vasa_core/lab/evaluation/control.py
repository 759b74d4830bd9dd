"""Whether controls do what they say: asked against measured in the rendered frames.

    python -m vasa_core.lab.evaluation.control [--model mesh] [--size 320]

The sample speech is said by each shipped portrait under a sweep of each control; the frames are
tracked by the face encoder and compared with what was asked (VASA-1, section 4.2, and the gaze and
distance errors of its table 4). Needs nothing but the package.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from scipy.stats import spearmanr
from torch import Tensor

from ...assets import PORTRAITS, SPEECH
from ...audio.reader import read_audio
from ...face.basis import PARTS
from ...face.canonical import gaze_angles, mouth_opening
from ...face.geometry import fit_pose
from ...interfaces import FaceSpace, MotionModel
from ...models import MODELS, load_model
from ...motion.keyframes import controls_from
from ...render.image import read_image
from ...spaces.mesh.space import MeshSpace
from ...types import EMOTIONS, Portrait
from ...weights.registry import MODELS_FOLDER

GAZES = tuple(range(-20, 21, 5))  # degrees, each way
DISTANCES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
SWEEP_SECONDS, EMOTION_SECONDS = 1.6, 4.0
STRENGTH = 0.8  # of emotions
MOVED = 0.5  # share of an emotion's largest displacement from which a point counts


@dataclass(frozen=True, slots=True)
class Seen:
    """What the face encoder sees in frames.

    gaze (2,)       mean, degrees
    scale ()        mean size, pixels
    faces (T, V, 3) canonical
    """

    gaze: Tensor
    scale: Tensor
    faces: Tensor


@dataclass(frozen=True, slots=True)
class Trial:
    """A portrait and a model to try controls on; ``reader`` reads faces in the frames."""

    space: FaceSpace
    model: MotionModel
    reader: MeshSpace
    portrait: Portrait
    sound: Tensor
    rate: int

    def frames(self, seconds: float, **values: float) -> Iterator[Tensor]:
        """(3, H, W) frames with these values of the controls and that much of the sound."""
        heard = self.sound[: int(seconds * self.rate)]
        features = self.model.features(heard, self.rate)
        motion = self.model.sample(features, controls_from(values), portrait=self.portrait)
        for chunk in self.space.render(self.portrait, motion):
            yield from chunk

    def run(self, seconds: float, **values: float) -> Seen:
        """What the face encoder sees in these frames."""
        seen = self.reader.track(self.frames(seconds, **values), self.model.fps)
        faces = fit_pose(seen.landmarks, self.reader.basis.canonical).canonical(seen.landmarks)
        return Seen(gaze_angles(faces).mean(0), seen.motion.scale.mean(), faces)


def measure(trial: Trial) -> dict[str, float]:
    """All measures of one portrait."""
    return gaze_rows(trial) | distance_rows(trial) | emotion_rows(trial) | edge_rows(trial)


def gaze_rows(trial: Trial) -> dict[str, float]:
    """Rank correlation of asked and measured gaze, and measured degrees per asked degree."""
    rows = {}
    for axis, name in enumerate(("gaze_yaw", "gaze_pitch")):
        means = torch.stack([trial.run(SWEEP_SECONDS, **{name: d}).gaze[axis] for d in GAZES])
        asked = torch.tensor(GAZES).to(means)
        rows[f"{name}: rank correlation"] = rank_correlation(asked, means)
        rows[f"{name}: measured per asked degree"] = float(asked @ means / asked.square().sum())
    return rows


def rank_correlation(one: Tensor, other: Tensor) -> float:
    """Spearman's."""
    return float(spearmanr(one.numpy(), other.numpy()).statistic)


def distance_rows(trial: Trial) -> dict[str, float]:
    """Largest error of the face's size against what the asked distance makes it, percent."""
    sizes = {d: float(trial.run(SWEEP_SECONDS, distance=d).scale) for d in DISTANCES}
    errors = [abs(size * distance / sizes[1.0] - 1) for distance, size in sizes.items()]
    return {"distance: largest size error, %": 100 * max(errors)}


def emotion_rows(trial: Trial) -> dict[str, float]:
    """Per emotion: does the face change as the emotion means (cosine of displacements, at the
    points that it moves most), and do the lips still open as in the neutral run (correlation)."""
    neutral = trial.run(EMOTION_SECONDS)
    rows = {}
    for name in EMOTIONS[1:]:
        acted = trial.run(EMOTION_SECONDS, **{name: STRENGTH})
        if trial.space is trial.reader:  # whose codes are displacements of its points
            change = (acted.faces - neutral.faces).mean(0)[:, :2]
            meant = trial.reader.basis.displacement(emotion_code(trial, name)[None])[0, :, :2]
            most = meant.norm(dim=1) > MOVED * meant.norm(dim=1).amax()
            cosine = torch.cosine_similarity(change[most].flatten(), meant[most].flatten(), 0)
            rows[f"{name}: change along its own"] = float(cosine)
        lips = torch.stack([mouth_opening(neutral.faces), mouth_opening(acted.faces)])
        rows[f"{name}: lip opening against neutral"] = float(torch.corrcoef(lips)[0, 1])
    return rows


def emotion_code(trial: Trial, name: str) -> Tensor:
    """(D,) what an emotion adds where no sound needs closed lips."""
    actions, index = trial.model.actions, EMOTIONS.index(name)
    code = actions.emotions[index].clone()
    code[PARTS["lips"]] += actions.emotion_opening[index] * actions.opening
    return code


def edge_rows(trial: Trial) -> dict[str, float]:
    """Whether the soft edge flickers while somebody speaks: 1 is as much change as within."""
    frames = torch.stack(list(trial.frames(SWEEP_SECONDS)))
    edge, inside = changes(frames, trial.space.edit_mask(trial.portrait)[0])
    return {"edge: mean change against inside": float(edge.mean() / inside.mean())}


def changes(frames: Tensor, reach: Tensor) -> tuple[Tensor, Tensor]:
    """Changes from frame to frame of (T, 3, H, W) at the soft edge of ``reach`` (H, W), and within
    it: (T - 1, N) each."""
    change = frames.diff(dim=0).abs().amax(1)
    return change[:, (reach > 0) & (reach < 1)], change[:, reach == 1]


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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default="mesh")
    parser.add_argument("--models", type=Path, default=MODELS_FOLDER)
    parser.add_argument("--size", type=int, default=320, help="of the portraits, pixels")
    args = parser.parse_args()
    torch.set_num_threads(1)
    space, model = load_model(args.model, folders=[args.models])
    reader = space if isinstance(space, MeshSpace) else MeshSpace.load()
    waveform, rate = read_audio(SPEECH)
    rows = {}
    for name, path in PORTRAITS.items():
        portrait = space.encode(read_image(path, args.size))
        rows[name] = measure(Trial(space, model, reader, portrait, waveform, rate))
    print(table(rows))


if __name__ == "__main__":
    main()
