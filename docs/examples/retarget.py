"""One motion on two portraits: that of a video, or three seconds of the shipped motion.

python docs/examples/retarget.py [VIDEO]
"""

import sys

import vasa_core
from vasa_core.assets import MOTION, PORTRAITS
from vasa_core.motion.files import load_motion
from vasa_core.pipelines.track import track_motion

space = vasa_core.load_space("mesh")
if len(sys.argv) > 1:
    motion = track_motion(sys.argv[1], space=space).motion
else:
    motion = load_motion(MOTION)[:75]
for name in ("tomas", "ada"):
    portrait = space.encode(vasa_core.read_image(PORTRAITS[name]))
    written = vasa_core.render_video(portrait, motion, f"{name}.mp4", space=space)
    print(f"{written.frames} frames in {written.path}")
