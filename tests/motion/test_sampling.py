"""Schedule, DDIM and guidance on denoisers whose answers are known."""

import pytest
import torch

from vasa_core.motion.guidance import guided, thresholded
from vasa_core.motion.sampling import ddim
from vasa_core.motion.schedule import NoiseSchedule


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_cosine_schedule_falls_from_signal_to_noise():
    alphas_cumprod = NoiseSchedule.cosine(1000).alphas_cumprod
    assert (alphas_cumprod.diff() < 0).all()
    assert alphas_cumprod[0] > 0.999 and alphas_cumprod[-1] < 1e-4
    assert alphas_cumprod[499] == pytest.approx(0.5, abs=0.02)


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
    schedule = NoiseSchedule.cosine()
    made = ddim(lambda x, t: wanted, noise(2, 5, 3), schedule, steps, eta, step_noise)
    assert torch.allclose(made, wanted, atol=1e-5)


def step_noise(step):
    return noise(2, 5, 3, seed=100 + step)


@pytest.mark.parametrize("flexibility", [0.0, 0.3, 1.0])
def test_eta_one_over_all_steps_is_ancestral_sampling(flexibility):
    """Against Ho 2020, algorithm 2, in the form of its posterior mean (eq. 7), in float64."""
    schedule = NoiseSchedule.cosine(20)
    left = torch.cat([torch.ones(1), schedule.alphas_cumprod]).double()  # alpha bar of 0, 1, ... 20

    def denoise(x, time):
        return torch.tanh(x + time[0] / 20)

    x = noise(2, 5, 3).double()
    for t in range(20, 0, -1):
        beta = 1 - left[t] / left[t - 1]
        posterior = ((1 - left[t - 1]) / (1 - left[t]) * beta).sqrt()
        sigma = flexibility * beta.sqrt() + (1 - flexibility) * posterior
        kept = (1 - left[t - 1]) * (1 - beta).sqrt() / (1 - left[t])
        mean = kept * x + beta * left[t - 1].sqrt() / (1 - left[t]) * denoise(x, [t - 1])
        x = mean + (sigma * step_noise(20 - t) if t > 1 else 0)
    made = ddim(denoise, noise(2, 5, 3), schedule, 20, 1.0, step_noise, flexibility)
    assert torch.allclose(made.double(), x, atol=1e-5)


def test_each_step_but_the_last_asks_for_noise_once():
    asked = []

    def counted(step):
        asked.append(step)
        return step_noise(step)

    ddim(lambda x, t: x, noise(2, 5, 3), NoiseSchedule.cosine(), 4, 1.0, counted)
    assert asked == [0, 1, 2]
    with pytest.raises(ValueError, match="step_noise"):
        ddim(lambda x, t: x, noise(2, 5, 3), NoiseSchedule.cosine(), 4, 1.0)


def test_the_floor_of_joyvasas_betas_never_matters():
    alphas_cumprod = torch.cat([torch.ones(1), NoiseSchedule.cosine(50).alphas_cumprod])
    assert (1 - alphas_cumprod[1:] / alphas_cumprod[:-1]).min() > 1e-4


def test_ddim_turns_noise_into_the_denoisers_gaussian():
    """For data ~ N(mean, spread²) the best denoiser is linear; DDIM must give that distribution."""
    mean, spread, schedule = 3.0, 0.5, NoiseSchedule.cosine()

    def denoise(x, time):
        left = schedule.alphas_cumprod[time[0]]
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


def test_thresholding_holds_every_row_of_every_pass():
    rows = (
        torch.linspace(-1, 1, 11).repeat(3, 1)[:, :, None]
        * torch.tensor([0.1, 1, 8])[:, None, None]
    )
    model = thresholded(lambda noisy, time, conditions, dropped: rows, 0.8, 0.5, 2.0)
    held = model(noise(3, 11, 1), torch.zeros(3), {}, {}).abs().flatten(1).max(1).values
    assert torch.allclose(held, torch.tensor([0.1, 0.8, 2.0]))
    seen = {}

    def two_rows(noisy, time, conditions, dropped):
        seen.update(dropped)
        return torch.tensor([[3.0, 0.0], [-5.0, 0.0]])[:, :, None]

    denoise = guided(
        thresholded(two_rows, 1.0, 0.0, 2.0), {"audio": torch.ones(1, 1)}, {"audio": 1}
    )
    made = denoise(noise(1, 2, 1), torch.zeros(1))  # 2 + (2 - -2), not 3 + (3 - -5)
    assert made.flatten().tolist() == [6.0, 0.0] and seen["audio"].tolist() == [False, True]
