"""Schedule, DDIM and guidance on denoisers whose answers are known."""

import pytest
import torch

from vasa_core.motion.guidance import guided
from vasa_core.motion.sampling import ddim
from vasa_core.motion.schedule import NoiseSchedule


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_cosine_schedule_falls_from_signal_to_noise():
    signal = NoiseSchedule.cosine(1000).signal
    assert (signal.diff() < 0).all()
    assert signal[0] > 0.999 and signal[-1] < 1e-4
    assert signal[499] == pytest.approx(0.5, abs=0.02)


def test_sampling_steps_are_checked():
    schedule = NoiseSchedule.cosine(100)
    assert schedule.times(1) == [99]
    assert len(set(schedule.times(100))) == 100
    for steps in (0, 101):
        with pytest.raises(ValueError, match=str(steps)):
            schedule.times(steps)


@pytest.mark.parametrize("steps", [1, 10, 50])
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_ddim_finds_the_only_signal_there_is(steps, eta):
    wanted = noise(2, 5, 3, seed=1)
    generator = torch.Generator().manual_seed(2)
    schedule = NoiseSchedule.cosine()
    made = ddim(lambda x, t: wanted, noise(2, 5, 3), schedule, steps, eta, generator)
    assert torch.allclose(made, wanted, atol=1e-5)


def test_ddim_turns_noise_into_the_denoisers_gaussian():
    """For data ~ N(mean, spread²) the best denoiser is linear; DDIM must give that distribution."""
    mean, spread, schedule = 3.0, 0.5, NoiseSchedule.cosine()

    def denoise(x, time):
        left = schedule.signal[time[0]]
        gain = left.sqrt() * spread**2 / (left * spread**2 + 1 - left)
        return mean + gain * (x - left.sqrt() * mean)

    made = ddim(denoise, noise(1, 4000, 1), schedule, steps=100)
    assert made.mean() == pytest.approx(mean, abs=0.03)
    assert made.std() == pytest.approx(spread, rel=0.05)


def test_the_callback_counts_and_may_stop():
    seen = []
    ddim(lambda x, t: x, noise(1, 2, 2), NoiseSchedule.cosine(), 4, callback=seen.append)
    assert seen == [1, 2, 3, 4]

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ddim(lambda x, t: x, noise(1, 2, 2), NoiseSchedule.cosine(), 4, callback=stop)


class Sum:
    """A model whose prediction is the sum of the conditions that are left; counts its rows."""

    rows = 0

    def __call__(self, noisy, time, conditions, dropped):
        self.rows += len(noisy)
        total = torch.zeros_like(noisy)
        for name, value in conditions.items():
            keep = ~dropped.get(name, torch.zeros(len(noisy), dtype=torch.bool))
            total += (keep * value[:, 0]).view(-1, 1, 1)
        return total


def test_guidance_is_the_papers_formula():
    conditions = {"audio": torch.full((2, 1), 1.0), "gaze": torch.full((2, 1), 10.0)}
    time = torch.zeros(2, dtype=torch.long)
    model = Sum()
    made = guided(model, conditions, {"audio": 0.5, "gaze": 2.0})(noise(2, 3, 4), time)
    # (1 + 0.5 + 2) * 11 - 0.5 * 10 - 2 * 1
    assert torch.allclose(made, torch.full((2, 3, 4), 31.5))
    assert model.rows == 3 * 2


def test_scales_that_do_nothing_cost_nothing():
    model = Sum()
    conditions = {"audio": torch.ones(2, 1)}
    denoise = guided(model, conditions, {"audio": 0.0, "gaze": 1.0})
    assert torch.allclose(denoise(noise(2, 3, 4), torch.zeros(2)), torch.ones(2, 3, 4))
    assert model.rows == 2
