"""A portrait says a sound file while gaze, distance and emotion change over time.

python docs/examples/steer.py [PORTRAIT [VOICE [OUT.mp4]]]
"""

import sys

import vasa_core
from vasa_core.assets import PORTRAITS, SPEECH
from vasa_core.motion.keyframes import controls_from, parse_keyframes

KEYFRAMES = """
gaze_yaw: 0=0, 1=15, 3=-15, 4=0  # degrees: to the picture's right, to its left, back
distance: 0=1.2, 4=0.85          # comes nearer
happy:    4=0, 5=0.8             # then smiles
"""

given = dict(enumerate(sys.argv))
space, model = vasa_core.load_model("mesh")
controls = controls_from(parse_keyframes(KEYFRAMES, model.fps) | {"lips": 1.2}, model.fps)
portrait = space.encode(vasa_core.read_image(given.get(1, PORTRAITS["ada"])))
voice, out = given.get(2, SPEECH), given.get(3, "steer.mp4")
written = vasa_core.animate(portrait, voice, out, space=space, model=model, controls=controls)
print(f"{written.frames} frames in {written.path}")
