import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from vasa_core.errors import CancelledError
from vasa_core.render.parallel import between_layers, ordered_map


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_order_is_kept(workers):
    def slow_for_even(n):
        time.sleep(0.01 * (n % 2 == 0))
        return n * n

    assert list(ordered_map(slow_for_even, range(20), workers)) == [n * n for n in range(20)]


def test_it_runs_ahead_only_so_far():
    begun = []
    stream = ordered_map(begun.append, range(100), 2)
    next(stream)
    stream.close()
    assert len(begun) <= 8
    assert threading.active_count() < 10


def test_an_error_in_the_work_reaches_the_caller():
    def fails(n):
        if n == 3:
            raise ValueError("three")
        return n

    with pytest.raises(ValueError, match="three"):
        list(ordered_map(fails, range(10), 3))


def test_what_a_check_raises_stops_every_thread(monkeypatch):
    monkeypatch.setattr("vasa_core.render.parallel.CHECKS", 1e9)
    network, asked = nn.Sequential(nn.Identity()), []

    def check():
        asked.append(True)
        if len(asked) == 1:  # as a host that forgets a cancel once it has told of it
            raise CancelledError

    with between_layers(network, check):
        for _ in range(3):
            with ThreadPoolExecutor(1) as pool, pytest.raises(CancelledError):
                pool.submit(network, torch.zeros(1)).result()
    assert len(asked) == 1 and torch.equal(network(torch.ones(1)), torch.ones(1))
    with between_layers(network, None):
        assert not network._forward_pre_hooks
