"""What every motion model asks of its input before it samples."""

from __future__ import annotations

from fractions import Fraction

from ..errors import InputError
from ..types import AudioFeatures

EMPTY = "The sound is empty; give at least one frame of audio."


def steps_within(most: int, steps: int | None, own: int) -> int:
    """The number of sampling steps, ``own`` for None; InputError unless it is 1 to ``most``."""
    steps = own if steps is None else steps
    if not 1 <= steps <= most:
        raise InputError(f"{steps} sampling steps asked for; 1 to {most} work.")
    return steps


def check_features(audio: AudioFeatures, encoder: str, fps: Fraction) -> None:
    """InputError unless the features come from that encoder, at that rate."""
    if audio.encoder != encoder or audio.fps != fps:
        raise InputError(
            f"These audio features are {audio.encoder} at {audio.fps} per second; this motion"
            f" model hears {encoder} at {fps}. Make them with this"
            " model from the sound; in ComfyUI, leave encoder output unconnected."
        )
