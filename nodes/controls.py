"""What the user steers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ..vasa_core.errors import InputError
from ..vasa_core.motion.controls import GUIDED
from ..vasa_core.motion.keyframes import controls_from, parse_keyframes
from ..vasa_core.motion.timing import exact_rate
from ..vasa_core.types import EMOTIONS, LIPS_ONLY
from .schema import ControlsWire, one_of, schema

STRENGTH_TOOLTIPS = {
    "lips": "Strength of lip movement: 0 keeps the mouth still, 1 as sampled, more exaggerates.",
    "expression": "Strength of brows, forehead and cheeks: 0 still, 1 as sampled.",
    "blink": "Strength of blinks: 0 never blinks, 1 as sampled. With LivePortrait also of glances "
    "up and down.",
    "eyes": "Strength of glances around the main gaze: 0 stares, 1 as sampled. With Ditto also of "
    "the main gaze itself.",
    "rotation": "Strength of turning, nodding and tilting the head: 0 holds still, 1 as sampled.",
    "translation": "Strength of moving the head aside, nearer and away: 0 none, 1 as sampled.",
}
GUIDANCE_TOOLTIPS = {
    "gaze": "how strictly sampling follows the gaze. Embedded model only.",
    "distance": "how strictly sampling follows the head distance. Embedded model only.",
    "emotion": "1 acts the emotion twice as strongly. Not with Ditto, whose one scale is cfg.",
}


class TalkingControls(io.ComfyNode):
    """Gaze, head distance, emotion and strengths to VASA_CONTROLS."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        slider = io.NumberDisplay.slider
        return schema(
            node_id="VASATalkingControls",
            display_name="Talking controls",
            aliases=("gaze", "emotion", "expression", "head pose", "keyframes"),
            description="Steers the sampled motion: main gaze and head distance become what is set "
            "here. Every number also takes a list, one per frame, from any node that makes float "
            "lists.",
            is_input_list=True,
            inputs=[
                io.Float.Input(
                    "gaze_yaw", default=0.0, min=-30.0, max=30.0, step=0.5,
                    tooltip="Main gaze direction, degrees (roughly, with LivePortrait): positive "
                    "looks to the picture's right.",
                ),
                io.Float.Input(
                    "gaze_pitch", default=0.0, min=-20.0, max=20.0, step=0.5,
                    tooltip="Main gaze direction, degrees (roughly, with LivePortrait): positive "
                    "looks up.",
                ),
                io.Float.Input(
                    "distance", default=1.0, min=0.5, max=2.0, step=0.01,
                    tooltip="Head distance: 1 as in the picture, 2 twice as far (half as large), "
                    "0.8 nearer.",
                ),
                io.Combo.Input(
                    "emotion", options=list(EMOTIONS), default="neutral",
                    tooltip="Emotion that is added to what the voice says; neutral adds none.",
                ),
                io.Float.Input(
                    "emotion_strength", default=0.6, min=0.0, max=1.5, step=0.05,
                    tooltip="How strongly it is acted: 0 not at all, 1 fully, more overacts "
                    "(but not with Ditto).",
                ),
                *(
                    io.Float.Input(
                        name, default=1.0, min=0.0, max=2.0, step=0.05, display_mode=slider,
                        tooltip=tooltip,
                    )
                    for name, tooltip in STRENGTH_TOOLTIPS.items()
                ),
                io.Float.Input(
                    "lip_rest", default=0.0, min=0.0, max=0.2, step=0.005,
                    tooltip="How far the lips rest open, in distances between the eyes; 0.05 shows "
                    "the teeth a little.",
                ),
                io.Boolean.Input(
                    "lips_only", default=False,
                    tooltip="Nothing moves but the lips: all other strengths count as 0.",
                ),
                io.String.Input(
                    "keyframes", default="", multiline=True, optional=True,
                    placeholder="gaze_yaw: 0=0, 1.5=12, 3=0\nhappy: 0=0, 2=1",
                    tooltip="Changes over time, one control per line: name, then second=value, "
                    "with straight lines between. They replace the number of the same name. Names "
                    "as in the example, decimals with a point.",
                ),
                io.Float.Input(
                    "list_fps", default=25.0, min=1.0, max=240.0, step=0.01, optional=True,
                    tooltip="Frames per second of connected lists. A list that ends early holds "
                    "its last value.",
                ),
                *(
                    io.Float.Input(
                        f"{name}_cfg", default=-1.0, min=-1.0, max=5.0, step=0.1, optional=True,
                        tooltip=f"Guidance scale: {tooltip} -1: the model's own.",
                    )
                    for name, tooltip in GUIDANCE_TOOLTIPS.items()
                ),
            ],
            outputs=[
                ControlsWire.Output(display_name="controls", tooltip="For Sample motion."),
            ],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, emotion: list[str | None]) -> bool | str:
        return one_of(emotion, list(EMOTIONS))

    @classmethod
    def execute(cls, **inputs: list) -> io.NodeOutput:
        emotion = _one("emotion", inputs.pop("emotion"))
        fps = exact_rate(_one("list_fps", inputs.pop("list_fps", [25.0])))
        keyframes = parse_keyframes(_one("keyframes", inputs.pop("keyframes", [""])), fps)
        lips_only = _one("lips_only", inputs.pop("lips_only"))
        asked = {name: _one(f"{name}_cfg", inputs.pop(f"{name}_cfg", [-1.0])) for name in GUIDED}
        guidance = {name: scale for name, scale in asked.items() if scale >= 0}
        values = {name: _values(given) for name, given in inputs.items()}
        strength = values.pop("emotion_strength")
        if emotion != "neutral":
            values[emotion] = strength
        values |= LIPS_ONLY if lips_only else {}
        return io.NodeOutput(controls_from({**values, **keyframes}, fps, guidance))


def _one(name: str, given: list[Any]) -> Any:
    """The single value of an input that cannot have one per frame."""
    if len(given) != 1:
        raise InputError(f"{name} got {len(given)} values; it takes one.")
    return given[0]


def _values(given: list) -> float | Sequence[float]:
    """One value, or one per frame, of an input that ComfyUI passes as a list.

    A list of numbers arrives either as several values or as one value that is a list.
    """
    return given[0] if len(given) == 1 else given
