"""The motion model: sound and controls to motion of a face space, by diffusion in windows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..audio.features import ArticulationEncoder
from ..errors import InputError
from ..interfaces import AudioEncoder
from ..provenance.whole import save_tensors
from ..types import AudioFeatures, Controls, Motion, Portrait, Progress
from .base import EMPTY, MotionModule, steps_within
from .controls import FaceActions, Steering, check, signals
from .guidance import guided
from .sampling import ddim
from .transformer import MotionTransformer, MotionTransformerConfig
from .vectorize import MotionScaler
from .windows import stream_windows

WEIGHTS = Path(__file__).parent / "weights" / "mesh_motion.safetensors"
STEPS = 10
QUICK_STEPS = 4  # of the network that is distilled to few
GUIDANCE = {"audio": 0.5, "gaze": 1.0}  # VASA-1, section 4.1
LID_STRETCH = 0.5


class AudioConditioning(nn.Module):
    """Which columns of the audio features a model is conditioned on, and their mean and std.

    encoder          name of the audio encoder
    columns  (n,)    which features; ``mean`` and ``std`` are theirs
    prior    (6 + D,)  per motion number: which of the n columns predicts it outright, or -1
    bilabial         column with the probability of m, b, p; None if the encoder has none
    """

    columns: Tensor
    mean: Tensor
    std: Tensor
    prior: Tensor

    def __init__(
        self,
        encoder: str,
        columns: Tensor,
        mean: Tensor,
        std: Tensor,
        prior: Tensor,
        bilabial: int | None,
    ):
        super().__init__()
        self.encoder, self.bilabial = encoder, bilabial
        self.register_buffer("columns", columns)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("prior", prior)

    def forward(self, features: Tensor) -> Tensor:
        """(T, F) audio features to the (T, n) normalised columns."""
        return (features[:, self.columns] - self.mean) / self.std

    def audio_prior(self, normalised: Tensor) -> Tensor:
        """(T, n) columns to (T, 6 + D): the motion that the sound predicts outright.

        Motion is diffused as its difference from this. It is zero where no column predicts it.
        """
        return torch.where(self.prior >= 0, normalised[:, self.prior.clamp(min=0)], 0.0)

    def p_bilabial(self, features: Tensor) -> Tensor:
        """(T, F) audio features to (T,): how surely a sound (m, b, p) closes the lips, 0..1."""
        if self.bilabial is None:
            return features.new_zeros(len(features))
        return torch.sigmoid((features[:, self.bilabial] - 0.5) / 0.1)


def closed_lids(closure: Tensor) -> Tensor:
    """Blinks that reach the other lid: few sampling steps blunt their peak to three quarters.

    Closure up to a fifth is left alone, what goes beyond is stretched, at most to 1.
    """
    return (closure + LID_STRETCH * (closure - 0.2).clamp(min=0)).clamp(max=1)


class MotionDiffusion(MotionModule):
    """Implements ``interfaces.MotionModel``; made by ``load_mesh_motion`` or by training.

    ``quick`` is a network distilled to ``QUICK_STEPS`` steps, which it serves, and which are then
    the default; any other number is sampled with ``network``. The audio encoder is not moved with
    the rest: it works on the CPU.
    """

    default_cfg = GUIDANCE["audio"]

    def __init__(
        self,
        network: MotionTransformer,
        scaler: MotionScaler,
        conditioning: AudioConditioning,
        actions: FaceActions,
        *,
        space: str,
        fps: Fraction,
        defaults: dict[str, Tensor] | None = None,
        encoder: AudioEncoder | None = None,
        quick: MotionTransformer | None = None,
    ):
        super().__init__()
        self.quick = quick
        self.network, self.scaler, self.actions = network, scaler, actions
        self.conditioning = conditioning
        self.space, self.fps = space, fps
        # signals that hold unless the controls give them
        self.defaults = nn.ParameterDict(
            {name: nn.Parameter(value, False) for name, value in (defaults or {}).items()}
        )
        self._encoder = encoder

    @property
    def encoder_name(self) -> str:
        """The name of the audio encoder whose features it is conditioned on."""
        return self.conditioning.encoder

    @property
    def default_steps(self) -> int:
        """Sampling steps where none are asked for."""
        return STEPS if self.quick is None else QUICK_STEPS

    def network_for(self, steps: int) -> MotionTransformer:
        """The network that samples in so many steps."""
        if self.quick is not None and steps == QUICK_STEPS:
            return self.quick
        return self.network

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
            audio: features of the sound, whole or in pieces; how it is cut makes no difference.
            controls: what is steered; None: nothing.
            seed: the same seed gives the same motion.
            steps: sampling steps; None: 4 where there is a quick network, else 10.
            cfg: guidance scale of the sound; None: 0.5.
            progress: counts sampling steps, and may raise to stop.
            portrait: not needed; the motion is for any face.

        Returns:
            The windows of a motion (reference "portrait"), in all as many frames as the features
            have rows.

        Raises:
            InputError: impossible controls or steps, foreign features or an empty sound.
        """
        controls = controls or Controls()
        check(controls)
        steps = steps_within(len(self.network.schedule), steps, self.default_steps)
        sampler = _WindowSampler(self, controls, seed, steps, cfg, progress)
        if isinstance(audio, AudioFeatures):
            sampler.total = -(-len(audio) // self.network.config.window) * steps
            audio = [audio]
        return self._motions(audio, sampler, controls)

    def _motions(self, audio, sampler: _WindowSampler, controls: Controls) -> Iterator[Motion]:
        config = self.network.config
        features, steering = map(self._checked, audio), None
        for vectors, sound in stream_windows(sampler, features, config.window, config.past):
            motion = self.scaler.decode(vectors, self.space, self.fps)
            blink = motion.dynamics[:, self.actions.parts["blink"]]
            blink.copy_(closed_lids(blink))
            steering = steering or Steering(controls, self.actions, motion)
            yield steering(motion, self.conditioning.p_bilabial(sound))
        if steering is None:
            raise InputError(EMPTY)

    def _checked(self, piece: AudioFeatures) -> Tensor:
        self.check(piece)
        return piece.features.to(self.scaler.mean)


class _WindowSampler:
    """Samples one window after the other; one generator serves them all."""

    def __init__(self, model: MotionDiffusion, controls: Controls, seed, steps, cfg, progress):
        self.model, self.controls, self.steps = model, controls, steps
        self.scales = GUIDANCE | ({} if cfg is None else {"audio": cfg})
        asked = {name: getattr(controls, f"{name}_cfg") for name in ("gaze", "distance")}
        self.scales |= {name: scale for name, scale in asked.items() if scale is not None}
        self.generator = torch.Generator().manual_seed(seed)
        self.progress, self.done, self.total = progress, 0, 0

    @torch.no_grad()
    def __call__(self, sound: Tensor, past: Tensor | None, start: int) -> Tensor:
        """(W, F) features, (K, D + F) past motion and features, to (W, D) motion vectors."""
        network, conditioning = self.model.network_for(self.steps), self.model.conditioning
        config = network.config
        audio = conditioning(sound)
        conditions = {"audio": audio}
        if past is not None:
            motion, features = past.split([config.motion, past.shape[1] - config.motion], 1)
            conditions["past"] = torch.cat([motion, conditioning(features)], 1)
        asked = signals(self.controls, start, config.window, self.model.fps)
        given = dict(self.model.defaults) | asked
        conditions |= {name: given[name] for name in config.signals if name in given}
        conditions = {name: value[None].to(sound) for name, value in conditions.items()}
        noise = torch.randn(1, config.window, config.motion, generator=self.generator).to(sound)
        scales = {n: s for n, s in self.scales.items() if n == "audio" or n in asked}
        denoise = guided(network, conditions, scales)
        white = ddim(denoise, noise, network.schedule, self.steps, callback=self.report)
        return conditioning.audio_prior(audio) + network.whitening.decode_calibrated(white)[0]

    def report(self, step: int) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)


@torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
def load_mesh_motion(
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    weights: str | Path | None = None,
) -> MotionDiffusion:
    """Load the embedded motion model of the mesh space, or one that the laboratory trained.

    Args:
        device: where the networks compute; the audio encoder stays on the CPU.
        dtype: of the networks.
        weights: a file of the embedded kind; None: the embedded one.

    Returns:
        The model, ready to sample.

    Raises:
        InputError: the file is missing, or holds no motion model.
    """
    path = WEIGHTS if weights is None else Path(weights)
    if not path.is_file():
        raise InputError(f"There is no motion model at {path}.")
    model = read_model(path, device, dtype)
    model.encoder = ArticulationEncoder.load()
    return model


def read_model(
    path: Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> MotionDiffusion:
    """Read a motion model, without its audio encoder, from the file that ``save_model`` wrote.

    Args:
        path: the file.
        device: where the networks compute.
        dtype: of the networks.

    Returns:
        The model, ready to sample once it is given an ``encoder``.

    Raises:
        InputError: it is no file of that kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if "motion_model" not in header:
                raise InputError(f"{path} holds no motion model of this project.")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"{path} is no safetensors file ({error}); get it again.") from error
    about = json.loads(header["motion_model"])

    def group(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    parts = {name: slice(*ends) for name, ends in about["parts"].items()}
    config = MotionTransformerConfig(**about["config"])
    model = MotionDiffusion(
        MotionTransformer(config),
        MotionScaler(**group("scaler.")),
        AudioConditioning(about["encoder"], **group("conditioning."), bilabial=about["bilabial"]),
        FaceActions(parts, **group("actions.")),
        space=about["space"],
        fps=Fraction(about["fps"]),
        defaults=group("defaults."),
        quick=MotionTransformer(config) if group("quick.") else None,
    )
    model.load_state_dict(tensors)
    return model.train(False).requires_grad_(False).to(device, dtype)


def save_model(path: Path, model: MotionDiffusion) -> None:
    """Write a model, all but its audio encoder, to a file; the networks as float16."""
    tensors = {
        name: value.half() if name.startswith(("network.", "quick.")) else value
        for name, value in model.state_dict().items()
    }
    about = {
        "config": model.network.config.as_dict(),
        "parts": {name: [part.start, part.stop] for name, part in model.actions.parts.items()},
        "encoder": model.conditioning.encoder,
        "bilabial": model.conditioning.bilabial,
        "space": model.space,
        "fps": str(model.fps),
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_tensors(path, tensors, {"motion_model": json.dumps(about)})
