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
    """A motion model as a torch module; each model has a ``stream`` of its own.

    encoder  makes its audio features; None in training
    """

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
    def encoder_name(self) -> str:
        """The name of the audio encoder whose features it is conditioned on."""
        return self.encoder.name

    def features(self, waveform: Tensor, rate: int) -> AudioFeatures:
        """Turn a whole sound into this model's own audio features.

        Args:
            waveform: (N,) or (C, N) samples.
            rate: their rate in Hz.

        Returns:
            One row per frame of the motion.
        """
        return self.encoder.encode(waveform, rate)

    def check(self, audio: AudioFeatures) -> None:
        """Refuse audio features of another encoder or rate.

        Raises:
            InputError: they are not this model's own.
        """
        if audio.encoder != self.encoder_name or audio.fps != self.fps:
            raise InputError(
                f"These audio features are {audio.encoder} at {audio.fps} per second; this motion"
                f" model needs {self.encoder_name} at {self.fps}. Make them with this"
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
        """Sample the whole motion for a sound.

        Args:
            audio: this model's own features of it.
            controls: what is steered; None: nothing.
            seed: the same seed gives the same motion.
            steps: sampling steps; None: the model's own number.
            cfg: guidance scale of the sound; None: the model's own.
            progress: counts sampling steps, and may raise to stop.
            portrait: the face that the motion is for, where the model moves one particular face.

        Returns:
            A motion (reference "portrait") with as many frames as the features have rows.

        Raises:
            InputError: impossible controls or steps, foreign features, an empty sound, or no
                portrait for a model that needs one.
        """
        return Motion.concat(self.stream(audio, controls, seed, steps, cfg, progress, portrait))


def steps_within(most: int, steps: int | None, own: int) -> int:
    """The number of sampling steps.

    Args:
        most: as many as there can be.
        steps: what is asked for.
        own: what None means.

    Raises:
        InputError: fewer than 1 or more than ``most`` are asked for.
    """
    steps = own if steps is None else steps
    if not 1 <= steps <= most:
        raise InputError(f"{steps} sampling steps asked for; 1 to {most} work.")
    return steps
