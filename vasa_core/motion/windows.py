"""The window loop: sound of any length, in pieces of any length, to motion in constant memory.

VASA-1, section 3.2: the sound is cut into windows of W frames; each is sampled given the last K
frames of the motion and the sound before it. Windows may overlap by O frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

SampleWindow = Callable[[Tensor, Tensor | None, int], Tensor]
"""(sound (W, F), past (K, D + F) or None at the start, first frame's number) to motion (W, D)."""

Join = Callable[[Tensor, Tensor], Tensor]
"""(K + O, D) end of the window before and (W, D) window to the window as it follows on.

Of the window before come K frames ahead of the window and its own version of the window's first O.
"""

JOIN_FRAMES = 8


def iter_windows(pieces: Iterable[Tensor], window: int, overlap: int = 0) -> Iterator[Tensor]:
    """Rows (t, F) in pieces of any length, to pieces of ``window`` rows, the last ones shorter.

    Each starts ``window - overlap`` rows after the one before, as long as there are rows."""
    stride = window - overlap
    held: Tensor | None = None
    for piece in pieces:
        held = piece if held is None else torch.cat([held, piece])
        while len(held) >= window:
            yield held[:window]
            held = held[stride:]
    while held is not None and len(held):
        yield held
        held = held[stride:]


def joined(before: Tensor, window: Tensor, frames: int = JOIN_FRAMES) -> Tensor:
    """(W, D) ``window`` bent to start where (K, D) ``before`` leads, fading over ``frames``.

    A sampler is only told what came before; this takes away the step that it may leave at the seam.
    """
    expected = before[-1] + 0.5 * (before[-1] - before[-2]) if len(before) > 1 else before[-1]
    gap = expected - window[0]
    fade = (
        torch.cos(torch.linspace(0, torch.pi / 2, frames + 1, device=window.device)[:frames]) ** 2
    )
    bend = fade[: len(window), None].to(window) * gap
    return torch.cat([window[: len(bend)] + bend, window[len(bend) :]])


def crossfade(overlap: int) -> Join:
    """A join that goes over linearly from the window before to the next, in ``overlap`` frames."""

    def join(before: Tensor, window: Tensor) -> Tensor:
        share = torch.arange(overlap, device=window.device, dtype=window.dtype)[:, None] / overlap
        faded = before[-overlap:] * (1 - share) + window[:overlap] * share
        return torch.cat([faded, window[overlap:]])

    return join


def stream_windows(
    sample_window: SampleWindow,
    pieces: Iterable[Tensor],
    window: int,
    past: int,
    overlap: int = 0,
    join: Join | None = joined,
    hold: bool = True,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Sound (t, F) in pieces to (motion (T, D), its sound (T, F)) per window, seamless.

    How the sound was cut into pieces makes no difference to the result. The last window is sampled
    whole and then trimmed; its sound is held at the last row or, without ``hold``, followed by
    zeros. ``join`` None puts windows side by side.
    """
    before: Tensor | None = None
    start, stride = 0, window - overlap
    for audio in iter_windows(pieces, window, overlap):
        missing = window - len(audio)
        filling = audio[-1:].expand(missing, -1)
        padded = torch.cat([audio, filling if hold else torch.zeros_like(filling)])
        motion = sample_window(padded, None if before is None else before[:past], start)
        if before is not None and join is not None:
            motion = join(before[:, : motion.shape[1]], motion)
        audio = audio[:stride]
        yield motion[: len(audio)], audio
        before = torch.cat([motion, padded], 1)[-(past + overlap) :]
        start += stride
