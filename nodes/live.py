"""Pictures for an expression editor while its sliders move, without running the workflow."""

from __future__ import annotations

import uuid
from collections import deque
from io import BytesIO
from weakref import WeakValueDictionary

import torch

from ..vasa_core.errors import InputError
from ..vasa_core.pipelines.expression import express_on
from ..vasa_core.provenance.label import label
from ..vasa_core.render.image import shrink, to_picture
from ._comfy import Busy, add_route, between_prompts
from .schema import EncodedPortrait

ROUTE = "/vasa/expression"
SIDE = 512  # pixels of a picture at most
QUALITY = 90  # of its JPEG
KEPT = 2  # portraits


class LiveFaces:
    """Portraits that a browser may ask for, by a token that it got from the node's last run.

    A node in a subgraph, or in another browser, thus gets the face that it has shown. Portraits are
    known as long as ComfyUI keeps them; the last few are kept here, in case it keeps none.
    """

    def __init__(self):
        self._known: WeakValueDictionary[str, EncodedPortrait] = WeakValueDictionary()
        self._kept: deque[EncodedPortrait] = deque(maxlen=KEPT)

    def token(self, portrait: EncodedPortrait) -> str:
        """The token of a portrait; always the same one."""
        if not any(kept is portrait for kept in self._kept):
            self._kept.append(portrait)
        for token, known in self._known.items():
            if known is portrait:
                return token
        token = uuid.uuid4().hex
        self._known[token] = portrait
        return token

    def find(self, token: object) -> EncodedPortrait | None:
        """The portrait of a token, if it is still known."""
        return self._known.get(token) if isinstance(token, str) else None


LIVE_FACES = LiveFaces()


def serve_faces() -> None:
    """Let browsers ask for pictures."""
    add_route(ROUTE, answer)


def answer(asked: dict) -> bytes | dict[str, str]:
    """A JPEG of ``asked["face"]`` with the expression ``asked["values"]``, or the reason why not.

    The reason is a ``state``: "gone" if the face is no longer known, or "busy" while a workflow
    runs. Raises InputError for values that are not an expression.
    """
    values = asked.get("values") if isinstance(asked, dict) else None
    if not isinstance(values, dict):
        raise InputError('A picture is asked for as {"face": TOKEN, "values": {NAME: NUMBER}}.')
    portrait = LIVE_FACES.find(asked.get("face"))
    if portrait is None:
        return {"state": "gone"}
    try:
        return picture(portrait, values)
    except Busy:
        return {"state": "busy"}


@torch.inference_mode()
def picture(portrait: EncodedPortrait, values: dict[str, float]) -> bytes:
    """A JPEG of the square around the head; raises Busy when a workflow runs or starts."""
    with between_prompts() as check, portrait.model.face_space("render") as space:
        motion = express_on(space, portrait.portrait, values)
        (frame,) = space.render(portrait.portrait, motion, view="crop", check=check)
        data = BytesIO()
        to_picture(shrink(frame, SIDE)).save(
            data, "JPEG", quality=QUALITY, comment=label()["comment"]
        )
    return data.getvalue()
