"""A small evaluation set of our own: what ``vasa evaluate`` needs, made of the shipped samples."""

import json
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from vasa_core.assets import PORTRAITS
from vasa_core.audio.reader import read_audio
from vasa_core.render.image import read_image, write_image
from vasa_core.render.video import VideoWriter

TALK_SECONDS, SIDE = 2, 160


@pytest.fixture(scope="session")
def evaluation_set(tmp_path_factory, space, model, speech_path):
    """A folder like the shared corpus: one portrait, speech, timed voice and talking clip."""
    data = tmp_path_factory.mktemp("set")
    sound, rate = read_audio(speech_path)

    def write(name, content):
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    def say(name, seconds):
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, rate, (sound[: int(seconds * rate)].numpy() * 32767).astype(np.int16))
        return path

    image = read_image(PORTRAITS["mira"], SIDE)
    write("portraits/INDEX.json", [
        {"file": "photo_mira.png", "faces_detected": 1, "face_width_frac": 0.5}
    ])  # fmt: skip
    write_image(data / "portraits/photo_mira.png", image)
    say("speech/en_sample.wav", 4)
    write("speech/INDEX.json", [
        {"file": "en_sample.wav", "lang": "en", "note": "", "seconds": 4.0}
    ])  # fmt: skip
    say("voices/voice.wav", 2)
    phones = [{"start": 0.5, "end": 0.6, "label": "m"}, {"start": 1.2, "end": 1.3, "label": "t"}]
    write("voices/phones.json", {"phones": phones})
    write("voices/INDEX.json", {"clips": [
        {"file": "voice.wav", "source": "emodb", "alignment": "phones.json"}
    ]})  # fmt: skip
    _talking_clip(data, space, model, image, say("said.wav", TALK_SECONDS))
    write("talking/INDEX.json", [{
        "file": "talking/clip.mp4", "landmarks": "landmarks/talking/clip.npz", "licence": "own",
        "sync_grade": "A",
    }])  # fmt: skip
    return data


def _talking_clip(data, space, model, image, said):
    """A video of the sample portrait speaking, and its landmarks."""
    for folder in ("talking", "landmarks/talking"):
        (data / folder).mkdir(parents=True)
    heard = model.features(*read_audio(said))
    frames = torch.cat(list(space.render(space.encode(image), model.sample(heard, seed=5))))
    with VideoWriter(data / "talking/clip.mp4", Fraction(25), said) as writer:
        writer.write(frames)
    seen = space.track(frames, Fraction(25))
    height, width = frames.shape[-2:]
    np.savez(
        data / "landmarks/talking/clip.npz",
        landmarks=(seen.landmarks / torch.tensor([width, height, width])).numpy(),
        ok=seen.found.numpy(), width=width, height=height, fps=25.0,
    )  # fmt: skip
