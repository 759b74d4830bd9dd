"""Expressions by hand: an editor, and transitions between expressions."""

from __future__ import annotations

from comfy_api.latest import io

from ..vasa_core.motion.sequence import moved_to
from ..vasa_core.pipelines.expression import SLIDERS, express_on
from ..vasa_core.provenance.label import label
from ..vasa_core.types import Motion
from ._comfy import Reporter, output_device, require_memory
from .convert import to_comfy
from .live import LIVE_FACES
from .schema import EncodedPortrait, MotionWire, PortraitWire, schema


class ExpressionEditor(io.ComfyNode):
    """VASA_PORTRAIT and sliders to IMAGE and a VASA_MOTION of one frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAExpressionEditor",
            display_name="Expression editor",
            aliases=("smile", "blink", "wink", "head pose", "gaze", "liveportrait"),
            description="Turns the head, moves the eyes and acts an expression by hand. After one "
            "run the face follows the sliders at once: drag it to turn the head.",
            is_output_node=True,
            hidden=[io.Hidden.extra_pnginfo],
            inputs=[
                PortraitWire.Input("portrait", tooltip="From Encode portrait."),
                *(
                    io.Float.Input(
                        name, default=slider.rest, min=slider.least, max=slider.most,
                        step=slider.step, display_mode=io.NumberDisplay.slider,
                        tooltip=slider.does,
                    )
                    for name, slider in SLIDERS.items()
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="image", tooltip="The whole picture with the expression."
                ),
                MotionWire.Output(
                    display_name="motion",
                    tooltip="The expression as a motion of one frame: a start or a target for Move "
                    "to expression, and for all nodes that take a motion.",
                ),
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, portrait: EncodedPortrait, **values: float) -> io.NodeOutput:
        face = portrait.portrait
        height, width = face.image.shape[-2:]
        require_memory(
            portrait.model.rendering_bytes(height, width),
            f"Rendering a picture of {width}x{height}",
            "Use a smaller picture.",
        )
        report = Reporter(1)
        with portrait.model.face_space("render") as space:
            motion = express_on(space, face, values)
            (frame,) = space.render(face, motion, check=report.check)
        if cls.hidden.extra_pnginfo is not None:  # what core nodes write into files they save
            cls.hidden.extra_pnginfo.update(label())
        shown = {"face": LIVE_FACES.token(portrait), "values": values}
        image = to_comfy(frame).to(output_device())
        return io.NodeOutput(image, motion, ui={"expression": (shown,)})


class MoveToExpression(io.ComfyNode):
    """A VASA_MOTION, a transition to a VASA_MOTION of one frame, and a hold there."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAMoveToExpression",
            display_name="Move to expression",
            aliases=("keyframe", "transition", "pose to pose"),
            description="Adds a smooth way to an expression to the end of a motion. A chain of "
            "these nodes moves from expression to expression.",
            inputs=[
                MotionWire.Input(
                    "motion",
                    tooltip="What comes before: an expression to start from, or any motion.",
                ),
                MotionWire.Input(
                    "expression",
                    tooltip="Where to go: from Expression editor. Of a longer motion, its last "
                    "frame.",
                ),
                io.Float.Input(
                    "seconds", default=0.5, min=0.0, max=60.0, step=0.02,
                    tooltip="How long the way takes, seconds; 0 jumps.",
                ),
                io.Float.Input(
                    "hold", default=0.5, min=0.0, max=60.0, step=0.02,
                    tooltip="How long the expression is held afterwards, seconds.",
                ),
            ],
            outputs=[
                MotionWire.Output(
                    display_name="motion",
                    tooltip="The longer motion, at the frame rate of the one that comes before.",
                )
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, motion: Motion, expression: Motion, seconds: float, hold: float
    ) -> io.NodeOutput:
        return io.NodeOutput(moved_to(motion, expression, seconds, hold))
