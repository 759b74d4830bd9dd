"""Sample media of the package; ``README.md`` names their sources."""

from pathlib import Path

_FOLDER = Path(__file__).parent

PORTRAITS = {
    "mira": _FOLDER / "mira.jpg",
    "tomas": _FOLDER / "tomas.jpg",
    "ada": _FOLDER / "ada.jpg",
    "astronaut": _FOLDER / "portrait.jpg",
}
SPEECH = _FOLDER / "speech.flac"
MOTION = _FOLDER / "motion.safetensors"  # sampled from SPEECH
