"""What all motion models have in common (``vasa_core.interfaces.MotionModel``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from torch import Tensor, nn

from ..errors import InputError
from ..interfaces import AudioEncoder
from ..types import AudioFeatures, Controls, Motion, Portrait, Progress

EMPTY = "The sound is empty; give at least one frame of audio."


class MotionModule(nn.Module):
    """A motion model as a torch module; each model has a ``stream`` of its own."""

    space: str
    fps: Fraction
    default_steps: int
    default_cfg: float
    _encoder: AudioEncoder | None = None

    @property
    def encoder(self) -> AudioEncoder:
        """What it hears with; a model in training has none."""
        if self._encoder is None:
            raise RuntimeError("This motion model was made without an audio encoder.")
        return self._encoder

    @encoder.setter
    def encoder(self, encoder: AudioEncoder | None) -> None:
        self._encoder = encoder

    @property
    def hears(self) -> str:
        """The name of the audio encoder whose features it hears."""
        return self.encoder.name

    def features(self, waveform: Tensor, rate: int) -> AudioFeatures:
        """(N,) mono samples at ``rate`` Hz to this model's own audio features."""
        return self.encoder.encode(waveform, rate)

    def check(self, audio: AudioFeatures) -> None:
        """InputError unless these are the audio features that this model hears."""
        if audio.encoder != self.hears or audio.fps != self.fps:
            raise InputError(
                f"These audio features are {audio.encoder} at {audio.fps} per second; this motion"
                f" model hears {self.hears} at {self.fps}. Make them with this"
                " model from the sound; in ComfyUI, leave encoder output unconnected."
            )

    def stream(
        self,
        audio: AudioFeatures | Iterable[AudioFeatures],
        controls: Controls | None = None,
        seed: int = 0,
        steps: int | None = None,
        cfg: float | None = None,
        progress: Progress | None = None,
        portrait: Portrait | None = None,
    ) -> Iterator[Motion]:
        """As in ``interfaces.MotionModel``; each model has its own."""
        raise NotImplementedError

    def sample(
        self,
        audio: AudioFeatures,
        controls: Controls | None = None,
        seed: int = 0,
        steps: int | None = None,
        cfg: float | None = None,
        progress: Progress | None = None,
        portrait: Portrait | None = None,
    ) -> Motion:
        """The whole motion for a sound; see ``stream``."""
        return Motion.concat(self.stream(audio, controls, seed, steps, cfg, progress, portrait))


def steps_within(most: int, steps: int | None, own: int) -> int:
    """The number of sampling steps, ``own`` for None; InputError unless it is 1 to ``most``."""
    steps = own if steps is None else steps
    if not 1 <= steps <= most:
        raise InputError(f"{steps} sampling steps asked for; 1 to {most} work.")
    return steps
