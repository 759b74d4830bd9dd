import torch

from vasa_core.motion.transformer import MotionTransformer, MotionTransformerConfig

TINY = MotionTransformerConfig(
    motion=9, audio=4, signals={"gaze": 2}, window=6, past=3, layers=2, width=16, heads=2
)


def tiny():
    torch.manual_seed(0)
    network = MotionTransformer(TINY).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def inputs(rows=5):
    torch.manual_seed(1)
    conditions = {
        "audio": torch.randn(rows, 6, 4),
        "past": torch.randn(rows, 3, 13),
        "gaze": torch.randn(rows, 2),
    }
    return torch.randn(rows, 6, 9), torch.arange(rows), conditions


@torch.no_grad()
def test_shapes_and_that_everything_matters():
    network, (noisy, time, conditions) = tiny(), inputs()
    full = network(noisy, time, conditions)
    assert full.shape == (5, 6, 9)
    assert not torch.allclose(full, network(noisy, time + 1, conditions))
    for name in conditions:
        less = {k: v for k, v in conditions.items() if k != name}
        assert not torch.allclose(full, network(noisy, time, less)), name


@torch.no_grad()
def test_a_dropped_condition_is_one_that_was_never_given():
    network, (noisy, time, conditions) = tiny(), inputs()
    full = network(noisy, time, conditions)
    for name in conditions:
        rows = torch.tensor([True, False, True, False, False])
        mixed = network(noisy, time, conditions, {name: rows})
        less = network(noisy, time, {k: v for k, v in conditions.items() if k != name})
        assert torch.allclose(mixed[rows], less[rows], atol=1e-5), name
        assert torch.allclose(mixed[~rows], full[~rows], atol=1e-5), name


def test_a_host_may_give_its_own_layers():
    class Operations:
        class Linear(torch.nn.Linear):
            pass

        class LayerNorm(torch.nn.LayerNorm):
            pass

    network = MotionTransformer(TINY, operations=Operations)
    linears = [m for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert linears and all(isinstance(m, Operations.Linear) for m in linears)


def test_the_papers_size():
    config = MotionTransformerConfig.paper(70, 768, {"gaze": 2, "distance": 1, "emotion": 8})
    assert (config.layers, config.width, config.heads) == (8, 512, 8)
    size = sum(p.numel() for p in MotionTransformer(config).parameters())
    assert 24e6 < size < 32e6  # "about 29 M"
    assert MotionTransformerConfig(**config.as_dict()) == config
