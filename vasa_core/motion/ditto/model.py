"""Ditto as a motion model: a streaming HuBERT's features to motion of one face, implicit space.

Li et al. 2024, section 3, as released: 80 frames at a time, of which the last ten are sampled again
with the next window and faded over; 50 steps of DDIM with eta 1; guidance by sound, emotion, eyes
and face together, which are one condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import InputError
from ...interfaces import AudioEncoder
from ...types import AudioFeatures, Controls, Motion, Portrait, Progress, stepper
from ..base import EMPTY, MotionModule, steps_within
from ..controls import FaceActions, Steering, check
from ..guidance import Conditions, guided
from ..sampling import StepNoise, WindowNoise, ddim
from ..schedule import NoiseSchedule
from ..windows import crossfade, stream_windows
from .conditions import FaceConditions, conditioning_of
from .face import FaceMover, own_vector, smoothed
from .network import TABLE, MotionDecoder

STEPS, MOST_STEPS = 50, 1000
GUIDANCE = 1.0  # published as 2: there the scale counts from the prediction without condition
OVERLAP = 10  # frames

ToMotion = Callable[..., Motion]
"""As ``joyvasa.model.ToMotion``."""


class Ditto(MotionModule):
    """Implements ``vasa_core.interfaces.MotionModel``; made by ``load``. It needs a portrait.

    The network may be brought to half precision; what is sampled stays float32. ``encoder`` is not
    moved with the rest.
    """

    space = "implicit"
    fps = Fraction(25)
    default_steps = STEPS
    default_cfg = GUIDANCE

    def __init__(
        self,
        network: MotionDecoder,
        to_motion: ToMotion,
        actions: FaceActions,
        encoder: AudioEncoder,
        overlap: int = OVERLAP,
    ):
        super().__init__()
        self.network, self.to_motion, self.actions = network, to_motion, actions
        self.encoder, self.overlap = encoder, overlap
        self.mover = FaceMover()

    @staticmethod
    @torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
    def load(
        tensors: Mapping[str, Tensor],
        to_motion: ToMotion,
        actions: FaceActions,
        encoder: AudioEncoder,
        device: torch.device | str = "cpu",
        *,
        dtype: torch.dtype = torch.float32,
    ) -> Ditto:
        """The released model from its tensors under their published names.

        ``dtype`` is that of the network. RuntimeError (torch's) for tensors of another network.
        """
        network = MotionDecoder()
        network.load_state_dict({k: v for k, v in tensors.items() if not k.endswith(TABLE)})
        model = Ditto(network.to(dtype), to_motion, actions, encoder)
        return model.train(False).requires_grad_(False).to(device)

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
        """Motion window by window (reference "portrait"), as many frames as the sound has rows.

        ``seed`` fixes the result, however the sound is cut into pieces. ``steps`` None are 50 of at
        most 1000; ``cfg`` is the guidance scale (None: 1.0). ``progress`` counts sampling steps and
        may raise to stop. Emotion and gaze of the controls are conditions of the network, not
        corrections afterwards. Raises InputError for no ``portrait`` of the implicit space,
        impossible controls or steps, foreign features or an empty sound.
        """
        controls = controls or Controls()
        check(controls, guided=())
        steps = steps_within(MOST_STEPS, steps, self.default_steps)
        face = conditioning_of(portrait, self.space)
        total = 0
        if isinstance(audio, AudioFeatures):
            total = -(-len(audio) // (self.network.window - self.overlap)) * steps
            audio = [audio]
        own = own_vector({name: self._placed(value) for name, value in face.extracted.items()})
        sampler = _WindowSampler(
            self, own, FaceConditions(face, controls, self.fps, own), self.noise(seed, steps),
            steps, self.default_cfg if cfg is None else cfg, stepper(total, progress),
        )  # fmt: skip
        told = replace(controls, gaze=None, emotion=None)  # these two are conditions
        return self._motions(audio, own, sampler, told)

    def _motions(self, audio, own: Tensor, sampler, controls: Controls) -> Iterator[Motion]:
        windows = stream_windows(
            sampler, map(self._features_of, audio), self.network.window, 1, self.overlap,
            crossfade(self.overlap),
        )  # fmt: skip
        rest, first, steering = self.mover.still(own), None, None
        for vectors in smoothed(vectors for vectors, _ in windows):
            first = vectors[:1] if first is None else first
            values = self.mover(vectors - first, own)
            motion = self.to_motion(**values, first=rest, lips_absolute=False)
            steering = steering or Steering(controls, self.actions, motion)
            yield steering(motion, motion.scale.new_zeros(len(motion)))
        if first is None:
            raise InputError(EMPTY)

    def _placed(self, value: Tensor) -> Tensor:
        """On the model's device, in the precision of what is sampled."""
        like = self.mover.degrees
        return value.to(like.device, torch.promote_types(like.dtype, torch.float32))

    def _features_of(self, piece: AudioFeatures) -> Tensor:
        self.check(piece)
        return self._placed(piece.features)

    def noise(self, seed: int, steps: int) -> WindowNoise:
        """What steps add is the same for all windows, as Ditto has it; each starts anew."""
        generator = torch.Generator().manual_seed(seed)
        shape = (1, self.network.window, self.network.motion)

        def drawn(count: int) -> Tensor:
            return self._placed(torch.randn(count, *shape, generator=generator))

        added = drawn(steps - 1)
        return lambda number: (drawn(1)[0], lambda step: added[step])

    @torch.no_grad()
    def window(
        self,
        condition: Tensor,
        frame: Tensor,
        noise: tuple[Tensor, StepNoise],
        steps: int = STEPS,
        scale: float = GUIDANCE,
        callback: Callable[[int], None] | None = None,
    ) -> Tensor:
        """One window: (W, 1103) condition rows to (W, 265) motion vectors.

        Args:
            frame: (265,) motion vector before the window.
            noise: (1, W, 265) standard normal start, and what each step adds.
        """
        tokens = self.network.encode_condition(condition[None])
        given = {"audio": tokens, "frame": frame[None]}
        schedule = NoiseSchedule.cosine(MOST_STEPS).to(condition.device)  # never in half precision
        start, step_noise = noise
        denoise = guided(self.denoised, given, {"audio": scale})
        return ddim(
            denoise, start.to(condition), schedule, steps, 1.0, step_noise, callback=callback
        )[0]  # fmt: skip

    def denoised(self, noisy: Tensor, time: Tensor, given: Conditions, dropped) -> Tensor:
        """The network as guidance asks it."""
        return self.network(noisy, time, given["frame"], given["audio"], dropped.get("audio"))


class _WindowSampler:
    """Samples one window after the other for one face."""

    def __init__(self, model: Ditto, own: Tensor, conditions, noise, steps, scale, step):
        self.model, self.own, self.conditions, self.noise = model, own, conditions, noise
        self.steps, self.scale, self.step = steps, scale, step

    @torch.no_grad()
    def __call__(self, sound: Tensor, past: Tensor | None, start: int) -> Tensor:
        """(W, 1024) audio rows, (1, 265 + 1024) last motion and row, to (W, 265) vectors."""
        network = self.model.network
        frame = self.own if past is None else past[:, : network.motion]
        noise = self.noise(start // (network.window - self.model.overlap))
        return self.model.window(
            self.conditions(sound, start), frame[0], noise, self.steps, self.scale,
            lambda done: self.step(),
        )  # fmt: skip
