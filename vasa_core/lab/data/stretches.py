"""Stretches of frames in a row of which something holds: a blink, say."""

from __future__ import annotations

import numpy as np


def stretches(holds: np.ndarray) -> list[np.ndarray]:
    """The indices of each unbroken stretch of a (T,) mask, in order."""
    where = np.flatnonzero(holds)
    return np.split(where, np.flatnonzero(np.diff(where) > 1) + 1) if len(where) else []
