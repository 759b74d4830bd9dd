"""Hair: thousands of tapered strands between guide curves, and curls inside an outline."""

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, blurred, colour, rgb, spline


@dataclass(frozen=True)
class Hair:
    """The colours of hair, from its depth to its shine."""

    dark: str
    base: str
    light: str


@dataclass(frozen=True)
class Lock:
    """Strands between guide curves.

    guides   (g, k, 2) control points of neighbouring curves, roots first, back to front
    span     the share of a guide that one strand covers: 1 for long hair, less for short
    wave     how far strands swing to the side, in units; ``turns`` how often
    shine    where along the guide light catches, 0 root to 1 tip
    """

    guides: tuple
    count: int = 1500
    span: float = 1.0
    width: float = 0.016
    wave: float = 0.02
    turns: float = 2.0
    clumps: int = 40
    stray: float = 0.02
    shine: float = 0.3
    fill: float = 0.9


def strand(paths: np.ndarray, u: float) -> np.ndarray:
    """The curve at ``u`` (0..1) between the guides (g, m, 2)."""
    at = u * (len(paths) - 1)
    i = min(int(at), len(paths) - 2)
    return paths[i] * (1 - at + i) + paths[i + 1] * (at - i)


def lock_paths(lock: Lock, place) -> np.ndarray:
    """The guides as curves in the picture, (g, m, 2); ``place`` is ``Head.place``."""
    return np.stack([spline(place(g)[:, :2], steps=10) for g in lock.guides])


def lock_mask(canvas: Canvas, lock: Lock, place, soft: float = 0.03) -> np.ndarray:
    """The area between a lock's outermost guides, (H, W) 0..1."""
    paths = lock_paths(lock, place)
    return canvas.shape(np.concatenate([paths[0], paths[-1][::-1]]), soft)


# Share of the count, where on the strand (None: all of it), towards which colour, how far, opacity.
PASSES = (
    (1.0, None, "light", 0.0, 0.95),
    (0.25, 0.04, "dark", 0.8, 0.45),
    (0.25, 0.95, "dark", 0.5, 0.35),
    (0.45, 0.0, "light", 0.45, 0.5),
    (0.20, 0.72, "light", 0.45, 0.4),
    (0.25, 0.0, "light", 0.9, 0.45),
)


def paint_lock(canvas: Canvas, lock: Lock, hair: Hair, place, rng) -> None:
    """Fill between the guides, then strands, then depth and light on them."""
    paths = lock_paths(lock, place)
    canvas.lay(colour(hair.dark), lock_mask(canvas, lock, place), lock.fill)
    dark, base = colour(hair.dark), colour(hair.base)
    phases = rng.uniform(0, 2 * np.pi, lock.clumps)
    tones = rng.uniform(0.0, 1.0, lock.clumps)
    for share, middle, toward, mix, alpha in PASSES:
        goal, count = colour(getattr(hair, toward)), int(lock.count * share)
        middle = lock.shine if middle == 0.0 else middle
        curves, tints = [], []
        for u in np.sort(rng.uniform(0, 1, count)):
            clump = int(u * lock.clumps * 0.999)
            curves.append(one_strand(paths, lock, u, middle, phases[clump], rng))
            within = u * lock.clumps - clump
            tone = 0.62 * tones[clump] + 0.42 * (1 - within) + rng.normal(0.02, 0.2)
            tint = dark + (base - dark) * np.clip(tone * 1.25, 0, 1.2)
            tints.append(tint + mix * (goal - tint) * np.clip(0.35 + 0.6 * tone, 0, 1))
        canvas.strands(curves, tints, lock.width * rng.uniform(0.5, 1.1, count), alpha)


def one_strand(paths, lock: Lock, u: float, middle, phase: float, rng) -> np.ndarray:
    """A strand near ``u``; a part of it around ``middle`` where that is given."""
    path = strand(paths, np.clip(u + rng.normal(0, 0.4 / lock.clumps), 0, 1))
    if lock.span < 1:
        length = lock.span * rng.uniform(0.7, 1.0)
        start = rng.uniform(-0.06, 1 - length)
        ends = max(start, 0.0), start + length
    elif middle is None:
        ends = 0.0, 1 - abs(rng.normal(0, 0.09))
    else:
        centre, half = rng.normal(middle, 0.10), rng.uniform(0.06, 0.2)
        ends = np.clip(centre - half, 0, 0.9), np.clip(centre + half, 0.1, 1.0)
    m = len(path) - 1
    first, last = int(ends[0] * m), max(int(ends[1] * m), int(ends[0] * m) + 4)
    path = path[first : last + 1]
    t = np.linspace(ends[0], ends[1], len(path))
    run = np.gradient(path, axis=0)
    side = np.stack([-run[:, 1], run[:, 0]], 1) / (np.linalg.norm(run, axis=1)[:, None] + 1e-9)
    swing = np.sin(t * lock.turns * 2 * np.pi + phase) * lock.wave * t
    drift = np.outer(np.linspace(0, 1, len(path)) ** 1.5, rng.normal(0, lock.stray, 2))
    return path + side * swing[:, None] + drift


def paint_fur(canvas: Canvas, mask: np.ndarray, flow, hair: Hair, count: int, length: float, rng):
    """Short hairs rooted where ``mask`` (H, W) says, lying along ``flow(root)``."""
    rows, cols = np.nonzero(mask > rng.uniform(0.02, 1.0, mask.shape))
    picks = rng.integers(0, len(rows), count)
    curves, tints = [], []
    for row, col in zip(rows[picks], cols[picks], strict=True):
        root = np.array([canvas.x[0, col], canvas.y[row, 0]])
        way = np.asarray(flow(root)) + rng.normal(0, 0.25, 2)
        bend = np.array([-way[1], way[0]]) * rng.normal(0, 0.2)
        reach = length * rng.uniform(0.5, 1.2)
        curves.append(spline([root, root + (way + bend) * reach / 2, root + way * reach], steps=4))
        low, high = colour(hair.dark), colour(hair.light)
        tints.append(low + (high - low) * np.clip(rng.normal(0.5 - 0.35 * root[0], 0.3), 0, 1))
    canvas.strands(curves, tints, [0.011] * count, 0.5)


def light_hair(canvas: Canvas, before: np.ndarray, tint) -> None:
    """Light what was painted since ``before``: darker right and below, a rim on the left."""
    mask = (np.abs(canvas.rgb - before).max(-1) > 0.06).astype(np.float32)
    mask = canvas.blur(mask, 0.004)
    far = np.clip(0.24 + 0.42 * canvas.x + 0.05 * (canvas.y - 0.6), 0, 1)
    canvas.shade(tint, (mask * far).astype(np.float32), 0.75)
    soft = canvas.blur(mask, 0.10)
    rim = mask * np.clip(1.6 - 2 * soft, 0, 1) * np.clip(0.4 - canvas.x, 0, 1)
    canvas.glow(rgb(1.0, 0.93, 0.85), rim.astype(np.float32), 0.22)


def paint_curls(canvas: Canvas, outline, hair: Hair, count: int, size: float, rng) -> None:
    """Tight curls inside an outline (n, 2), lit from the upper left like a ball."""
    body = spline(outline, closed=True)
    mask = canvas.shape(body, 0.02)
    canvas.lay(colour(hair.dark), mask)
    low, high = body.min(0), body.max(0)
    middle, half = (low + high) / 2, (high - low) / 2
    inside = canvas.shape(body)
    bumps = blurred(rng.standard_normal(mask.shape).astype(np.float32), 0.05 * canvas.unit)
    bumps /= bumps.std()
    curves, tints = [], []
    while len(curves) < count:
        spot = rng.uniform(low, high)
        col, row = canvas.pixels(spot).astype(int)
        if not (0 <= row < canvas.px and 0 <= col < canvas.px) or inside[row, col] < 0.5:
            continue
        angle, turn = rng.uniform(0, 2 * np.pi), rng.uniform(2.2, 5.0) * rng.choice((-1, 1))
        r = size * rng.uniform(0.5, 1.15)
        arc = angle + np.linspace(0, turn, 10)
        grow = np.linspace(1.0, 0.55, 10) * r
        curves.append(spot + np.stack([np.cos(arc), np.sin(arc)], 1) * grow[:, None])
        away = (spot - middle) / half
        lit = 0.46 - 0.20 * away[0] - 0.36 * away[1] + 0.15 * bumps[row, col] + rng.normal(0, 0.16)
        lit = np.clip(lit, 0.12, 1) * np.clip(0.35 + len(curves) / count, 0, 1)
        stops = np.stack([colour(c) for c in (hair.dark, hair.base, hair.light)])
        tints.append(np.array([np.interp(lit, (0.05, 0.5, 1.0), stops[:, k]) for k in range(3)]))
    canvas.strands(curves, tints, rng.uniform(0.009, 0.017, count), 0.85)
