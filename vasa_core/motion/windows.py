"""The window loop: sound of any length, in pieces of any length, to motion in constant memory.

VASA-1, section 3.2: the sound is cut into windows of W frames; each is sampled given the last K
frames of the motion and the sound before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

SampleWindow = Callable[[Tensor, Tensor | None, int], Tensor]
"""(sound (W, F), past (K, D + F) or None at the start, first frame's number) to motion (W, D)."""

JOIN_FRAMES = 8


def cut(pieces: Iterable[Tensor], window: int) -> Iterator[Tensor]:
    """Rows (t, F) in pieces of any length, to pieces of ``window`` rows, the last one shorter."""
    held: Tensor | None = None
    for piece in pieces:
        held = piece if held is None else torch.cat([held, piece])
        while len(held) >= window:
            yield held[:window]
            held = held[window:]
    if held is not None and len(held):
        yield held


def joined(before: Tensor, window: Tensor, frames: int = JOIN_FRAMES) -> Tensor:
    """(W, D) ``window`` bent to start where (K, D) ``before`` leads, fading over ``frames``.

    A sampler is only told what came before; this takes away the step that it may leave at the seam.
    """
    led = before[-1] + 0.5 * (before[-1] - before[-2]) if len(before) > 1 else before[-1]
    gap = led - window[0]
    fade = (
        torch.cos(torch.linspace(0, torch.pi / 2, frames + 1, device=window.device)[:frames]) ** 2
    )
    bend = fade[: len(window), None].to(window) * gap
    return torch.cat([window[: len(bend)] + bend, window[len(bend) :]])


def stream_windows(
    sample_window: SampleWindow, pieces: Iterable[Tensor], window: int, past: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Sound (t, F) in pieces to (motion (T, D), its sound (T, F)) per window, seamless.

    The last window is sampled whole, its sound held at the last row, and then trimmed. How the
    sound was cut into pieces makes no difference to the result.
    """
    before: Tensor | None = None
    start = 0
    for heard in cut(pieces, window):
        frames = len(heard)
        padded = torch.cat([heard, heard[-1:].expand(window - frames, -1)])
        motion = sample_window(padded, before, start)
        if before is not None:
            motion = joined(before[:, : motion.shape[1]], motion)
        yield motion[:frames], heard
        before = torch.cat([motion, padded], 1)[-past:]
        start += window
