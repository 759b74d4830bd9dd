"""JoyVASA as a motion model: a waveform to motion of the implicit space, any face's.

Cao et al. 2024, section 3.2, as released: 100 frames at a time given the 10 before, 50 steps of
ancestral sampling, guidance by the sound. Frames come 80 ms after their sound, as there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

import torch
from torch import Tensor, nn

from ...audio.waveform import WaveformEncoder
from ...errors import InputError
from ...types import AudioFeatures, Controls, Motion, Portrait, Progress, stepper
from ..base import EMPTY, MotionModule, steps_within
from ..controls import FaceActions, Steering, check
from ..guidance import Conditions, guided, thresholded
from ..sampling import StepNoise, WindowNoise, ddim
from ..schedule import NoiseSchedule
from ..windows import stream_windows
from .hubert import HubertFeatures
from .network import TABLES, Denoiser, Positions
from .vector import MotionTemplate, RunningMean

STEPS = 50
GUIDANCE = 1.8  # published as 2.8: there the scale counts from the prediction without sound
LEAD = 2  # silent rows before the sound

ToMotion = Callable[..., Motion]
"""Raw numbers, by keyword, to Motion (reference "portrait"):

    rotation       (T, 3)   pitch, yaw, roll in degrees as LivePortrait has them
    scale, t, exp  (T,), (T, 3), (T, 63)
    first          dict of the same, one row each: what counts as rest
    lips_absolute  whether the lips replace the portrait's own instead of adding to them
"""


class JoyVasa(MotionModule):
    """Implements ``vasa_core.interfaces.MotionModel``; made by ``load``.

    Denoiser and HuBERT may be brought to half precision; what is sampled stays float32.
    """

    space = "implicit"
    fps = Fraction(25)
    default_steps = STEPS
    default_cfg = GUIDANCE

    def __init__(
        self,
        denoiser: Denoiser,
        hubert: HubertFeatures,
        template: Mapping[str, Tensor],
        to_motion: ToMotion,
        actions: FaceActions,
        smooth: bool = True,
    ):
        super().__init__()
        self.denoiser, self.hubert = denoiser, hubert
        self.to_motion, self.actions, self.smooth = to_motion, actions, smooth
        self.encoder = WaveformEncoder(LEAD)
        self.start_motion_feat = nn.Parameter(torch.randn(1, denoiser.past, denoiser.motion))
        self.start_audio_feat = nn.Parameter(torch.randn(1, denoiser.past, denoiser.width))
        self.null_audio_feat = nn.Parameter(torch.randn(1, 1, denoiser.width))
        self.template = MotionTemplate(template)

    @staticmethod
    @torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
    def load(
        tensors: Mapping[str, Tensor],
        template: Mapping[str, Tensor],
        to_motion: ToMotion,
        actions: FaceActions,
        device: torch.device | str = "cpu",
        *,
        dtype: torch.dtype = torch.float32,
        smooth: bool = True,
        positions: Positions = "legacy",
    ) -> JoyVasa:
        """The released model from its tensors under their published names.

        ``template`` holds mean_exp, std_exp and min_ and max_ of scale, t, pitch, yaw and roll.
        ``dtype`` is that of the networks. Pose, translation and scale are smoothed unless
        ``smooth`` is off. RuntimeError (torch's) for tensors of another network.
        """
        model = JoyVasa(
            Denoiser(positions=positions), HubertFeatures(), template, to_motion, actions, smooth
        )

        def group(*prefixes: str) -> dict[str, Tensor]:
            return {name: value for name, value in tensors.items() if name.startswith(prefixes)}

        network = {k.removeprefix("denoising_net."): v for k, v in group("denoising_net.").items()}
        model.denoiser.load_state_dict({k: v for k, v in network.items() if k not in TABLES})
        model.hubert.load_state_dict(group("audio_encoder.", "audio_feature_map."))
        for name in ("start_motion_feat", "start_audio_feat", "null_audio_feat"):
            getattr(model, name).data.copy_(tensors[name])
        model.denoiser.to(dtype)
        model.hubert.to(dtype)
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

        ``seed`` fixes the result, however the sound is cut into pieces. ``steps`` None are all 50;
        ``cfg`` is the guidance scale of the sound (None: 1.8). ``progress`` counts sampling steps
        and may raise to stop. The motion is for any ``portrait``.
        Raises InputError for impossible controls or steps, foreign features or an empty sound.
        """
        controls = controls or Controls()
        check(controls, guided=("emotion",))
        steps = steps_within(STEPS, steps, self.default_steps)
        total = 0
        if isinstance(audio, AudioFeatures):
            total = -(-len(audio) // self.denoiser.window) * steps
            audio = [audio]
        sampler = _WindowSampler(
            self, self.noise(seed, steps), steps, self.default_cfg if cfg is None else cfg,
            stepper(total, progress),
        )  # fmt: skip
        return self._motions(audio, sampler, controls)

    def _motions(self, audio, sampler: _WindowSampler, controls: Controls) -> Iterator[Motion]:
        window, past = self.denoiser.window, self.denoiser.past
        smoother, first, steering = RunningMean(), None, None
        for vectors, _ in stream_windows(
            sampler, map(self._samples_of, audio), window, past, join=None, hold=False
        ):
            values = self.template(vectors, smoother if self.smooth else None)
            first = first or {name: value[:1] for name, value in values.items()}
            motion = self.to_motion(**values, first=first, lips_absolute=True)
            steering = steering or Steering(controls, self.actions, motion)
            yield steering(motion, motion.scale.new_zeros(len(motion)))
        if first is None:
            raise InputError(EMPTY)

    def _samples_of(self, piece: AudioFeatures) -> Tensor:
        self.check(piece)
        like = self.start_motion_feat  # on the model's device
        return piece.features.to(like.device, torch.promote_types(like.dtype, torch.float32))

    def noise(self, seed: int, steps: int) -> WindowNoise:
        """One start for all windows, as JoyVASA has it; what steps add is drawn for each."""
        generator = torch.Generator().manual_seed(seed)
        shape = (1, self.denoiser.window, self.denoiser.motion)

        def drawn(count: int) -> Tensor:
            return torch.randn(count, *shape, generator=generator).to(self.start_motion_feat.device)

        start = drawn(1)[0]

        def of_window(number: int) -> tuple[Tensor, StepNoise]:
            added = drawn(steps - 1)
            return start, lambda step: added[step]

        return of_window

    @torch.no_grad()
    def window(
        self,
        audio: Tensor,
        past: tuple[Tensor, Tensor],
        noise: tuple[Tensor, StepNoise],
        steps: int = STEPS,
        scale: float = GUIDANCE,
        *,
        flexibility: float = 0.0,
        threshold: tuple[float, float, float] | None = None,
        callback: Callable[[int], None] | None = None,
    ) -> Tensor:
        """One window: (W, C) audio rows to (W, D) motion vectors.

        Args:
            past: (K, D) motion and (K, C) audio rows before the window.
            noise: (1, W, D) standard normal start, and what each step adds.
            flexibility: of ``sampling.ddim``.
            threshold: share, low and high of ``guidance.thresholded``; None: no thresholding.
        """
        given = {"audio": audio, "past_motion": past[0], "past_audio": past[1]}
        given = {name: rows[None].to(audio) for name, rows in given.items()}
        model = self.denoised if threshold is None else thresholded(self.denoised, *threshold)
        schedule = NoiseSchedule.cosine(STEPS).to(audio.device)  # here, or halving would halve it
        denoise = guided(model, given, {"audio": scale})
        start, step_noise = noise
        return ddim(
            denoise, start.to(audio), schedule, steps, 1.0, step_noise, flexibility, callback
        )[0]  # fmt: skip

    def denoised(self, noisy: Tensor, time: Tensor, given: Conditions, dropped) -> Tensor:
        """The denoiser as guidance asks it; without the sound, a learned row stands for it.

        The sound of the past is never dropped.
        """
        audio = given["audio"]
        if "audio" in dropped:
            null = self.null_audio_feat.to(audio)
            audio = torch.where(dropped["audio"][:, None, None], null, audio)
        clean = self.denoiser(noisy, audio, given["past_motion"], given["past_audio"], time + 1)
        return clean[:, -self.denoiser.window :]


class _WindowSampler:
    """Samples one window after the other; remembers the audio rows at the end of the last."""

    def __init__(self, model: JoyVasa, noise: WindowNoise, steps: int, scale: float, step):
        self.model, self.noise, self.steps, self.scale = model, noise, steps, scale
        self.before: Tensor | None = None
        self.step = step

    @torch.no_grad()
    def __call__(self, sound: Tensor, past: Tensor | None, start: int) -> Tensor:
        """(W, 640) samples and (K, D + 640) past motion and samples to (W, D) motion vectors."""
        model, network = self.model, self.model.denoiser
        audio = model.hubert(sound.flatten()[None])[0]  # (W, C)
        before = (model.start_motion_feat[0], model.start_audio_feat[0])
        if past is not None:
            assert self.before is not None  # the window before left it
            before = (past[:, : network.motion], self.before)
        self.before = audio[-network.past :]
        noise = self.noise(start // network.window)
        return model.window(
            audio, before, noise, self.steps, self.scale, callback=lambda done: self.step()
        )
