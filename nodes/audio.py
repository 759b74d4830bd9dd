"""Stage 2: audio features."""

from __future__ import annotations

from comfy_api.latest import io

from ..vasa_core.audio.hidden_states import features_from_hidden_states
from ._comfy import TalkingModel
from .convert import to_sound
from .schema import AudioWire, ModelWire, schema


class AudioFeaturesNode(io.ComfyNode):
    """VASA_MODEL and AUDIO to VASA_AUDIO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASAAudioFeatures",
            display_name="Audio features",
            aliases=("voice", "speech"),
            description="Turns sound into what the motion model hears: spectrum, loudness, pitch "
            "and how lips would move for it (embedded), the waveform (JoyVASA) or what a HuBERT "
            "network makes of it (Ditto). Any rate, channels and length.",
            inputs=[
                ModelWire.Input("model", tooltip="From Load talking-portrait model."),
                io.Audio.Input("audio", tooltip="Speech or singing, of any length."),
                io.AudioEncoderOutput.Input(
                    "encoder_output",
                    optional=True,
                    tooltip="Only for models trained on ComfyUI's audio encoders (wav2vec2, "
                    "whisper). The embedded model, JoyVASA and Ditto make their own features: "
                    "leave it unconnected.",
                ),
            ],
            outputs=[
                AudioWire.Output(
                    display_name="audio features",
                    tooltip="One row per motion frame, with the exact length; for Sample motion.",
                )
            ],
        )

    @classmethod
    def execute(cls, model: TalkingModel, audio, encoder_output=None) -> io.NodeOutput:
        waveform, rate = to_sound(audio)
        with model.motion_model() as motion_model:
            if encoder_output is None:
                return io.NodeOutput(motion_model.features(waveform, rate))
            hidden, samples = encoder_output["encoded_audio"], encoder_output["audio_samples"]
            features = features_from_hidden_states(hidden[0], samples, motion_model.fps)
            motion_model.check(features)
            return io.NodeOutput(features)
