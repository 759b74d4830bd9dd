"""The motion model: sound and controls to motion of a face space, by diffusion in windows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..audio.features import ArticulationEncoder
from ..errors import InputError
from ..interfaces import AudioEncoder
from ..types import AudioFeatures, Controls, Motion, Portrait, Progress
from .base import EMPTY, MotionModule, steps_within
from .controls import FaceActions, Steering, check, signals
from .guidance import guided
from .sampling import ddim
from .transformer import MotionTransformer, MotionTransformerConfig
from .vectorize import MotionScaler
from .windows import stream_windows

WEIGHTS = Path(__file__).parent / "weights"
STEPS = 10
QUICK_STEPS = 4  # of the network that is distilled to few
GUIDANCE = {"audio": 0.5, "gaze": 1.0}  # VASA-1, section 4.1
LID_STRETCH = 0.5


class Hearing(nn.Module):
    """Which columns of the audio features a model hears, and their mean and spread.

    encoder  name of the audio encoder
    columns  (heard,)  which features; ``mean`` and ``std`` are theirs
    leading  (6 + D,)  per motion number: the heard column that leads it, or -1
    pressed  column with the probability of m, b, p; None if the encoder has none
    """

    columns: Tensor
    mean: Tensor
    std: Tensor
    leading: Tensor

    def __init__(
        self,
        encoder: str,
        columns: Tensor,
        mean: Tensor,
        std: Tensor,
        leading: Tensor,
        pressed: int | None,
    ):
        super().__init__()
        self.encoder, self.pressed = encoder, pressed
        self.register_buffer("columns", columns)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("leading", leading)

    def forward(self, features: Tensor) -> Tensor:
        """(T, F) audio features to the (T, heard) normalised columns."""
        return (features[:, self.columns] - self.mean) / self.std

    def lead(self, heard: Tensor) -> Tensor:
        """(T, heard) columns to (T, 6 + D): what the sound says of the motion outright.

        Motion is diffused as its difference from this. Where nothing leads, it is zero.
        """
        return torch.where(self.leading >= 0, heard[:, self.leading.clamp(min=0)], 0.0)

    def lips_pressed(self, features: Tensor) -> Tensor:
        """(T, F) audio features to (T,): how surely the lips are closed by a sound, 0..1."""
        if self.pressed is None:
            return features.new_zeros(len(features))
        return torch.sigmoid((features[:, self.pressed] - 0.5) / 0.1)


def closed_lids(closure: Tensor) -> Tensor:
    """Blinks that reach the other lid: few sampling steps blunt their peak to three quarters.

    Closure up to a fifth is left alone, what goes beyond is stretched, at most to 1.
    """
    return (closure + LID_STRETCH * (closure - 0.2).clamp(min=0)).clamp(max=1)


class MotionDiffusion(MotionModule):
    """Implements ``interfaces.MotionModel``; made by ``load_motion_model`` or by training.

    ``quick`` is a network distilled to ``QUICK_STEPS`` steps, which it serves, and which are then
    the default; any other number is sampled with ``network``. The audio encoder is not moved with
    the rest: it works on the CPU.
    """

    default_cfg = GUIDANCE["audio"]

    def __init__(
        self,
        network: MotionTransformer,
        scaler: MotionScaler,
        hearing: Hearing,
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
        self.network, self.scaler, self.hearing, self.actions = network, scaler, hearing, actions
        self.space, self.fps = space, fps
        # signals that hold unless the controls give them
        self.defaults = nn.ParameterDict(
            {name: nn.Parameter(value, False) for name, value in (defaults or {}).items()}
        )
        self._encoder = encoder

    @property
    def hears(self) -> str:
        """The name of the audio encoder whose features it hears."""
        return self.hearing.encoder

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
        """Motion window by window (reference "portrait"), as many frames as the sound has rows.

        ``seed`` fixes the result, however the sound is cut into pieces. ``steps`` None are 4 where
        there is a quick network, else 10; ``cfg`` is the guidance scale of the sound (None: 0.5).
        ``progress`` counts sampling steps and may raise to stop. The motion is for any
        ``portrait``.
        Raises InputError for impossible controls, foreign features or an empty sound.
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
        heard, steering = map(self._checked, audio), None
        for vectors, sound in stream_windows(sampler, heard, config.window, config.past):
            motion = self.scaler.decode(vectors, self.space, self.fps)
            blink = motion.dynamics[:, self.actions.parts["blink"]]
            blink.copy_(closed_lids(blink))
            steering = steering or Steering(controls, self.actions, motion)
            yield steering(motion, self.hearing.lips_pressed(sound))
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
        network, hearing = self.model.network_for(self.steps), self.model.hearing
        config = network.config
        heard_now = hearing(sound)
        conditions = {"audio": heard_now}
        if past is not None:
            moved, heard = past.split([config.motion, past.shape[1] - config.motion], 1)
            conditions["past"] = torch.cat([moved, hearing(heard)], 1)
        asked = signals(self.controls, start, config.window, self.model.fps)
        told = dict(self.model.defaults) | asked
        conditions |= {name: told[name] for name in config.signals if name in told}
        conditions = {name: value[None].to(sound) for name, value in conditions.items()}
        noise = torch.randn(1, config.window, config.motion, generator=self.generator).to(sound)
        scales = {n: s for n, s in self.scales.items() if n == "audio" or n in asked}
        denoise = guided(network, conditions, scales)
        white = ddim(denoise, noise, network.schedule, self.steps, callback=self.report)
        return hearing.lead(heard_now) + network.whitening.color_sample(white)[0]

    def report(self, step: int) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)


@torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
def load_motion_model(
    space: str = "mesh",
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    weights: str | Path | None = None,
) -> MotionDiffusion:
    """The embedded motion model of a face space, or one that the laboratory trained.

    Raises InputError when there is no model for ``space`` or the file holds none.
    """
    path = Path(weights) if weights is not None else WEIGHTS / f"{space}_motion.safetensors"
    if not path.is_file():
        ready = ", ".join(
            sorted(p.stem.removesuffix("_motion") for p in WEIGHTS.glob("*.safetensors"))
        )
        raise InputError(f"No motion model for space {space!r} at {path}; there is: {ready}.")
    model = read_model(path, device, dtype)
    model.encoder = ArticulationEncoder.load()
    return model


def read_model(
    path: Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> MotionDiffusion:
    """A motion model without its audio encoder, from the file that ``save_model`` wrote."""
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
        Hearing(about["encoder"], **group("hearing."), pressed=about["pressed"]),
        FaceActions(parts, **group("actions.")),
        space=about["space"],
        fps=Fraction(about["fps"]),
        defaults=group("defaults."),
        quick=MotionTransformer(config) if group("quick.") else None,
    )
    model.load_state_dict(tensors)
    return model.train(False).requires_grad_(False).to(device, dtype)


def save_model(path: Path, model: MotionDiffusion) -> None:
    """Write everything but the audio encoder; the networks as float16."""
    tensors = {
        name: value.half() if name.startswith(("network.", "quick.")) else value
        for name, value in model.state_dict().items()
    }
    about = {
        "config": model.network.config.as_dict(),
        "parts": {name: [part.start, part.stop] for name, part in model.actions.parts.items()},
        "encoder": model.hearing.encoder,
        "pressed": model.hearing.pressed,
        "space": model.space,
        "fps": str(model.fps),
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(tensors, path, metadata={"motion_model": json.dumps(about)})
