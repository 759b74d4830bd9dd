"""Nodes that edit motions, around ``vasa_core.motion.editing`` and ``sequence``."""

from __future__ import annotations

from comfy_api.latest import io

from ..vasa_core.motion import editing, sequence
from ..vasa_core.motion.timing import exact_rate, resample_motion
from ..vasa_core.pipelines.expression import SLIDERS
from ..vasa_core.spaces import gestures_of
from ..vasa_core.types import LIPS_ONLY, STRENGTHS, Motion
from .schema import (
    EncodedPortrait,
    MotionWire,
    PortraitWire,
    motion_input,
    one_of,
    schema,
)

RESULT = MotionWire.Output(
    display_name="motion",
    tooltip="For the render nodes, Preview motion, Save motion and more editing.",
)
MIXED = {
    "pose": "All that the head does, from this motion: turn, place and distance.",
    "dynamics": "All that the face does, from this motion: lips, brows, blinks and gaze.",
    "lips": "The lips from this motion.",
    "expression": "Brows, forehead and cheeks from this motion.",
    "blink": "The blinks from this motion.",
    "eyes": "The gaze from this motion.",
    "rotation": "How the head turns, nods and tilts, from this motion.",
    "translation": "How the head moves aside, nearer and away, from this motion.",
}
SHIFTS = {  # greatest value, step
    "yaw": (30.0, 0.5),
    "pitch": (20.0, 0.5),
    "roll": (30.0, 0.5),
    "x": (0.6, 0.01),
    "y": (0.6, 0.01),
}
HELD = {"face": editing.DYNAMICS, "head": editing.POSE, "all": STRENGTHS}


class EditMotion(io.ComfyNode):
    """Changes when things happen: trim, speed, reverse, smooth, loop."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAEditMotion",
            display_name="Edit motion",
            aliases=("trim", "speed", "retime", "reverse", "smooth", "loop", "frame rate"),
            description="Changes when a motion happens, in this order: trim, speed, reverse, "
            "smooth, loop, frame rate. As it stands it changes nothing.",
            inputs=[
                motion_input(),
                io.Float.Input(
                    "start", default=0.0, min=0.0, max=36000.0, step=0.01,
                    tooltip="Seconds that are cut off at the start.",
                ),
                io.Float.Input(
                    "end", default=0.0, min=0.0, max=36000.0, step=0.01,
                    tooltip="The second at which it ends, before speed; 0: its own end.",
                ),
                io.Float.Input(
                    "speed", default=1.0, min=0.05, max=20.0, step=0.05,
                    tooltip="2 is twice as fast and half as long. Sound is not changed with it.",
                ),
                io.Boolean.Input("reverse", default=False, tooltip="From the end to the start."),
                io.Float.Input(
                    "smooth", default=0.0, min=0.0, max=5.0, step=0.01,
                    tooltip="Takes out of the head's movement what is quicker than about that many "
                    "seconds: 0.1 calms a jittery track. Nothing comes late.",
                ),
                io.Boolean.Input(
                    "smooth_face", default=False,
                    tooltip="Smooths the face too. Lips then no longer close on every p, b and m.",
                ),
                io.Float.Input(
                    "loop_fade", default=0.0, min=0.0, max=10.0, step=0.05,
                    tooltip="Makes it loop: so many seconds of its end fade into its start. The "
                    "motion gets shorter by them.",
                ),
                io.Float.Input(
                    "fps", default=0.0, min=0.0, max=240.0, step=0.01,
                    tooltip="Frames per second of the result, at the same speed; 29.97 means "
                    "30000/1001. 0: as it is.",
                ),
            ],
            outputs=[RESULT],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, motion: Motion, start: float, end: float, speed: float, reverse: bool,
        smooth: float, smooth_face: bool, loop_fade: float, fps: float,
    ) -> io.NodeOutput:  # fmt: skip
        motion = sequence.trimmed(motion, start, end or None)
        if speed != 1:
            motion = sequence.sped(motion, speed)
        if reverse:
            motion = sequence.backwards(motion)
        if smooth:
            motion = editing.smoothed(motion, smooth, STRENGTHS if smooth_face else editing.POSE)
        if loop_fade:
            motion = sequence.looped(motion, loop_fade)
        if fps:
            motion = resample_motion(motion, exact_rate(fps))
        return io.NodeOutput(motion)


class ScaleMotion(io.ComfyNode):
    """Changes how strongly each part moves."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAScaleMotion",
            display_name="Scale motion",
            aliases=("strength", "multiplier", "exaggerate", "lips only", "less head motion"),
            description="Weakens or exaggerates each part of a motion: 0 as in the picture, 1 as "
            "it is, more exaggerates. As it stands it changes nothing.",
            inputs=[
                motion_input(),
                *(
                    io.Float.Input(
                        name, default=1.0, min=0.0, max=2.0, step=0.05,
                        display_mode=io.NumberDisplay.slider, tooltip=effect,
                    )
                    for name, effect in editing.STRENGTH_EFFECTS.items()
                ),
                io.Boolean.Input(
                    "lips_only", default=False,
                    tooltip="Nothing moves but the lips: all other strengths count as 0.",
                ),
            ],
            outputs=[RESULT],
        )  # fmt: skip

    @classmethod
    def execute(cls, motion: Motion, lips_only: bool, **strengths: float) -> io.NodeOutput:
        return io.NodeOutput(
            editing.strengthened(motion, strengths | (LIPS_ONLY if lips_only else {}))
        )


class MixMotion(io.ComfyNode):
    """Combines parts of several motions."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAMixMotion",
            display_name="Mix motion",
            aliases=("pose", "expression", "disentangle", "transfer", "combine"),
            description="Takes parts of a motion from others: the head of one, the face of "
            "another. What is not connected comes from the base, which also gives length and frame "
            "rate. A single part goes before pose and dynamics.",
            inputs=[
                motion_input("base"),
                *(
                    MotionWire.Input(name, optional=True, tooltip=tooltip)
                    for name, tooltip in MIXED.items()
                ),
            ],
            outputs=[RESULT],
        )

    @classmethod
    def execute(cls, base: Motion, **sources: Motion | None) -> io.NodeOutput:
        given = {name: source for name, source in sources.items() if source is not None}
        return io.NodeOutput(editing.mixed(base, given))


class JoinMotions(io.ComfyNode):
    """Plays one motion after another."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAJoinMotions",
            display_name="Join motions",
            aliases=("concatenate", "crossfade", "append"),
            description="Plays one motion after another: the end of the first fades into the start "
            "of the second.",
            inputs=[
                motion_input("first"),
                MotionWire.Input("second", tooltip="What follows, at the first one's frame rate."),
                io.Float.Input(
                    "fade", default=0.4, min=0.0, max=10.0, step=0.05,
                    tooltip="Seconds in which the one goes over into the other; the result is "
                    "shorter by them. 0 puts them side by side.",
                ),
            ],
            outputs=[RESULT],
        )  # fmt: skip

    @classmethod
    def execute(cls, first: Motion, second: Motion, fade: float) -> io.NodeOutput:
        return io.NodeOutput(sequence.crossfaded(first, second, fade))


class ShiftMotion(io.ComfyNode):
    """Adds a constant pose or an expression."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAShiftMotion",
            display_name="Shift motion",
            aliases=("offset", "turn head", "add expression", "head distance"),
            description="Adds the same to every frame: a turn of the head, a place, a distance, an "
            "expression; or another motion, frame by frame. As it stands it changes nothing.",
            inputs=[
                motion_input(),
                *(
                    io.Float.Input(
                        name, default=0.0, min=-most, max=most, step=step,
                        tooltip=SLIDERS[name].does,
                    )
                    for name, (most, step) in SHIFTS.items()
                ),
                io.Float.Input(
                    "distance", default=1.0, min=0.5, max=2.0, step=0.01,
                    tooltip="Multiplies the head's distance: 2 twice as far (half as large), 0.8 "
                    "nearer.",
                ),
                MotionWire.Input(
                    "expression", optional=True,
                    tooltip="What is added: from Expression editor, or any motion relative to a "
                    "portrait.",
                ),
            ],
            outputs=[RESULT],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, motion: Motion, expression: Motion | None = None, **pose: float
    ) -> io.NodeOutput:
        motion = editing.shifted(motion, editing.posed(motion.space, **pose))
        if expression is not None:
            motion = editing.shifted(motion, expression)
        return io.NodeOutput(motion)


class HoldMotion(io.ComfyNode):
    """Holds the head or the face as it is at one moment."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAHoldMotion",
            display_name="Hold motion",
            aliases=("freeze", "pose only", "expression only", "spin head"),
            description="Holds the face, the head or both as they are at one moment, while the "
            "rest goes on. Hold the head and play the face, or hold the face and spin the head.",
            inputs=[
                motion_input(),
                io.Combo.Input(
                    "hold", options=list(HELD), default="face",
                    tooltip="face: lips, brows, lids and gaze. head: its turn, place and distance. "
                    "all: both.",
                ),
                io.Float.Input(
                    "time", default=0.0, min=0.0, max=36000.0, step=0.01,
                    tooltip="Which moment is held, in seconds from the start.",
                ),
                io.Boolean.Input(
                    "spin", default=False,
                    tooltip="The head circles evenly, whatever it did or is held at.",
                ),
                io.Float.Input(
                    "spin_seconds", default=4.0, min=0.5, max=60.0, step=0.1,
                    tooltip="Seconds for one round of the head.",
                ),
            ],
            outputs=[RESULT],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, hold: str | None) -> bool | str:
        return one_of(hold, list(HELD))

    @classmethod
    def execute(
        cls, motion: Motion, hold: str, time: float, spin: bool, spin_seconds: float
    ) -> io.NodeOutput:
        motion = editing.frozen(motion, time, HELD[hold])
        if spin:
            turn = editing.spun(motion.space, spin_seconds, motion.fps)
            motion = editing.mixed(motion, {"pose": sequence.repeated(turn, len(motion))})
        return io.NodeOutput(motion)


class AddBlinks(io.ComfyNode):
    """Adds blinks at random times."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAAddBlinks",
            display_name="Add blinks",
            aliases=("eyes", "blinking"),
            description="Adds blinks to a motion, at random times, and changes nothing else.",
            inputs=[
                motion_input(),
                io.Float.Input(
                    "per_minute", default=18.0, min=0.0, max=60.0, step=1.0,
                    tooltip="Blinks a minute, besides those that the motion has; people blink 15 "
                    "to 20 times.",
                ),
                io.Int.Input(
                    "seed", default=0, min=0, max=2**64 - 1, control_after_generate=True,
                    tooltip="Another seed, other moments. The same seed, the same blinks.",
                ),
            ],
            outputs=[RESULT],
        )  # fmt: skip

    @classmethod
    def execute(cls, motion: Motion, per_minute: float, seed: int) -> io.NodeOutput:
        closed = gestures_of(motion.space)["blink"]
        return io.NodeOutput(editing.with_blinks(motion, closed, per_minute, seed))


class NeutraliseExpression(io.ComfyNode):
    """Takes the portrait's own expression out of a motion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASANeutraliseExpression",
            display_name="Neutralise expression",
            aliases=("remove smile", "neutral face", "rest expression"),
            description="Takes the portrait's own expression out of what a motion shows: a "
            "photo that smiles then does not smile at every word. The embedded model knows a "
            "smile; LivePortrait the whole expression.",
            inputs=[
                PortraitWire.Input("portrait", tooltip="On which the motion will be played."),
                motion_input(),
                io.Float.Input(
                    "amount", default=1.0, min=0.0, max=1.0, step=0.05,
                    display_mode=io.NumberDisplay.slider,
                    tooltip="0 leaves the expression, 1 takes it away.",
                ),
            ],
            outputs=[RESULT],
        )  # fmt: skip

    @classmethod
    def execute(cls, portrait: EncodedPortrait, motion: Motion, amount: float) -> io.NodeOutput:
        space = portrait.model.space
        return io.NodeOutput(space.neutralised(portrait.portrait, motion, amount))
