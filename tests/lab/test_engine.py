"""The training engine, on a network of a few numbers."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import debug_launcher
from accelerate.state import AcceleratorState
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from vasa_core.errors import InputError
from vasa_core.lab import engine
from vasa_core.lab.engine import (
    CHECKPOINT,
    Objective,
    Step,
    Trainer,
    is_main_process,
    main_process_first,
)
from vasa_core.lab.recipe import Recipe

FORKS = pytest.mark.skipif(sys.platform != "linux", reason="forks processes that use torch")
ROOT = Path(__file__).resolve().parents[2]
RECIPE = Recipe(steps=12, batch=4, learning_rate=0.05, report_every=2, checkpoint_every=5)


@pytest.fixture(autouse=True)
def fresh_accelerator():
    """Accelerate keeps one state per process; precision and processes differ between tests."""
    yield
    AcceleratorState._reset_state(True)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))


def batch(step, size=4):
    """Points and the sums of their numbers, a little wrong."""
    points = torch.randn(size, 3, generator=step.generator)
    wrong = torch.as_tensor(step.rng.normal(0, 0.01, (size, 1))).float()
    return {"points": points, "sums": points.sum(1, keepdim=True) + wrong}


def regression(net):
    def loss(batch, step):
        error = (net(batch["points"]) - batch["sums"]).square().mean()
        return error, {"root": error.detach().sqrt()}

    return loss


def trainer(out, recipe=RECIPE, batches=batch, **rest):
    net = network()
    return Trainer(out, recipe, {"net": Objective(net, regression(net))}, batches, **rest)


def rows(out):
    return list(csv.DictReader((out / "metrics.csv").open()))


def test_training_reduces_the_loss_and_reports_it(tmp_path):
    seen = []

    def validate(networks):
        seen.append(networks["net"].training)
        return {"weight": networks["net"][0].weight.abs().mean()}

    recipe = replace(RECIPE, steps=60, batch=16)
    average = trainer(tmp_path, recipe, lambda step: batch(step, 16), validate=validate).run()
    found = rows(tmp_path)
    assert float(found[-1]["loss"]) < 0.3 * float(found[0]["loss"])
    assert [int(row["step"]) for row in found] == sorted({*range(2, 61, 2), *range(5, 61, 5)})
    assert float(found[-1]["weight"]) == pytest.approx(
        float(average["net"][0].weight.abs().mean()), rel=1e-4
    )
    assert seen == [False] * 12 and not average["net"].training
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert {"loss", "root", "learning_rate", "weight"} <= set(events.Tags()["scalars"])
    assert events.Scalars("loss")[-1].step == 60


class Interrupted(Exception):
    pass


def cut_off(step):
    if step.number == 8:
        raise Interrupted
    return batch(step)


def test_a_resumed_run_equals_one_that_never_stopped(tmp_path):
    whole = trainer(tmp_path / "whole")
    with pytest.raises(Interrupted):
        trainer(tmp_path / "cut", batches=cut_off).run()
    resumed = trainer(tmp_path / "cut")
    assert resumed.step == 5  # the last checkpoint
    assert [row["step"] for row in rows(tmp_path / "cut")] == ["2", "4", "6", "8"]
    for one, other in zip(whole.run().values(), resumed.run().values(), strict=True):
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name
    states = [torch.load(tmp_path / name / CHECKPOINT) for name in ("whole", "cut")]
    for kind in ("network", "optimizer"):
        assert same(*(state[kind] for state in states)), kind
    assert rows(tmp_path / "whole") == rows(tmp_path / "cut")


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    return one == other


def test_a_finished_run_is_not_trained_again(tmp_path, caplog):
    caplog.set_level("INFO")
    first = trainer(tmp_path).run()["net"]
    assert "finished" not in caplog.text
    again = trainer(tmp_path, batches=cut_off).run()["net"]
    assert same(first.state_dict(), again.state_dict())
    assert "finished at step 12" in caplog.text and "resumed" not in caplog.text


def test_a_run_of_another_recipe_is_refused_and_a_longer_one_goes_on(tmp_path):
    trainer(tmp_path).run()
    with pytest.raises(InputError, match="learning_rate"):
        trainer(tmp_path, replace(RECIPE, learning_rate=0.1))
    assert trainer(tmp_path, replace(RECIPE, steps=14)).step == 12


def test_a_checkpoint_is_whole_or_the_one_before(tmp_path, monkeypatch):
    def half(state, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    trainer(tmp_path).run()
    longer = trainer(tmp_path, replace(RECIPE, steps=20))
    monkeypatch.setattr(engine.torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        longer.run()
    assert trainer(tmp_path, replace(RECIPE, steps=20)).step == 12


@pytest.mark.parametrize("kept", [0, 1, 30, 0.5, -1])
def test_a_broken_checkpoint_is_named(tmp_path, kept):
    trainer(tmp_path).run()
    file = tmp_path / CHECKPOINT
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    with pytest.raises(InputError, match=f"{CHECKPOINT} is broken.*remove it"):
        trainer(tmp_path)


def test_a_precision_that_is_not_there_is_refused(tmp_path, monkeypatch):
    def refuse(**options):
        raise ValueError("fp16 needs a GPU")

    monkeypatch.setattr(engine, "Accelerator", refuse)
    with pytest.raises(InputError, match="'fp16' cannot be used: fp16 needs"):
        trainer(tmp_path, replace(RECIPE, precision="fp16"))


@FORKS
def test_workers_change_nothing(tmp_path):
    runs = [
        trainer(tmp_path / str(workers), replace(RECIPE, steps=3, workers=workers)).run()["net"]
        for workers in (0, 1)
    ]
    assert same(runs[0].state_dict(), runs[1].state_dict())


def without_noise(out, recipe, batches):
    """A run whose gradient is a mean over examples: no batch norm, no dropout."""
    torch.manual_seed(0)
    net = nn.Linear(3, 1)
    return Trainer(out, recipe, {"net": Objective(net, regression(net))}, batches)


def both(recipe, *places):
    """The batches of two places as one."""

    def batches(step):
        parts = [batch(Step.of(recipe, step.number, 0, *place)) for place in places]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    return batches


def test_accumulated_parts_are_one_batch(tmp_path):
    recipe = replace(RECIPE, accumulate=2)
    parts = without_noise(tmp_path / "parts", recipe, batch).run()["net"]
    whole = without_noise(tmp_path / "whole", RECIPE, both(recipe, (0, 0), (0, 1))).run()["net"]
    assert torch.allclose(parts.weight, whole.weight, atol=1e-6)


def in_one_of_two_processes(folder):
    torch.set_num_threads(1)
    with main_process_first():
        first = not (folder / "made").exists()
        (folder / "made").touch()
    assert first == is_main_process()
    run = without_noise(folder, RECIPE, batch)
    net = run.run()["net"]
    torch.save(net.state_dict(), folder / f"rank{run.accelerator.process_index}.pt")


@FORKS
def test_two_processes_train_one_network_on_the_batches_of_both(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, __file__, str(tmp_path)]  # forks, and this process has threads
    subprocess.run(command, env=environment, check=True, timeout=300)
    states = [torch.load(tmp_path / f"rank{rank}.pt") for rank in (0, 1)]
    assert same(*states)
    alone = without_noise(tmp_path / "alone", RECIPE, both(RECIPE, (0, 0), (1, 0))).run()["net"]
    assert torch.allclose(states[0]["weight"], alone.weight, atol=1e-5)
    assert len(rows(tmp_path)) == len(rows(tmp_path / "alone"))  # written by one of them
    assert float(rows(tmp_path)[0]["loss"]) == pytest.approx(
        float(rows(tmp_path / "alone")[0]["loss"]), rel=1e-4
    )


def test_the_average_follows_the_weights(tmp_path):
    run = trainer(tmp_path / "a", replace(RECIPE, ema=0.0))
    average = run.run()["net"]
    assert same(average.state_dict(), run.objectives["net"].network.state_dict())
    run = trainer(tmp_path / "b")
    start = run.objectives["net"].network[0].weight.detach().clone()
    mean = run.run()["net"][0].weight
    end = run.objectives["net"].network[0].weight
    assert 0 < (mean - start).norm() < (end - start).norm()


def test_objectives_take_turns_and_what_is_frozen_stays(tmp_path):
    """A critic that starts half way, and a teacher that is never moved."""
    net, critic, teacher = network(), nn.Linear(1, 1), network()
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    start = critic.weight.detach().clone()
    moved = []

    def criticise(batch, step):
        moved.append(not torch.equal(critic.weight, start))
        if step.share < 0.5:
            return None, {}
        return critic(net(batch["points"]).detach()).mean(), {}

    def loss(batch, step):
        assert not teacher.training and net.training
        made = net(batch["points"])
        return (made - teacher(batch["points"])).square().mean() - 0.1 * critic(made).mean(), {}

    optimizer = torch.optim.SGD(critic.parameters(), 0.1)
    parts = {
        "critic": Objective(critic, criticise, optimizer=optimizer, schedule="constant"),
        "net": Objective(net, loss, frozen=(teacher,)),
    }
    run = Trainer(tmp_path, replace(RECIPE, clip=0.0), parts, batch)
    run.run()
    assert moved == [False] * 7 + [True] * 5
    assert same(before, teacher.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.1
    found = rows(tmp_path)
    assert found[0]["critic/loss"] == "" and float(found[-1]["critic/loss"]) != 0
    assert found[0]["net/loss"]


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    def broken(step):
        return {k: v * (float("nan") if step.number == 6 else 1) for k, v in batch(step).items()}

    with pytest.raises(FloatingPointError, match="around step 8"):
        trainer(tmp_path, batches=broken).run()
    assert torch.load(tmp_path / CHECKPOINT)["step"] == 5


def test_half_precision_trains_weights_that_stay_whole(tmp_path):
    kinds = []
    net = network()

    def loss(batch, step):
        made = net(batch["points"])
        kinds.append(made.dtype)
        return (made.float() - batch["sums"]).square().mean(), {}

    recipe = replace(RECIPE, precision="bf16")
    average = Trainer(tmp_path, recipe, {"net": Objective(net, loss)}, batch).run()["net"]
    assert set(kinds) == {torch.bfloat16}
    assert average[0].weight.dtype == torch.float32
    assert not same(average.state_dict(), network().state_dict())


if __name__ == "__main__":
    debug_launcher(in_one_of_two_processes, (Path(sys.argv[1]),), num_processes=2)
