"""vasa weights list, check and import, as a person uses them."""

import pickle
import subprocess
import sys

import pytest
import torch

from vasa_core.cli import main
from vasa_core.weights.registry import FILES, KNOWN


@pytest.fixture
def models(tmp_path, stitching):
    folder = tmp_path / "models"
    folder.mkdir()
    torch.save(stitching, folder / "stitching_retargeting_module.pth")
    return folder


def test_list_tells_what_is_there_and_what_is_missing(models, capsys):
    assert main(["weights", "list", "--models", str(models)]) == 0
    said = capsys.readouterr().out
    for known in FILES:
        assert known.name in said and known.source in said and known.licence in said
    assert f"stitching_retargeting_module: {models}" in said
    assert "liveportrait_warping_module: missing" in said
    assert "liveportrait: lacks liveportrait_appearance_feature_extractor, " in said


def test_list_marks_a_complete_model_and_stand_ins(tmp_path, monkeypatch, capsys):
    from vasa_core.weights.fill import write_stand_ins
    from vasa_core.weights.registry import MODEL_FILES

    monkeypatch.setitem(MODEL_FILES, "small", ("joyvasa_motion_template",))
    write_stand_ins(tmp_path, "small")
    (tmp_path / "decoder.pth").write_text("<html>")
    assert main(["weights", "list", "--models", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "small: complete" in said and "(stand-in, not trained)" in said
    assert "decoder.pth (damaged)" in said


def test_check_reads_all_and_fails_if_one_is_bad(models, capsys):
    assert main(["weights", "check", "--models", str(models)]) == 0
    assert "28 tensors, sound" in capsys.readouterr().out
    (models / "decoder.pth").write_text("<html>")
    (models / "hubert_streaming_fix_kv.onnx").write_bytes(b"\x08")
    assert main(["weights", "check", "--models", str(models)]) == 2
    said = capsys.readouterr().err
    assert "1 of 3 cannot be used" in said
    assert "28 tensors, sound" in said and "decoder.pth is a web page" in said
    assert "ditto_hubert, there; its content cannot be checked" in said


def test_check_of_named_files(models, template, capsys):
    path = models / "motion_template.pkl"
    path.write_bytes(pickle.dumps({key: value.numpy() for key, value in template.items()}))
    other = models / "anything.pth"
    other.write_bytes((models / "stitching_retargeting_module.pth").read_bytes())
    assert main(["weights", "check", str(path), str(other)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("joyvasa_motion_template, 12 tensors, sound; sha256 as published: no")
    assert KNOWN["liveportrait_stitching_retargeting_module"].name in lines[1]
    other.rename(models / "warping_module.pth")  # sound, but not what its name says
    assert main(["weights", "check", str(models / "warping_module.pth")]) == 2
    assert "these are the weights of liveportrait_stitching" in capsys.readouterr().err


def test_check_of_an_empty_folder(tmp_path, capsys):
    assert main(["weights", "check", "--models", str(tmp_path)]) == 2
    assert "No weight files in" in capsys.readouterr().err


def test_import_goes_on_past_a_bad_file(models, tmp_path, capsys):
    good, bad, out = models / "stitching_retargeting_module.pth", tmp_path / "x.pth", tmp_path / "o"
    bad.write_bytes(b"")
    assert main(["weights", "import", str(bad), str(good), "-o", str(out)]) == 2
    said = capsys.readouterr().err
    assert "1 of 2 cannot be used" in said and "x.pth is empty" in said
    assert [path.stem for path in out.iterdir()] == ["liveportrait_stitching_retargeting_module"]
    assert main(["weights", "import", str(good), "-o", str(out)]) == 0
    assert f"{good} -> {out}" in capsys.readouterr().out


def test_help_reads_no_table():
    code = (
        "import sys; from vasa_core.cli import build_parser; build_parser().format_help();"
        "from vasa_core.weights.registry import read_manifest;"
        "sys.exit(read_manifest.cache_info().currsize)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
