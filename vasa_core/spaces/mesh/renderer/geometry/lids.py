"""Moves the lid contours of a portrait to where its picture has them.

Landmarks are a little off, on stylised eyes a lot; a lid that closes short of the eye's edge leaves
a slit. The edge between eye and skin is looked for along each contour as a whole: one shift for
each lid, so a few misleading pixels do no harm.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .....face.topology import (
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    LIDS,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from .....render.blur import gaussian_blur
from .openings import Openings, cut_eyes
from .texture import Texture, luminance

# All of these were chosen by hand. Lengths are in eye distances, along a lid in half its width.
SEARCH_RADIUS = {"upper": 0.030, "lower": 0.050}  # how far outward an edge is looked for
SEARCH_STEPS, INWARD = 41, 0.8  # of the search; how far inward, in radii
BAND = 0.014  # on either side of an edge whose colours are compared
LASHES = 0.012  # thickness: the upper contour lies at their lower edge
AROUND = 0.35  # of the eyes that is looked at
NOISE = 0.006  # blur that takes it out of the picture
ALONG, COLUMNS = 0.7, 25  # the part of a lid that is looked at, and at how many places
DISTRUST = 0.50  # how much better an edge a radius away must be than one in place
SHARPNESS = 12  # of the choice between edges
CLEAR_EDGE = 0.2  # difference in strangeness, 0..1, below which a lid is left where it is
# Rows of skin that an eye is compared with: two below it, one above; along 9 places each.
SKIN_BELOW, SKIN_ABOVE, SKIN_ALONG, SKIN_COLUMNS = (0.13, 0.17), 0.07, 0.8, 9
LEAST_SPREAD, LEAST_LIGHT = 0.03, 0.15  # of the skin's colours
# A colour is strange from so many spreads of the skin on, and so much of its light.
SPREADS, OF_LIGHT = 2.5, 0.15


def fit_lids(picture: Tensor, landmarks: Tensor, unit: float) -> Tensor:
    """(1, 3, h, w) picture and (V, 3) landmarks to landmarks with the lids moved."""
    eyes = cut_eyes(landmarks, unit)
    texture = _smoothed(picture, landmarks[list(LIDS), :2], unit)
    fitted = landmarks.clone()
    lids = {
        "upper": (RIGHT_LID_UPPER, LEFT_LID_UPPER),
        "lower": (RIGHT_LID_LOWER, LEFT_LID_LOWER),
    }
    for side, vertices in lids.items():
        shift = _shift(texture, eyes, side, unit)
        for eye, indices in enumerate(vertices):
            inner = list(indices[1:-1])
            along = eyes.local(landmarks[None, inner, :2])[eye, :, 0] / eyes.half[eye]
            move = shift[eye] * (1 - along.square()).clamp(min=0).sqrt()
            fitted[inner, :2] += move[:, None] * eyes.axes[eye, 1]
    return fitted


def _smoothed(picture: Tensor, lids: Tensor, unit: float) -> Texture:
    """The picture around (n, 2) points of the lids, without its noise."""
    size = lids.new_tensor([picture.shape[-1], picture.shape[-2]])
    low = (lids.amin(0) - AROUND * unit).floor().clamp(min=0)
    high = torch.minimum((lids.amax(0) + AROUND * unit).ceil(), size)
    (left, top), (right, bottom) = low.long().tolist(), high.long().tolist()
    smooth = gaussian_blur(picture[..., top:bottom, left:right], NOISE * unit)
    return Texture(smooth, low[None] + 0.5, high[None] - 0.5)


def _shift(texture: Texture, eyes: Openings, side: str, unit: float) -> Tensor:
    """(2,) pixels downward by which the upper or lower contours of both eyes are off."""
    outward = -1.0 if side == "upper" else 1.0
    x = torch.linspace(-ALONG, ALONG, COLUMNS).to(eyes.half) * eyes.half[:, None]  # (2, X)
    contour = eyes.at(getattr(eyes, side), x)
    bulge = (1 - (x / eyes.half[:, None]).square()).sqrt()
    steps = torch.linspace(-INWARD, 1.0, SEARCH_STEPS).to(x) * SEARCH_RADIUS[side] * unit * outward
    v = contour[:, None] + steps[:, None] * bulge[:, None]  # (2, S, X)
    inside = _strangeness(texture, eyes, x, v - outward * BAND * unit, unit)
    outside = _strangeness(texture, eyes, x, v + outward * BAND * unit, unit)
    edge = (inside - outside).clamp(-1, 1).mean(-1)  # (2, S)
    edge = edge - DISTRUST * (steps / (SEARCH_RADIUS[side] * unit)).square()
    best = steps[(edge * SHARPNESS).softmax(1).argmax(1)]
    if side == "upper":
        best = best + LASHES * unit
    clear = edge.amax(1) > CLEAR_EDGE
    return torch.where(clear, best, 0.0)


def _strangeness(texture: Texture, eyes: Openings, x: Tensor, v: Tensor, unit: float) -> Tensor:
    """How unlike the skin around are the colours at local (2, X), (2, S, X): (2, S, X), 0..1."""
    colours = _sample(texture, eyes, x[:, None].expand_as(v), v)
    around = torch.linspace(-SKIN_ALONG, SKIN_ALONG, SKIN_COLUMNS).to(x) * eyes.half[:, None]
    rows = [
        eyes.at(eyes.lower, around) + SKIN_BELOW[0] * unit,
        eyes.at(eyes.lower, around) + SKIN_BELOW[1] * unit,
        eyes.at(eyes.upper, around) - SKIN_ABOVE * unit,
    ]
    skin = _sample(texture, eyes, around[:, None].expand(-1, 3, -1), torch.stack(rows, 1)).flatten(
        2
    )
    mean = skin.median(2).values[..., None, None]
    spread = (skin - mean[..., 0]).abs().mean((1, 2)).clamp(min=LEAST_SPREAD)[:, None, None]
    light = luminance(mean).squeeze(1).clamp(min=LEAST_LIGHT)
    far = (colours - mean).norm(dim=1)
    return (1 - torch.exp(-(far / (SPREADS * spread + OF_LIGHT * light)).square())).clamp(0, 1)


def _sample(texture: Texture, eyes: Openings, x: Tensor, v: Tensor) -> Tensor:
    """Colours (2, 3, S, X) at local coordinates (2, S, X)."""
    local = torch.stack([x, v], -1).flatten(1, 2)
    points = (local @ eyes.axes + eyes.origin[:, None]).unflatten(1, x.shape[1:])
    return texture.sample(points.permute(0, 3, 1, 2)[:, None])[:, 0]
