"""Weight files are found where people keep them, whole ones only."""

import pytest

from vasa_core.errors import InputError
from vasa_core.weights.registry import KNOWN, MODEL_FILES, files_of
from vasa_core.weights.search import find, missing, missing_message, require

WARPING = KNOWN["liveportrait_warping_module"]


def put(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_the_choice_is_fixed(tmp_path):
    order = [
        tmp_path / "z" / "deeper" / "warp_network.pth",
        tmp_path / "b" / "warp_network.pth",
        tmp_path / "a" / "warp_network.pth",
        tmp_path / "b" / "warping_module.pth",
        tmp_path / "z" / "deeper" / "liveportrait_warping_module.safetensors",
        tmp_path / "z" / "deeper" / "warping_module.safetensors",
        tmp_path / "warping_module.safetensors",
    ]
    assert find(WARPING, [tmp_path, tmp_path / "none"]) is None
    for path in order:
        put(path)
        assert find(WARPING, [tmp_path]) == path
    other = tmp_path.parent / f"{tmp_path.name}-other"
    put(other / "warp_network.pth")
    assert find(WARPING, [other, tmp_path]) == other / "warp_network.pth"


@pytest.mark.parametrize("end", [".part", ".crdownload", ".aria2", ".incomplete", ".tmp"])
def test_unfinished_downloads_are_skipped(tmp_path, end):
    put(tmp_path / f"warping_module.pth{end}")
    assert find(WARPING, [tmp_path]) is None
    put(tmp_path / "warping_module.pth")  # what is there while the download goes on
    assert find(WARPING, [tmp_path]) is None
    (tmp_path / f"warping_module.pth{end}").unlink()
    assert find(WARPING, [tmp_path]) == tmp_path / "warping_module.pth"
    (tmp_path / "warping_module.pth").write_bytes(b"")
    assert find(WARPING, [tmp_path]) is None


def test_animal_weights_have_the_same_names_and_are_left(tmp_path):
    put(tmp_path / "liveportrait_animals" / "base_models" / "warping_module.pth")
    assert find(WARPING, [tmp_path]) is None
    assert find(WARPING, [tmp_path / "liveportrait_animals"]) is not None


def test_links_are_followed_and_loops_end(tmp_path):
    put(tmp_path / "elsewhere" / "warping_module.pth")
    models = tmp_path / "models"
    models.mkdir()
    try:
        (models / "linked").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "back").symlink_to(models)
    except OSError:
        pytest.skip("no symbolic links here")
    assert find(WARPING, [models]) == models / "linked" / "warping_module.pth"


@pytest.mark.parametrize("model", MODEL_FILES)
def test_what_a_model_lacks(tmp_path, model):
    files = files_of(model)
    assert missing(model, [tmp_path]) == list(files)
    for known in files[1:]:
        put(tmp_path / known.names[-1])
    assert missing(model, [tmp_path]) == [files[0]]
    with pytest.raises(InputError, match=f"{model} lacks 1 file; put into") as caught:
        require(model, [tmp_path, tmp_path / "none"])
    said = str(caught.value)
    assert files[0].names[0] in said and str(tmp_path) in said
    assert files[0].source in said and files[1].source not in said
    put(tmp_path / files[0].names[0])
    assert missing(model, [tmp_path]) == []
    found = require(model, ["nowhere", tmp_path])
    assert found == {known.name: find(known, [tmp_path]) for known in files}


def test_the_message_tells_licences_as_stated(tmp_path):
    said = missing_message("joyvasa", missing("joyvasa", [tmp_path]), "models/vasa")
    assert said.startswith("joyvasa lacks 7 files; put into models/vasa")
    assert "MIT (LivePortrait repository)" in said and "of the weights not verified" in said
    assert len(said.splitlines()) == 8  # short enough for a dialog
