"""Controls from plain numbers, lists and keyframes: what a node or a command has at hand.

A text of keyframes has one control on a line and its keys in the order of time:

    # look aside and back, then smile
    gaze_yaw: 0=0, 1.5=12, 3=0
    happy:    3s=0, 3.5s=0.8

A key is a time in seconds (an ``s`` may follow), ``=`` and a value. From key to key the value
changes linearly; before the first and after the last key it holds. What follows a ``#`` is not
read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..types import EMOTIONS, Controls
from .controls import check

COLUMNS = {"gaze": ("gaze_yaw", "gaze_pitch"), "emotion": EMOTIONS}  # of controls that have several
PLAIN = ("distance", "lips", "expression", "blink", "eyes", "head", "lip_rest")
NAMES = (*COLUMNS["gaze"], *EMOTIONS[1:], *PLAIN)
LONGEST = 3600  # seconds: a key beyond is a slip, and its track would fill the memory


def controls_from(
    values: Mapping[str, float | Sequence[float]], fps: Fraction = Fraction(25)
) -> Controls:
    """Controls from a number, or a list with ``fps`` rows a second, for any of ``NAMES``.

    gaze_yaw, gaze_pitch             main gaze in degrees, to the image's right and up
    happy, sad, angry, surprised     1 is fully acted
    distance, lips, expression, blink, eyes, head, lip_rest    as in ``Controls``

    What is not named is not steered; of gaze and emotion, what is not named is zero. Lists end when
    they like: the last row holds. Raises InputError for unknown names and impossible values.
    """
    tracks = {name: _track(name, value) for name, value in values.items()}
    given = {name: tracks[name] for name in PLAIN if name in tracks}
    for control, names in COLUMNS.items():
        if not tracks.keys().isdisjoint(names):
            given[control] = _rows([tracks.get(name, torch.tensor(0.0)) for name in names])
    controls = Controls(**given, fps=fps)
    check(controls)
    return controls


def _track(name: str, value: float | Sequence[float]) -> Tensor:
    """The () or (T,) tensor of one value, T > 0."""
    if name not in NAMES:
        raise InputError(f"There is no control {name!r}; there are: {', '.join(NAMES)}.")
    track = torch.as_tensor(value, dtype=torch.float32)
    if track.ndim > 1 or not track.numel():
        raise InputError(
            f"Control {name} has shape {tuple(track.shape)};"
            " needed a number, or a list of at least one number."
        )
    return track


def _rows(columns: list[Tensor]) -> Tensor:
    """n columns () or (T,) to (n,) or, if any is a track, (T, n); shorter tracks hold their end."""
    if not any(column.ndim for column in columns):
        return torch.stack(columns)
    columns = [column.reshape(-1) for column in columns]
    longest = max(len(column) for column in columns)
    held = [torch.cat([c, c[-1:].expand(longest - len(c))]) for c in columns]
    return torch.stack(held, 1)


def parse_keyframes(text: str, fps: Fraction) -> dict[str, list[float]]:
    """The values that a text of keyframes gives each control it names, ``fps`` rows a second.

    Each list reaches to its last key: ``controls_from({**numbers, **parse_keyframes(text, fps)},
    fps)`` does the rest. Raises InputError that shows the line and what was needed.
    """
    tracks: dict[str, list[float]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        try:
            name, times, values = _keys(line)
            if name in tracks:
                raise ValueError(f"{name} has a line already; write all its keys in one.")
        except ValueError as error:
            raise InputError(f"Keyframes, line {number}, {line!r}: {error}") from None
        seconds = np.arange(math.ceil(times[-1] * fps) + 1) / float(fps)
        tracks[name] = np.interp(seconds, times, values).tolist()
    return tracks


def _keys(line: str) -> tuple[str, list[float], list[float]]:
    """Name, times and values of one line; ValueError says what is wrong with it."""
    name, colon, keys = (part.strip() for part in line.partition(":"))
    if not colon:
        raise ValueError("a colon is needed after the name, as in gaze_yaw: 0=0, 1.5=12.")
    if name not in NAMES:
        raise ValueError(f"there is no control {name!r}; there are: {', '.join(NAMES)}.")
    times: list[float] = []
    values: list[float] = []
    for key in keys.split(","):
        time, value = _key(key.strip())
        if times and time <= times[-1]:
            raise ValueError(
                f"{time:g} s follows {times[-1]:g} s; each key must be later than the one before."
            )
        times.append(time)
        values.append(value)
    return name, times, values


def _key(key: str) -> tuple[float, float]:
    """Time and value of one key."""
    time, _, value = key.partition("=")
    try:
        seconds, number = float(time.strip().removesuffix("s")), float(value)
    except ValueError:
        raise ValueError(f"{key!r} is no key; needed TIME=VALUE, as in 1.5=12.") from None
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"{key!r} lies at {seconds:g} s; 0 to {LONGEST} s work.")
    if not math.isfinite(number):
        raise ValueError(f"{key!r} has the value {number}; needed a finite number.")
    return seconds, number
