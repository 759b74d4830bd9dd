import copy

import pytest

from vasa_core.bench import implicit
from vasa_core.bench.mesh import bench
from vasa_core.bench.stages import stage_table
from vasa_core.errors import InputError
from vasa_core.spaces.implicit.fast import accelerate


def test_every_stage_is_measured(portrait_path, speech_path):
    stages = bench(portrait_path, speech_path, size=160, workers=2, device="cpu")
    names = [stage.name for stage in stages]
    for name in ("encode portrait", "audio features", "sample motion", "write video"):
        assert name in names
    assert names[-1] == "animate, everything" and stages[-1].count == 221
    assert all(stage.wall > 0 and stage.cpu >= 0 for stage in stages)
    text = stage_table(stages).splitlines()
    assert len(text) == len(stages) + 2 and "x real time" in text[1]


def test_the_implicit_space_is_measured_against_a_plain_one(portrait_path, tiny_space, monkeypatch):
    class Sampler:
        """In the place of a motion model of 100 M numbers."""

        def features(self, sound, rate):
            return sound

        def sample(self, heard, portrait=None):
            return heard

    def tiny(files, device, dtype, exact=False):
        space = copy.deepcopy(tiny_space)
        if not exact:
            accelerate(space.painter, cpu=True)
        return space

    monkeypatch.setattr(implicit, "implicit_space", tiny)
    monkeypatch.setattr(implicit, "fill", lambda known: {})
    for name in ("joyvasa_model", "ditto_model"):
        monkeypatch.setattr(implicit, name, lambda *_: Sampler())
    lines = implicit.bench(portrait_path, size=256, workers=2, device="cpu", frames=1).splitlines()
    for name in ("paint, baseline", "warp", "decode", "paint", "paste back", "sample JoyVASA"):
        assert any(line.startswith(name) for line in lines), name
    assert "times the baseline" in lines[-2] and "PSNR" in lines[-1]
    with pytest.raises(InputError, match="no CUDA"):
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        implicit.bench(portrait_path, 256, 1, "cuda")
