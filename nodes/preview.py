"""Shows a motion on a timeline in the node."""

from __future__ import annotations

import json
from pathlib import Path

from comfy_api.latest import io

from ..vasa_core.audio.reader import waveform_frames
from ..vasa_core.pipelines.animate import render_video
from ..vasa_core.render.timeline import timeline
from ..vasa_core.spaces import sketch_motion
from ..vasa_core.types import Motion
from ._comfy import Reporter, new_file
from .convert import to_sound
from .schema import EncodedPortrait, PortraitWire, motion_input, schema

VIDEO_SIDE = 256  # pixels


class PreviewMotion(io.ComfyNode):
    """VASA_MOTION to curves over the waveform and a face to scrub through."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAPreviewMotion",
            display_name="Preview motion",
            aliases=("timeline", "curves", "plot"),
            description="Draws a motion over its sound: head pose, lip opening, blinks and gaze. "
            "Drag along the timeline to see any frame.",
            is_output_node=True,
            inputs=[
                motion_input(),
                io.Audio.Input("audio", optional=True, tooltip="Drawn as a waveform and played."),
                PortraitWire.Input(
                    "portrait",
                    optional=True,
                    tooltip="Shows this face while scrubbing, small; without it a line drawing.",
                ),
            ],
            outputs=[],
        )

    @classmethod
    def execute(
        cls, motion: Motion, audio=None, portrait: EncodedPortrait | None = None
    ) -> io.NodeOutput:
        sound = None if audio is None else to_sound(audio)
        path, subfolder = new_file("vasa/timeline", ".json", temporary=True)
        path.write_text(json.dumps(timeline(sketch_motion(motion), motion.fps, sound)))
        shown = {"timeline": (_shown(path, subfolder),)}
        if portrait is not None:
            shown["face_video"] = (_face_video(portrait, motion, sound),)
        return io.NodeOutput(ui=shown)


def _face_video(portrait: EncodedPortrait, motion: Motion, sound) -> dict[str, str]:
    """A small video of the portrait's head, as the browser addresses it."""
    path, subfolder = new_file("vasa/preview", ".mp4", temporary=True)
    with portrait.model.face_space("render") as space:
        render_video(
            portrait.portrait, motion, path,
            space=space, audio=None if sound is None else waveform_frames(*sound),
            workers=portrait.model.workers, view="crop", longest=VIDEO_SIDE,
            progress=Reporter(len(motion)),
        )  # fmt: skip
    return _shown(path, subfolder)


def _shown(path: Path, subfolder: str) -> dict[str, str]:
    """A file in the temp folder, as the browser addresses it."""
    return {"filename": path.name, "subfolder": subfolder, "type": "temp"}
