from fractions import Fraction

import pytest
import torch

from vasa_core.audio.hidden_states import features_from_hidden_states
from vasa_core.errors import InputError


def test_rows_lie_at_the_frames_own_times():
    seconds = 2
    hidden = (torch.arange(100) + 0.5)[:, None].expand(100, 768) / 50  # each row tells its time
    made = features_from_hidden_states(hidden, seconds * 16000, Fraction(25))
    assert made.features.shape == (50, 768) and made.encoder == "hidden-768"
    assert made.duration == seconds
    times = torch.arange(50) / 25
    torch.testing.assert_close(made.features[1:, 0], times[1:], rtol=0, atol=1e-5)


def test_never_shorter_than_the_sound():
    made = features_from_hidden_states(torch.randn(99, 8), 32001, Fraction(30000, 1001))
    assert len(made) == 60 and made.features.isfinite().all()


@pytest.mark.parametrize(("shape", "samples"), [((0, 8), 100), ((5, 8), 0), ((1, 5, 8), 100)])
def test_what_cannot_be_is_refused(shape, samples):
    with pytest.raises(InputError, match="hidden states"):
        features_from_hidden_states(torch.zeros(shape), samples, Fraction(25))
