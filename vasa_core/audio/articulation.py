"""The articulation net: what lips do for a sound, and which class of phone it is.

A small convolutional network from 100 log-mel frames a second to 25 rows a second: two strided
convolutions and residual dilated ones. It sees 1.0 s back and 0.25 s ahead. Trained by
``vasa_core.lab.training.articulation``; the model card lies beside its weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from .spectrum import MelBank

PHONES = (
    *("silence", "open", "spread", "central", "round"),
    *("bilabial", "labiodental", "w", "dental", "postalveolar", "velar"),
)
LIPS = 12  # numbers of the mesh space's lips code
# dilation and look-ahead, both in rows, of each residual layer
LAYERS = ((1, 1), (2, 2), (4, 0), (1, 1), (2, 0), (4, 0))
ROWS_AHEAD = sum(ahead for _, ahead in LAYERS)
ROWS_BEHIND = sum(2 * dilation - ahead for dilation, ahead in LAYERS)
EDGE = 8  # mel frames on each side of a row that the layers before them take in


class DilatedLayer(nn.Module):
    """Residual convolution of three taps; ``ahead`` of its 2 * dilation rows lie in the future."""

    def __init__(self, channels: int, dilation: int, ahead: int):
        super().__init__()
        self.crop = (2 * dilation - ahead, ahead)
        self.norm = nn.LayerNorm(channels)
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to (B, C, T - 2 * dilation)."""
        new = self.norm(x.mT).mT
        new = self.mix(nn.functional.gelu(self.conv(new)))
        behind, ahead = self.crop
        return x[..., behind : x.shape[-1] - ahead] + new


class ArticulationNet(nn.Module):
    """Log-mel frames to lips codes and phone classes."""

    scale: Tensor

    def __init__(self, mels: int = 40, channels: int = 128):
        super().__init__()
        self.first = nn.Conv1d(mels, channels, 5, stride=2)
        self.middle = DilatedLayer(channels, 1, 1)
        self.second = nn.Conv1d(channels, channels, 5, stride=2)
        self.layers = nn.Sequential(*(DilatedLayer(channels, *spec) for spec in LAYERS))
        self.norm = nn.LayerNorm(channels)
        self.lips = nn.Linear(channels, LIPS)
        self.phones = nn.Linear(channels, len(PHONES))
        self.register_buffer("scale", torch.ones(LIPS))

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """(B, M, 40) frames to (B, T, 12) lips codes and (B, T, 11) phone logits, without padding.

        M = 4 (T + ROWS_BEHIND + ROWS_AHEAD - 1) + 2 EDGE + 1; row t is centred on frame
        4 (t + ROWS_BEHIND) + EDGE.
        """
        gelu = nn.functional.gelu
        x = self.middle(gelu(self.first(mel.mT)))  # 50 rows a second
        x = self.layers(gelu(self.second(x)))
        x = self.norm(x.mT)
        return self.lips(x) * self.scale, self.phones(x)


@dataclass(frozen=True, slots=True)
class LipPress:
    """Presses lips shut where the sound says so.

    opening  (12,)  gap of the inner lips, in eye distances, per unit of a lips code
    shut     (12,)  change of the code that closes a gap of one with the least other movement
    """

    opening: Tensor
    shut: Tensor

    def at_closures(self, lips: Tensor, phones: Tensor) -> Tensor:
        """(..., 12) codes pressed shut where the (..., 11) phone shares tell of a p, b or m."""
        bilabial = phones[..., PHONES.index("bilabial")]
        return self(lips, torch.sigmoid((bilabial - 0.5) / 0.1))

    def __call__(self, lips: Tensor, strength: Tensor, gap: float = -0.004) -> Tensor:
        """(..., 12) codes, their gap taken to ``gap``; ``strength`` (...) 0 leaves, 1 closes."""
        excess = (lips @ self.opening - gap).clamp(min=0)
        return lips + (strength * excess)[..., None] * self.shut


WEIGHTS = Path(__file__).parent / "weights" / "articulation.safetensors"


def load_articulation(path: Path | str = WEIGHTS) -> tuple[ArticulationNet, LipPress, MelBank]:
    """The net of a weight file, ready to run, and the lip press and mel bank that go with it."""
    tensors = {name: value.float() for name, value in load_file(path).items()}
    press = LipPress(tensors.pop("press.opening"), tensors.pop("press.shut"))
    bank = MelBank(tensors.pop("spectrum.mel_filters"))
    net = ArticulationNet(channels=len(tensors["norm.weight"]))
    net.load_state_dict(tensors)
    return net.train(False).requires_grad_(False), press, bank
