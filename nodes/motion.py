"""Stage 3: sample, save and load motion."""

from __future__ import annotations

from comfy_api.latest import io

from ..vasa_core.assets import MOTION
from ..vasa_core.models import MODELS
from ..vasa_core.motion.files import load_motion, save_motion
from ..vasa_core.motion.timing import exact_rate, resample_motion
from ..vasa_core.types import AudioFeatures, Controls, Motion
from ._comfy import Reporter, TalkingModel, file_path, motion_files, new_file
from .schema import (
    AudioWire,
    ControlsWire,
    EncodedPortrait,
    ModelWire,
    MotionWire,
    PortraitWire,
    motion_input,
    one_of,
    schema,
)

SAMPLE = "sample motion (embedded)"


class SampleMotion(io.ComfyNode):
    """VASA_MODEL, VASA_AUDIO and VASA_CONTROLS to VASA_MOTION, by diffusion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASASampleMotion",
            display_name="Sample motion",
            aliases=("sampler", "diffusion", "head motion"),
            description="Makes lips, expression, blinks, gaze and head movement from sound. Only "
            "Ditto needs the portrait; all other motion plays on any face of the same kind of "
            "model.",
            inputs=[
                ModelWire.Input("model", tooltip="From Load talking-portrait model."),
                AudioWire.Input("audio_features", tooltip="From Audio features."),
                ControlsWire.Input(
                    "controls",
                    optional=True,
                    tooltip="From Talking controls. Without it, gaze, distance and all else are as "
                    "sampled.",
                ),
                io.Int.Input(
                    "seed", default=0, min=0, max=2**64 - 1, control_after_generate=True,
                    tooltip="Another seed, another performance of the same words. Same seed, same "
                    "motion.",
                ),
                io.Int.Input(
                    "steps", default=0, min=0, max=50,
                    tooltip="Diffusion steps per window of sound. More is slower and a little "
                    "livelier. 0: as many as the model is made for (embedded "
                    f"{MODELS['mesh'].steps}, JoyVASA and Ditto {MODELS['ditto'].steps}).",
                ),
                io.Float.Input(
                    "cfg", default=-1.0, min=-1.0, max=5.0, step=0.1,
                    tooltip="Guidance: how strictly the motion follows the sound. 0 none extra; "
                    f"high values exaggerate. -1: the model's own (embedded {MODELS['mesh'].cfg}, "
                    f"JoyVASA {MODELS['joyvasa'].cfg}, Ditto {MODELS['ditto'].cfg}).",
                ),
                io.Float.Input(
                    "fps", default=25.0, min=1.0, max=120.0, step=0.01,
                    tooltip="Frames per second of the result; 29.97 means 30000/1001. The motion "
                    "is never shorter than the sound.",
                ),
                PortraitWire.Input(
                    "portrait",
                    optional=True,
                    tooltip="The face that the motion is for. Ditto needs it; other models ignore "
                    "it.",
                ),
            ],
            outputs=[
                MotionWire.Output(
                    display_name="motion",
                    tooltip="For Render frames, Render video, Preview motion and Save motion.",
                )
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        model: TalkingModel,
        audio_features: AudioFeatures,
        seed: int,
        steps: int,
        cfg: float,
        fps: float,
        controls: Controls | None = None,
        portrait: EncodedPortrait | None = None,
    ) -> io.NodeOutput:
        with model.motion_model() as motion_model:
            motion = motion_model.sample(
                audio_features,
                controls,
                seed,
                steps or None,
                None if cfg < 0 else cfg,
                Reporter(len(audio_features)),
                None if portrait is None else portrait.portrait,
            )
        return io.NodeOutput(resample_motion(motion, exact_rate(fps), audio_features.duration))


class SaveMotion(io.ComfyNode):
    """VASA_MOTION to a safetensors file in the output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASASaveMotion",
            display_name="Save motion",
            description="Writes a motion as safetensors into the output folder, with frame rate, "
            "face space and version in its header. Load motion lists it afterwards.",
            is_output_node=True,
            inputs=[
                motion_input(),
                io.String.Input(
                    "filename_prefix",
                    default="motion/vasa",
                    tooltip="Folder and start of the file name in ComfyUI's output folder; a "
                    "number is added.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="file", tooltip="The file's name, as Load motion lists it."
                )
            ],
        )

    @classmethod
    def execute(cls, motion: Motion, filename_prefix: str) -> io.NodeOutput:
        path, subfolder = new_file(filename_prefix, ".safetensors")
        save_motion(path, motion)
        name = f"{subfolder}/{path.name} [output]".lstrip("/")
        return io.NodeOutput(name, ui={"text": (name,)})


class LoadMotion(io.ComfyNode):
    """A safetensors file to VASA_MOTION."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASALoadMotion",
            display_name="Load motion",
            description="Reads a motion that Save motion wrote, or the commands vasa motion and "
            "vasa track.",
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[SAMPLE, *motion_files()],
                    tooltip="Motion files in ComfyUI's input and output folders. Press R to list "
                    "new ones.",
                )
            ],
            outputs=[
                MotionWire.Output(
                    display_name="motion",
                    tooltip="For Render frames, Render video, Preview motion and Save motion.",
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, file: str | None) -> bool | str:
        return one_of(file, [SAMPLE, *motion_files()])

    @classmethod
    def fingerprint_inputs(cls, file: str | None) -> float | None:
        """Changes when the file changes, so that it is read again; None is a link."""
        return None if file is None else _path(file).stat().st_mtime

    @classmethod
    def execute(cls, file: str) -> io.NodeOutput:
        return io.NodeOutput(load_motion(_path(file)))


def _path(file: str):
    return MOTION if file == SAMPLE else file_path(file)
