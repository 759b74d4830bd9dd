"""Stage 1: encode a portrait."""

from __future__ import annotations

from comfy_api.latest import io

from ..vasa_core.render.drawing import draw_landmarks
from ..vasa_core.render.memory import frame_bytes
from ._comfy import Reporter, TalkingModel, output_device, require_memory
from .convert import to_comfy, to_library, to_mask
from .schema import EncodedPortrait, ModelWire, PortraitWire, schema

WORKING_COPIES = 6  # of the picture that encoding holds at once


class EncodePortrait(io.ComfyNode):
    """VASA_MODEL and IMAGE to VASA_PORTRAIT, once per picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAEncodePortrait",
            display_name="Encode portrait",
            aliases=("face", "crop", "landmarks"),
            description="Finds a face in a picture, measures it and makes it ready to move. Done "
            "once per picture: changing seed, sound or controls does not repeat it.",
            inputs=[
                ModelWire.Input("model", tooltip="From Load talking-portrait model."),
                io.Image.Input(
                    "image",
                    tooltip="Photo, painting, drawing or render with a face, 64 to 8192 px a side. "
                    "Each picture of a batch becomes a portrait of its own.",
                ),
                io.Int.Input(
                    "face",
                    default=1,
                    min=1,
                    max=16,
                    tooltip="Which face moves: 1 is the largest in the picture (in the masked "
                    "part, if there is a mask), 2 the next smaller one.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Paint over the middle of the face that is meant; faces outside are "
                    "left alone. Same size as the image; an empty mask counts as none.",
                ),
                io.Image.Input(
                    "views",
                    optional=True,
                    tooltip="More photos of the same person, as a batch, of any size: open mouth "
                    "with teeth, closed eyes, turned head. What the first picture does not show is "
                    "taken from them.",
                ),
            ],
            outputs=[
                PortraitWire.Output(
                    display_name="portrait",
                    is_output_list=True,
                    tooltip="For Render frames, Render video and Preview motion; with Ditto for "
                    "Sample motion too.",
                ),
                io.Image.Output(
                    display_name="crop",
                    is_output_list=True,
                    tooltip="The square around the head with the 478 landmarks drawn: they should "
                    "lie on lips, lids, brows and jaw.",
                ),
                io.Mask.Output(
                    display_name="mask",
                    is_output_list=True,
                    tooltip="The moving layer (head, hair, shoulders) in the whole picture: 1 "
                    "moves, 0 is background. With LivePortrait: where the painted crop is put "
                    "back, with a soft edge.",
                ),
                io.Mask.Output(
                    display_name="reach",
                    is_output_list=True,
                    tooltip="Where frames may ever differ from the picture, with a soft edge: "
                    "outside they are the same to the bit. Composite frames over an upscaled or "
                    "retouched picture with it.",
                ),
            ],
        )

    @classmethod
    def execute(
        cls, model: TalkingModel, image, face: int = 1, mask=None, views=None
    ) -> io.NodeOutput:
        images, mask = to_library(image), to_mask(mask)
        height, width = images.shape[-2:]
        require_memory(
            WORKING_COPIES * frame_bytes(height, width),
            f"Encoding a picture of {width}x{height}",
            "Scale the picture down first.",
        )
        others = [] if views is None else to_library(views).to(model.device).split(1)
        report = Reporter(1)
        portraits, crops, masks, edit_masks = [], [], [], []
        for picture in images.split(1):
            with model.face_space("encode") as space:
                picture = picture.to(model.device)
                portrait = space.encode(picture, face - 1, mask, report, others)
                matte, edit_mask = space.matte(portrait), space.edit_mask(portrait)
            portraits.append(EncodedPortrait(model, portrait))
            crops.append(to_comfy(draw_landmarks(portrait)).to(output_device()))
            masks.append(matte.to(output_device()))
            edit_masks.append(edit_mask.to(output_device()))
        return io.NodeOutput(portraits, crops, masks, edit_masks)
