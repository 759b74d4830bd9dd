"""Controls from numbers, lists, and keyframes in texts and files."""

import json
from fractions import Fraction

import pytest
import torch

from vasa_core.errors import InputError
from vasa_core.motion.controls import per_frame
from vasa_core.motion.keyframes import NAMES, controls_from, parse_keyframes, read_keyframes
from vasa_core.types import Controls

FPS = Fraction(25)


def test_only_what_is_named_is_steered():
    controls = controls_from({})
    assert controls.gaze is controls.distance is controls.emotion is None
    assert (controls.lips, controls.rotation, controls.lip_rest) == (1, 1, 0)
    controls = controls_from({"lips": 0.5, "distance": 2})
    assert (controls.lips, controls.distance, controls.blink) == (0.5, 2, 1)
    assert controls.gaze is None and controls.emotion is None


def test_numbers_become_rows_of_gaze_and_emotion():
    controls = controls_from({"gaze_pitch": -5, "surprised": 0.3, "happy": 1})
    assert controls.gaze.tolist() == [0, -5]
    assert controls.emotion.tolist() == pytest.approx([0, 1, 0, 0, 0.3])


def test_lists_and_numbers_mix_and_the_shorter_one_holds():
    controls = controls_from(
        {"gaze_yaw": [1, 2, 3], "gaze_pitch": [7, 8], "sad": 0.5}, Fraction(10)
    )
    assert controls.gaze.tolist() == [[1, 7], [2, 8], [3, 8]]
    assert controls.emotion.shape == (5,) and controls.fps == 10
    controls = controls_from({"gaze_pitch": 4, "gaze_yaw": [1, 2], "lips": [0.5]})
    assert controls.gaze.tolist() == [[1, 4], [2, 4]] and controls.lips.shape == (1,)


def test_every_name_reaches_a_control_of_its_own():
    def parts(controls):
        return [getattr(controls, name) for name in Controls.__dataclass_fields__]

    made = [str(parts(controls_from({name: 0.25}))) for name in NAMES]
    assert len(set(made)) == len(NAMES) == 14


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"smile": 1}, "no control 'smile'.*gaze_yaw.*lip_rest"),
        ({"neutral": 1}, "no control 'neutral'"),
        ({"gaze_yaw": []}, "gaze_yaw has shape"),
        ({"lips": [[1.0]]}, "lips has shape"),
        ({"distance": [1, 0]}, "distance must be finite and above 0; got 0"),
        ({"happy": float("nan")}, "emotion must be finite"),
    ],
)
def test_impossible_values_are_named(values, message):
    with pytest.raises(InputError, match=message):
        controls_from(values)


TEXT = """
# look aside and back
gaze_yaw: 0=0, 1.5s=12, 3 s = 0   # seconds

happy:2=0.2,2.5=-.8
"""


def test_keys_are_joined_by_straight_lines_and_held_outside():
    tracks = parse_keyframes(TEXT, FPS)
    yaw, happy = torch.tensor(tracks["gaze_yaw"]), torch.tensor(tracks["happy"])
    assert set(tracks) == {"gaze_yaw", "happy"}
    times = torch.arange(76) / 25
    assert torch.allclose(yaw, 12 - (times - 1.5).abs() * 8, atol=1e-5)
    assert torch.allclose(happy[:51], torch.tensor(0.2))
    assert float(happy[-1]) == pytest.approx(-0.8)
    controls = controls_from({"lips": 2, "happy": 1, **tracks}, FPS)
    late = per_frame(controls, "emotion", 1000, 2, Fraction(30))
    assert torch.allclose(late, torch.tensor([0, -0.8, 0, 0, 0]).expand(2, 5))


@pytest.mark.parametrize("fps", [Fraction(10), Fraction(30000, 1001)])
def test_the_last_key_is_reached_at_every_rate(fps):
    controls = controls_from(parse_keyframes("rotation: 0=1, 1.234=3", fps), fps)
    assert per_frame(controls, "rotation", 0, 100, FPS)[-1] == 3
    middle = per_frame(controls, "rotation", 0, 20, FPS)
    assert torch.allclose(middle, 1 + 2 / 1.234 * torch.arange(20) / 25, atol=1e-4)


def test_no_keys_no_tracks():
    assert parse_keyframes("", FPS) == {} == parse_keyframes("\n  # nothing\n", FPS)
    assert parse_keyframes("lips: 0=0.5", FPS) == {"lips": [0.5]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("smile: 0=1", "no control 'smile'; there are: gaze_yaw"),
        ("lips 0=1", "colon"),
        ("lips:", "'' is no key"),
        ("lips: 0=1,", "'' is no key"),
        ("lips: 1.5", "'1.5' is no key"),
        ("lips: one=1", "'one=1' is no key"),
        ("lips: 0=much", "TIME=VALUE"),
        ("lips: 0=nan", "finite"),
        ("lips: nan=0", "0 to 3600 s"),
        ("lips: -1=0", "0 to 3600 s"),
        ("lips: 0=0, 1e9=1", "0 to 3600 s"),
        ("lips: 2=0, 1=1", "1 s follows 2 s"),
        ("lips: 1=0, 1=1", "later than"),
        ("rotation: 3=1", "rotation has a line already"),
    ],
)
def test_bad_lines_are_shown_with_what_was_needed(line, message):
    with pytest.raises(InputError, match=message) as error:
        parse_keyframes(f"rotation: 0=1\n\n{line}  # a comment", FPS)
    assert "line 3" in str(error.value) and repr(line) in str(error.value)


def test_keyframe_files_steer_like_their_text(tmp_path):
    text = "gaze_yaw: 0=0, 1.5=12, 3=0\nhappy: 2=0.5\nlips: 0=1.2\n"
    keys = {"gaze_yaw": [[0, 0], [1.5, 12], [3, 0]], "happy": [[2, 0.5]], "lips": 1.2}
    csv = "time,gaze_yaw,happy,lips\n0,0,,1.2\n1.5,12,,\n2,,0.5,\n3,0,,\n"
    for name, content in (("k.txt", text), ("k.json", json.dumps(keys)), ("k.csv", csv)):
        (tmp_path / name).write_text(content)
        assert read_keyframes(tmp_path / name, FPS) == parse_keyframes(text, FPS), name


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("k.json", "{", "no valid JSON"),
        ("k.json", "[1]", "an object is needed"),
        ("k.json", '{"smile": 1}', "no control 'smile'"),
        ("k.json", '{"lips": [1, 2]}', "list of .time, value."),
        ("k.json", '{"lips": []}', "lips has no key"),
        ("k.json", '{"lips": [[1, 0], [0, 1]]}', "later than"),
        ("k.csv", "lips\n1\n", "first line must name the columns"),
        ("k.csv", "time,lips\n0,much\n", "TIME=VALUE"),
        ("k.csv", "", "first line"),
        ("k.txt", "lips", "colon"),
    ],
)
def test_bad_keyframe_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        read_keyframes(tmp_path / name, FPS)
    with pytest.raises(InputError, match="does not exist"):
        read_keyframes(tmp_path / "none.json", FPS)
