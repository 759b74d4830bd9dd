"""What ``Controls`` do: conditions for the model before sampling, corrections after it.

A condition leans the sampled motion towards what was asked; the correction makes sure of it. First
strengths scale what was sampled, then what was asked for is added: main gaze, distance, emotion,
rest opening.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from fractions import Fraction

import torch
from torch import Tensor, nn

from ..audio.articulation import LipPress
from ..errors import InputError
from ..types import STRENGTHS, Controls, Motion
from .editing import strengthened

GAZE_UNIT = 10.0  # degrees per unit of the gaze signal
MAX_GAZE, MAX_LOG_DISTANCE = 8.0, 0.1  # conditions beyond what was trained are held at its border
WIDTHS = {"gaze": (2,), "emotion": (5,)}  # of one row; the other controls are plain numbers
GUIDED = ("gaze", "distance", "emotion")  # conditions with a guidance scale of their own
SETTLE_FRAMES = 50.0  # time constant of the running mean that steering replaces


class FaceActions(nn.Module):
    """What a face space's codes have to say about controls; made with the weights.

    parts            where lips, expression, blink and gaze lie in a code
    emotions         (5, D)  code per emotion fully acted, lips as open as before
    emotion_opening  (5,)    how far that emotion opens the lips, in eye distances
    opening          (lips,) lips code that opens the lips by one eye distance
    gap              (lips,) how far one unit of a lips code opens them, in eye distances
    """

    emotions: Tensor
    emotion_opening: Tensor
    opening: Tensor
    gap: Tensor

    def __init__(
        self,
        parts: dict[str, slice],
        emotions: Tensor,
        emotion_opening: Tensor,
        opening: Tensor,
        gap: Tensor,
    ):
        super().__init__()
        self.parts = parts
        self.register_buffer("emotions", emotions)
        self.register_buffer("emotion_opening", emotion_opening)
        self.register_buffer("opening", opening)
        self.register_buffer("gap", gap)


def per_frame(controls: Controls, name: str, start: int, frames: int, fps: Fraction) -> Tensor:
    """A control as (frames, ...) rows for a motion's frames from ``start`` on.

    A constant is repeated; a track is read at the frames' times, between two rows linearly, and
    holds its last row.
    """
    value = torch.as_tensor(getattr(controls, name), dtype=torch.float32)
    if value.ndim == len(WIDTHS.get(name, ())):
        return value.expand(frames, *value.shape)
    rows = torch.arange(start, start + frames, dtype=torch.float64) * float(controls.fps / fps)
    before = rows.long().clamp(max=len(value) - 1)
    after = (before + 1).clamp(max=len(value) - 1)
    share = (rows - rows.floor()).to(value).view(-1, *[1] * (value.ndim - 1))
    return torch.lerp(value[before], value[after], share)


def check(controls: Controls, guided: Sequence[str] = GUIDED) -> None:
    """Raises InputError for controls of a wrong shape or an impossible value, and for guidance
    by another condition than those that a model can be ``guided`` by one at a time."""
    if controls.fps <= 0:
        raise InputError(f"Control tracks must have more than 0 rows a second; got {controls.fps}.")
    for name in GUIDED:
        _check_guidance(name, getattr(controls, f"{name}_cfg"), guided)
    scales = {f"{name}_cfg" for name in GUIDED}
    for name in {field.name for field in fields(controls)} - scales - {"fps"}:
        if getattr(controls, name) is None:
            continue
        value = torch.as_tensor(getattr(controls, name)).float()
        shape = WIDTHS.get(name, ())
        if tuple(value.shape) != shape and tuple(value.shape[1:]) != shape or value.ndim > 2:
            raise InputError(
                f"Control {name} has shape {tuple(value.shape)};"
                f" needed {shape or 'one number'}, or one such row per frame."
            )
        if not value.numel():
            raise InputError(f"The {name} track is empty; give it at least one row, or a number.")
        possible = value.isfinite() & ((value > 0) | (name != "distance"))
        if not possible.all():
            limit = "finite and above 0" if name == "distance" else "finite"
            raise InputError(f"Control {name} must be {limit}; got {value[~possible][0].item()}.")


def _check_guidance(name: str, scale: float | None, guided: Sequence[str]) -> None:
    if scale is None:
        return
    if not (math.isfinite(scale) and scale >= 0):
        raise InputError(f"{name}_cfg must be finite and not below 0; got {scale}.")
    if name not in guided:
        can = f"only by {' and '.join(guided)}" if guided else "by none of them"
        raise InputError(
            f"{name}_cfg is {scale:g}, but this motion model cannot be guided by {name} alone"
            f" ({can}); leave it at the model's own."
        )


def signals(controls: Controls, start: int, frames: int, fps: Fraction) -> dict[str, Tensor]:
    """The (n,) signals that condition the window of ``frames`` frames from ``start``: mean gaze in
    units of ten degrees, log distance, mean emotion. Nothing asked, no signal."""
    given = {}
    if controls.gaze is not None:
        gaze = window_of(controls, "gaze", start, frames, fps).mean(0)
        given["gaze"] = gaze.clamp(-MAX_GAZE, MAX_GAZE) / GAZE_UNIT
    if controls.distance is not None:
        distance = window_of(controls, "distance", start, frames, fps).log().mean(0, keepdim=True)
        given["distance"] = distance.clamp(-MAX_LOG_DISTANCE, MAX_LOG_DISTANCE)
    if controls.emotion is not None:
        given["emotion"] = window_of(controls, "emotion", start, frames, fps).mean(0)
    return given


def window_of(controls: Controls, name: str, start: int, frames: int, fps: Fraction) -> Tensor:
    """A control's rows in a window as far as the track reaches, at least one.

    A window is sampled whole: where a motion ends within it, the track mostly ends there as well,
    and what it would hold beyond is not asked of any frame.
    """
    value = torch.as_tensor(getattr(controls, name))
    if value.ndim > len(WIDTHS.get(name, ())):
        reach = math.ceil(len(value) / controls.fps * fps)
        frames = max(1, min(frames, reach - start))
    return per_frame(controls, name, start, frames, fps)


class Steering:
    """Applies controls to sampled motion, frame by frame: pieces of any length give the same.

    Main gaze and distance: the sampled track less its running mean (two seconds), plus what was
    asked. So glances stay, and the mean is the asked one whatever was sampled. The running mean
    starts at the mean of the ``first`` window of the sampled motion, which is sampled as a whole
    however few of its frames are handed on at a time.
    """

    def __init__(self, controls: Controls, actions: FaceActions, first: Motion):
        self.controls, self.actions = controls, actions
        self.frame = 0
        tracks = self.tracks(self.scaled(first))
        self.means = {name: track.mean(0) for name, track in tracks.items()}

    def __call__(self, motion: Motion, p_bilabial: Tensor) -> Motion:
        """The next piece of sampled motion, steered.

        ``p_bilabial`` (T,) in 0..1 says where a sound (m, b, p) needs closed lips: neither the rest
        opening nor an emotion opens them there.
        """
        motion = self.scaled(motion)
        log_scale, codes = motion.scale.log(), motion.dynamics.clone()
        tracks = {name: self.centered(name, track) for name, track in self.tracks(motion).items()}
        if "distance" in tracks:
            asked = -self.at("distance", motion).log()
            log_scale = tracks["distance"][:, 0] + asked
        if "gaze" in tracks:
            codes[:, self.actions.parts["gaze"]] = tracks["gaze"] + self.at("gaze", motion)
        self.press(codes, p_bilabial * self.at("lips", motion).clamp(0, 1))
        self.act(codes, motion, p_bilabial)
        self.frame += len(motion)
        return replace(motion, scale=log_scale.exp(), dynamics=codes)

    def scaled(self, motion: Motion) -> Motion:
        """A piece with its parts as strong as they are asked to be."""
        strengths = {name: self.at(name, motion) for name in STRENGTHS}
        return strengthened(motion, strengths, self.actions.parts)

    def tracks(self, motion: Motion) -> dict[str, Tensor]:
        """The (T, n) log scale and gaze of a piece, as far as a mean is asked of them."""
        tracks = {
            "distance": motion.scale.log()[:, None],
            "gaze": motion.dynamics[:, self.actions.parts["gaze"]],
        }
        return {n: track for n, track in tracks.items() if getattr(self.controls, n) is not None}

    def at(self, name: str, motion: Motion) -> Tensor:
        """A control's rows for the frames of the current piece."""
        rows = per_frame(self.controls, name, self.frame, len(motion), motion.fps)
        return rows.to(motion.rotation)

    def press(self, codes: Tensor, p_bilabial: Tensor) -> None:
        """Close the lips of (T, D) codes where a sound needs it, in place."""
        lips = self.actions.parts["lips"]
        press = LipPress(self.actions.gap.to(codes), -self.actions.opening.to(codes))
        codes[:, lips] = press(codes[:, lips], p_bilabial)

    def act(self, codes: Tensor, motion: Motion, p_bilabial: Tensor) -> None:
        """Add emotion and rest opening to (T, D) codes, in place."""
        opening = self.at("lip_rest", motion)
        if self.controls.emotion is not None:
            # an emotion is added, so guidance by it adds it once more, times its scale
            emotion = self.at("emotion", motion) * (1 + (self.controls.emotion_cfg or 0.0))
            codes += emotion @ self.actions.emotions.to(codes)
            opening = opening + emotion @ self.actions.emotion_opening.to(codes)
        opening = opening * (1 - p_bilabial)
        codes[:, self.actions.parts["lips"]] += opening[:, None] * self.actions.opening.to(codes)

    def centered(self, name: str, track: Tensor) -> Tensor:
        """(T, n) less its exponential running mean, which goes on where the last piece ended."""
        mean, rest = self.means[name], []
        for row in track:
            rest.append(row - mean)
            mean = mean + (row - mean) / SETTLE_FRAMES
        self.means[name] = mean
        return torch.stack(rest)
