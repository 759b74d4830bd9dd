"""A tiny corpus in the format of the laboratory's own, made of the pack's samples.

Faces are the drawn sample portraits, tracks their landmarks moved by random codes, voices pieces of
the sample speech. Programs that synthesise speech are replaced by ``speech_programs``.
"""

import ctypes
import functools
import json
import shutil
import string
import subprocess
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate import PartialState
from accelerate.state import AcceleratorState
from scipy.io import wavfile
from scipy.ndimage import gaussian_filter1d
from strict_device import DEVICE, StrictDevice

from vasa_core.assets import PORTRAITS
from vasa_core.audio.reader import read_audio
from vasa_core.face.basis import FaceBasis
from vasa_core.face.geometry import fit_pose, rotation_matrix
from vasa_core.lab import engine
from vasa_core.lab.training.articulation import festival, synthesis
from vasa_core.render.image import read_image, write_image
from vasa_core.render.video import VideoWriter

FRAMES, SIDE = 80, 128
FREE = "CC BY 4.0"


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture(scope="session")
def faces(space):
    """Pictures (1, 3, 256, 256) of the sample portraits and their landmarks (478, 3) in them."""
    pictures = {name: read_image(PORTRAITS[name], 256) for name in ("ada", "mira", "tomas")}
    pictures = {n: torch.nn.functional.interpolate(p, (256, 256)) for n, p in pictures.items()}
    return {n: (p, space.encoder.landmarks(p)[0][0]) for n, p in pictures.items()}


@pytest.fixture(scope="session")
def speech(speech_path):
    """(N,) int16 speech at 16 kHz."""
    samples, rate = read_audio(speech_path)
    return synthesis.to_16k((samples * 32767).numpy(), rate)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory, faces, speech):
    """The folder ``--data`` of every training."""
    data = tmp_path_factory.mktemp("corpus")
    _write_clips(data, faces, speech)
    _write_faces(data, faces)
    _write_voices(data, speech)
    return data


def track(landmarks: torch.Tensor, frames: int, seed: int) -> np.ndarray:
    """(T, 478, 3) landmarks in pixels of a face that talks, blinks and nods at random."""
    rng, basis = np.random.default_rng(seed), FaceBasis.load()
    codes = gaussian_filter1d(rng.standard_normal((frames, 24)), 2.0, axis=0) * 2.5
    codes[:, 20:] = 0
    shut = torch.zeros(frames, 2)
    shut[20:24] = shut[50:53] = 1.0
    angles = gaussian_filter1d(rng.standard_normal((frames, 3)), 4.0, axis=0) * 10
    rest = fit_pose(landmarks[None], basis.canonical)
    shape = rest.canonical(landmarks[None])[0] + basis.displacement(torch.as_tensor(codes).float())
    shape = shape + torch.einsum("te,evc->tvc", shut, basis.blink)
    turned = shape @ (rotation_matrix(torch.as_tensor(angles).float()) @ rest.rotation).mT
    return (turned * rest.scale + rest.shift).numpy()


def _write_clips(data, faces, speech):
    """Seven clips of a reader who teaches lips, four of others; the same picture and sound."""
    picture, landmarks = faces["ada"]
    landmarks = landmarks * (SIDE / 256)
    frame = torch.nn.functional.interpolate(picture, (SIDE, SIDE), mode="area")
    said = data / "said.wav"
    wavfile.write(said, 16000, speech[: FRAMES * 640])
    film = data / "film.mp4"
    with VideoWriter(film, Fraction(25), said) as writer:
        writer.write(frame.expand(FRAMES, -1, -1, -1))
    index, words = [], {}
    reads = {"person": "reader", "head": "still", "words": "words.json"}
    splits = [{"*": "train"}, *[{"*": "train", "refiner": "unused"}] * 6]
    clips = [(f"reader/clip{n}", "A", reads | {"split": s}) for n, s in enumerate(splits)]
    clips += [
        ("late", "B", {"lag_frames": 1, "split": {"motion": "held_out"}}),
        ("talker", "B", {"split": {"motion": "train"}}),
        ("silent", "C", {"split": {"motion": "train"}}),
        ("chosen_by", "A", {"split": {"motion": "held_out", "refiner": "held_out"}}),
    ]
    for seed, (name, grade, more) in enumerate(clips):
        entry = {"file": f"talking/{name}.mp4", "landmarks": f"landmarks/talking/{name}.npz"}
        index.append(entry | {"licence": FREE, "sync_grade": grade} | more)
        for file in entry["file"], entry["landmarks"]:
            (data / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(film, data / entry["file"])
        points = track(landmarks, FRAMES, seed) / SIDE
        np.savez(
            data / entry["landmarks"],
            landmarks=points, ok=np.ones(FRAMES, bool), width=SIDE, height=SIDE, fps=25.0,
        )  # fmt: skip
        words[Path(name).name] = [
            [0.0, 0.4, "sil"], [0.4, 1.0, "bin"], [1.0, 1.6, "b"], [1.6, 2.2, "four"],
            [2.2, 3.1, "sil"],
        ]  # fmt: skip
    write_json(data / "talking/INDEX.json", index)
    write_json(data / "talking/words.json", words)


def _write_faces(data, faces):
    """Labelled faces of four sources, brighter and darker, and pictures without a face."""
    taught = {"face": "train", "refiner": "train"}
    index = [
        {"repo": "some/generated", "kind": "generated", "split": taught},
        {"repo": "some/art", "kind": "generated art", "split": taught},
        {"repo": "some/photos", "kind": "real", "split": {"face": "train"}},
        {"repo": "other/photos", "kind": "real"},
    ]
    sources = [entry["repo"].replace("/", "+") for entry in index]
    write_json(data / "faces/INDEX.json", {"sources": index})
    basis, rng = FaceBasis.load(), np.random.default_rng(0)
    names, points, source = [], [], []
    (data / "faces/train").mkdir()
    (data / "faces/negatives").mkdir()
    for kind in range(len(sources)):
        for picture, landmarks in faces.values():
            light = rng.uniform(0.5, 1.0, (1, 3, 1, 1))
            names.append(f"{len(names):03}.png")
            write_image(data / "faces/train" / names[-1], picture * torch.tensor(light).float())
            code = torch.tensor(rng.normal(0, 0.6, (1, 24))).float()
            code[:, 20:] = 0
            scale = fit_pose(landmarks[None], basis.canonical).scale
            moved = landmarks + basis.displacement(code)[0] * scale
            points.append((moved if kind == 3 else _opened(moved)) / 256)
            source.append(kind)
    np.savez(
        data / "faces/landmarks.npz",
        names=names, xyz=torch.stack(points).half().numpy(), source=source, sources=sources,
    )  # fmt: skip
    for n in range(4):
        noise = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(n))
        write_image(
            data / f"faces/negatives/{n}.jpg",
            torch.nn.functional.interpolate(noise, (256, 256), mode="bilinear"),
        )


def _opened(landmarks):
    """Lips apart by a tenth of the mouth's width, as in the stills that the refiner opens."""
    lower = [14, 87, 317, 178, 402, 88, 318, 95, 324]
    width = (landmarks[78, :2] - landmarks[308, :2]).norm()
    opened = landmarks.clone()
    opened[lower, 1] = torch.maximum(opened[lower, 1], landmarks[13, 1] + 0.1 * width)
    return opened


def _write_voices(data, speech):
    """Two recordings to align, one with phone times, and one whose phone times are missing."""
    clips = []
    for n, name in enumerate(("one", "two", "timed", "untimed")):
        entry = {"file": f"{name}.wav", "source": name, "speaker": f"{name}:1", "split": "train"}
        entry |= {"transcript": "MAMA FAR PAT", "alignment": None}
        if name.endswith("timed"):
            entry |= {"phones": "arpabet", "split": "held_out"}
        if name == "timed":
            entry |= {"alignment": "phones.json"}
        clips.append(entry)
        (data / "voices").mkdir(exist_ok=True)
        wavfile.write(data / "voices" / entry["file"], 16000, speech[n * 16000 : (n + 2) * 16000])
    write_json(data / "voices/INDEX.json", {"clips": clips})
    phones = [{"start": 0.2, "end": 0.3, "label": "M"}, {"start": 0.3, "end": 0.5, "label": "AA1"}]
    write_json(data / "voices/phones.json", {"phones": phones})


# Phones of the letters of the alphabet, one each.
ARPABET = "ae b k d eh f g hh ih jh k l m n ow p k r s t uh v w k y z"
LETTERS = dict(zip(string.ascii_lowercase, ARPABET.split(" "), strict=True))
LENGTH = 0.08  # seconds of a phone


@pytest.fixture
def speech_programs(monkeypatch, speech):
    """Stand-ins for flite, festival and espeak-ng, which need not be installed.

    They say the sample speech, as long as the text asks for, and tell phones letter by letter, in
    the programs' own formats.
    """

    def sound(count, rate=16000):
        return np.resize(speech, int(count * LENGTH * rate))

    def flite(command):
        text = command[command.index("-t") + 1] if "-t" in command else ""
        phones = [LETTERS[letter] for letter in text.lower() if letter in LETTERS]
        phones = phones or command[command.index("-p") + 1].split()
        labels = ["pau", *phones, "pau"]
        if "-o" in command:
            wavfile.write(command[command.index("-o") + 1], 16000, sound(len(labels)))
        ends = [f"{label}:{(n + 1) * LENGTH:.3f}" for n, label in enumerate(labels)]
        return SimpleNamespace(stdout=" ".join(ends))

    def sing(command):
        for line in Path(command[2]).read_text("utf8").splitlines():
            path = Path(line.split('"')[1]) if "save" in line else None
            names = ["pau", "m", "a", "t", "o", "f", "pau"]
            if path and path.suffix == ".lab":
                rows = [f"{(n + 1) * LENGTH:.3f} 100 {name}" for n, name in enumerate(names)]
                path.write_text("#\n" + "\n".join(rows))
            elif path:
                wavfile.write(path, 16000, sound(len(names)))
        return SimpleNamespace(returncode=0)

    def run(command, **options):
        own = {"flite": flite, "festival": sing}.get(command[0])
        return own(command) if own else really_run(command, **options)

    def load(name, *options, **more):
        espeak = "espeak" in str(name)
        return EspeakLibrary(sound) if espeak else really_load(name, *options, **more)

    really_run, really_load = subprocess.run, ctypes.CDLL
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(festival, "VOICES", {"lp_diphone": "it", "suo_fi_lj_diphone": "fi"})


class EspeakLibrary:
    """What ``synthesis.Espeak`` calls of espeak-ng's library."""

    def __init__(self, sound):
        self.sound = sound

    def espeak_Initialize(self, *options):
        return 22050

    def espeak_SetSynthCallback(self, callback):
        self.callback = callback

    def espeak_SetVoiceByName(self, name):
        return 0

    def espeak_SetParameter(self, *options):
        return 0

    def espeak_Synth(self, text, *options):
        letters = [c for c in text.decode().lower() if c in "abdefgiklmnopstuvwz"] or list("mapa")
        wave = self.sound(len(letters), 22050)
        events = (synthesis._Event * (len(letters) + 1))()
        for event, letter, start in zip(events, letters, range(len(letters)), strict=False):
            event.type, event.audio = synthesis.Espeak.PHONEME, int(start * LENGTH * 1000)
            event.id.string = letter.encode()
        short = ctypes.c_short * len(wave)
        self.callback(short(*wave.tolist()), len(wave), events)
        self.callback(None, 0, (synthesis._Event * 1)())


@pytest.fixture
def second_device(monkeypatch):
    """Networks are trained on a made-up device, which refuses to mix its tensors with the CPU's."""
    AcceleratorState._reset_state(True)
    PartialState().device = DEVICE
    seen = set()

    def there(function):
        @functools.wraps(function)
        def wrapped(*arguments, **options):
            with StrictDevice():
                return function(*arguments, **options)

        return wrapped

    def watched(objective, batch, step, forward=engine.Objective.forward):
        seen.update(value.device for value in objective.network.parameters())
        return forward(objective, batch, step)

    for name in ("__init__", "_advance", "_report"):
        monkeypatch.setattr(engine.Trainer, name, there(getattr(engine.Trainer, name)))
    monkeypatch.setattr(engine, "send_to_device", there(engine.send_to_device))
    monkeypatch.setattr(engine.Objective, "forward", watched)
    yield
    assert seen == {DEVICE}
    AcceleratorState._reset_state(True)
