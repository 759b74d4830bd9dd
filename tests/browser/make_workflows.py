"""Makes workflows/*.json and their thumbnails anew, in a real ComfyUI in a real browser.

    python tests/browser/make_workflows.py http://127.0.0.1:8188 [NAME ...]

The server runs with the pack linked in and --output-directory as usual; each workflow is built from
the prompts in ``templates_*.py``, saved as the browser serialises it, run, and pictured from the
videos that it makes. Those that need weights are not run: their thumbnail is the portrait, with
what they need written on it.
"""

import argparse
import io
import json
from pathlib import Path

import av
import templates_motion as motion
import templates_photoreal as photoreal
import templates_portraits as portraits
import templates_steered as steered
from page import BUILD, fetch, opened, run
from PIL import Image, ImageDraw, ImageFont, ImageOps

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / "workflows"
BUILDERS = (
    portraits.talking_portrait,
    steered.steered_portrait,
    steered.controls_sweep,
    steered.expression_editor,
    portraits.generated_portrait,
    portraits.one_motion_three_portraits,
    portraits.few_shot,
    portraits.dialogue,
    motion.save_and_reuse_motion,
    motion.driving_video,
    motion.dubbing,
    photoreal.liveportrait_joyvasa,
    photoreal.liveportrait_ditto_emotion,
)
SIDE, WIDTH = 400, 480  # pixels of a thumbnail; the width of one with several pictures
PICTURED = 3.9  # seconds into a video
MOMENTS = {  # by workflow: nodes and seconds, for others than PICTURED in each video
    "controls_sweep": ((6, 0.7), (6, 2.3), (6, 3.8), (6, 5.2), (6, 6.7), (6, 8.7)),
    "expression_editor": ((6, 1.0), (6, 2.4), (6, 4.0)),
    "dialogue": ((49, 2.0), (49, 7.0)),
    "driving_video": ((6, 3.0), (32, 3.0)),
    "dubbing": ((6, 2.0), (20, 2.0)),
}
COLUMNS = {"controls_sweep": 3}  # by workflow, where pictures are not all side by side

WITHOUT_CHECKPOINT = """
() => {
  for (const id of [10, 11, 12, 13, 14, 15]) app.graph.remove(app.graph.getNodeById(id));
  app.graph.getNodeById(2).connect(0, app.graph.getNodeById(3), "image");
}
"""


def thumbnail(name, films, url):
    """Moments of a workflow's videos as JPEG bytes: side by side, or in rows; wide ones stacked."""
    moments = MOMENTS.get(name) or [(key, PICTURED) for key in films]
    pictures = [frame(films[key], seconds, url) for key, seconds in moments]
    wide = pictures[0].width > 1.5 * pictures[0].height
    columns = 1 if wide else COLUMNS.get(name, len(pictures))
    rows = len(pictures) // columns
    width, height = (SIDE if columns == 1 else WIDTH) // columns, SIDE // rows
    sheet = Image.new("RGB", (width * columns, height * rows))
    for index, picture in enumerate(pictures):
        fitted = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
        sheet.paste(fitted, (width * (index % columns), height * (index // columns)))
    return jpeg(sheet)


def frame(film, seconds, url):
    """The picture at a moment of a video on the server."""
    query = "&".join(f"{key}={film[key]}" for key in ("filename", "subfolder", "type"))
    with av.open(io.BytesIO(fetch(f"{url}/view?{query}"))) as shown:
        return next(f for f in shown.decode(video=0) if f.time >= seconds).to_image()


def placard(portrait, caption):
    """A sample portrait over a plain band that says which weights are needed, as JPEG bytes."""
    sheet = Image.new("RGB", (SIDE, SIDE), (32, 34, 38))
    with Image.open(ROOT / f"vasa_core/assets/{portrait}.jpg") as picture:
        face = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    sheet.paste(face.crop((0, 0, SIDE, 328)))
    draw = ImageDraw.Draw(sheet)
    for text, size, height in ((caption, 26, 348), ("needs public weights", 20, 378)):
        font = ImageFont.load_default(size)
        draw.text((SIDE // 2, height), text, (240, 240, 240), font, anchor="mm")
    return jpeg(sheet)


def jpeg(picture):
    """A picture as JPEG bytes."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=88)
    return data.getvalue()


def built(page, build):
    """A workflow as the browser serialises it."""
    nodes, notes = build()
    weights = photoreal.WEIGHTS.get(build.__name__, [])
    models = {"CheckpointLoaderSimple": portraits.CHECKPOINTS, "VASALoadModel": weights}
    made = page.evaluate(BUILD, {"nodes": nodes, "notes": notes, "models": models})
    workflow = json.loads(made)
    if weights:  # the list of models that the frontend looks through whatever a node's combo says
        workflow["models"] = weights
    return workflow


def pictured(page, name, url):
    """The thumbnail of the workflow on the canvas."""
    if name in photoreal.PLACARDS:
        return placard(*photoreal.PLACARDS[name])
    if name == "generated_portrait":  # needs a checkpoint: pictured with a sample portrait
        page.evaluate(WITHOUT_CHECKPOINT)
    return thumbnail(name, run(page, url), url)


def main():
    """Make them all, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    names = [build.__name__ for build in BUILDERS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    given = parser.parse_args()
    if unknown := set(given.names) - set(names):
        parser.error(f"no workflow is named {', '.join(sorted(unknown))}")
    WORKFLOWS.mkdir(exist_ok=True)
    with opened(given.url) as page:
        for build in BUILDERS:
            name = build.__name__
            if given.names and name not in given.names:
                continue
            text = json.dumps(built(page, build), indent=1, ensure_ascii=False)
            (WORKFLOWS / f"{name}.json").write_text(text + "\n")
            (WORKFLOWS / f"{name}.jpg").write_bytes(pictured(page, name, given.url))


if __name__ == "__main__":
    main()
