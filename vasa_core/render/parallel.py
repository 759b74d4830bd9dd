"""A map over a stream that runs ahead in threads, keeps the order and a bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

import torch
from torch import nn

CHECKS = 5  # a second

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


def ahead(
    function: Callable[[Item], torch.Tensor], items: Iterable[Item], device: torch.device
) -> Iterator[torch.Tensor]:
    """``map(function, items)`` on a device; on CUDA each result is begun before the last is used.

    The function then works in a stream of its own: what the caller does with one result (copying
    frames to a video encoder) and the making of the next go on side by side.
    """
    if device.type != "cuda":
        yield from map(function, items)
        return
    caller, stream = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    waiting: deque = deque()  # with their items, whose memory the function may still read

    def taken() -> torch.Tensor:
        _, result, made = waiting.popleft()
        caller.wait_event(made)
        result.record_stream(caller)
        return result

    for item in items:
        stream.wait_stream(caller)  # in which the item was made
        with torch.cuda.stream(stream):
            result = function(item)
            waiting.append((item, result, stream.record_event()))
        if len(waiting) > 1:
            yield taken()
    while waiting:
        yield taken()


@contextmanager
def between_layers(network: nn.Module, check: Callable[[], None] | None) -> Iterator[None]:
    """Inside, ``check`` is called before each layer of a network, at most ``CHECKS`` a second.

    What it raises stops the network, in whatever thread it runs.
    """
    if check is None:
        yield
        return
    last, stopped = monotonic(), None

    def hook(*_) -> None:
        nonlocal last, stopped
        if stopped is not None:  # it may say so only once, and each thread has to hear it
            raise stopped
        if monotonic() - last > 1 / CHECKS:
            last = monotonic()
            try:
                check()
            except BaseException as reason:
                stopped = reason
                raise

    hooks = [module.register_forward_pre_hook(hook) for module in network.modules()]
    try:
        yield
    finally:
        for handle in hooks:
            handle.remove()


@contextmanager
def one_thread_per_frame() -> Iterator[None]:
    """Operations inside use one thread each, as ``ordered_map`` wants it; restored afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
