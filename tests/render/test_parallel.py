import threading
import time

import pytest

from vasa_core.render.parallel import ordered_map


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
