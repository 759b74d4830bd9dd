"""Makes workflows/*.json and their thumbnails anew, in a real ComfyUI in a real browser.

    python tests/browser/make_workflows.py http://127.0.0.1:8188 [NAME ...]

The server runs with the pack linked in and --output-directory as usual; each workflow is built from
the prompts below, saved as the browser serialises it, run, and pictured from its own video. Those
that need weights are not run: their thumbnail is the portrait, with what they need written on it.
"""

import argparse
import io
import json
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / "workflows"
CHECKPOINT = "v1-5-pruned-emaonly-fp16.safetensors"
CHECKPOINT_URL = (
    f"https://huggingface.co/Comfy-Org/stable-diffusion-v1-5-archive/resolve/main/{CHECKPOINT}"
)
HUB = "https://huggingface.co"
LIVEPORTRAIT = "Kijai/LivePortrait_safetensors"
JOYVASA = "jdh-algo/JoyVASA"
DITTO = "digital-avatar/ditto-talkinghead"
FIVE = (
    "appearance_feature_extractor.safetensors",
    "motion_extractor.safetensors",
    "warping_module.safetensors",
    "spade_generator.safetensors",
    "stitching_retargeting_module.safetensors",
)
TWO_OF_JOYVASA = (
    "motion_generator/motion_generator_hubert_chinese.pt",
    "motion_template/motion_template.pkl",
)
TWO_OF_DITTO = (
    "ditto_pytorch/models/lmdm_v0.4_hubert.pth",
    "ditto_pytorch/aux_models/hubert_streaming_fix_kv.onnx",
)
WIDE = (340, 0)  # width of a node, height left to the frontend


def node(kind, at, least=WIDE, **inputs):
    """One node of a prompt: class, place on the canvas, least size, inputs."""
    return {"class_type": kind, "inputs": inputs, "at": at, "size": least}


def note(at, size, text):
    """A note on the canvas, in Markdown."""
    return {"at": at, "size": size, "text": text.strip()}


def stages(portrait, /, seed, model="mesh (embedded)", steps=10, cfg=0.5, **motion):
    """The four stages up to the motion: nodes 1 to 5."""
    return {
        1: node("VASALoadModel", (0, 0), model=model, device="default"),
        2: node("VASASamplePortraitAndSpeech", (0, 180), portrait=portrait),
        3: node("VASAEncodePortrait", (400, 0), model=[1, 0], image=[2, 0], face=1),
        4: node("VASAAudioFeatures", (400, 220), model=[1, 0], audio=[2, 1]),
        5: node(
            "VASASampleMotion", (800, 180), model=[1, 0], audio_features=[4, 0],
            seed=seed, steps=steps, cfg=cfg, fps=25.0, **motion,
        ),
    }  # fmt: skip


def video(at, portrait, audio, size="source", motion=(5, 0)):
    """Render video."""
    return node(
        "VASARenderVideo", at, (420, 560), portrait=list(portrait), motion=list(motion),
        audio=list(audio), size=size,
    )  # fmt: skip


def save(at, source, name):
    """Save Video."""
    return node(
        "SaveVideo", at, video=list(source), filename_prefix=f"video/{name}", format="auto",
        codec="auto",
    )  # fmt: skip


def talking_portrait():
    nodes = stages("mira", 1)
    nodes[6] = video((1200, 0), (3, 0), (2, 1))
    nodes[7] = save((1680, 0), (6, 0), "talking_portrait")
    nodes[8] = node("PreviewImage", (800, 480), (340, 340), images=[3, 1])
    return nodes, [
        note((0, 360), (340, 300), """
## Talking portrait
Press **Run**. For your own: put **Load Image** and **Load Audio** in the place of the sample node.

The preview shows the face that was found: the dots should lie on lips, lids and brows. Another
**seed** gives another performance of the same words.

For virtual characters and people who agreed to it. The video is labelled as AI-generated.
"""),
    ]  # fmt: skip


def steered_portrait():
    nodes = stages("ada", 4, controls=[9, 0])
    nodes[9] = node(
        "VASATalkingControls", (400, 400), (380, 760), gaze_yaw=12.0, gaze_pitch=4.0, distance=1.0,
        emotion="happy", emotion_strength=0.6, lips=1.2, expression=1.2, blink=1.0, eyes=1.0,
        rotation=1.3, translation=1.3, lip_rest=0.0, lips_only=False,
        keyframes="distance: 0=1.15, 8=0.9\nrotation: 0=0.6, 4=1.5",
        list_fps=25.0,
    )  # fmt: skip
    nodes[6] = video((1320, 0), (3, 0), (2, 1))
    nodes[7] = save((1800, 0), (6, 0), "steered_portrait")
    nodes[8] = node(
        "VASAPreviewMotion", (820, 480), (460, 520), motion=[5, 0], audio=[2, 1], portrait=[3, 0]
    )
    return nodes, [
        note((0, 360), (340, 320), """
## Steer it
**Talking controls** sets the main gaze (drag the dot), the head's distance, an emotion, and how
strong lips, expression, blinks, glances and head movement are.

**keyframes** change any of them over time: `distance: 0=1.15, 8=0.9` comes nearer in eight seconds.

Drag along the timeline in **Preview motion** to see any frame.
"""),
    ]  # fmt: skip


def generated_portrait():
    nodes = stages("tomas", 2)
    nodes[3]["inputs"]["image"] = [15, 0]
    for key in (1, 2, 3, 4, 5):
        x, y = nodes[key]["at"]
        nodes[key]["at"] = (x + 1240, y)
    nodes |= {
        10: node("CheckpointLoaderSimple", (0, 0), ckpt_name=CHECKPOINT),
        11: node(
            "CLIPTextEncode", (400, 0), (380, 180), clip=[10, 1],
            text="portrait photo of a storyteller, head and shoulders, facing the camera, neutral "
            "expression, closed mouth, open eyes, soft daylight, plain background",
        ),
        12: node(
            "CLIPTextEncode", (400, 240), (380, 140), clip=[10, 1],
            text="profile, hands, text, watermark, sunglasses, open mouth, deformed",
        ),
        13: node("EmptyLatentImage", (400, 440), width=512, height=512, batch_size=1),
        14: node(
            "KSampler", (820, 0), model=[10, 0], positive=[11, 0], negative=[12, 0],
            latent_image=[13, 0], seed=7, steps=25, cfg=7.0, sampler_name="dpmpp_2m",
            scheduler="karras", denoise=1.0,
        ),
        15: node("VAEDecode", (820, 340), samples=[14, 0], vae=[10, 2]),
        6: video((2440, 0), (3, 0), (2, 1)),
        7: save((2920, 0), (6, 0), "generated_portrait"),
        8: node("PreviewImage", (2040, 480), (340, 340), images=[3, 1]),
    }  # fmt: skip
    return nodes, [
        note((0, 160), (340, 330), f"""
## A generated face speaks
Needs one image model. Without it ComfyUI offers the download when the workflow opens, or put

`{CHECKPOINT}`

into `models/checkpoints` and press **R**. Any other checkpoint works as well: choose it in **Load
Checkpoint**.

Ask for one face, frontal, with closed mouth and open eyes.
"""),
    ]  # fmt: skip


def one_motion_three_portraits():
    nodes = stages("mira", 3)
    nodes[6] = video((1200, 0), (3, 0), (2, 1), "crop")
    for index, name in enumerate(("tomas", "ada")):
        sample, portrait, film = (base + index for base in (20, 30, 40))
        y = 620 * (index + 1)
        nodes[sample] = node("VASASamplePortraitAndSpeech", (400, y), portrait=name)
        nodes[portrait] = node(
            "VASAEncodePortrait", (800, y), model=[1, 0], image=[sample, 0], face=1
        )
        nodes[film] = video((1200, y), (portrait, 0), (2, 1), "crop")
    return nodes, [
        note((0, 360), (340, 240), """
## One motion, three portraits
Motion is made from sound alone, without a face. Sampled once, it plays on any portrait: the three
say the same with the same glances and nods.

Changing one portrait renders that one anew and nothing else.
"""),
    ]  # fmt: skip


def save_and_reuse_motion():
    nodes = stages("mira", 5)
    nodes[10] = node("VASASaveMotion", (1200, 180), motion=[5, 0], filename_prefix="motion/speech")
    nodes[11] = node("VASALoadMotion", (800, 620), file="sample motion (embedded)")
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


def published(repository, paths, directory="vasa"):
    """Files of a repository on Hugging Face, as ComfyUI's workflows name models."""
    return [
        {
            "name": path.rpartition("/")[2],
            "url": f"{HUB}/{repository}/resolve/main/{path}",
            "directory": directory,
        }
        for path in paths
    ]


def listed(repository, paths):
    """The same files as a list in Markdown, each a link."""
    models = published(repository, paths)
    return "\n".join(f"- [{model['name']}]({model['url']})" for model in models)


def liveportrait_joyvasa():
    nodes = stages("mira", 1, "LivePortrait + JoyVASA", steps=0, cfg=-1.0)
    nodes[6] = video((1200, 0), (3, 0), (2, 1))
    nodes[7] = save((1680, 0), (6, 0), "liveportrait_joyvasa")
    nodes[8] = node("PreviewImage", (800, 520), (340, 340), images=[3, 1])
    return nodes, [
        note((0, 360), (340, 460), f"""
## Photoreal: LivePortrait + JoyVASA
Needs seven files of public weights, 0.9 GB. Put them into `models/vasa`, or any folder in it, then
press **Run**. What is still missing is named before anything runs.

From [{LIVEPORTRAIT}]({HUB}/{LIVEPORTRAIT}) (MIT):

{listed(LIVEPORTRAIT, FIVE)}

From [{JOYVASA}]({HUB}/{JOYVASA}) (code MIT; licence of the weights not verified):

{listed(JOYVASA, TWO_OF_JOYVASA)}

Made for a graphics card: a processor takes seconds for a frame, so use a short sound there.
**steps** 0 and **cfg** -1 are the model's own.

For virtual characters and people who agreed to it. The video is labelled as AI-generated.
"""),
    ]  # fmt: skip


def liveportrait_ditto_emotion():
    nodes = stages(
        "tomas", 1, "LivePortrait + Ditto", steps=0, cfg=-1.0, controls=[9, 0], portrait=[3, 0]
    )
    nodes[9] = node(
        "VASATalkingControls", (400, 400), (380, 760), gaze_yaw=0.0, gaze_pitch=0.0, distance=1.0,
        emotion="happy", emotion_strength=0.8, lips=1.0, expression=1.0, blink=1.0, eyes=1.0,
        rotation=1.0, translation=1.0, lip_rest=0.0, lips_only=False, keyframes="", list_fps=25.0,
    )  # fmt: skip
    nodes[6] = video((1200, 0), (3, 0), (2, 1))
    nodes[7] = save((1680, 0), (6, 0), "liveportrait_ditto_emotion")
    return nodes, [
        note((0, 360), (340, 530), f"""
## Photoreal, with emotion: LivePortrait + Ditto
Needs seven files of public weights. Put them into `models/vasa`, or any folder in it, then press
**Run**. What is still missing is named before anything runs.

From [{LIVEPORTRAIT}]({HUB}/{LIVEPORTRAIT}) (MIT):

{listed(LIVEPORTRAIT, FIVE)}

From [{DITTO}]({HUB}/{DITTO}) (Apache-2.0):

{listed(DITTO, TWO_OF_DITTO)}

The last one is run by the package `onnxruntime`: install it into ComfyUI's Python.

Ditto was trained to be told emotion and gaze: choose them in **Talking controls**. Its motion is
made for one face, so **Encode portrait** is connected to **Sample motion** too. **steps** 0 and
**cfg** -1 are the model's own.

Made for a graphics card: a processor takes seconds for a frame, so use a short sound there.

For virtual characters and people who agreed to it. The video is labelled as AI-generated.
"""),
    ]  # fmt: skip


BUILDERS = (
    talking_portrait,
    steered_portrait,
    generated_portrait,
    one_motion_three_portraits,
    save_and_reuse_motion,
    liveportrait_joyvasa,
    liveportrait_ditto_emotion,
)
CHECKPOINTS = [{"name": CHECKPOINT, "url": CHECKPOINT_URL, "directory": "checkpoints"}]
WEIGHTS = {  # by workflow
    "liveportrait_joyvasa": published(LIVEPORTRAIT, FIVE) + published(JOYVASA, TWO_OF_JOYVASA),
    "liveportrait_ditto_emotion": published(LIVEPORTRAIT, FIVE) + published(DITTO, TWO_OF_DITTO),
}
PLACARDS = {  # portrait and caption of the workflows that are not run
    "liveportrait_joyvasa": ("mira", "LivePortrait + JoyVASA"),
    "liveportrait_ditto_emotion": ("tomas", "LivePortrait + Ditto"),
}

BUILD = """
async ({nodes, notes, models}) => {
  const prompt = {};
  for (const [id, n] of Object.entries(nodes)) {
    const inputs = {};
    for (const [k, v] of Object.entries(n.inputs))
      inputs[k] = Array.isArray(v) ? [String(v[0]), v[1]] : v;
    prompt[id] = {class_type: n.class_type, inputs};
  }
  await app.loadApiJson(prompt, "workflow");
  for (const [id, n] of Object.entries(nodes)) {
    const made = app.graph.getNodeById(Number(id));
    made.pos = n.at;
    const least = made.computeSize();
    made.setSize([Math.max(n.size[0], least[0]), Math.max(n.size[1], least[1])]);
    for (const w of made.widgets ?? [])
      if (w.name === "control_after_generate") w.value = "fixed";
    if (models[n.class_type]?.length) made.properties.models = models[n.class_type];
  }
  for (const n of notes) {
    const made = LiteGraph.createNode("MarkdownNote");
    made.pos = n.at; made.size = n.size;
    made.widgets[0].value = n.text;
    app.graph.add(made);
  }
  app.canvas.ds.reset();
  const made = app.graph.serialize();
  made.extra = {};
  return JSON.stringify(made);
}
"""


WITHOUT_CHECKPOINT = """
() => {
  for (const id of [10, 11, 12, 13, 14, 15]) app.graph.remove(app.graph.getNodeById(id));
  app.graph.getNodeById(2).connect(0, app.graph.getNodeById(3), "image");
}
"""


def run(page, url):
    """Queue what is on the canvas; the videos it made, in the order of their nodes."""
    before = set(history(url))
    page.evaluate("() => app.queuePrompt(0, 1)")
    for _ in range(240):
        page.wait_for_timeout(500)
        new = set(history(url)) - before
        if new:
            (entry,) = (history(url)[name] for name in new)
            assert entry["status"]["status_str"] == "success", entry["status"]["messages"][-1]
            shown = sorted(entry["outputs"].items(), key=lambda item: int(item[0]))
            films = [out["images"][0] for _, out in shown if out.get("animated") == [True]]
            return [film for film in films if film["type"] == "temp"]  # of Render video
    raise RuntimeError("no result in two minutes")


def history(url):
    """What the server has run."""
    return json.loads(fetch(f"{url}/history"))


def fetch(address):
    """The bytes at an address."""
    with urllib.request.urlopen(address) as answer:
        return answer.read()


def thumbnail(url, videos, seconds=3.9):
    """Frames of the videos, strips of them side by side if there are several, as JPEG bytes."""
    import av

    pictures = []
    for shown in videos:
        query = "&".join(f"{key}={shown[key]}" for key in ("filename", "subfolder", "type"))
        with av.open(io.BytesIO(fetch(f"{url}/view?{query}"))) as film:
            frames = (f for f in film.decode(video=0) if f.time >= seconds)
            pictures.append(next(frames).to_image().resize((400, 400), Image.Resampling.LANCZOS))
    width = 400 if len(pictures) == 1 else 480 // len(pictures)
    sheet = Image.new("RGB", (width * len(pictures), 400))
    for index, picture in enumerate(pictures):
        strip = picture.crop((200 - width // 2, 0, 200 + width // 2, 400))
        sheet.paste(strip, (width * index, 0))
    data = io.BytesIO()
    sheet.save(data, "JPEG", quality=88)
    return data.getvalue()


def placard(portrait, caption):
    """A sample portrait over a plain band that says which weights are needed, as JPEG bytes."""
    sheet = Image.new("RGB", (400, 400), (32, 34, 38))
    with Image.open(ROOT / f"vasa_core/assets/{portrait}.jpg") as picture:
        face = picture.convert("RGB").resize((400, 400), Image.Resampling.LANCZOS)
    sheet.paste(face.crop((0, 0, 400, 328)))
    draw = ImageDraw.Draw(sheet)
    for text, size, height in ((caption, 26, 348), ("needs public weights", 20, 378)):
        font = ImageFont.load_default(size)
        draw.text((200, height), text, (240, 240, 240), font, anchor="mm")
    data = io.BytesIO()
    sheet.save(data, "JPEG", quality=88)
    return data.getvalue()


@contextmanager
def opened(url):
    """ComfyUI's page."""
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 2000, "height": 1200})
        here = ("data:", "blob:", url)
        page.route("**/*", lambda r: r.continue_() if r.request.url.startswith(here) else r.abort())
        page.goto(url, wait_until="domcontentloaded")
        page.wait_for_function("window.app?.graph && window.app.extensionManager", timeout=120_000)
        page.wait_for_timeout(3000)
        page.keyboard.press("Escape")  # a dialog, at the first visit
        yield page
        browser.close()


def built(page, build):
    """A workflow as the browser serialises it."""
    nodes, notes = build()
    weights = WEIGHTS.get(build.__name__, [])
    models = {"CheckpointLoaderSimple": CHECKPOINTS, "VASALoadModel": weights}
    made = page.evaluate(BUILD, {"nodes": nodes, "notes": notes, "models": models})
    workflow = json.loads(made)
    if weights:  # the list of models that the frontend looks through whatever a node's combo says
        workflow["models"] = weights
    return workflow


def main():
    """Make them all, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    names = [build.__name__ for build in BUILDERS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    given = parser.parse_args()
    if unknown := set(given.names) - set(names):
        parser.error(f"no workflow is named {', '.join(sorted(unknown))}")
    url = given.url
    WORKFLOWS.mkdir(exist_ok=True)
    with opened(url) as page:
        for build in BUILDERS:
            name = build.__name__
            if given.names and name not in given.names:
                continue
            text = json.dumps(built(page, build), indent=1, ensure_ascii=False)
            (WORKFLOWS / f"{name}.json").write_text(text + "\n")
            if build is generated_portrait:  # needs a checkpoint: pictured with a sample portrait
                page.evaluate(WITHOUT_CHECKPOINT)
            shown = name in PLACARDS
            picture = placard(*PLACARDS[name]) if shown else thumbnail(url, run(page, url))
            (WORKFLOWS / f"{name}.jpg").write_bytes(picture)


if __name__ == "__main__":
    main()
