"""A soft matte of the head: which pixels move with it and which are background.

Colour models of both, seeded by the face and by the rim of the picture, are refined in turn with
the assignment of the pixels between them (as in GrabCut, Rother et al. 2004) and made smooth along
edges by a guided filter (He et al. 2013). A pixel that is wrongly held for head is dragged along a
little; one that is wrongly held for background stays behind as a ghost. So whatever is in doubt
counts as head.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .....face.topology import CHIN
from .....render.blur import gaussian_blur
from ....curves import smoothstep
from ..geometry.lattice import cell_centres
from ..geometry.portrait_geometry import PortraitGeometry

# All of these were chosen by hand. Lengths are in eye distances, radii in the head's ellipse's own.
CELLS, LEAST_SIDE = 36, 16  # working resolution: pixels per eye distance; pixels of a side
COMPONENTS, FITTING_STEPS = 6, 8  # of the colour models
ROUNDS = 4  # of fitting models and assigning pixels in turn
COLOUR_UNIT, PLACE_WEIGHT = 0.12, 1.2  # how colours 0..1 and places compare as features
LEAST_VARIANCE = 0.02  # of a component, in features

SURE_HEAD, SURE_AWAY = 0.92, 1.45  # radii
NECK = (-0.2, 0.3)  # sure to be head, too: from here below the chin on, this far aside of the axis
# Where only background is: near the picture's edge, well above the chin, aside of the head.
RIM, ABOVE_CHIN, ASIDE = 0.08, -0.6, 0.9
ABOVE_HAIR = 2 * SURE_HEAD  # radii from which on it may also be straight above the head
LEAST_AWAY = 0.003  # share of the picture with which a model of the background can be fitted
UNLIKE_HEAD = -1.0  # log-likelihood against the face's colours from which the rim may be background
SURE_ODDS = 12.0  # log odds beyond which colours count no more
# As background, a pixel teaches the model if it is below the first; beyond the second, the rim is
# head after all.
TEACHES, OVERRULED = 0.2, 0.9

CAUTION = 1.5  # log odds in favour of head
HEAD_EDGE, BY_RADIUS, RADIUS_RANGE = 1.30, 6, (-0.5, 1)  # radius of even odds, odds per radius
LIKE_HEAD = (0, 6)  # bounds of the odds that the colour of the face gives
BODY = (0.0, 0.3)  # below the chin: there radii say less and less
UNCLEAR = (0.3, 0.9)  # below the chin: there less and less counts as background
CLEAR = (0.70, 0.86)  # evenness of the matte: below the first nothing counts as background
SPREADING = 160  # pixels from the rim as far as which background hangs together
SMOOTH, AROUND = 0.05, 0.25  # blurs of the evenness

GUIDE_RADIUS, GUIDE_RIDGE = 2, 1e-4  # of the guided filter: pixels, variance of colours
SHARPER = (0.15, 0.85)  # what it gives is stretched from here to 0..1


def head_matte(geometry: PortraitGeometry) -> Tensor:
    """(1, 1, h, w) in the working picture: 1 head and all that hangs on it, 0 background."""
    height, width = geometry.picture.shape[-2:]
    shrink = min(1.0, CELLS / geometry.unit)
    size = (max(LEAST_SIDE, round(height * shrink)), max(LEAST_SIDE, round(width * shrink)))
    small = F.interpolate(geometry.picture, size, mode="bilinear", antialias=True)
    box = geometry.origin.new_tensor([width, height])
    points = cell_centres(torch.zeros_like(box), box, *size).permute(1, 2, 0)  # (h, w, 2)
    radius = geometry.ellipse.radius(points)  # (h, w)
    # below the chin hangs the body, whose colours are anything; above it only hair
    drop = (points - geometry.landmarks[CHIN, :2]) @ geometry.ellipse.down / geometry.unit
    across = ((points - geometry.ellipse.centre) @ geometry.ellipse.right / geometry.unit).abs()
    body = smoothstep(drop, *BODY)
    sure_head = (radius < SURE_HEAD) | ((drop > NECK[0]) & (across < NECK[1]))
    rim = torch.minimum(points, box - points).amin(-1) < RIM * geometry.unit
    # straight above the head the rim may be hair
    aside = (across > ASIDE) | (radius > ABOVE_HAIR)
    sure_away = rim & aside & (radius > SURE_AWAY) & (drop < ABOVE_CHIN)
    if sure_away.float().mean() < LEAST_AWAY:
        return torch.ones_like(geometry.picture[:, :1])
    prior = CAUTION + BY_RADIUS * (HEAD_EDGE - radius).clamp(*RADIUS_RANGE) * (1 - body)
    head = _segment(small, points / geometry.unit, sure_head, sure_away, prior)
    away = _connected(1 - head, sure_away)
    away = away * (1 - smoothstep(drop, *UNCLEAR)) * _clarity(away, geometry.unit * shrink)
    away = away * (~sure_head)
    return 1 - _refine(small, away[None, None], geometry.picture).clamp(0, 1)


def _segment(
    picture: Tensor, places: Tensor, sure_head: Tensor, sure_away: Tensor, prior: Tensor
) -> Tensor:
    """(h, w) probability of head, from colours and places, by turns of fitting and assigning."""
    colours = picture[0].permute(1, 2, 0).flatten(0, 1)
    places_flat = places.flatten(0, 1) * PLACE_WEIGHT
    features = torch.cat([colours / COLOUR_UNIT, places_flat], 1)  # (h * w, 5)
    sure_head, sure_away = sure_head.flatten(), sure_away.flatten()
    # hair may reach the rim: what looks like the head there is no seed
    hues = features[:, :3]
    alike = _likelihood(hues, sure_head.to(hues)) - _likelihood(hues, sure_away.to(hues))
    sure_away = sure_away & (alike < UNLIKE_HEAD)
    prior = prior.flatten() + alike.clamp(*LIKE_HEAD)
    share = torch.where(sure_head, 1.0, torch.where(sure_away, 0.0, -1.0)).to(features)
    for _ in range(ROUNDS):
        inside = _likelihood(features, share.clamp(min=0))
        outside = _likelihood(features, (1 - share) * (share >= 0) * (share < TEACHES))
        share = torch.sigmoid((inside - outside).clamp(-SURE_ODDS, SURE_ODDS) + prior)
        share = torch.where(sure_head, 1.0, share)
        share = torch.where(sure_away & (share < OVERRULED), 0.0, share)
    return share.view(places.shape[:2])


def _likelihood(features: Tensor, weight: Tensor) -> Tensor:
    """Log-likelihood (N,) of (N, F) features under a Gaussian mixture fitted with weights (N,)."""
    order = (features[:, :3].sum(1) + features[:, 3:].sum(1)).argsort()
    mass = weight[order].cumsum(0)
    cuts = torch.linspace(0.5, COMPONENTS - 0.5, COMPONENTS).to(mass) / COMPONENTS * mass[-1]
    means = features[order[torch.searchsorted(mass, cuts).clamp(max=len(order) - 1)]]
    variance = features.new_ones(means.shape)
    portions = features.new_full((COMPONENTS,), 1 / COMPONENTS)
    squares = features.square()
    for turn in range(FITTING_STEPS):
        precision = 1 / variance
        distance = squares @ precision.T - 2 * features @ (means * precision).T
        distance = distance + (means.square() * precision).sum(1)
        logits = -0.5 * (distance + variance.log().sum(1)) + portions.log()
        if turn == FITTING_STEPS - 1:
            break
        belongs = logits.softmax(1) * weight[:, None]
        total = belongs.sum(0).clamp(min=1e-3)
        means = belongs.T @ features / total[:, None]
        variance = (belongs.T @ squares / total[:, None] - means.square()).clamp(min=LEAST_VARIANCE)
        portions = total / total.sum()
    return logits.logsumexp(1)


def _clarity(away: Tensor, unit: float) -> Tensor:
    """0 where a matte (h, w) is mottled: there colours do not tell head and background apart."""
    even = (2 * gaussian_blur(away[None, None], SMOOTH * unit) - 1).abs()
    return smoothstep(gaussian_blur(even, AROUND * unit)[0, 0], *CLEAR)


def _connected(values: Tensor, seeds: Tensor, steps: int = SPREADING) -> Tensor:
    """Keep of (h, w) values what hangs together with the seeds: reconstruction by dilation."""
    reached = values * seeds
    for _ in range(steps):
        grown = F.max_pool2d(reached[None, None], 3, 1, 1)[0, 0]
        reached = torch.minimum(grown, values)
    return reached


def _refine(guide: Tensor, mask: Tensor, picture: Tensor, radius: int = GUIDE_RADIUS) -> Tensor:
    """Guided filter: make a coarse mask follow the colours of the full picture, (1, 1, H, W)."""

    def mean(x):
        x = F.avg_pool2d(F.pad(x, (radius,) * 4, "replicate"), (2 * radius + 1, 1), 1)
        return F.avg_pool2d(x, (1, 2 * radius + 1), 1)

    average, level = mean(guide), mean(mask)
    outer = (guide[:, :, None] * guide[:, None]).flatten(1, 2)
    variance = mean(outer).unflatten(1, (3, 3)) - average[:, :, None] * average[:, None]
    covariance = mean(guide * mask) - average * level
    ridge = GUIDE_RIDGE * torch.eye(3).to(guide)
    slope = torch.linalg.solve(
        variance.permute(0, 3, 4, 1, 2) + ridge, covariance.permute(0, 2, 3, 1)[..., None]
    )[..., 0].permute(0, 3, 1, 2)
    offset = level - (slope * average).sum(1, keepdim=True)
    lines = F.interpolate(mean(torch.cat([slope, offset], 1)), picture.shape[-2:], mode="bilinear")
    refined = (lines[:, :3] * picture).sum(1, keepdim=True) + lines[:, 3:]
    return smoothstep(refined, *SHARPER)
