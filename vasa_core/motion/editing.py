"""What a motion does, changed part by part: mixed, strengthened, shifted, held, smoothed, blinked.

A motion has seven parts: rotation, translation and scale of the head, and in its dynamics code
lips, expression, blink and gaze. VASA-1 takes pose and dynamics apart in the same way (section 4.2,
"disentanglement"). All functions are pure; ``sequence`` has those that change when things happen.

``parts`` says where the dynamics parts lie; None: as ``types.PARTS`` has it for the face space.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..types import PARTS, STRENGTHS, Motion, move, smooth_rise
from .sequence import fitted, frame_at
from .vectorize import from_smooth_vectors, smooth_vectors

Parts = Mapping[str, slice]
POSE = ("rotation", "translation")  # "translation" is scale as well: where the head is
DYNAMICS = ("lips", "expression", "blink", "eyes")
CLOSING, OPENING, SHUT = 0.08, 0.16, 0.04  # seconds of a blink (Schiffman 2001: 0.1 to 0.4 in all)
SHORTEST_PAUSE = 0.6  # seconds between blinks

STRENGTH_EFFECTS = {
    "lips": "Lips and jaw: 0 keeps the mouth still, 1 as it is, more exaggerates.",
    "expression": "Brows, forehead and cheeks: 0 still, 1 as it is.",
    "blink": "Blinks: 0 never blinks, below 1 the lids no longer meet. With LivePortrait also "
    "glances up and down.",
    "eyes": "The gaze, with its main direction: 0 looks as in the picture, 1 as it is.",
    "rotation": "Turning, nodding and tilting the head: 0 holds still, 1 as it is.",
    "translation": "Moving the head aside, nearer and away, with its distance: 0 none, 1 as it is.",
}
"""What a strength of each of ``types.STRENGTHS`` does to a motion, for people."""


def code_part(name: str, space: str, parts: Parts | None = None) -> slice:
    """Where one of ``DYNAMICS`` lies in the dynamics code of a space.

    Raises InputError for a space whose code has no parts.
    """
    parts = PARTS.get(space) if parts is None else parts
    if parts is None:
        raise InputError(
            f"The dynamics of {space} motion are one whole; {name} cannot be taken out."
        )
    return parts["gaze" if name == "eyes" else name]


def still(space: str, frames: int = 1, fps: Fraction = Fraction(25)) -> Motion:
    """The motion of a space that leaves a portrait as it is."""
    size = max(part.stop for part in PARTS[space].values())
    return Motion(
        rotation=torch.zeros(frames, 3),
        translation=torch.zeros(frames, 2),
        scale=torch.ones(frames),
        dynamics=torch.zeros(frames, size),
        space=space,
        fps=fps,
    )


def strengthened(
    motion: Motion, strengths: Mapping[str, Tensor | float], parts: Parts | None = None
) -> Motion:
    """A motion whose parts are scaled: 0 none of it, 1 as it is, above 1 exaggerated.

    ``strengths`` holds numbers, or one number (T,) per frame, for any of ``types.STRENGTHS``. Of a
    "camera" motion the pose is scaled about the first frame. How far a face can be exaggerated is
    for the renderer to say. Raises InputError for an unknown part or an impossible strength.
    """
    values = {name: _strength(name, value, motion) for name, value in strengths.items()}
    codes = motion.dynamics.clone()
    for name in DYNAMICS:
        if name in values:
            codes[:, code_part(name, motion.space, parts)] *= values[name][:, None]
    rest = _rest(motion)
    turn, place = values.get("rotation"), values.get("translation")
    made = replace(motion, dynamics=codes)
    if turn is not None:
        turned = rest.rotation + turn[:, None] * (motion.rotation - rest.rotation)
        made = replace(made, rotation=turned)
    if place is not None:
        moved = rest.translation + place[:, None] * (motion.translation - rest.translation)
        scale = rest.scale * (motion.scale / rest.scale) ** place
        made = replace(made, translation=moved, scale=scale)
    return made


def _strength(name: str, value: Tensor | float, motion: Motion) -> Tensor:
    """(T,) strengths of a part."""
    if name not in STRENGTHS:
        raise InputError(f"There is no part {name!r}; there are: {', '.join(STRENGTHS)}.")
    value = torch.as_tensor(value).to(motion.rotation)
    if not value.isfinite().all():
        raise InputError(f"The strength of {name} must be finite; got {value}.")
    return value.expand(len(motion))


def _rest(motion: Motion) -> Motion:
    """The frame (T = 1) whose pose counts as rest."""
    if motion.reference == "camera":
        return motion[:1]
    first = motion[:1]
    return replace(
        first,
        rotation=torch.zeros_like(first.rotation),
        translation=torch.zeros_like(first.translation),
        scale=torch.ones_like(first.scale),
    )


def mixed(base: Motion, sources: Mapping[str, Motion], parts: Parts | None = None) -> Motion:
    """``base`` with some of its parts taken from other motions.

    ``sources`` maps "pose", "dynamics" or one of ``types.STRENGTHS`` to the motion that this comes
    from; a single part goes before its group. Sources are brought to the frame rate and the length
    of ``base``, their last frame held. A pose may come from a motion of another face space.
    Raises InputError for unknown parts, another face space, or another reference.
    """
    known = ("pose", "dynamics", *STRENGTHS)  # groups first
    if unknown := sources.keys() - set(known):
        raise InputError(f"There is no part {unknown.pop()!r}; there are: {', '.join(known)}.")
    made, codes = base, base.dynamics.clone()
    for name in (name for name in known if name in sources):
        source = _matching(name, sources[name], base)
        if name in ("pose", "rotation"):
            made = replace(made, rotation=source.rotation)
        if name in ("pose", "translation"):
            made = replace(made, translation=source.translation, scale=source.scale)
        if name == "dynamics":
            codes = source.dynamics.clone()
        if name in DYNAMICS:
            where = code_part(name, base.space, parts)
            codes[:, where] = source.dynamics[:, where]
    return replace(made, dynamics=codes)


def _matching(name: str, source: Motion, base: Motion) -> Motion:
    """A source at the frame rate and length of ``base``, once it is sure that it fits."""
    if source.space != base.space and name not in ("pose", *POSE):
        raise InputError(
            f"{name} would come from a motion of {source.space} faces into one of {base.space}"
            " faces; only the pose can be taken from another face space."
        )
    if source.reference != base.reference:
        raise InputError(
            f"One motion is {_MEANING[base.reference]}, the one that {name} comes from is"
            f" {_MEANING[source.reference]}; track videos as relative motion to mix them."
        )
    source = move(source, base.rotation.device, base.rotation.dtype)
    return fitted(source, len(base), base.fps)


def shifted(motion: Motion, by: Motion) -> Motion:
    """A motion with another one added: angles, places and codes are summed, sizes multiplied.

    ``by`` is one frame that is added to all (a pose, an expression), or a motion of its own, which
    is brought to the frame rate and length of ``motion``. Raises InputError for another face space,
    and for a ``by`` that is absolute.
    """
    if by.space != motion.space:
        raise InputError(f"A {by.space} motion cannot be added to a {motion.space} one.")
    if by.reference != "portrait":
        raise InputError(
            f"The motion to add is {_MEANING[by.reference]}; track videos as relative motion to add"
            " them."
        )
    by = fitted(by, len(motion), motion.fps)
    return replace(
        motion,
        rotation=motion.rotation + by.rotation.to(motion.rotation),
        translation=motion.translation + by.translation.to(motion.rotation),
        scale=motion.scale * by.scale.to(motion.rotation),
        dynamics=motion.dynamics + by.dynamics.to(motion.rotation),
    )


def posed(space: str, yaw=0.0, pitch=0.0, roll=0.0, x=0.0, y=0.0, distance=1.0) -> Motion:
    """One frame with the head turned (degrees), moved (eye distances) or at another distance.

    Raises InputError for a distance that is not above 0, and for values that are not finite.
    """
    values = (yaw, pitch, roll, x, y, distance)
    if not all(map(math.isfinite, values)) or distance <= 0:
        raise InputError(f"A pose needs finite values and a distance above 0; got {values}.")
    return replace(
        still(space),
        rotation=torch.tensor([[yaw, pitch, roll]]).float(),
        translation=torch.tensor([[x, y]]).float(),
        scale=torch.tensor([1 / distance]),
    )


def frozen(
    motion: Motion, time: float, names: Iterable[str] = STRENGTHS, parts: Parts | None = None
) -> Motion:
    """A motion of which some parts stay as they are at ``time`` seconds."""
    moment = motion[frame_at(time, motion) :][:1]
    return mixed(motion, {name: moment for name in names}, parts)


def smoothed(
    motion: Motion,
    seconds: float,
    names: Iterable[str] = STRENGTHS,
    parts: Parts | None = None,
) -> Motion:
    """A motion without its quick changes in some parts, by a Gaussian of that spread, about.

    It looks ahead as far as back, so nothing comes late. Smoothed lips no longer close for every
    sound that needs it. Raises InputError for a spread that is not above 0.
    """
    if not (seconds > 0 and math.isfinite(seconds)):
        raise InputError(f"The spread of the smoothing must be above 0 seconds; got {seconds}.")
    sigma = seconds * float(motion.fps)
    reach = max(1, math.ceil(3 * sigma))
    rows = smooth_vectors(motion)  # (T, n)
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).to(rows) / sigma) ** 2)
    padded = torch.cat([rows[:1].expand(reach, -1), rows, rows[-1:].expand(reach, -1)])
    kernel = (weights / weights.sum()).view(1, 1, -1)
    made = F.conv1d(padded.T[:, None], kernel)[:, 0].T
    return mixed(motion, dict.fromkeys(names, from_smooth_vectors(made, motion)), parts)


def spun(
    space: str,
    seconds: float = 4.0,
    fps: Fraction = Fraction(25),
    yaw: float = 15.0,
    pitch: float = 8.0,
) -> Motion:
    """A head that goes round once, its nose on an ellipse of ``yaw`` by ``pitch`` degrees.

    It loops without a step. With the dynamics of another motion held it is the paper's "spinning
    head" (VASA-1, project page, "disentanglement"). InputError for no time.
    """
    frames = round(seconds * fps)
    if frames < 1:
        raise InputError(f"{seconds} s at {fps} frames a second is not one frame.")
    turn = torch.arange(frames) * (2 * math.pi / frames)
    rotation = torch.stack([yaw * turn.sin(), pitch * turn.cos(), torch.zeros(frames)], 1)
    return replace(still(space, frames, fps), rotation=rotation)


def with_blinks(
    motion: Motion,
    closed: Tensor,
    per_minute: float = 18.0,
    seed: int = 0,
    parts: Parts | None = None,
) -> Motion:
    """A motion with blinks at random times, besides those that it has.

    ``closed`` (D,) is the code of closed lids (a face space's gesture "blink"); only its blink part
    counts. Pauses are drawn from an exponential distribution beyond a shortest one. The same seed
    gives the same blinks. Raises InputError for an impossible rate, and for absolute motion.
    """
    if motion.reference != "portrait":
        raise InputError("Blinks are added to relative motion; track the video as relative motion.")
    if not 0 <= per_minute <= 60:
        raise InputError(f"{per_minute} blinks a minute asked for; 0 to 60 work.")
    where = code_part("blink", motion.space, parts)
    times = (torch.arange(len(motion)) / float(motion.fps)).to(motion.dynamics)
    closure = torch.zeros_like(times)
    for start in _blink_starts(len(motion) / float(motion.fps), per_minute, seed):
        closure = torch.maximum(closure, _blink(times - start))
    codes = motion.dynamics.clone()
    codes[:, where] = torch.lerp(codes[:, where], closed[where].to(codes), closure[:, None])
    return replace(motion, dynamics=codes)


def _blink_starts(seconds: float, per_minute: float, seed: int) -> list[float]:
    if per_minute == 0:
        return []
    generator = torch.Generator().manual_seed(seed)
    shortest = min(SHORTEST_PAUSE, 60 / per_minute)
    mean = 60 / per_minute - shortest
    starts, now = [], 0.0
    while True:
        now += shortest - mean * math.log(1 - torch.rand(1, generator=generator).item())
        if now >= seconds:
            return starts
        starts.append(now)


def _blink(since: Tensor) -> Tensor:
    """Closure 0..1 at times since a blink began, seconds."""
    down = since / CLOSING
    up = 1 - (since - CLOSING - SHUT) / OPENING
    share = torch.minimum(down, up).clamp(0, 1)
    return smooth_rise(share)


_MEANING = {"portrait": "relative to the portrait", "camera": "absolute, as the camera saw it"}
