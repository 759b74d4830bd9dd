"""The stages as interfaces: a face space, an audio encoder and a motion model, whichever it is.

What flows between them is in ``types``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Protocol

from torch import Tensor

from .types import AudioFeatures, Controls, Motion, Portrait, Progress, Tracked, View


class FaceSpace(Protocol):
    """A pair of encoder and renderer that agree on pose and dynamics (VASA-1, section 3.1)."""

    name: str
    parts: dict[str, slice]  # where lips, expression, blink and gaze lie in a dynamics code
    stages: dict[str, tuple[str, ...]]  # the submodules that "encode" and "render" work with
    working_bytes: int  # that each rendering thread holds besides its frames, on a CPU

    def landmarks(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) images to (B, 478, 3) pixel coordinates of the largest face in each."""

    def encode(
        self,
        image: Tensor,
        face: int = 0,
        mask: Tensor | None = None,
        progress: Progress | None = None,
        views: Sequence[Tensor] = (),
    ) -> Portrait:
        """(1, 3, H, W) image to the ``face``-th largest face in it, ready to be moved.

        With a ``mask`` (H, W), 0..1, only faces whose centre lies in it count. ``views`` are more
        photos (1, 3, h, w) of the person, for what the first does not show."""

    def track(self, frames: Iterable[Tensor], fps: Fraction, face: int = 0) -> Tracked:
        """(3, H, W) frames of a video to what its ``face``-th largest face does."""

    def relative(self, motion: Motion, rest: Motion | None = None) -> Motion:
        """A "camera" motion as offsets from a rest frame (T = 1; None: its own first frame)."""

    def render(
        self,
        portrait: Portrait,
        motion: Motion | Iterable[Motion],
        chunk: int | None = None,
        workers: int = 1,
        view: View = "source",
        alpha: bool = False,
        check: Callable[[], None] | None = None,
    ) -> Iterator[Tensor]:
        """Frames of the moving portrait, in chunks (B, 3, H, W), by ``workers`` threads.

        A "camera" motion turns the head as the camera saw it; place and size change from the
        portrait's own as they do from the motion's first frame.
        ``chunk`` frames each (None: as many as are quick and small); with ``alpha`` (B, 4, H, W),
        the fourth channel being the head's matte. ``check`` is called several times a second where
        a frame takes longer than that, by any thread; it may raise to stop the work."""

    def matte(self, portrait: Portrait) -> Tensor:
        """(1, H, W), 0..1: the part of the picture that moves."""

    def reach(self, portrait: Portrait) -> Tensor:
        """(1, H, W), 0..1, soft-edged: how far rendered frames may differ from the picture.

        Where it is 0 every frame (view "source") is the picture, bit by bit, whatever moves."""

    def neutralised(self, portrait: Portrait, motion: Motion, amount: float = 1.0) -> Motion:
        """A "portrait" motion that takes the portrait's own expression away; ``amount`` 0: none."""

    def dub(
        self,
        frames: Iterable[Tensor],
        tracked: Tracked,
        motion: Motion | Iterable[Motion],
        workers: int = 1,
        check: Callable[[], None] | None = None,
    ) -> Iterator[Tensor]:
        """(3, H, W) frames of a video with the lips of a motion, (1, 3, H, W) each.

        ``tracked`` and ``motion`` (reference "portrait") have a row for each frame. Everything but
        the lower face stays bit by bit, and so does a frame in which the face was not found."""


class AudioStream(Protocol):
    """A sound that is pushed piece by piece; cut in any way, it gives the same features."""

    def push(self, samples: Tensor) -> AudioFeatures:
        """Take the next samples of the sound.

        Args:
            samples: (N,) or (C, N), any number of them.

        Returns:
            The rows that became ready by them, possibly none.
        """

    def finish(self) -> AudioFeatures:
        """End the sound: the rest of its rows. Nothing is pushed afterwards."""


class AudioEncoder(Protocol):
    """Turns sound into the features of a motion model: pushed, as a stream, or whole.

    The rows are the same in all three ways, at the same level and chunk.
    """

    name: str
    fps: Fraction

    def measure(self, blocks: Iterable[Tensor], rate: int) -> float:
        """Measure the loudness level of a whole sound, for ``open`` and ``stream``.

        Args:
            blocks: (N,) or (C, N) samples.
            rate: their rate in Hz.

        Returns:
            The level, in the encoder's own unit.
        """

    def open(self, rate: int, level: float | None = None, chunk: int | None = None) -> AudioStream:
        """Begin a sound that is pushed piece by piece.

        Args:
            rate: of its samples, in Hz.
            level: what ``measure`` says of the whole sound; None follows the loudness so far.
            chunk: rows that are made at once: few come sooner, many cost less. None: the encoder's
                own; an encoder may round it up.

        Returns:
            The stream, to which samples are pushed.
        """

    def stream(
        self,
        blocks: Iterable[Tensor],
        rate: int,
        level: float | None = None,
        chunk: int | None = None,
    ) -> Iterator[AudioFeatures]:
        """Turn a sound that comes in blocks into features, as they come, in constant memory.

        Args:
            blocks: (N,) or (C, N) samples.
            rate: their rate in Hz.
            level: as in ``open``.
            chunk: as in ``open``.

        Yields:
            Features; their durations add up to the sound's.
        """

    def encode(self, waveform: Tensor, rate: int) -> AudioFeatures:
        """Turn a whole sound into features.

        Args:
            waveform: (N,) or (C, N) samples.
            rate: their rate in Hz.

        Returns:
            ceil(N / rate * fps) rows.
        """


class MotionModel(Protocol):
    """Turns sound and controls into motion of one face space (VASA-1, section 3.2)."""

    space: str
    fps: Fraction
    encoder: AudioEncoder

    def features(self, waveform: Tensor, rate: int) -> AudioFeatures:
        """(N,) mono samples at ``rate`` Hz to this model's own audio features."""

    def check(self, audio: AudioFeatures) -> None:
        """InputError unless these are features that this model takes."""

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
        """Motion window by window, in constant memory, for sound that may come in pieces.

        ``steps`` and ``cfg`` None are the model's own. ``portrait`` is the face that the motion is
        for: a model that is conditioned on one needs it, others ignore it."""

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
        """The whole motion for a sound; the windows of ``stream`` joined."""
