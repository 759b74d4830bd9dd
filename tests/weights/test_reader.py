"""Every kind of weight file is read, and nothing in it is run."""

import argparse
import io
import os
import pathlib
import pickle
import warnings
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.torch_version import TorchVersion

from vasa_core.errors import InputError
from vasa_core.weights import reader
from vasa_core.weights.reader import read_file

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)
TENSORS = {"a.weight": torch.randn(3, 4), "a.count": torch.tensor(7)}


class Harmful:
    """Pickles as a call that leaves a trace."""

    def __init__(self, call, *arguments):
        self.call = call, arguments

    def __reduce__(self):
        return self.call


def template(protocol: int) -> bytes:
    arrays = {
        "mean_exp": np.linspace(-1, 1, 63, dtype=np.float32),
        "std_exp": np.linspace(0, 1, 63)[None],
        "min_t": np.arange(3.0)[:, None].T,
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big_endian": np.arange(3, dtype=">f4"),
        "min_scale": np.float32(1.25),
        "max_scale": 1.5,
        "flag": np.array(True),
        "note": "the same note",
        "again": ["the same note", np.int64(3)],
    }
    return pickle.dumps(arrays, protocol=protocol)


def test_safetensors(tmp_path, equal):
    save_file(TENSORS, tmp_path / "x.pth")  # the content says what it is, not the name
    equal(dict(sorted(read_file(tmp_path / "x.pth").items())), dict(sorted(TENSORS.items())))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("suffix", ["pth", "pt", "pkl"])
def test_torch_files_new_and_old(tmp_path, zipped, suffix, equal):
    path = tmp_path / f"x.{suffix}"
    torch.save(TENSORS, path, _use_new_zipfile_serialization=zipped)
    equal(read_file(path), TENSORS)


def test_nested_checkpoint_with_settings_and_paths(tmp_path):
    settings = argparse.Namespace(out=pathlib.PosixPath("/a/b"), lr=0.1, names=["x"])
    weight = torch.nn.Parameter(torch.ones(2))
    content = {"args": settings, "model": {"w": weight}, "list": [torch.zeros(1)], "iter": 1}
    torch.save(content, tmp_path / "x.pt")
    found = read_file(tmp_path / "x.pt")
    assert set(found) == {"model.w", "list.0"}
    assert not found["model.w"].requires_grad


@pytest.mark.parametrize("module", ["pathlib", "pathlib._local"])
def test_paths_of_any_python_are_read_on_any_system(tmp_path, module):
    torch.save({"p": pathlib.PurePosixPath("/a"), "t": torch.ones(1)}, tmp_path / "x.pt")
    with zipfile.ZipFile(tmp_path / "x.pt") as old, zipfile.ZipFile(tmp_path / "y.pt", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("data.pkl"):
                here = pathlib.PurePosixPath.__module__.encode()
                data = data.replace(here + b"\nPurePosixPath", module.encode() + b"\nPosixPath")
                assert b"\nPosixPath" in data
            new.writestr(name, data)
    assert list(read_file(tmp_path / "y.pt")) == ["t"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("core", ["core", "_core"])
def test_numpy_template_of_any_protocol_and_numpy(tmp_path, protocol, core):
    data = template(protocol)
    here = np.zeros(1).__reduce__()[0].__module__.encode()  # numpy._core.multiarray, or older
    new = f"numpy.{core}.multiarray".encode()
    lengths = b"\x8c" + bytes([len(here)]), b"\x8c" + bytes([len(new)])
    data = data.replace(lengths[0] + here, lengths[1] + new).replace(b"c" + here, b"c" + new)
    if protocol == 4:  # frames would have to be counted anew
        data = data[:2] + data[11:]
    (tmp_path / "x.pkl").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_file(tmp_path / "x.pkl")
    expected = pickle.loads(template(protocol))
    for key in ("mean_exp", "std_exp", "min_t", "fortran", "big_endian", "min_scale", "max_scale"):
        assert np.array_equal(found[key].numpy(), expected[key]), key
    assert found["flag"].dtype == torch.bool and found["again.1"] == 3
    assert "note" not in found and "again.0" not in found


@pytest.mark.parametrize("kind", ["zip", "legacy", *map(str, PROTOCOLS)])
def test_code_is_named_and_not_run(tmp_path, kind):
    trace, path = tmp_path / "trace", tmp_path / "x.pth"
    content = {"w": torch.ones(1), "x": Harmful(os.system, f"touch {trace}")}
    if kind in ("zip", "legacy"):
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    else:
        path.write_bytes(pickle.dumps(content["x"], protocol=int(kind)))
    with pytest.raises(InputError, match=r"x.pth holds code \((posix|nt).system\).*not run"):
        read_file(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "call", [(eval, "1"), (getattr, "x", "upper"), (np.load, "x"), (torch.load, "x"), (open, "x")]
)
def test_no_other_call_is_allowed(tmp_path, call):
    path = tmp_path / "x.pkl"
    for protocol in PROTOCOLS:
        path.write_bytes(pickle.dumps({"x": Harmful(*call)}, protocol=protocol))
        with pytest.raises(InputError, match="holds code"):
            read_file(path)


def test_a_whole_network_is_code(tmp_path):
    torch.save(torch.nn.Linear(1, 1), tmp_path / "x.pth")
    with pytest.raises(InputError, match=r"torch.nn.modules.linear.Linear"):
        read_file(tmp_path / "x.pth")


def whole_files():
    for zipped in (True, False):
        file = io.BytesIO()
        torch.save(TENSORS, file, _use_new_zipfile_serialization=zipped)
        yield ("zip" if zipped else "legacy"), file.getvalue()
    yield "pkl2", template(2)
    yield "pkl4", template(4)


@pytest.mark.parametrize("kind, data", list(whole_files()))
def test_cut_short_at_any_length(tmp_path, kind, data):
    path = tmp_path / "x.pth"
    for length in sorted({*range(0, 40), *range(0, len(data), max(1, len(data) // 40))}):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=r"x\.pth (is|begins|holds)"):
            read_file(path)


def test_safetensors_cut_short_at_any_length(tmp_path):
    save_file(TENSORS, tmp_path / "whole")
    data, path = (tmp_path / "whole").read_bytes(), tmp_path / "x.safetensors"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=r"x\.safetensors (is|begins)"):
            read_file(path)


def test_flipped_bytes_end_in_one_sentence_or_in_tensors(tmp_path, rng):
    path = tmp_path / "x.pkl"
    for data in (template(2), template(4)):
        for place in rng.integers(2, len(data), 150):
            broken = bytearray(data)
            broken[place] ^= int(rng.integers(1, 256))
            path.write_bytes(broken)
            try:
                read_file(path)
            except InputError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "is empty"),
        (b"\n <!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "Git LFS pointer"),
        (b"Entry not found", "begins with b'Entry not found'"),
        (b"\x08\x07\x12\x07pytorch", "is no safetensors, torch or numpy file"),
        (b"(dp0\nS'x'\np1\n.", "is no safetensors"),
        (b"\x80\x04K\x01.", "holds no tensors"),
        (b"\x80\x04" + b"h\x01.", "fetches 1, which was never kept"),
        (b"\x80\x04K\x01K\x02\x93.", "makes up a name"),
        (b"\x80\x04\x90.", "instruction 90"),
    ],
)
def test_what_people_save_under_the_name(tmp_path, content, said):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.pth") as caught:
        read_file(tmp_path / "x.pth")
    assert said in str(caught.value)


def test_missing_file_and_other_zip(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_file(tmp_path / "none.pth")
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("readme.txt", "no weights")
    with pytest.raises(InputError, match="damaged"):
        read_file(tmp_path / "x.pth")


@pytest.mark.parametrize(
    "tensor", [torch.eye(3).to_sparse(), torch.zeros(2, device="meta")], ids=["sparse", "meta"]
)
def test_tensors_that_are_no_plain_numbers(tmp_path, tensor):
    torch.save({"w": tensor}, tmp_path / "x.pth")
    with pytest.raises(InputError, match="w is no plain tensor"):
        read_file(tmp_path / "x.pth")


def test_a_dict_that_holds_itself(tmp_path):
    loop = {}
    loop["x"] = loop
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(loop))
    with pytest.raises(InputError, match="damaged"):
        read_file(tmp_path / "x.pkl")


def test_old_torch_reads_safetensors_only(tmp_path, monkeypatch):
    save_file(TENSORS, tmp_path / "x.safetensors")
    torch.save(TENSORS, tmp_path / "x.pth")
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.5.1+cpu"))
    assert set(read_file(tmp_path / "x.safetensors")) == set(TENSORS)
    with pytest.raises(InputError, match=r"torch 2.5.1\+cpu cannot read.*2.6 or newer"):
        read_file(tmp_path / "x.pth")
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.10.0a0+git"))
    assert set(read_file(tmp_path / "x.pth")) == set(TENSORS)


def test_what_is_allowed_afterwards_is_what_was_before(tmp_path):
    torch.save(TENSORS, tmp_path / "x.pth")
    with torch.serialization.safe_globals([argparse.Namespace]):  # as another pack may have done
        before = set(torch.serialization.get_safe_globals())
        read_file(tmp_path / "x.pth")
        assert set(torch.serialization.get_safe_globals()) == before


def test_read_in_inference_mode_and_moved_outside(tmp_path):
    torch.save(TENSORS, tmp_path / "x.pth")
    with torch.inference_mode():
        found = read_file(tmp_path / "x.pth")
    assert not any(value.is_inference() for value in found.values())


def test_the_header(tmp_path):
    save_file(TENSORS, tmp_path / "x.safetensors", metadata={"a": "b"})
    save_file(TENSORS, tmp_path / "y.safetensors")
    torch.save(TENSORS, tmp_path / "x.pth")
    headers = [reader.read_header(tmp_path / f"{n}") for n in sorted(os.listdir(tmp_path))]
    assert headers == [{}, {"a": "b"}, {}]
