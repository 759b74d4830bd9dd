"""How much memory frames take, so that long work can be refused before it starts."""

from __future__ import annotations

CHUNK_FRAMES, CHUNK_BYTES = 8, 64 * 2**20
RENDER_OVERHEAD = 3  # times a chunk's own bytes that rendering it holds on the way


def frame_bytes(height: int, width: int, channels: int = 3) -> int:
    """Bytes of one float32 frame."""
    return 4 * channels * height * width


def frames_per_chunk(height: int, width: int) -> int:
    """Frames to render at once: few enough to be small and to stop soon, never less than one."""
    return max(1, min(CHUNK_FRAMES, CHUNK_BYTES // frame_bytes(height, width)))


def streaming_bytes(height: int, width: int, workers: int = 1, working: int = 0) -> int:
    """Bytes that rendering holds at any time, however long the clip, with ``workers`` threads.

    ``working`` is what a face space holds besides its frames, in each of them.
    """
    chunk = frames_per_chunk(height, width) * frame_bytes(height, width)
    waiting = 2 * workers + 1  # chunks that are ready before they are asked for
    return chunk * (waiting + RENDER_OVERHEAD * workers) + working * workers
