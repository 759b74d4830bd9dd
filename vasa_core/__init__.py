"""The open VASA-1: one portrait and one voice clip in, a talking face out.

Example:
    ```python
    import vasa_core

    space, model = vasa_core.load_model("mesh")
    portrait = space.encode(vasa_core.read_image("face.jpg"))
    vasa_core.animate(portrait, "speech.wav", "talk.mp4", space=space, model=model)
    ```
"""

from .models import load_model, load_motion_model
from .pipelines.animate import animate, render_video
from .render.image import read_image
from .spaces import load_space
from .types import AudioFeatures, Controls, Motion, Portrait

__all__ = [
    "AudioFeatures",
    "Controls",
    "Motion",
    "Portrait",
    "animate",
    "load_model",
    "load_motion_model",
    "load_space",
    "read_image",
    "render_video",
]
__version__ = "0.1.0"
