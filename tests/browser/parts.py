"""What templates are put together from: nodes, notes and groups with their places on the canvas."""

WIDE = (340, 0)  # width of a node, height left to the frontend
FILM = (420, 560)  # size of a node that shows a video, or the least of it


def node(kind, at, least=WIDE, **inputs):
    """One node of a prompt: class, place on the canvas, least size, inputs."""
    return {"class_type": kind, "inputs": inputs, "at": at, "size": least}


def note(at, size, text):
    """A note on the canvas, in Markdown."""
    return {"at": at, "size": size, "text": text.strip()}


def group(title, *nodes):
    """A titled frame around nodes."""
    return {"title": title, "holds": nodes}


def stages(portrait, /, seed, model="mesh (embedded)", **motion):
    """The four stages up to the motion: nodes 1 to 5."""
    return {
        1: load_model((0, 0), model),
        2: sample((0, 180), portrait),
        3: encode((400, 0), (2, 0)),
        4: features((400, 220), (2, 1)),
        5: sampled((800, 180), (4, 0), seed, **motion),
    }


def load_model(at, model="mesh (embedded)"):
    """Load talking-portrait model; node 1 wherever a model is needed."""
    return node("VASALoadModel", at, model=model, device="default", refine_mouth=True)


def sample(at, portrait):
    """Sample portrait and speech."""
    return node("VASASamplePortraitAndSpeech", at, portrait=portrait)


def encode(at, image, face=1, **more):
    """Encode portrait."""
    return node("VASAEncodePortrait", at, model=[1, 0], image=list(image), face=face, **more)


def features(at, audio):
    """Audio features."""
    return node("VASAAudioFeatures", at, model=[1, 0], audio=list(audio))


def sampled(at, heard, seed, **more):
    """Sample motion, with the model's own steps and guidance."""
    return node(
        "VASASampleMotion", at, model=[1, 0], audio_features=list(heard), seed=seed, steps=0,
        cfg=-1.0, fps=25.0, **more,
    )  # fmt: skip


CONTROLS = {
    **{"gaze_yaw": 0.0, "gaze_pitch": 0.0, "distance": 1.0},
    **{"emotion": "neutral", "emotion_strength": 0.6},
    **dict.fromkeys(("lips", "expression", "blink", "eyes", "rotation", "translation"), 1.0),
    **{"lip_rest": 0.0, "lips_only": False, "keyframes": "", "list_fps": 25.0},
}


def controls(at, height=760, **changed):
    """Talking controls, at rest but for what is changed."""
    return node("VASATalkingControls", at, (380, height), **{**CONTROLS, **changed})


def sample_motion(at):
    """Load motion, of the motion that comes with the pack: what it says is the sample speech."""
    return node("VASALoadMotion", at, file="sample motion (embedded)")


def cut(at, audio, start, seconds):
    """A piece of a sound, by a node of ComfyUI's own."""
    return node("TrimAudioDuration", at, audio=list(audio), start_index=start, duration=seconds)


def video(at, portrait, audio=None, size="source", motion=(5, 0), least=FILM):
    """Render video, with a sound or silent."""
    sound = {} if audio is None else {"audio": list(audio)}
    return node(
        "VASARenderVideo", at, least, portrait=list(portrait), motion=list(motion), **sound,
        size=size,
    )  # fmt: skip


def preview(at, motion, audio, **more):
    """Preview motion, with a sound, and with a face where a portrait is given."""
    return node("VASAPreviewMotion", at, (460, 520), motion=list(motion), audio=list(audio), **more)


def save(at, source, name):
    """Save Video."""
    return node(
        "SaveVideo", at, video=list(source), filename_prefix=f"video/{name}", format="auto",
        codec="auto",
    )  # fmt: skip
