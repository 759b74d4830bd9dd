"""An expression made by hand: one frame with the head's pose, the gaze and gestures of the face.

The same values mean the same in every face space (``types.GESTURES``). ``motion.sequence.moved_to``
makes a motion of several expressions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from ..errors import InputError
from ..interfaces import FaceSpace
from ..motion.editing import posed, shifted, strengthened
from ..spaces import gestures_of
from ..types import GESTURES, OPPOSITES, PARTS, Motion, Portrait

POSE = ("yaw", "pitch", "roll", "x", "y", "distance")
GAZE = ("gaze_yaw", "gaze_pitch")


@dataclass(frozen=True, slots=True)
class Slider:
    """One value of an expression.

    Attributes:
        least: The smallest value.
        most: The largest value.
        step: The step of a slider.
        does: What it does, a sentence.
        rest: The value that changes nothing.
    """

    least: float
    most: float
    step: float
    does: str
    rest: float = 0.0


_TURNS = {
    "yaw": Slider(-30.0, 30.0, 0.5, "Turns the head, degrees: positive to the picture's right."),
    "pitch": Slider(-20.0, 20.0, 0.5, "Nods, degrees: positive lifts the face."),
    "roll": Slider(-25.0, 25.0, 0.5, "Tilts the head, degrees: positive is clockwise."),
    "x": Slider(
        -1.0, 1.0, 0.02,
        "Moves the head aside, in distances between the eyes: positive to the picture's right.",
    ),
    "y": Slider(
        -0.5, 0.5, 0.02, "Moves the head down, in distances between the eyes: negative is up."
    ),
    "distance": Slider(
        0.5, 2.0, 0.01,
        "Distance of the head: 1 as in the picture, 2 twice as far (half as large), 0.8 nearer.",
        rest=1.0,
    ),
    "gaze_yaw": Slider(
        -30.0, 30.0, 0.5,
        "Turns the eyes, degrees (roughly, with LivePortrait): positive to the picture's right.",
    ),
    "gaze_pitch": Slider(
        -20.0, 20.0, 0.5, "Turns the eyes, degrees (roughly, with LivePortrait): positive is up."
    ),
}  # fmt: skip
_ACTS = {
    "blink": "Closes the eyes: 1 is shut, negative values open them wide.",
    "wink_left": "Closes the eye at the picture's left, the cheek helping: 1 is shut.",
    "wink_right": "Closes the eye at the picture's right, the cheek helping: 1 is shut.",
    "brows_up": "Raises the eyebrows; negative values lower them.",
    "frown": "Draws the eyebrows together and down.",
    "squint": "Narrows the eyes, cheeks raised, as in bright light.",
    "smile": "Smiles, lips as they are; negative values draw the corners of the mouth down.",
    "mouth_open": "Drops the jaw, as in aa; negative values close lips that are open.",
    "mouth_wide": "Stretches the mouth and shows some teeth, as in ee.",
    "mouth_round": "Rounds the lips, as in oo.",
    "lips_pressed": "Presses the lips together, also those that the picture shows open.",
}
SLIDERS: dict[str, Slider] = _TURNS | {
    name: Slider(-1.0 if name in OPPOSITES else 0.0, 1.0, 0.01, _ACTS[name]) for name in GESTURES
}
"""All values of an expression, by name."""


def express(space: str, values: Mapping[str, float]) -> Motion:
    """Make an expression.

    Args:
        space: Name of the face space that it is for.
        values: Values by their names in ``SLIDERS``; those left out are at rest.

    Returns:
        A motion of one frame, reference "portrait".

    Raises:
        InputError: If the space or a name is unknown, or a value is outside its range.
    """
    codes = gestures_of(space)
    asked = {name: _checked(name, value) for name, value in values.items()}
    made = posed(space, **{name: asked[name] for name in POSE if name in asked})
    code = made.dynamics[0].clone()
    code[PARTS[space]["gaze"]] = torch.tensor([asked.get(name, 0.0) for name in GAZE])
    for name in GESTURES:
        amount = asked.get(name, 0.0)
        if name.startswith("wink"):  # a shut eye does not shut more
            amount *= 1 - max(asked.get("blink", 0.0), 0.0)
        code += abs(amount) * codes[name if amount >= 0 else f"-{name}"]
    return replace(made, dynamics=code[None])


def express_on(space: FaceSpace, portrait: Portrait, values: Mapping[str, float]) -> Motion:
    """Make an expression on top of the portrait's own: with all values at rest, it is the picture.

    ``lips_pressed`` also closes lips that are open in the picture.

    Args:
        space: The face space that encoded the portrait.
        portrait: The portrait.
        values: Values by their names in ``SLIDERS``; those left out are at rest.

    Returns:
        A motion of one frame, reference "portrait".

    Raises:
        InputError: If a name is unknown, or a value is outside its range.

    Example:
        ```python
        motion = express_on(space, portrait, {"smile": 0.6, "yaw": 10})
        (frame,) = space.render(portrait, motion)
        ```
    """
    made = express(space.name, values)
    kept = 1 - float(values.get("lips_pressed", 0.0))
    return shifted(made, strengthened(space.relative(portrait.pose), {"lips": kept}))


def _checked(name: str, value: float) -> float:
    """A value as a number, if there is one of that name and it is in its range."""
    if name not in SLIDERS:
        raise InputError(f"An expression has no {name!r}; it has: {', '.join(SLIDERS)}.")
    slider = SLIDERS[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number; got {value!r}.") from None
    if not slider.least <= number <= slider.most:  # nor is NaN
        raise InputError(f"{name} is {number:g}; {slider.least:g} to {slider.most:g} work.")
    return number
