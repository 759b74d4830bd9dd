"""Nodes that read videos: tracking and dubbing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import torch
from comfy_api.latest import InputImpl, io, ui

from ..vasa_core.audio.reader import read_channels, waveform_frames
from ..vasa_core.errors import InputError
from ..vasa_core.motion.keyframes import controls_from
from ..vasa_core.motion.timing import exact_rate
from ..vasa_core.pipelines.dub import dub
from ..vasa_core.pipelines.track import track_motion
from ..vasa_core.render.video import VideoReader
from ._comfy import Reporter, TalkingModel, new_file, video_file
from .convert import from_sound, to_library, to_sound
from .schema import ModelWire, MotionWire, one_of, schema

MODES = ["relative", "absolute"]
FACE_TOOLTIP = "Which face of the first frame: 1 is the largest, 2 the next smaller one."


class TrackMotion(io.ComfyNode):
    """VIDEO or IMAGE to VASA_MOTION."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASATrackMotion",
            display_name="Track motion",
            aliases=("driving video", "reenactment", "motion capture"),
            description="Measures what a face does in a video or in images, to play it on a "
            "portrait: head, lips, brows, lids and gaze. A frame without a face holds the one "
            "before.",
            inputs=[
                ModelWire.Input("model", tooltip="From Load talking-portrait model."),
                io.Video.Input(
                    "video", optional=True,
                    tooltip="The driving video, read frame by frame: it may be long.",
                ),
                io.Image.Input(
                    "images", optional=True,
                    tooltip="Instead of a video: its frames as a batch of images.",
                ),
                io.Float.Input(
                    "images_fps", default=25.0, min=1.0, max=240.0, step=0.01,
                    tooltip="Frames per second of the images; a video knows its own.",
                ),
                io.Int.Input("face", default=1, min=1, max=16, tooltip=FACE_TOOLTIP),
                io.Combo.Input(
                    "mode", options=MODES, default="relative",
                    tooltip="relative: the portrait starts from its own pose and moves as the "
                    "video does from its first frame on. absolute: the head turns as the camera "
                    "saw it.",
                ),
            ],
            outputs=[
                MotionWire.Output(
                    display_name="motion",
                    tooltip="For Render frames, Render video and all that edits motion.",
                ),
                io.Audio.Output(
                    display_name="audio",
                    tooltip="The video's own sound, to carry over; silence if it has none.",
                ),
                io.Int.Output(
                    display_name="missed", tooltip="In how many frames there was no face."
                ),
            ],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, mode: str | None) -> bool | str:
        return one_of(mode, MODES)

    @classmethod
    def execute(
        cls, model: TalkingModel, images_fps: float, face: int, mode: str, video=None, images=None
    ) -> io.NodeOutput:
        path = frames = None
        if video is not None:
            path = video_file(video)
            frames = VideoReader(path)
        if images is not None:
            frames = to_library(images)
        if frames is None or (path is not None and images is not None):
            raise InputError("Track motion needs a video or images: connect one of the two.")
        count = frames.frames if isinstance(frames, VideoReader) else len(frames)
        with model.face_space("encode") as space:
            tracked = track_motion(
                frames, space=space, fps=exact_rate(images_fps), face=face - 1,
                absolute=mode == "absolute", device=model.device, progress=Reporter(count or 1),
            )  # fmt: skip
        motion = tracked.motion
        seconds = Fraction(len(motion)) / motion.fps
        sound = _silence(seconds) if path is None else _sound_of(path, seconds)
        return io.NodeOutput(motion, sound, tracked.missed)


def _sound_of(path: Path, seconds: Fraction) -> dict:
    """The sound of a video file; silence of the given length if it has none."""
    sound = read_channels(path)
    if sound is None:
        return _silence(seconds)
    return from_sound(*sound)


def _silence(seconds: Fraction) -> dict:
    rate = 16000
    return from_sound(torch.zeros(max(1, round(seconds * rate))), rate)


class DubVideo(io.ComfyNode):
    """VIDEO and AUDIO to VIDEO with other lips."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASADubVideo",
            display_name="Dub video",
            aliases=("dubbing", "lip sync video", "video to video"),
            description="Makes the face in a video say another sound. Only the lips and what hangs "
            "on them are redrawn; head, eyes and all else stay as filmed. A video that is shorter "
            "than the sound is played to and fro; after a shorter sound the lips rest. Use Save "
            "Video to keep it.",
            is_output_node=True,
            inputs=[
                ModelWire.Input("model", tooltip="From Load talking-portrait model."),
                io.Video.Input("video", tooltip="Read frame by frame: it may be long."),
                io.Audio.Input("audio", tooltip="What the face is to say."),
                io.Int.Input("face", default=1, min=1, max=16, tooltip=FACE_TOOLTIP),
                io.Int.Input(
                    "seed", default=0, min=0, max=2**64 - 1, control_after_generate=True,
                    tooltip="Another seed, another performance of the same words.",
                ),
                io.Float.Input(
                    "lips", default=1.0, min=0.0, max=2.0, step=0.05,
                    display_mode=io.NumberDisplay.slider,
                    tooltip="Strength of lip movement: 0 keeps the mouth closed, 1 as sampled.",
                ),
            ],
            outputs=[
                io.Video.Output(
                    display_name="video",
                    tooltip="A file in ComfyUI's temp folder, for Save Video and other video "
                    "nodes.",
                ),
                io.Int.Output(
                    display_name="missed",
                    tooltip="In how many frames there was no face; they are as filmed.",
                ),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, model: TalkingModel, video, audio, face: int, seed: int, lips: float
    ) -> io.NodeOutput:
        waveform, rate = to_sound(audio)
        path, subfolder = new_file("vasa/dubbed", ".mp4", temporary=True)
        report = Reporter(1)
        with model.face_space("encode", "render") as space, model.motion_model() as motion_model:
            _, seen = dub(
                video_file(video), motion_model.features(waveform, rate), path,
                space=space, model=motion_model, sound=waveform_frames(waveform, rate),
                controls=controls_from({"lips": lips}), face=face - 1, seed=seed,
                device=model.device, workers=model.workers, progress=report,
            )  # fmt: skip
        shown = ui.SavedResult(path.name, subfolder, io.FolderType.temp)
        made = InputImpl.VideoFromFile(str(path))
        return io.NodeOutput(made, seen.missed, ui=ui.PreviewVideo([shown]))
