"""Files appear whole, under their name, and readable as any other file."""

import pytest
import torch
from safetensors.torch import load_file

from vasa_core.errors import InputError
from vasa_core.provenance.whole import save_tensors, written_whole
from vasa_core.render.video import VideoReader, VideoWriter


def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("older")
    with pytest.raises(RuntimeError), written_whole(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "older" and list(tmp_path.iterdir()) == [path]


def test_of_two_that_write_one_file_the_last_stays(tmp_path):
    path = tmp_path / "a.txt"
    with written_whole(path) as one, written_whole(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one" and list(tmp_path.iterdir()) == [path]


def test_two_videos_at_once_to_one_file(tmp_path):
    path = tmp_path / "x.mp4"
    with VideoWriter(path, 25) as one, VideoWriter(path, 25) as other:
        for _ in range(3):
            one.write(torch.zeros(1, 3, 32, 32))
        other.write(torch.zeros(1, 3, 32, 32))
    assert len(list(VideoReader(path))) == 3 and list(tmp_path.iterdir()) == [path]


def test_tensors_are_as_readable_as_any_file(tmp_path):
    (tmp_path / "usual").touch()
    save_tensors(tmp_path / "a.safetensors", {"x": torch.arange(3)}, {"about": "a test"})
    assert load_file(tmp_path / "a.safetensors")["x"].tolist() == [0, 1, 2]
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert modes["a.safetensors"] == modes["usual"]


def test_where_nothing_can_be_written_it_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"), written_whole(tmp_path / "file/a"):
        pass
