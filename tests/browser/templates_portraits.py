"""Templates in which a portrait speaks: the stages, and what goes into them."""

from parts import (
    cut,
    encode,
    features,
    group,
    load_model,
    node,
    note,
    sample,
    sampled,
    save,
    stages,
    video,
)

CHECKPOINT = "v1-5-pruned-emaonly-fp16.safetensors"
CHECKPOINT_URL = (
    f"https://huggingface.co/Comfy-Org/stable-diffusion-v1-5-archive/resolve/main/{CHECKPOINT}"
)
CHECKPOINTS = [{"name": CHECKPOINT, "url": CHECKPOINT_URL, "directory": "checkpoints"}]


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
        picture, portrait, film = (base + index for base in (20, 30, 40))
        y = 620 * (index + 1)
        nodes[picture] = sample((400, y), name)
        nodes[portrait] = encode((800, y), (picture, 0))
        nodes[film] = video((1200, y), (portrait, 0), (2, 1), "crop")
    return nodes, [
        note((0, 360), (340, 240), """
## One motion, three portraits
Motion is made from sound alone, without a face. Sampled once, it plays on any portrait: the three
say the same with the same glances and nods.

Changing one portrait renders that one anew and nothing else.
"""),
    ]  # fmt: skip


def few_shot():
    nodes = stages("mira", 3)
    nodes[4]["at"], nodes[5]["at"] = (400, 280), (400, 420)
    nodes |= {
        20: node("VASAExpressionEditor", (860, 0), portrait=[3, 0], mouth_open=0.8, mouth_wide=0.4),
        21: node("VASAExpressionEditor", (1240, 0), portrait=[3, 0], blink=1.0),
        22: node("ImageBatch", (1680, 0), image1=[20, 0], image2=[21, 0]),
        23: node("PreviewImage", (1680, 120), (340, 340), images=[22, 0]),
        24: encode((1680, 600), (2, 0), views=[22, 0]),
        6: video((2100, 0), (24, 0), (2, 1), "crop"),
        7: video((2600, 0), (3, 0), (2, 1), "crop"),
        8: save((3080, 0), (6, 0), "few_shot"),
    }
    return nodes, [
        note((0, 360), (340, 330), """
## More photos of the same person
One photo does not show the teeth, nor the closed lids. Give **Encode portrait** more photos as
**views**, and what the first does not show is taken from them.

The other photos are made here with two **Expression editors**, for the sake of an example. For your
own, put **Load Image** in their places: mouth open with teeth, eyes closed, head turned. **Batch
Images** puts two together, of any size; more of it, any number.

Left the portrait with its views, right the same without.
"""),
        group("Other photos: put Load Image here", 20, 21),
        group("As one batch", 22, 23),
        group("With views", 6),
        group("Without", 7),
    ]  # fmt: skip


def dialogue():
    nodes = {
        1: load_model((0, 0)),
        2: sample((0, 240), "tomas"),
        40: sample((0, 400), "ada"),
        41: node(
            "ImageStitch", (400, 240), image1=[2, 0], image2=[40, 0], direction="right",
            match_image_size=True, spacing_width=0, spacing_color="white",
        ),
        50: cut((400, 660), (2, 1), 0.0, 4.5),
        51: cut((400, 800), (40, 1), 4.55, 4.25),
        44: node(
            "VASADialogueAudio", (800, 660), audio_1=[50, 0], audio_2=[51, 0], mode="turns",
            pause=0.4,
        ),
        42: encode((800, 0), (41, 0), 1),
        43: encode((800, 240), (41, 0), 2),
        45: features((1240, 0), (44, 1)),
        46: features((1240, 380), (44, 2)),
        47: sampled((1640, 0), (45, 0), 1),
        48: sampled((1640, 380), (46, 0), 2),
        49: node(
            "VASARenderDialogue", (2060, 0), (560, 560), portrait_1=[42, 0], motion_1=[47, 0],
            portrait_2=[43, 0], motion_2=[48, 0], audio=[44, 0],
        ),
        7: save((2680, 0), (49, 0), "dialogue"),
    }  # fmt: skip
    return nodes, [
        note((0, 660), (340, 330), """
## Two people talk
Both are in one picture. **Dialogue audio** puts their voices on one timeline and gives each with
silence where the other speaks: who does not speak listens.

For your own, put **Load Image** with two people in the place of **Image Stitch**, and two **Load
Audio** in the place of the two **TrimAudioDuration**. **face** 1 is the larger one: look at
**crop** to see who is who.

Up to four people: a third and a fourth of each node.
"""),
        group("Two people in one picture: put Load Image here", 2, 40, 41),
        group("What they say: put Load Audio here", 50, 51, 44),
        group("Each one's motion", 45, 46, 47, 48),
    ]  # fmt: skip
