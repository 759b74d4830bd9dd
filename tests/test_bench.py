from vasa_core.bench import bench, table


def test_every_stage_is_measured(portrait_path, speech_path):
    stages = bench(portrait_path, speech_path, size=160, workers=2, device="cpu")
    names = [stage.name for stage in stages]
    for name in ("encode portrait", "audio features", "sample motion", "write video"):
        assert name in names
    assert names[-1] == "animate, everything" and stages[-1].count == 221
    assert all(stage.wall > 0 and stage.cpu >= 0 for stage in stages)
    text = table(stages).splitlines()
    assert len(text) == len(stages) + 2 and "x real time" in text[1]
