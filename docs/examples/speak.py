"""A portrait says a sound file.

python docs/examples/speak.py [PORTRAIT [VOICE [OUT.mp4]]]
"""

import sys

import vasa_core
from vasa_core.assets import PORTRAITS, SPEECH

given = dict(enumerate(sys.argv))
space, model = vasa_core.load_model("mesh")
portrait = space.encode(vasa_core.read_image(given.get(1, PORTRAITS["mira"])))
voice, out = given.get(2, SPEECH), given.get(3, "speak.mp4")
written = vasa_core.animate(portrait, voice, out, space=space, model=model)
print(f"{written.frames} frames in {written.path}")
