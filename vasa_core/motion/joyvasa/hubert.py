"""JoyVASA's audio features: HuBERT's last hidden states (Hsu et al. 2021), two to a motion frame.

HuBERT belongs to JoyVASA's checkpoint and runs with the model, window by window. The raw waveform
goes in, neither centred nor scaled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError

if TYPE_CHECKING:
    from transformers import HubertModel

# Samples mirrored at both ends, twice: so many that the convolutions give two rows per 640 samples.
MIRRORED = 20


def untrained_hubert(**sizes: Any) -> HubertModel:
    """A HuBERT of transformers, of the base size but for ``sizes``; nothing is downloaded.

    Raises InputError where transformers is not installed.
    """
    try:  # imported here: it takes seconds, and only this model needs it
        from transformers import HubertConfig, HubertModel
    except ImportError as error:
        raise InputError(
            "JoyVASA needs HuBERT of the package transformers, which is not installed here:"
            " pip install transformers, or vasa-open[photoreal]."
        ) from error
    return HubertModel(HubertConfig(**sizes))


class HubertFeatures(nn.Module):
    """Waveform of a window to its audio rows. Its keys are the published ones, under
    ``audio_encoder.`` and ``audio_feature_map.``; weight norm loads under both its names."""

    def __init__(self, width: int = 256, **sizes: Any):
        super().__init__()
        self.audio_encoder = untrained_hubert(**sizes)
        self.audio_feature_map = nn.Linear(self.audio_encoder.config.hidden_size, width)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, 640 W) samples at 16 kHz to (B, W, width) rows at 25 Hz."""
        hidden = self.hidden(samples)
        pairs = hidden.unflatten(1, (-1, 2)).mean(2)  # 50 Hz to 25
        return self.audio_feature_map(pairs).to(samples.dtype)

    def hidden(self, samples: Tensor) -> Tensor:
        """(B, 640 W) samples to HuBERT's last hidden states (B, 2 W, 768)."""
        own = self.audio_feature_map.weight.dtype
        return self.audio_encoder(mirrored(samples).to(own)).last_hidden_state


def mirrored(samples: Tensor) -> Tensor:
    """(B, N) samples to (B, N + 80), continued at both ends by their mirror image, twice."""
    for _ in range(2):
        samples = F.pad(samples, (MIRRORED, MIRRORED), mode="reflect")
    return samples
