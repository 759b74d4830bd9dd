"""A small corpus of our own: what ``vasa evaluate`` needs and no more, of the shipped samples."""

import json
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from vasa_core.assets import PORTRAITS
from vasa_core.audio.reader import read_audio
from vasa_core.lab.data.label import label, missing
from vasa_core.render.image import read_image, write_image
from vasa_core.render.video import VideoWriter

TALK_SECONDS, SIDE = 2, 160


@pytest.fixture(scope="session")
def evaluation_set(tmp_path_factory, space, model, speech_path):
    """One portrait, speech, timed voice and talking clip; indices that say the least possible."""
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
        {"file": "mira.png"}
    ])  # fmt: skip
    write_image(data / "portraits/mira.png", image)
    say("speech/sample.wav", 4)
    write("speech/INDEX.json", [{"file": "sample.wav"}])
    say("voices/voice.wav", 2)
    phones = [{"start": 0.5, "end": 0.6, "label": "m"}, {"start": 1.2, "end": 1.3, "label": "t"}]
    write("voices/phones.json", {"phones": phones})
    write("voices/INDEX.json", {"clips": [
        {"file": "voice.wav", "alignment": "phones.json", "phones": "sampa"}
    ]})  # fmt: skip
    write("talking/INDEX.json", [{"file": "clip.mp4"}])
    _talking_clip(data, space, model, image, say("said.wav", TALK_SECONDS))
    for entry in missing(data):
        label(entry, space.encoder)
    assert not missing(data)
    return data


def _talking_clip(data, space, model, image, said):
    """A video of the sample portrait speaking."""
    heard = model.features(*read_audio(said))
    frames = torch.cat(list(space.render(space.encode(image), model.sample(heard, seed=5))))
    with VideoWriter(data / "talking/clip.mp4", Fraction(25), said) as writer:
        writer.write(frames)
