"""Makes the pictures of the help pages and of the README anew, from a real ComfyUI in a browser.

    python tests/browser/make_pictures.py http://127.0.0.1:8188 [NODE ... or README]

Each node is pictured in the first of the sheets that has it, after a run.
"""

import argparse
import io
import json
from pathlib import Path

from page import BUILD, opened, run
from parts import controls, preview, sample_motion, stages, video
from parts import node as make
from PIL import Image
from templates_motion import driving_video, dubbing
from templates_portraits import dialogue

ROOT = Path(__file__).resolve().parents[2]
MARGIN = 12  # pixels around a node
BADGE = 24  # pixels above it
COLOURS = 256  # of a picture, to keep it small
SPEAKING = "() => document.querySelectorAll('video').forEach((v) => (v.currentTime = 3.9))"
README = "README"


def speaking():
    """The four stages, and expressions by hand."""
    nodes = stages("ada", 4, controls=[9, 0])
    nodes[9] = controls(
        (400, 400), gaze_yaw=12.0, gaze_pitch=4.0, emotion="happy", lips=1.2, expression=1.2,
        rotation=1.3, translation=1.3, keyframes="distance: 0=1.15, 8=0.9",
    )  # fmt: skip
    nodes[6] = video((1320, 0), (3, 0), (2, 1))
    nodes[8] = preview((820, 480), (5, 0), (2, 1), portrait=[3, 0])
    nodes[10] = make("VASASaveMotion", (1320, 700), motion=[5, 0], filename_prefix="motion/speech")
    nodes[11] = sample_motion((1320, 860))
    nodes[12] = make("VASARenderFrames", (1800, 700), portrait=[3, 0], motion=[11, 0], size="crop")
    nodes[13] = make("PreviewImage", (2200, 700), images=[12, 0])
    nodes[14] = make(
        "VASAExpressionEditor", (2600, 0), portrait=[3, 0], smile=0.8, brows_up=0.4, yaw=12.0,
        roll=-6.0, gaze_yaw=-10.0,
    )  # fmt: skip
    nodes[15] = make(
        "VASAMoveToExpression", (3000, 0), motion=[5, 0], expression=[14, 1], seconds=0.6, hold=1.0
    )
    return nodes, []


def editing():
    """Motion from one node that changes it to the next."""
    nodes = stages("ada", 4)
    nodes[11] = sample_motion((800, 500))
    nodes |= {
        20: make("VASAMixMotion", (1200, 0), base=[5, 0], pose=[11, 0], eyes=[11, 0]),
        21: make("VASAShiftMotion", (1600, 0), motion=[20, 0], yaw=6.0, distance=1.1),
        22: make(
            "VASAHoldMotion", (1600, 400), motion=[11, 0], hold="face", time=1.2, spin=True,
            spin_seconds=4.0,
        ),
        23: make("VASAJoinMotions", (2000, 0), first=[21, 0], second=[22, 0], fade=0.4),
        24: make("VASAAddBlinks", (2400, 0), motion=[23, 0], per_minute=18.0, seed=1),
        25: make(
            "VASANeutraliseExpression", (2400, 300), portrait=[3, 0], motion=[24, 0], amount=1.0
        ),
        26: make("VASASaveMotion", (2800, 300), motion=[25, 0], filename_prefix="motion/edited"),
    }  # fmt: skip
    return nodes, []


SHEETS = (speaking, editing, driving_video, dubbing, dialogue)


def picture(page, box=None):
    """What the page shows, or a part of it, with few colours."""
    shot = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB")
    return shot.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.FLOYDSTEINBERG)


def taken(page, kind):
    """The picture of the first node of a class on the canvas."""
    box = page.evaluate(
        """(kind) => {
          const node = app.graph.nodes.find((node) => node.type === kind);
          const { ds } = app.canvas;
          ds.scale = 1;
          ds.offset = [400 - node.pos[0], 120 - node.pos[1]];
          app.canvas.setDirty(true, true);
          const canvas = app.canvas.canvas.getBoundingClientRect();
          return {x: canvas.x + 400, y: canvas.y + 90, width: node.size[0],
                  height: node.size[1] + 30};
        }""",
        kind,
    )
    page.wait_for_timeout(900)
    for shown in ("false", "true"):  # so that videos lay their buttons out for this size
        page.evaluate(f"document.querySelectorAll('video').forEach((v) => v.controls = {shown})")
        page.wait_for_timeout(500)
    return picture(
        page,
        {
            "x": box["x"] - MARGIN,
            "y": box["y"] - MARGIN - BADGE,
            "width": box["width"] + 2 * MARGIN,
            "height": box["height"] + 2 * MARGIN + BADGE,
        },
    )


def ran(page, url):
    """Run what is on the canvas, and show its videos at a word."""
    run(page, url)
    page.wait_for_timeout(3000)
    page.evaluate(SPEAKING)


def readme(page, url):
    """The README's picture, of a template after its run."""
    workflow = json.loads((ROOT / "workflows/steered_portrait.json").read_text())
    page.evaluate("(graph) => app.loadGraphData(graph, true, true)", workflow)
    ran(page, url)
    page.evaluate(
        "() => { app.canvas.ds.scale = 0.85; app.canvas.ds.offset = [60, 70];"
        " app.canvas.setDirty(true, true); }"
    )
    page.wait_for_timeout(1500)
    canvas = page.screenshot(clip={"x": 60, "y": 80, "width": 1940, "height": 1120})
    shot = Image.open(io.BytesIO(canvas)).convert("RGB")
    shot.save(ROOT / "docs/comfyui.jpg", quality=85)


def main():
    """Make them all, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("names", nargs="*", metavar="NODE", help=f"class of a node, or {README}")
    given = parser.parse_args()
    done = set()
    with opened(given.url) as page:
        for sheet in SHEETS:
            nodes, _ = sheet()
            kinds = {n["class_type"] for n in nodes.values() if n["class_type"].startswith("VASA")}
            kinds = {kind for kind in kinds - done if not given.names or kind in given.names}
            done |= kinds
            if not kinds:
                continue
            page.evaluate(BUILD, {"nodes": nodes, "notes": [], "models": []})
            ran(page, given.url)
            for kind in sorted(kinds):
                taken(page, kind).save(ROOT / f"web/docs/{kind}/node.png", optimize=True)
        if not given.names or README in given.names:
            readme(page, given.url)
    if unknown := set(given.names) - done - {README}:
        parser.error(f"no sheet has {', '.join(sorted(unknown))}")


if __name__ == "__main__":
    main()
