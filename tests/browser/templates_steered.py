"""Templates that steer a face: by controls, over time, and by hand."""

from parts import (
    controls,
    encode,
    group,
    load_model,
    node,
    note,
    preview,
    sample,
    save,
    stages,
    video,
)

SWEEPS = """
# from side to side
gaze_yaw: 0=0, 0.7=-20, 2.3=20, 3=0
# away, then near
distance: 3=1, 3.8=1.3, 5.2=0.85, 6=1
# surprised, then happy
surprised: 6=0, 6.4=1, 6.9=1, 7.4=0
happy: 7=0, 7.6=1
"""


def steered_portrait():
    nodes = stages("ada", 4, controls=[9, 0])
    nodes[9] = controls(
        (400, 400), gaze_yaw=12.0, gaze_pitch=4.0, emotion="happy", lips=1.2, expression=1.2,
        rotation=1.3, translation=1.3,
        keyframes="distance: 0=1.15, 8=0.9\nrotation: 0=0.6, 4=1.5",
    )  # fmt: skip
    nodes[6] = video((1320, 0), (3, 0), (2, 1))
    nodes[7] = save((1800, 0), (6, 0), "steered_portrait")
    nodes[8] = preview((820, 480), (5, 0), (2, 1), portrait=[3, 0])
    return nodes, [
        note((0, 360), (340, 320), """
## Steer it
**Talking controls** sets the main gaze (drag the dot), the head's distance, an emotion, and how
strong lips, expression, blinks, glances and head movement are.

**keyframes** change any of them over time: `distance: 0=1.15, 8=0.9` comes nearer in eight seconds.

Drag along the timeline in **Preview motion** to see any frame.
"""),
    ]  # fmt: skip


def controls_sweep():
    nodes = stages("mira", 7, controls=[9, 0])
    nodes[9] = controls((400, 400), 960, eyes=0.5, keyframes=SWEEPS.strip())
    nodes[6] = video((1320, 0), (3, 0), (2, 1))
    nodes[7] = save((1800, 0), (6, 0), "controls_sweep")
    nodes[8] = preview((820, 480), (5, 0), (2, 1), portrait=[3, 0])
    return nodes, [
        note((0, 360), (340, 310), """
## Control over time
The **keyframes** in **Talking controls** sweep one control after the other while the words go on:
the gaze from side to side, the head's distance, then an emotion. Each line has a control's name,
then second=value, with straight lines between.

**Preview motion** draws what came of it. Its lines do only what was asked, and what the voice adds.

For your own: put **Load Image** and **Load Audio** in the place of the sample node, and write keys
as long as your sound. Instead of a line, a number also takes a list from any node that makes lists
of floats.
"""),
    ]  # fmt: skip


ACTED = (  # three expressions
    {"smile": 0.8, "squint": 0.3, "yaw": -9.0, "roll": -5.0},
    {"brows_up": 0.9, "mouth_open": 0.5, "mouth_round": 0.4, "blink": -0.3, "pitch": 4.0},
    {"wink_right": 1.0, "smile": 0.6, "yaw": 10.0, "roll": 6.0, "gaze_yaw": -6.0},
)


def expression_editor():
    nodes = {
        1: load_model((0, 0)),
        2: sample((0, 180), "ada"),
        3: encode((400, 0), (2, 0)),
        9: node("VASAAddBlinks", (2100, 640), motion=[33, 0], per_minute=30.0, seed=1),
        6: video((2520, 0), (3, 0), motion=(9, 0)),
        7: save((3000, 0), (6, 0), "expression_editor"),
    }
    for index, acted in enumerate(ACTED):
        nodes[20 + index] = node(
            "VASAExpressionEditor", (820 + 400 * index, 0), portrait=[3, 0], **acted
        )
    before = 20  # the first expression is where it starts; the last way leads back to it
    for index, after in enumerate((21, 22, 20)):
        nodes[31 + index] = node(
            "VASAMoveToExpression", (2100, 210 * index), motion=[before, 1 if before == 20 else 0],
            expression=[after, 1], seconds=0.6, hold=0.8,
        )  # fmt: skip
        before = 31 + index
    return nodes, [
        note((0, 360), (340, 330), """
## Expressions by hand
Each **Expression editor** is one picture and one frame of motion. After the first run its face
follows at once: drag it to turn the head, hold Shift to move the eyes, and use the sliders for all
else.

A chain of **Move to expression** goes from one to the next and holds it there; the last one goes
back to the first, so the film loops. **Add blinks** puts some life in.

For your own: put **Load Image** in the place of the sample node. Connect an editor's **image** to
**Save Image** to keep it as a picture.
"""),
        group("Three expressions", 20, 21, 22),
        group("From one to the next", 31, 32, 33, 9),
    ]  # fmt: skip
