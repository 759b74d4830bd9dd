"""Load talking-portrait model: what is listed, loaded and refused, without a server."""

import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch

pytestmark = pytest.mark.comfyui
PHOTOREAL = ("LivePortrait + JoyVASA", "LivePortrait + Ditto")


def test_the_embedded_model_is_managed_by_comfyui(run, model):
    from comfy import model_management

    encoder = model.networks["encoder"]
    assert encoder.model_size() > 1e6 and model.motion.model_size() > 1e6
    with model.face_space("encode"), model.motion_model():
        loaded = [entry.model for entry in model_management.current_loaded_models]
    assert encoder in loaded and model.motion in loaded
    assert len(repr(model)) < 80


def test_a_motion_model_in_the_models_folder_is_listed_and_loads(run, nodes):
    import folder_paths

    import vasa_core.motion.model as library

    folder = Path(folder_paths.models_dir) / "vasa"
    (folder / "mine.safetensors").write_bytes(library.WEIGHTS.read_bytes())
    (folder / "broken.safetensors").write_bytes(b"nothing")
    options = nodes["VASALoadModel"].define_schema().inputs[0].options
    assert options[0] == "mesh (embedded)" and {"mine.safetensors", "broken.safetensors"} < {
        *options
    }
    assert "mine" in repr(run("VASALoadModel", model="mine.safetensors", device="cpu")[0])
    with pytest.raises(ValueError, match="broken.safetensors"):
        run("VASALoadModel", model="broken.safetensors", device="cpu")


def test_the_refiner_can_be_left_out(run, model):
    assert "refiner" in model.networks
    plain = run("VASALoadModel", model="mesh (embedded)", device="cpu", refine_mouth=False)[0]
    assert "refiner" not in plain.networks


@pytest.fixture
def put(nodes):
    """Write files into a folder of models/vasa, by name, for one test."""
    import folder_paths

    folder = Path(folder_paths.models_dir) / "vasa" / "public"

    def write(content, *names):
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).write_bytes(content)

    yield write
    shutil.rmtree(folder, ignore_errors=True)


def test_the_photoreal_models_are_listed_but_their_files_are_not(nodes, put):
    from vasa_pack.vasa_core.weights.registry import FILES

    put(b"something", *(name for known in FILES for name in known.names))
    options = nodes["VASALoadModel"].define_schema().inputs[0].options
    assert options[:3] == ["mesh (embedded)", *PHOTOREAL]
    assert not [name for name in options if "public" in name]


@pytest.mark.parametrize("title", PHOTOREAL)
def test_a_model_without_its_weights_is_refused_with_every_file_named(nodes, put, title):
    from vasa_pack.vasa_core.weights.registry import files_of

    validate, model = nodes["VASALoadModel"].validate_inputs, title.split()[-1].lower()
    first, *others = files_of(model)
    said = validate(model=title)
    assert f"{title} lacks {len(others) + 1} files" in said and "models/vasa" in said
    for known in (first, *others):
        assert all(name in said for name in (known.names[0], known.source, known.licence))
    put(b"something", *(known.names[0] for known in others))
    said = validate(model=title)
    assert f"{title} lacks 1 file;" in said and first.names[0] in said
    assert not any(known.names[0] in said for known in others)
    put(b"something", first.names[0])
    assert validate(model=title) is True
    assert validate(model="mesh (embedded)") is True and validate(model=None) is True
    assert "none of" in validate(model="LivePortrait")


@pytest.mark.parametrize(
    "content, said",
    [
        ((100).to_bytes(8, "little") + b'{"a": {"dtype"', "is damaged or cut short"),
        (b"<!doctype html><html>", "is a web page, not weights"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (safetensors.torch.save({"a": torch.zeros(1)}), "are not the weights of joyvasa_motion"),
    ],
)
def test_a_broken_weight_file_is_named_with_what_is_wrong(run, put, content, said):
    from vasa_pack.vasa_core.weights.registry import files_of

    put(content, *(known.names[0] for known in files_of("joyvasa")))
    with pytest.raises(ValueError, match=rf"motion_generator_hubert_chinese\.pt:? .*{said}"):
        run("VASALoadModel", model="LivePortrait + JoyVASA", device="cpu")


def test_extra_model_paths_are_listed_too(nodes, tmp_path):
    import folder_paths

    (tmp_path / "elsewhere.safetensors").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("no model")
    folder_paths.add_model_folder_path("vasa", str(tmp_path))  # as extra_model_paths.yaml does
    options = nodes["VASALoadModel"].define_schema().inputs[0].options
    assert "elsewhere.safetensors" in options and "notes.txt" not in options
