"""Templates of the photoreal models, which need public weights: shown, not run."""

from parts import controls, node, note, save, stages, video

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
    nodes = stages("mira", 1, "LivePortrait + JoyVASA")
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
    nodes = stages("tomas", 1, "LivePortrait + Ditto", controls=[9, 0], portrait=[3, 0])
    nodes[9] = controls((400, 400), emotion="happy", emotion_strength=0.8)
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


WEIGHTS = {  # by workflow
    "liveportrait_joyvasa": published(LIVEPORTRAIT, FIVE) + published(JOYVASA, TWO_OF_JOYVASA),
    "liveportrait_ditto_emotion": published(LIVEPORTRAIT, FIVE) + published(DITTO, TWO_OF_DITTO),
}
PLACARDS = {  # portrait and caption of the workflows that are not run
    "liveportrait_joyvasa": ("mira", "LivePortrait + JoyVASA"),
    "liveportrait_ditto_emotion": ("tomas", "LivePortrait + Ditto"),
}
