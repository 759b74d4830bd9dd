"""A map over a stream that runs ahead in threads, keeps the order and a bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int = 1
) -> Iterator[Result]:
    """``map(function, items)`` with ``workers`` threads; 1 works in the caller's own thread.

    Frames do not depend on each other, and one thread each on its own frames beats several threads
    on one frame: torch's operations are too short here to pay for their waking up.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    pending: deque = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:  # also when the consumer stops early: what has not begun is dropped
        pool.shutdown(cancel_futures=True)


@contextmanager
def one_thread_per_frame() -> Iterator[None]:
    """Operations inside use one thread each, as ``ordered_map`` wants it; restored afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
