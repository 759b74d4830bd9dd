"""The pack's list of nodes."""

from comfy_api.latest import ComfyExtension, io

from ._comfy import register_model_folder
from .audio import AudioFeaturesNode
from .controls import TalkingControls
from .dialogue import DialogueAudio, RenderDialogue
from .editing import (
    AddBlinks,
    EditMotion,
    HoldMotion,
    JoinMotions,
    MixMotion,
    NeutraliseExpression,
    ScaleMotion,
    ShiftMotion,
)
from .expression import ExpressionEditor, MoveToExpression
from .live import serve_faces
from .model import LoadTalkingPortraitModel
from .motion import LoadMotion, SampleMotion, SaveMotion
from .portrait import EncodePortrait
from .preview import PreviewMotion
from .render import RenderFrames, RenderVideo
from .samples import SamplePortraitAndSpeech
from .video import DubVideo, TrackMotion

NODES = [
    LoadTalkingPortraitModel,
    SamplePortraitAndSpeech,
    EncodePortrait,
    AudioFeaturesNode,
    TalkingControls,
    SampleMotion,
    PreviewMotion,
    RenderFrames,
    RenderVideo,
    SaveMotion,
    LoadMotion,
    TrackMotion,
    DubVideo,
    DialogueAudio,
    RenderDialogue,
    EditMotion,
    ScaleMotion,
    MixMotion,
    JoinMotions,
    ShiftMotion,
    HoldMotion,
    AddBlinks,
    NeutraliseExpression,
    ExpressionEditor,
    MoveToExpression,
]


class TalkingPortraitExtension(ComfyExtension):
    """The open VASA-1 as nodes."""

    def __init__(self):
        register_model_folder()
        serve_faces()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """All nodes, in the order of the pipeline."""
        return NODES
