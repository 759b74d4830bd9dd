"""Stage 4: render frames or a video."""

from __future__ import annotations

import torch
from comfy_api.latest import InputImpl, io, ui

from ..vasa_core.audio.reader import waveform_frames
from ..vasa_core.pipelines.animate import render_video
from ..vasa_core.provenance.label import label
from ..vasa_core.render.memory import frame_bytes
from ..vasa_core.types import Motion, View
from ._comfy import Reporter, new_file, output_device, require_memory
from .convert import to_comfy, to_sound
from .schema import EncodedPortrait, PortraitWire, motion_input, one_of, schema

SIZES = ["source", "crop"]
SIZE_TOOLTIP = (
    "source: the whole picture, the head moving in it. crop: the square around the head, at the "
    "picture's own resolution; with LivePortrait the 512 x 512 picture that its decoder paints."
)


class RenderFrames(io.ComfyNode):
    """VASA_PORTRAIT and VASA_MOTION to a batch of IMAGE and MASK."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASARenderFrames",
            display_name="Render frames",
            aliases=("images", "batch"),
            description="Renders the moving portrait as a batch of images, for other image and "
            "video nodes. Long clips need much memory this way: Render video needs almost none.",
            hidden=[io.Hidden.extra_pnginfo],
            inputs=[
                PortraitWire.Input("portrait", tooltip="From Encode portrait."),
                motion_input(),
                io.Combo.Input("size", options=SIZES, default="source", tooltip=SIZE_TOOLTIP),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="One image per motion frame."),
                io.Mask.Output(
                    display_name="masks",
                    tooltip="The moving layer (head, hair, shoulders) in each frame: 1 moves, 0 is "
                    "background. With LivePortrait: where the painted crop is put back, with a "
                    "soft edge.",
                ),
                io.Float.Output(
                    display_name="fps", tooltip="Frames per second, for Create Video and the like."
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, size: str | None) -> bool | str:
        return one_of(size, SIZES)

    @classmethod
    def execute(cls, portrait: EncodedPortrait, motion: Motion, size: View) -> io.NodeOutput:
        face, workers = portrait.portrait, portrait.model.workers
        side = face.crop.size
        height, width = face.image.shape[-2:] if size == "source" else (side, side)
        require_memory(
            len(motion) * frame_bytes(height, width, 4)
            + portrait.model.rendering_bytes(height, width),
            f"Rendering {len(motion)} frames of {width}x{height} as images",
            'Use Render video, which needs no memory for frames, or size "crop", a shorter motion '
            "or a smaller picture.",
        )
        images = torch.empty(len(motion), height, width, 3, device=output_device())
        masks = torch.empty(len(motion), height, width, device=output_device())
        report, done = Reporter(len(motion)), 0
        with portrait.model.face_space("render") as space:
            for chunk in space.render(
                face, motion, workers=workers, view=size, alpha=True,
                check=report.check,
            ):  # fmt: skip
                images[done : done + len(chunk)] = to_comfy(chunk[:, :3])
                masks[done : done + len(chunk)] = chunk[:, 3]
                done += len(chunk)
                report.preview(chunk[-1, :3])
                report(done, len(motion))
        if cls.hidden.extra_pnginfo is not None:  # what core nodes write into files they save
            cls.hidden.extra_pnginfo.update(label())
        return io.NodeOutput(images, masks, float(motion.fps))


class RenderVideo(io.ComfyNode):
    """VASA_PORTRAIT, VASA_MOTION and AUDIO to VIDEO, encoded while rendering."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASARenderVideo",
            display_name="Render video",
            aliases=("mp4", "talking video"),
            description="Renders the moving portrait straight into an H.264 video with the sound, "
            "labelled as AI-generated in its metadata. Memory does not grow with the length. Use "
            "Save Video to keep it.",
            is_output_node=True,
            inputs=[
                PortraitWire.Input("portrait", tooltip="From Encode portrait."),
                motion_input(),
                io.Audio.Input(
                    "audio",
                    optional=True,
                    tooltip="The sound that the motion was made from; without it the video is "
                    "silent.",
                ),
                io.Combo.Input("size", options=SIZES, default="source", tooltip=SIZE_TOOLTIP),
            ],
            outputs=[
                io.Video.Output(
                    display_name="video",
                    tooltip="A file in ComfyUI's temp folder, for Save Video and other video "
                    "nodes.",
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, size: str | None) -> bool | str:
        return one_of(size, SIZES)

    @classmethod
    def execute(
        cls, portrait: EncodedPortrait, motion: Motion, size: View, audio=None
    ) -> io.NodeOutput:
        face, workers = portrait.portrait, portrait.model.workers
        height, width = face.image.shape[-2:]
        require_memory(
            portrait.model.rendering_bytes(height, width),
            f"Rendering a video of {width}x{height}",
            "Use a smaller picture.",
        )
        path, subfolder = new_file("vasa/talking", ".mp4", temporary=True)
        report = Reporter(len(motion))
        with portrait.model.face_space("render") as space:
            render_video(
                face, motion, path,
                space=space,
                audio=None if audio is None else waveform_frames(*to_sound(audio)),
                workers=workers, view=size, progress=report, preview=report.preview,
            )  # fmt: skip
        shown = ui.SavedResult(path.name, subfolder, io.FolderType.temp)
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)), ui=ui.PreviewVideo([shown]))
