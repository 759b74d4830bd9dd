"""Sample media, so that every workflow template runs as it is."""

from comfy_api.latest import io

from ..vasa_core import read_image
from ..vasa_core.assets import PORTRAITS, SPEECH
from ..vasa_core.audio.reader import read_audio
from .convert import from_sound, to_comfy
from .schema import one_of, schema


class SamplePortraitAndSpeech(io.ComfyNode):
    """The portraits and the speech that come with the pack."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="VASASamplePortraitAndSpeech",
            display_name="Sample portrait and speech",
            aliases=("example", "demo"),
            description="A portrait and a spoken sentence to try things with. Replace it with "
            "Load Image and Load Audio for your own.",
            inputs=[
                io.Combo.Input(
                    "portrait",
                    options=list(PORTRAITS),
                    tooltip="Which of the pack's portraits. Their sources stand in "
                    "vasa_core/assets/README.md.",
                )
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="One portrait, for Encode portrait."),
                io.Audio.Output(
                    display_name="audio",
                    tooltip="A synthetic voice saying one sentence, about 9 seconds.",
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, portrait: str | None) -> bool | str:
        return one_of(portrait, list(PORTRAITS))

    @classmethod
    def execute(cls, portrait: str) -> io.NodeOutput:
        return io.NodeOutput(
            to_comfy(read_image(PORTRAITS[portrait])), from_sound(*read_audio(SPEECH))
        )
