"""``vasa edit`` and ``vasa mix`` on motion files."""

import pytest
import torch
from motions import same, wander

from vasa_core.cli import main
from vasa_core.cli.edit import OPERATIONS, edited
from vasa_core.motion.editing import still, strengthened
from vasa_core.motion.files import load_motion, save_motion
from vasa_core.motion.sequence import backwards, trimmed
from vasa_core.types import LIPS_ONLY


@pytest.fixture
def files(tmp_path):
    """Two motions and a pose as files, and where the result goes."""
    save_motion(tmp_path / "a.safetensors", wander(frames=100))
    save_motion(tmp_path / "b.safetensors", wander(frames=80, seed=1))
    save_motion(tmp_path / "pose.safetensors", still("mesh"))
    return tmp_path


def test_operations_are_done_in_their_order(files, capsys):
    out = files / "out.safetensors"
    line = ["edit", str(files / "a.safetensors"), "trim=0,3", "reverse", "lips=0.5", "-o", str(out)]
    assert main(line) == 0
    assert capsys.readouterr().out == f"75 frames, 25 fps, {out}\n"
    expected = strengthened(backwards(trimmed(wander(frames=100), 0, 3)), {"lips": 0.5})
    assert same(load_motion(out), expected)
    turned_round = edited(edited(wander(frames=100), "reverse"), "trim=0,3")
    assert not same(strengthened(turned_round, {"lips": 0.5}), expected)


EXAMPLES = {
    "trim": "trim=1", "speed": "speed=1/2", "fps": "fps=30000/1001", "reverse": "reverse",
    "loop": "loop=0.5", "repeat": "repeat=6.5", "then": "then=b.safetensors,0.4",
    "to": "to=pose.safetensors,1,0.5", "smooth": "smooth=0.1,rotation,translation",
    "freeze": "freeze=1.5,lips", "add": "add=b.safetensors", "turn": "turn=5,-3",
    "move": "move=0,0.1,1.2", "spin": "spin=3", "blinks": "blinks=20,7", "lips-only": "lips-only",
    "lips": "lips=0", "expression": "expression=1.5", "blink": "blink=0", "eyes": "eyes=0",
    "rotation": "rotation=0.5", "translation": "translation=2",
}  # fmt: skip


@pytest.mark.parametrize("space", ["mesh", "implicit"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_command_runs_every_operation(files, name, space, monkeypatch, capsys):
    monkeypatch.chdir(files)
    motion = wander(space, frames=40)  # 1.6 s
    save_motion(files / "a.safetensors", motion)
    save_motion(files / "b.safetensors", wander(space, frames=20, seed=1))
    save_motion(files / "pose.safetensors", still(space))
    assert main(["edit", "a.safetensors", EXAMPLES[name], "-o", "out.safetensors"]) == 0
    made = load_motion("out.safetensors")
    assert capsys.readouterr().out.startswith(f"{len(made)} frames, ")
    assert same(made, edited(motion, EXAMPLES[name]))


def test_every_operation_does_something_and_is_explained(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    assert set(EXAMPLES) == set(OPERATIONS)
    motion = wander(frames=100)
    for name, step in EXAMPLES.items():
        made = edited(motion, step)
        assert len(made) != len(motion) or not same(made, motion), name
    assert len(edited(motion, "repeat=6.5")) == 162
    assert same(edited(motion, "lips-only"), strengthened(motion, LIPS_ONLY))
    with pytest.raises(SystemExit):
        main(["edit", "--help"])
    told = capsys.readouterr().out
    assert all(f"  {name}" in told for name in OPERATIONS)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("cut=1", "no operation 'cut'; there are: trim"),
        ("trim", "trim=START"),
        ("trim=a", "'trim=a' is not trim=START[,END]"),
        ("trim=1,2,3", "trim=START[,END]"),
        ("speed=0", "1/20 to 20"),
        ("fps=0", "must be above 0"),
        ("reverse=2", "'reverse=2' is not reverse"),
        ("smooth=0.1,nose", "no part 'nose'"),
        ("then=none.safetensors,1", "does not exist"),
        ("lips=much", "lips=STRENGTH"),
        ("lips=nan", "must be finite"),
        ("spin=inf", "'spin=inf' is not spin="),
    ],
)
def test_impossible_operations_are_refused_and_nothing_is_written(files, step, message, capsys):
    out = files / "out.safetensors"
    assert main(["edit", str(files / "a.safetensors"), step, "-o", str(out)]) == 2
    said = capsys.readouterr().err
    assert message in said and len(said.strip().splitlines()) == 1
    assert not out.exists()


def test_mixing_takes_pose_and_parts_from_files(files):
    out, a, b = (str(files / f"{name}.safetensors") for name in ("out", "a", "b"))
    assert main(["mix", a, "--pose", b, "--blink", b, "-o", out]) == 0
    made, base, other = load_motion(out), load_motion(a), load_motion(b)
    assert len(made) == 100 and torch.equal(made.rotation[:80], other.rotation)
    assert torch.equal(made.dynamics[:, :20], base.dynamics[:, :20])
    assert torch.equal(made.dynamics[:80, 20:22], other.dynamics[:, 20:22])
