import json
from fractions import Fraction

import torch

from vasa_core.render.timeline import MOST_DRAWINGS, timeline
from vasa_core.types import MotionSketch


def sketch(frames):
    points = torch.linspace(0, 1, frames)[:, None, None].expand(frames, 4, 2)
    return MotionSketch({"yaw": torch.arange(frames) * 0.5}, points, ((0, 1), (2, 3, 0)))


def test_everything_is_there_in_plain_json():
    sound = torch.zeros(2, 16000)
    sound[1, 8000:8160] = -0.5
    data = json.loads(json.dumps(timeline(sketch(25), Fraction(25), (sound, 16000))))
    assert (data["fps"], data["frames"], data["seconds"]) == (25.0, 25, 1.0)
    assert data["curves"]["yaw"][:3] == [0, 0.5, 1]
    assert data["drawings"]["strokes"] == [[0, 1], [2, 3, 0]]
    assert data["drawings"]["points"][-1] == [1000] * 8
    assert len(data["peaks"]) == 100 and data["peaks"][50] == 1.0 and sum(data["peaks"]) == 1.0


def test_one_frame_and_no_sound_work():
    data = timeline(sketch(1), Fraction(30000, 1001))
    assert data["frames"] == 1 and data["peaks"] is None and len(data["drawings"]["points"]) == 1


def test_long_motion_is_drawn_at_fewer_frames():
    data = timeline(sketch(2 * MOST_DRAWINGS + 1), Fraction(25))
    drawings = data["drawings"]
    assert len(drawings["points"]) <= MOST_DRAWINGS
    assert abs(len(drawings["points"]) / drawings["fps"] - data["seconds"]) < 0.2
    assert len(data["curves"]["yaw"]) == data["frames"]
