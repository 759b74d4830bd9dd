"""What all nodes share: the category, the types of connections, and the making of a schema."""

from __future__ import annotations

from dataclasses import dataclass

from comfy_api.latest import io

from ..vasa_core.types import Portrait
from ._comfy import TalkingModel

CATEGORY = "video/talking portrait"
ALIASES = ("talking head", "lip sync", "avatar", "audio-driven", "VASA-1")

ModelWire = io.Custom("VASA_MODEL")  # TalkingModel
PortraitWire = io.Custom("VASA_PORTRAIT")  # EncodedPortrait
AudioWire = io.Custom("VASA_AUDIO")  # vasa_core AudioFeatures
ControlsWire = io.Custom("VASA_CONTROLS")  # vasa_core Controls
MotionWire = io.Custom("VASA_MOTION")  # vasa_core Motion


@dataclass(frozen=True, eq=False)  # without slots: the live preview refers to it weakly
class EncodedPortrait:
    """A portrait with the model that encoded it, which also renders it."""

    model: TalkingModel
    portrait: Portrait


def schema(*, aliases: tuple[str, ...] = (), **fields) -> io.Schema:
    """A node's schema in the pack's category, with search aliases if this ComfyUI has them."""
    if "search_aliases" in io.Schema.__dataclass_fields__:
        fields["search_aliases"] = [*aliases, *ALIASES]
    return io.Schema(category=CATEGORY, **fields)


def motion_input(name: str = "motion") -> io.Input:
    """An input for a motion from any node."""
    return MotionWire.Input(
        name, tooltip="From Sample motion, Track motion, Load motion or another editing node."
    )


def one_of(value: str | list[str | None] | None, options: list[str]) -> bool | str:
    """For ``validate_inputs``: True, or what is wrong with a combo's value; None is a link.

    ComfyUI 0.3.64 validates combos of older nodes only.
    """
    values = value if isinstance(value, list) else [value]
    wrong = [given for given in values if given is not None and given not in options]
    return f"{wrong[0]!r} is none of: {', '.join(options)}." if wrong else True
