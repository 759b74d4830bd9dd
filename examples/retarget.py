"""One motion on two portraits: that of a video, or three seconds of the shipped motion.

python examples/retarget.py [VIDEO]
"""

import sys

import vasa_core
from vasa_core.assets import MOTION, PORTRAITS
from vasa_core.motion.files import load_motion
from vasa_core.render.video import VideoReader

space = vasa_core.load_space("mesh")
if len(sys.argv) > 1:
    video = VideoReader(sys.argv[1])
    motion = space.relative(space.track(video, video.fps).motion)
else:
    motion = load_motion(MOTION)[:75]
for name in ("tomas", "ada"):
    portrait = space.encode(vasa_core.read_image(PORTRAITS[name]))
    written = vasa_core.film(f"{name}.mp4", space, portrait, motion, motion.fps)
    print(f"{written.frames} frames in {written.path}")
