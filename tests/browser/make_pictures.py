"""Makes the pictures of the help pages and of the README anew, from a real ComfyUI in a browser.

python tests/browser/make_pictures.py http://127.0.0.1:8188
"""

import argparse
import io
import json
from pathlib import Path

from make_workflows import BUILD, opened, run, stages, video
from make_workflows import node as make
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MARGIN = 12  # pixels around a node
BADGE = 24  # pixels above it
COLOURS = 256  # of a picture, to keep it small
SPEAKING = "() => document.querySelectorAll('video').forEach((v) => (v.currentTime = 3.9))"


def graph():
    """One of each of our nodes, all of them used."""
    nodes = stages("ada", 4, controls=[9, 0])
    nodes[9] = make(
        "VASATalkingControls", (400, 400), (380, 760), gaze_yaw=12.0, gaze_pitch=4.0, distance=1.0,
        emotion="happy", emotion_strength=0.6, lips=1.2, expression=1.2, blink=1.0, eyes=1.0,
        rotation=1.3, translation=1.3, lip_rest=0.0, lips_only=False,
        keyframes="distance: 0=1.15, 8=0.9", list_fps=25.0,
    )  # fmt: skip
    nodes[6] = video((1320, 0), (3, 0), (2, 1))
    nodes[8] = make(
        "VASAPreviewMotion", (820, 480), (460, 520), motion=[5, 0], audio=[2, 1], portrait=[3, 0]
    )
    nodes[10] = make("VASASaveMotion", (1320, 700), motion=[5, 0], filename_prefix="motion/speech")
    nodes[11] = make("VASALoadMotion", (1320, 860), file="sample motion (embedded)")
    nodes[12] = make("VASARenderFrames", (1800, 700), portrait=[3, 0], motion=[11, 0], size="crop")
    nodes[13] = make("PreviewImage", (2200, 700), images=[12, 0])
    nodes[14] = make(
        "VASAExpressionEditor", (2600, 0), portrait=[3, 0], smile=0.8, brows_up=0.4, yaw=12.0,
        roll=-6.0, gaze_yaw=-10.0,
    )  # fmt: skip
    nodes[15] = make(
        "VASAMoveToExpression", (3000, 0), motion=[5, 0], expression=[14, 1], seconds=0.6, hold=1.0
    )
    return nodes | dialogue((0, 1400))


def dialogue(at):
    """Two people beside each other, who talk."""
    x, y = at
    return {
        40: make("VASASamplePortraitAndSpeech", (x, y), portrait="tomas"),
        41: make(
            "ImageStitch", (x, y + 200), image1=[2, 0], image2=[40, 0], direction="right",
            match_image_size=True, spacing_width=0, spacing_color="white",
        ),
        42: make("VASAEncodePortrait", (x + 400, y), model=[1, 0], image=[41, 0], face=1),
        43: make("VASAEncodePortrait", (x + 400, y + 240), model=[1, 0], image=[41, 0], face=2),
        44: make(
            "VASADialogueAudio", (x + 400, y + 480), audio_1=[2, 1], audio_2=[40, 1], mode="turns",
            pause=0.4,
        ),
        45: make("VASAAudioFeatures", (x + 800, y), model=[1, 0], audio=[44, 1]),
        46: make("VASAAudioFeatures", (x + 800, y + 240), model=[1, 0], audio=[44, 2]),
        47: make(
            "VASASampleMotion", (x + 1200, y), model=[1, 0], audio_features=[45, 0],
            seed=1, steps=10, cfg=0.5, fps=25.0,
        ),
        48: make(
            "VASASampleMotion", (x + 1200, y + 300), model=[1, 0], audio_features=[46, 0],
            seed=2, steps=10, cfg=0.5, fps=25.0,
        ),
        49: make(
            "VASARenderDialogue", (x + 1600, y), (420, 460), portrait_1=[42, 0], motion_1=[47, 0],
            portrait_2=[43, 0], motion_2=[48, 0], audio=[44, 0],
        ),
    }  # fmt: skip


def picture(page, box=None):
    """What the page shows, or a part of it, with few colours."""
    shot = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB")
    return shot.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.FLOYDSTEINBERG)


def main():
    """Make them all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    url = parser.parse_args().url
    with opened(url) as page:
        page.evaluate(BUILD, {"nodes": graph(), "notes": [], "models": []})
        run(page, url)
        page.wait_for_timeout(3000)
        page.evaluate(SPEAKING)
        kinds = page.evaluate("() => app.graph.nodes.map((node) => node.type)")
        for kind in (kind for kind in kinds if kind.startswith("VASA")):
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
            box = {
                "x": box["x"] - MARGIN,
                "y": box["y"] - MARGIN - BADGE,
                "width": box["width"] + 2 * MARGIN,
                "height": box["height"] + 2 * MARGIN + BADGE,
            }
            picture(page, box).save(ROOT / f"web/docs/{kind}/node.png", optimize=True)
        workflow = json.loads((ROOT / "workflows/steered_portrait.json").read_text())
        page.evaluate("(graph) => app.loadGraphData(graph, true, true)", workflow)
        run(page, url)
        page.wait_for_timeout(3000)
        page.evaluate(SPEAKING)
        page.evaluate(
            "() => { app.canvas.ds.scale = 0.85; app.canvas.ds.offset = [60, 70];"
            " app.canvas.setDirty(true, true); }"
        )
        page.wait_for_timeout(1500)
        canvas = page.screenshot(clip={"x": 60, "y": 80, "width": 1940, "height": 1120})
        shot = Image.open(io.BytesIO(canvas)).convert("RGB")
        shot.save(ROOT / "docs/comfyui.jpg", quality=85)


if __name__ == "__main__":
    main()
