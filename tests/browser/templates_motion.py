"""Templates with motion as material: from files, from videos, into videos."""

from parts import (
    cut,
    encode,
    group,
    load_model,
    node,
    note,
    sample,
    sample_motion,
    save,
    stages,
    video,
)


def save_and_reuse_motion():
    nodes = stages("mira", 5)
    nodes[10] = node("VASASaveMotion", (1200, 180), motion=[5, 0], filename_prefix="motion/speech")
    nodes[11] = sample_motion((800, 620))
    nodes[6] = video((1200, 400), (3, 0), (2, 1), "crop", motion=(11, 0))
    nodes[12] = node("VASAPreviewMotion", (660, 760), (480, 420), motion=[11, 0], audio=[2, 1])
    return nodes, [
        note((0, 360), (340, 340), """
## Save a motion, use it again
**Save motion** writes what was sampled as a small safetensors file into `output/motion`. After the
first run press **R** and choose it in **Load motion**; until then that node plays a motion that
came with the pack.

`vasa motion` and `vasa track` on the command line write the same kind of file: track a video of
yourself, put the file into `input`, and the portrait moves as you did.
"""),
    ]  # fmt: skip


def driving_video():
    nodes = {
        1: load_model((0, 0)),
        2: sample((400, 0), "mira"),
        3: encode((400, 180), (2, 0)),
        11: sample_motion((400, 460)),
        6: video((800, 0), (3, 0), (2, 1), motion=(11, 0)),
        20: node(
            "VASATrackMotion", (1300, 0), model=[1, 0], video=[6, 0], images_fps=25.0, face=1,
            mode="relative",
        ),
        21: node("VASAEditMotion", (1700, 0), motion=[20, 0], smooth=0.1),
        22: node("VASAScaleMotion", (2100, 0), motion=[21, 0], expression=1.3, rotation=1.2),
        30: sample((1300, 480), "tomas"),
        31: encode((1700, 480), (30, 0)),
        32: video((2520, 0), (31, 0), (20, 1), motion=(22, 0)),
        33: save((3000, 0), (32, 0), "driving_video"),
    }  # fmt: skip
    return nodes, [
        note((0, 160), (340, 330), """
## A video drives a portrait
**Track motion** measures head, lips, brows, lids and gaze in a video; another portrait then does
the same, with the video's own sound.

The driving video is made here, from a sample portrait. For your own, put **Load Video** in the
place of its **Render video**, and **Load Image** in the place of the second sample node.

**Edit motion** takes the jitter out of the track, **Scale motion** weakens or exaggerates parts of
it. Both change nothing at their defaults.
"""),
        group("A driving video: put Load Video here", 2, 3, 11, 6),
        group("Its motion, and what is made of it", 20, 21, 22),
        group("Who is driven: put Load Image here", 30, 31),
    ]  # fmt: skip


def dubbing():
    nodes = {
        1: load_model((0, 0)),
        2: sample((400, 0), "tomas"),
        3: encode((400, 180), (2, 0)),
        11: sample_motion((400, 440)),
        12: node("VASAEditMotion", (820, 0), motion=[11, 0], end=4.5),
        13: cut((820, 330), (2, 1), 0.0, 4.5),
        6: video((1240, 0), (3, 0), (13, 0), motion=(12, 0)),
        14: cut((1240, 730), (2, 1), 4.55, 4.25),
        20: node(
            "VASADubVideo", (1740, 0), (420, 560), model=[1, 0], video=[6, 0], audio=[14, 0],
            face=1, seed=1, lips=1.0,
        ),
        21: save((2220, 0), (20, 0), "dubbing"),
    }  # fmt: skip
    return nodes, [
        note((0, 160), (340, 330), """
## Other words for a video
**Dub video** makes the face in a video say another sound. Only the lips and what hangs on them are
drawn anew; all else stays as filmed.

The video is made here: a sample portrait says the first half of the sample sentence. It is then
dubbed with the second half.

For your own, put **Load Video** in the place of **Render video**, and **Load Audio** in the place
of the second **Trim Audio Duration**.
"""),
        group("A video: put Load Video here", 2, 3, 11, 12, 13, 6),
        group("Other words: put Load Audio here", 14),
    ]  # fmt: skip
