"""Finds from which square of which picture a crop was made.

The founders' index names neither file nor box of its crops of faces, nor the boxes of GRID's
first speaker; with the sources at hand both are found again by looking. Every picture is compared
in small (``GRID`` pixels a side) at all places and sizes; the best places are then moved and sized
until they match, at last by single pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import log

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import unfold

Pictures = Iterable[tuple[str, Image.Image]]
Place = tuple[float, float, float]  # left, top, side in pixels

GRID = 10
RATIO = 1.08  # from one size of window to the next
SMALLEST = 0.2  # window, over the shorter side
CANDIDATES = 3  # pictures that are looked at closely for each crop
SEARCHED = 512  # shorter side of the picture in which windows are compared
# Passes of the closer look: side at which it is compared, and steps over the window's side.
PASSES = ((32, (0.08, 0.04, 0.02)), (64, (0.02, 0.01, 0.005)), (128, (0.005, 0.0025)))
# Moves of a window: right, down, growth. The rough ones let it grow about its middle and corners.
ROUGH = (
    *((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (-0.5, -0.5, 1), (0.5, 0.5, -1)),
    *((0, 0, 1), (0, 0, -1), (-1, 0, 1), (0, -1, 1), (1, 1, -1), (-1, -1, 1)),
)
FINE = tuple(m for m in product((-1, 0, 1), (-1, 0, 1), (-2, -1, 0, 1, 2)) if any(m))
HOPELESS = 30.0  # root mean square difference, of 255, from which a place is not looked at closer
GOOD = 8.0  # root mean square difference, of 255, up to which it is the place: JPEG leaves 1 to 5


@dataclass(frozen=True, slots=True)
class Found:
    """Where a crop comes from: picture, left, top and side in its pixels, difference of 255."""

    picture: str
    box: tuple[int, int, int]
    difference: float


def find(crops: Sequence[Image.Image], pictures: Callable[[], Pictures]) -> list[Found | None]:
    """For each square RGB crop the place that it was cut from; None where no place is ``GOOD``.

    ``pictures`` is called twice and gives names and RGB pictures, each time in the same order.
    """
    wanted: dict[str, list[tuple[int, Place]]] = defaultdict(list)
    for number, places in enumerate(candidates(crops, pictures())):
        for _, name, place in places:
            wanted[name].append((number, place))
    best: list[Found | None] = [None] * len(crops)
    for name, picture in pictures():
        for number, place in wanted.get(name, ()):
            before = best[number]
            if before is None or before.difference > GOOD:
                found = fitted(picture, place, crops[number])
                if before is None or found[1] < before.difference:
                    best[number] = Found(name, *found)
    return [found if found and found.difference < GOOD else None for found in best]


def candidates(
    crops: Sequence[Image.Image], pictures: Pictures
) -> list[list[tuple[float, str, Place]]]:
    """For each crop the likeliest places: correlation, picture and place, the best first."""
    looks = _unit(torch.stack([_small(crop, GRID, GRID).flatten() for crop in crops]))
    best: list[list[tuple[float, str, Place]]] = [[] for _ in crops]
    for name, picture in pictures:
        windows, places = _windows(picture)
        values, index = (looks @ windows.T).max(1)
        for held, value, place in zip(best, values.tolist(), places[index].tolist(), strict=True):
            held.append((value, name, tuple(place)))
            held.sort(reverse=True)
            del held[CANDIDATES:]
    return best


def fitted(
    picture: Image.Image, place: Place, crop: Image.Image
) -> tuple[tuple[int, int, int], float]:
    """The square near ``place`` that looks most like the crop, to a pixel, and the difference."""
    at, error = _inside(place, picture.size), 0.0
    for side, steps in PASSES:
        shrunk = max(1, int(at[2] / (2 * side)))
        small, target = picture.reduce(shrunk), _pixels(crop, side)
        at = _inside((at[0] / shrunk, at[1] / shrunk, at[2] / shrunk), small.size)
        for step in steps:
            at, error = _descend(small, at, target, ROUGH, step)
        at = (at[0] * shrunk, at[1] * shrunk, at[2] * shrunk)
        if error > HOPELESS:
            break
    at = _inside(_whole(at), picture.size)
    if error <= HOPELESS:
        at, error = _descend(picture, at, _pixels(crop, crop.width), FINE, None)
    return _whole(at), error


def _descend(
    picture: Image.Image,
    place: Place,
    target: np.ndarray,
    moves: Sequence[Place],
    step: float | None,
) -> tuple[Place, float]:
    """Moves and sizes a window as long as that makes it more like the target.

    Steps are a share of the window's side, or single pixels.
    """
    error, moved = _difference(picture, place, target), True
    while moved:
        moved, size = False, 1 if step is None else step * place[2]
        for dx, dy, grow in moves:
            other = (place[0] + dx * size, place[1] + dy * size, place[2] + grow * size)
            value = _difference(picture, other, target)
            if value < error:
                place, error, moved = other, value, True
    return place, error


def _difference(picture: Image.Image, place: Place, target: np.ndarray) -> float:
    x, y, side = place
    width, height = picture.size
    if side < GRID or min(x, y) < 0 or x + side > width or y + side > height:
        return float("inf")
    box = (x, y, x + side, y + side)
    size = (len(target), len(target))
    made = picture.resize(size, Image.Resampling.LANCZOS, box=box)
    return float(np.sqrt(np.square(np.asarray(made, np.float32) - target).mean()))


def _inside(place: Place, size: tuple[int, int]) -> Place:
    width, height = size
    side = min(place[2], width, height)
    return min(max(place[0], 0), width - side), min(max(place[1], 0), height - side), side


def _whole(place: Place) -> tuple[int, int, int]:
    return round(place[0]), round(place[1]), round(place[2])


def _windows(picture: Image.Image) -> tuple[Tensor, Tensor]:
    """(N, GRID * GRID) looks of all windows of a picture, of unit length, and (N, 3) places."""
    width, height = picture.size
    grey = picture.convert("L")
    shrunk = SEARCHED / min(width, height)
    if shrunk < 1:
        grey = grey.resize((round(width * shrunk), round(height * shrunk)), Image.Resampling.BOX)
    looks, places = [], []
    for power in range(int(log(1 / SMALLEST, RATIO)) + 1):
        side = min(width, height) * RATIO**-power
        across, down = (max(GRID, round(length * GRID / side)) for length in (width, height))
        small = _small(grey, across, down)
        looks.append(unfold(small[None, None], GRID)[0].T)
        y, x = torch.meshgrid(
            torch.arange(down - GRID + 1), torch.arange(across - GRID + 1), indexing="ij"
        )
        x, y = x.flatten() * width / across, y.flatten() * height / down
        places.append(torch.stack([x, y, torch.full_like(x, side)], 1))
    return _unit(torch.cat(looks)), torch.cat(places)


def _small(picture: Image.Image, width: int, height: int) -> Tensor:
    grey = picture.convert("L").resize((width, height), Image.Resampling.BOX)
    return torch.from_numpy(np.array(grey, np.float32))


def _pixels(picture: Image.Image, side: int) -> np.ndarray:
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX), np.float32)


def _unit(rows: Tensor) -> Tensor:
    rows = rows - rows.mean(1, keepdim=True)
    return rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-6)
