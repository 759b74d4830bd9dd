"""Stage 0: load a model."""

from comfy_api.latest import io

from ._comfy import load_talking_model, model_names, what_is_missing
from .schema import ModelWire, one_of, schema


class LoadTalkingPortraitModel(io.ComfyNode):
    """The name of a model to VASA_MODEL."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASALoadModel",
            display_name="Load talking-portrait model",
            aliases=("checkpoint", "loader"),
            description="Loads the face encoder, motion model and renderer that the other "
            "talking-portrait nodes use. The embedded model needs no download; the photoreal ones "
            "read public weights from models/vasa.",
            inputs=[
                io.Combo.Input(
                    "model",
                    options=model_names(),
                    tooltip="The embedded model works at once, on a CPU. LivePortrait with JoyVASA "
                    "or Ditto is photoreal; it needs their public weights in models/vasa, and says "
                    "which are missing. Motion models trained with this pack appear here when "
                    "their safetensors file lies there: press R to list new ones.",
                ),
                io.Combo.Input(
                    "device",
                    options=["default", "cpu"],
                    tooltip="default: where ComfyUI computes. cpu: leaves the graphics card to "
                    "other models; the embedded model is fast enough there, LivePortrait takes "
                    "seconds a frame.",
                ),
                io.Boolean.Input(
                    "refine_mouth",
                    default=True,
                    optional=True,
                    tooltip="Embedded model: a small network finishes the inside of opened mouths. "
                    "Off: they stay as they are painted.",
                ),
            ],
            outputs=[
                ModelWire.Output(
                    display_name="model",
                    tooltip="For Encode portrait, Audio features and Sample motion.",
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, model: str | None) -> bool | str:
        listed = one_of(model, model_names())
        return listed if listed is not True or model is None else what_is_missing(model) or True

    @classmethod
    def execute(
        cls, model: str, device: str = "default", refine_mouth: bool = True
    ) -> io.NodeOutput:
        return io.NodeOutput(load_talking_model(model, device, refine_mouth))
