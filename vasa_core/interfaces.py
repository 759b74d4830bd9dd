"""The stages as interfaces: a face space, an audio encoder and a motion model, whichever it is.

The data that flows between them is in ``types``.
"""

# Protocols only: their methods have no bodies that could return anything.
# pyright: reportReturnType=false

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Protocol

from torch import Tensor

from .types import AudioFeatures, Controls, Motion, Portrait, Progress, Tracked, View


class FaceSpace(Protocol):
    """A pair of encoder and renderer that agree on pose and dynamics (VASA-1, section 3.1)."""

    @property
    def name(self) -> str:
        """Name of the space; motions and portraits carry it."""

    @property
    def parts(self) -> Mapping[str, slice]:
        """Where lips, expression, blink and gaze are in a dynamics code (D,)."""

    @property
    def stages(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the submodules that each of the stages "encode" and "render" needs."""

    @property
    def working_bytes(self) -> int:
        """Bytes that each rendering thread needs besides its frames, on a CPU."""

    def landmarks(self, images: Tensor) -> Tensor:
        """Find the landmarks of the largest face in each image.

        Args:
            images: (B, 3, H, W), 0..1.

        Returns:
            (B, 478, 3) coordinates in pixels, z in the same scale.

        Raises:
            NoFaceError: If an image shows no face.
        """

    def encode(
        self,
        image: Tensor,
        face: int = 0,
        mask: Tensor | None = None,
        progress: Progress | None = None,
        views: Sequence[Tensor] = (),
    ) -> Portrait:
        """Measure a face in an image and make it ready to move.

        Args:
            image: (1, 3, H, W), 0..1.
            face: Which face: 0 is the largest, 1 the next smaller one.
            mask: (H, W), 0..1; only faces whose centre lies in it count. None: all faces count.
            progress: Called with steps done and in total; it may raise to stop the work.
            views: More photos (1, 3, h, w) of the same person, of any size. What the first one does
                not show (teeth, closed eyes, a turned head) is taken from them.

        Returns:
            The portrait.

        Raises:
            NoFaceError: If one of the images shows no face.
            InputError: If there are fewer faces than asked for, or the mask does not fit the image.
        """

    def track(self, frames: Iterable[Tensor], fps: Fraction, face: int = 0) -> Tracked:
        """Follow a face through a video.

        Args:
            frames: (3, H, W) each, 0..1.
            fps: Frames per second, exact.
            face: Which face of the first frame: 0 is the largest.

        Returns:
            What the face does in each frame. Frames without the face repeat the frame before, those
            at the start the first frame with it.

        Raises:
            NoFaceError: If no frame shows a face.
        """

    def relative(self, motion: Motion, rest: Motion | None = None) -> Motion:
        """Express a "camera" motion as offsets from a rest pose.

        Args:
            motion: A motion with reference "camera"; one with reference "portrait" stays as it is.
            rest: One frame (T = 1), the pose that counts as the portrait's own. None: the first
                frame of ``motion``.

        Returns:
            The motion with reference "portrait".
        """

    def render(
        self,
        portrait: Portrait,
        motion: Motion | Iterable[Motion],
        chunk: int | None = None,
        workers: int = 1,
        view: View = "source",
        alpha: bool = False,
        check: Callable[[], None] | None = None,
    ) -> Generator[Tensor, None, None]:
        """Render the moving portrait, a chunk of frames at a time.

        A "camera" motion turns the head as the camera saw it; place and size change from the
        portrait's own as they change in the motion from its first frame.

        Args:
            portrait: A portrait of this space.
            motion: A motion of this space, whole or in consecutive pieces.
            chunk: Frames per chunk. None: as many as are quick and need little memory.
            workers: Number of threads.
            view: "source" shows the whole picture, "crop" the square around the head.
            alpha: Adds the matte of the head as a fourth channel.
            check: Where a frame takes long, called several times a second, by any thread; it may
                raise to stop the work.

        Yields:
            Frames (B, 3, H, W), 0..1; (B, 4, H, W) with ``alpha``. Closing the generator ends its
            threads early.

        Raises:
            InputError: If portrait or motion are of another space.
        """

    def matte(self, portrait: Portrait) -> Tensor:
        """Return the part of the picture that moves.

        Args:
            portrait: A portrait of this space.

        Returns:
            (1, H, W), 0 (background) to 1 (moves).
        """

    def edit_mask(self, portrait: Portrait) -> Tensor:
        """Return how far rendered frames may differ from the picture.

        Args:
            portrait: A portrait of this space.

        Returns:
            (1, H, W), 0..1, with a soft edge. Where it is 0, every frame (view "source") is the
            picture, bit for bit, whatever moves.
        """

    def neutralised(self, portrait: Portrait, motion: Motion, amount: float = 1.0) -> Motion:
        """Take the expression of the picture out of what a motion shows.

        Args:
            portrait: A portrait of this space.
            motion: A motion with reference "portrait".
            amount: How much is taken away, 0 (none) to 1 (all).

        Returns:
            The changed motion.

        Raises:
            InputError: If the motion is of another space or reference.
        """

    def dub(
        self,
        frames: Iterable[Tensor],
        tracked: Tracked,
        motion: Motion | Iterable[Motion],
        workers: int = 1,
        check: Callable[[], None] | None = None,
    ) -> Iterator[Tensor]:
        """Give a face in a video other lips, frame by frame.

        Everything but the lower face stays as it is, bit for bit, and so does a frame in which the
        face was not found.

        Args:
            frames: The video, (3, H, W) each, 0..1.
            tracked: The face in it, a row for each frame.
            motion: The new lips, a row for each frame, reference "portrait".
            workers: Number of threads.
            check: As in ``render``.

        Yields:
            Frames (1, 3, H, W), 0..1.

        Raises:
            InputError: If the motion is of another space or reference.
        """


class AudioStream(Protocol):
    """A sound that is pushed piece by piece; cut in any way, it gives the same features."""

    def push(self, samples: Tensor) -> AudioFeatures:
        """Take the next samples.

        Args:
            samples: (N,) or (C, N), -1..1, of any length.

        Returns:
            The rows that are ready, possibly none.
        """

    def finish(self) -> AudioFeatures:
        """End the sound; nothing may be pushed afterwards.

        Returns:
            The rest of its rows.
        """


class AudioEncoder(Protocol):
    """Turns sound into the features that a motion model hears: pushed, as a stream, or whole.

    The rows are the same in all three ways, at the same level and chunk.
    """

    @property
    def name(self) -> str:
        """Name of the encoder; its features carry it."""

    @property
    def fps(self) -> Fraction:
        """Feature rows per second, exact."""

    def measure(self, blocks: Iterable[Tensor], rate: int) -> float:
        """Measure the loudness level of a whole sound; may leave blocks unread.

        Args:
            blocks: The sound in blocks of (N,) or (C, N) samples.
            rate: Samples per second, Hz.

        Returns:
            The level, for ``open`` and ``stream``.
        """

    def open(self, rate: int, level: float | None = None, chunk: int | None = None) -> AudioStream:
        """Begin a sound that is pushed piece by piece.

        Args:
            rate: Samples per second, Hz.
            level: The level of the whole sound, from ``measure``. None: the encoder follows the
                loudness so far.
            chunk: Rows that are made at once: few come sooner, many cost less. None: the encoder's
                own number; an encoder may round it up.

        Returns:
            The stream to push samples to.
        """

    def stream(
        self,
        blocks: Iterable[Tensor],
        rate: int,
        level: float | None = None,
        chunk: int | None = None,
    ) -> Iterator[AudioFeatures]:
        """Encode a sound of any length in constant memory.

        Args:
            blocks: The sound in blocks of (N,) or (C, N) samples, of any length.
            rate: Samples per second, Hz.
            level: As in ``open``.
            chunk: As in ``open``.

        Yields:
            Consecutive features, whose durations add up to that of the sound.
        """

    def encode(self, waveform: Tensor, rate: int) -> AudioFeatures:
        """Encode a whole sound.

        Args:
            waveform: (N,) or (C, N) samples, -1..1.
            rate: Samples per second, Hz.

        Returns:
            Its features; T = ceil(fps * N / rate).
        """


class MotionModel(Protocol):
    """Turns sound and controls into motion of one face space (VASA-1, section 3.2)."""

    @property
    def space(self) -> str:
        """Name of the face space that it moves."""

    @property
    def fps(self) -> Fraction:
        """Motion frames per second, exact."""

    @property
    def encoder(self) -> AudioEncoder:
        """Makes the audio features that it hears."""

    @property
    def default_steps(self) -> int:
        """Diffusion steps where none are asked for."""

    @property
    def default_cfg(self) -> float:
        """Guidance scale of the sound where none is asked for."""

    def features(self, waveform: Tensor, rate: int) -> AudioFeatures:
        """Encode a whole sound with this model's own audio encoder.

        Args:
            waveform: (N,) or (C, N) samples, -1..1.
            rate: Samples per second, Hz.

        Returns:
            The audio features.
        """

    def check(self, audio: AudioFeatures) -> None:
        """Check that audio features are of the kind that this model takes.

        Args:
            audio: The features.

        Raises:
            InputError: If they come from another encoder or at another rate.
        """

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
        """Sample motion window by window, in constant memory.

        Args:
            audio: The sound's features, whole or in consecutive pieces.
            controls: What is steered: gaze, head distance, emotion, strengths. None: nothing.
            seed: The same seed gives the same motion, however the sound is cut into pieces.
            steps: Diffusion steps per window. None: ``default_steps``.
            cfg: Guidance scale of the sound. None: ``default_cfg``.
            progress: Called with sampling steps done and in total; it may raise to stop the work.
            portrait: The face that the motion is for. Models that are conditioned on a face need
                it, others ignore it.

        Yields:
            Consecutive pieces of motion, reference "portrait"; together they have as many frames as
            the features have rows.

        Raises:
            InputError: If the features are of another encoder or empty, controls or steps are
                impossible, or the portrait is missing.
        """

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
        """Sample the motion for a whole sound.

        Args:
            audio: The sound's features.
            controls: As in ``stream``.
            seed: As in ``stream``.
            steps: As in ``stream``.
            cfg: As in ``stream``.
            progress: As in ``stream``.
            portrait: As in ``stream``.

        Returns:
            The pieces of ``stream``, joined.

        Raises:
            InputError: As in ``stream``.

        Example:
            ```python
            motion = model.sample(model.features(waveform, rate), seed=1)
            ```
        """
