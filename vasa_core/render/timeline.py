"""A motion as plain numbers for a timeline in a browser."""

from __future__ import annotations

from fractions import Fraction

import torch.nn.functional as F
from torch import Tensor

from ..types import MotionSketch

PEAKS_PER_SECOND = 100
MOST_DRAWINGS = 3000  # of the face; longer motions are drawn at fewer frames
GRID = 1000  # steps per eye distance in the drawings


def timeline(
    sketch: MotionSketch, fps: Fraction, sound: tuple[Tensor, int] | None = None
) -> dict[str, object]:
    """Everything a timeline shows, of JSON's own types.

    fps, frames, seconds   of the motion
    curves                 name to a number per frame (``MotionSketch.curves``)
    drawings               fps, strokes (index lists) and points: per drawing x0, y0, x1, y1, ...
                           in thousandths of the eye distance
    peaks                  loudest sample of each hundredth of a second, 0..1; None without sound
    """
    frames = len(sketch.points)
    step = -(-frames // MOST_DRAWINGS)
    points = (sketch.points[::step].flatten(1) * GRID).round().long()
    return {
        "fps": float(fps),
        "frames": frames,
        "seconds": float(frames / fps),
        "curves": {
            name: [round(value, 3) for value in curve.tolist()]
            for name, curve in sketch.curves.items()
        },
        "drawings": {
            "fps": float(fps / step),
            "strokes": [list(line) for line in sketch.strokes],
            "points": points.tolist(),
        },
        "peaks": None if sound is None else _peaks(*sound),
    }


def _peaks(waveform: Tensor, rate: int) -> list[float]:
    """(C, N) samples to the loudest of each hundredth of a second, relative to the loudest."""
    loud = waveform.float().nan_to_num(0.0).abs().amax(0).cpu()
    count = -(-len(loud) * PEAKS_PER_SECOND // rate)
    peaks = F.adaptive_max_pool1d(loud[None], max(count, 1))[0]
    return [round(value, 3) for value in (peaks / peaks.max().clamp(min=1e-6)).tolist()]
