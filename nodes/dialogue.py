"""Several people in one picture: their sounds on one timeline, all of them in one video."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction

import torch
from comfy_api.latest import InputImpl, io, ui

from ..vasa_core.audio.mixing import Mode, arranged, timetable
from ..vasa_core.audio.reader import waveform_frames
from ..vasa_core.errors import InputError
from ..vasa_core.pipelines.animate import write_video
from ..vasa_core.pipelines.dialogue import equally_long
from ..vasa_core.render.faces import Actor, render_faces, workers_each
from ..vasa_core.types import Motion
from ._comfy import Reporter, new_file, require_memory
from .convert import from_sound, to_sound
from .schema import EncodedPortrait, MotionWire, PortraitWire, one_of, schema

MODES = ["turns", "together"]
FACES = (1, 2, 3, 4)  # the first two are always there


class DialogueAudio(io.ComfyNode):
    """Several AUDIO to their mix, and to each one with silence around it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASADialogueAudio",
            display_name="Dialogue audio",
            aliases=("conversation", "two people", "podcast"),
            description="Puts the voices of a dialogue on one timeline. Each output has silence "
            "while the others speak, so that its face listens; give each to an Audio features node "
            "of its own.",
            inputs=[
                *(_sound(face) for face in FACES[:2]),
                io.Combo.Input(
                    "mode", options=MODES, default="turns",
                    tooltip="turns: one after the other, in their order. together: all from the "
                    "start.",
                ),
                io.Float.Input(
                    "pause", default=0.4, min=0.0, max=10.0, step=0.05,
                    tooltip="Seconds of silence between turns.",
                ),
                *(_sound(face, optional=True) for face in FACES[2:]),
            ],
            outputs=[
                io.Audio.Output(
                    display_name="audio", tooltip="All voices mixed, for Render dialogue."
                ),
                *(
                    io.Audio.Output(
                        display_name=f"audio {face}",
                        tooltip=f"Voice {face} as long as the whole dialogue, for Audio features; "
                        "silence without such an input, for a face that only listens.",
                    )
                    for face in FACES
                ),
            ],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, mode: str | None) -> bool | str:
        return one_of(mode, MODES)

    @classmethod
    def execute(cls, mode: Mode, pause: float, **given) -> io.NodeOutput:
        voices = {face: to_sound(sound) for face in FACES if (sound := given.get(f"audio_{face}"))}
        durations = [Fraction(samples.shape[-1], rate) for samples, rate in voices.values()]
        table = timetable(durations, mode, pause)
        mix, sounds, rate = arranged(list(voices.values()), table)
        placed = dict(zip(voices, sounds, strict=True))
        alone = [placed.get(face, torch.zeros_like(mix)) for face in FACES]
        return io.NodeOutput(*(from_sound(samples, rate) for samples in (mix, *alone)))


def _sound(face: int, optional: bool = False) -> io.Audio.Input:
    return io.Audio.Input(
        f"audio_{face}",
        optional=optional,
        tooltip=f"What face {face} says, of any rate and length.",
    )


class RenderDialogue(io.ComfyNode):
    """VASA_PORTRAITs of one picture, a VASA_MOTION for each, and AUDIO to VIDEO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASARenderDialogue",
            display_name="Render dialogue",
            aliases=("conversation", "several faces", "two people", "group"),
            description="Renders several faces of one picture, each with its own motion, into one "
            "video with the sound, labelled as AI-generated in its metadata. Memory does not grow "
            "with the length. Use Save Video to keep it.",
            is_output_node=True,
            inputs=[
                *(given for face in FACES[:2] for given in _acting(face)),
                io.Audio.Input(
                    "audio",
                    optional=True,
                    tooltip="All voices, from Dialogue audio; without it the video is silent.",
                ),
                *(given for face in FACES[2:] for given in _acting(face, optional=True)),
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
    def execute(cls, audio=None, **given) -> io.NodeOutput:
        portraits, motions = acting(given)
        fps, total = motions[0].fps, len(motions[0])
        height, width = portraits[0].portrait.image.shape[-2:]
        workers = max(portrait.model.workers for portrait in portraits)
        each = workers_each(workers, len(portraits))
        require_memory(
            sum(portrait.model.rendering_bytes(height, width, each) for portrait in portraits),
            f"Rendering {len(portraits)} faces of {width}x{height}",
            "Use a smaller picture.",
        )
        path, subfolder = new_file("vasa/dialogue", ".mp4", temporary=True)
        report = Reporter(total)
        with ExitStack() as stack:
            models = {id(portrait.model): portrait.model for portrait in portraits}
            spaces = {
                key: stack.enter_context(model.face_space("render"))
                for key, model in models.items()
            }
            actors = [
                Actor(spaces[id(encoded.model)], encoded.portrait, motion)
                for encoded, motion in zip(portraits, motions, strict=True)
            ]
            write_video(
                lambda check: render_faces(actors, workers, check), path, fps,
                audio=None if audio is None else waveform_frames(*to_sound(audio)),
                total=total, progress=report, preview=report.preview,
            )  # fmt: skip
        shown = ui.SavedResult(path.name, subfolder, io.FolderType.temp)
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)), ui=ui.PreviewVideo([shown]))


def _acting(face: int, optional: bool = False) -> tuple[io.Input, io.Input]:
    return (
        PortraitWire.Input(
            f"portrait_{face}",
            optional=optional,
            tooltip=f"Face {face}, from an Encode portrait of its own; all of the same picture.",
        ),
        MotionWire.Input(
            f"motion_{face}",
            optional=optional,
            tooltip=f"What face {face} does; its rate is the video's if it is the first. A shorter "
            "motion ends at rest.",
        ),
    )


def acting(given: dict) -> tuple[list[EncodedPortrait], list[Motion]]:
    """Portraits and their motions from a node's inputs, all of one length and frame rate.

    Raises InputError for a portrait without a motion or a motion without a portrait.
    """
    portraits, motions = [], []
    for face in FACES:
        portrait, motion = given.get(f"portrait_{face}"), given.get(f"motion_{face}")
        if (portrait is None) != (motion is None):
            lacking = "portrait" if portrait is None else "motion"
            raise InputError(f"Face {face} has no {lacking}; connect {lacking}_{face} too.")
        if portrait is not None:
            portraits.append(portrait)
            motions.append(motion)
    return portraits, equally_long(motions)
