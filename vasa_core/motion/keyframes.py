"""Controls from plain numbers, lists and keyframes: what a node or a command has at hand.

A text of keyframes has one control on a line and its keys in the order of time:

    # look aside and back, then smile
    gaze_yaw: 0=0, 1.5=12, 3=0
    happy:    3s=0, 3.5s=0.8

A key is a time in seconds (an ``s`` may follow), ``=`` and a value. From key to key the value
changes linearly; before the first and after the last key it holds. What follows a ``#`` is not
read.

A ``.json`` file has the same as an object, ``{"gaze_yaw": [[0, 0], [1.5, 12]], "lips": 1.2}``; a
``.csv`` file has a column ``time`` and one for each control, where empty cells are no keys.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..types import EMOTIONS, STRENGTHS, Controls
from .controls import check

COLUMNS = {"gaze": ("gaze_yaw", "gaze_pitch"), "emotion": EMOTIONS}  # of controls that have several
PLAIN = ("distance", *STRENGTHS, "lip_rest")
NAMES = (*COLUMNS["gaze"], *EMOTIONS[1:], *PLAIN)
LONGEST = 3600  # seconds: a key beyond is a slip, and its track would fill the memory


def controls_from(
    values: Mapping[str, float | Sequence[float]],
    fps: Fraction = Fraction(25),
    guidance: Mapping[str, float] = MappingProxyType({}),
) -> Controls:
    """Controls from a number, or a list with ``fps`` rows a second, for any of ``NAMES``.

    gaze_yaw, gaze_pitch             main gaze in degrees, to the image's right and up
    happy, sad, angry, surprised     1 is fully acted
    distance, lip_rest, and any of ``types.STRENGTHS``    as in ``Controls``

    ``guidance`` has the guidance scales of gaze, distance and emotion that are not the model's own.
    What is not named is not steered; of gaze and emotion, what is not named is zero. Lists end when
    they like: the last row holds. Raises InputError for unknown names and impossible values.
    """
    tracks = {name: _track(name, value) for name, value in values.items()}
    given = {name: tracks[name] for name in PLAIN if name in tracks}
    for control, names in COLUMNS.items():
        if not tracks.keys().isdisjoint(names):
            given[control] = _rows([tracks.get(name, torch.tensor(0.0)) for name in names])
    scales: dict[str, Any] = {f"{name}_cfg": scale for name, scale in guidance.items()}
    controls = Controls(**given, **scales, fps=fps)
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


Keys = list[tuple[float, float]]
"""Times in seconds, rising, and values."""


def parse_keyframes(text: str, fps: Fraction) -> dict[str, list[float]]:
    """The values that a text of keyframes gives each control it names, ``fps`` rows a second.

    Raises InputError that names the line and says what is wrong with it.
    """
    keys: dict[str, Keys] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        try:
            name, given = _line(line)
            if name in keys:
                raise ValueError(f"{name} has a line already; write all its keys in one.")
            keys[name] = _checked(name, given)
        except ValueError as error:
            raise InputError(f"Keyframes, line {number}, {line!r}: {error}") from None
    return {name: _rows_of(given, fps) for name, given in keys.items()}


def read_keyframes(path: Path | str, fps: Fraction) -> dict[str, list[float]]:
    """As ``parse_keyframes``, from a file: ``.json``, ``.csv``, or a text with any other ending.

    Raises InputError for a file that is missing or says something else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a file of keyframes: .json, .csv or .txt.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is no readable text ({error}).") from error
    parse = {".json": _json_keys, ".csv": _csv_keys}.get(path.suffix.lower())
    if parse is None:
        return parse_keyframes(text, fps)
    try:
        keys = {name: _checked(name, given) for name, given in parse(text).items()}
    except ValueError as error:
        raise InputError(f"Keyframes in {path.name}: {error}") from None
    return {name: _rows_of(given, fps) for name, given in keys.items()}


def _rows_of(keys: Keys, fps: Fraction) -> list[float]:
    times, values = zip(*keys, strict=True)
    seconds = np.arange(math.ceil(times[-1] * fps) + 1) / float(fps)
    return np.interp(seconds, times, values).tolist()


def _checked(name: str, keys: Keys) -> Keys:
    """The keys of a control; ValueError says what is wrong with them."""
    if name not in NAMES:
        raise ValueError(f"there is no control {name!r}; there are: {', '.join(NAMES)}.")
    if not keys:
        raise ValueError(f"{name} has no key; give it one, as in 0=0.")
    before = -math.inf
    for seconds, value in keys:
        if not 0 <= seconds <= LONGEST:
            raise ValueError(
                f"'{seconds:g}={value:g}' lies at {seconds:g} s; 0 to {LONGEST} s work."
            )
        if not math.isfinite(value):
            raise ValueError(f"{name} has the value {value}; needed a finite number.")
        if seconds <= before:
            raise ValueError(
                f"{seconds:g} s follows {before:g} s; each key must be later than the one before."
            )
        before = seconds
    return keys


def _line(line: str) -> tuple[str, Keys]:
    """Name and keys of one line; ValueError says what is wrong with it."""
    name, colon, keys = (part.strip() for part in line.partition(":"))
    if not colon:
        raise ValueError("a colon is needed after the name, as in gaze_yaw: 0=0, 1.5=12.")
    return name, [_key(key.strip()) for key in keys.split(",")]


def _key(key: str) -> tuple[float, float]:
    """Time and value of one key."""
    time, _, value = key.partition("=")
    try:
        return float(time.strip().removesuffix("s")), float(value)
    except ValueError:
        raise ValueError(f"{key!r} is no key; needed TIME=VALUE, as in 1.5=12.") from None


def _json_keys(text: str) -> dict[str, Keys]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"no valid JSON ({error}).") from None
    if not isinstance(content, dict):
        raise ValueError('an object is needed, as in {"gaze_yaw": [[0, 0], [1.5, 12]]}.')
    return {name: _json_track(name, track) for name, track in content.items()}


def _json_track(name: str, track) -> Keys:
    keys = [[0, track]] if isinstance(track, (int, float)) else track
    try:
        return [(float(time), float(value)) for time, value in keys]
    except (TypeError, ValueError):
        message = f"{name} needs a number, or a list of [time, value]; got {track}."
        raise ValueError(message) from None


def _csv_keys(text: str) -> dict[str, Keys]:
    rows = csv.DictReader(text.splitlines())
    names = [name for name in rows.fieldnames or () if name != "time"]
    if "time" not in (rows.fieldnames or ()) or not names:
        raise ValueError("the first line must name the columns, as in time,gaze_yaw,happy.")
    keys: dict[str, Keys] = {name: [] for name in names}
    for row in rows:
        for name in names:
            if (row[name] or "").strip():
                keys[name].append(_key(f"{row['time']}={row[name]}"))
    return keys
