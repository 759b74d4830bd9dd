"""The command where no extra is installed: every help, and one sentence where one is needed.

A finder at the front of the import system refuses the extras' packages, in a process of its own.
scipy is not among them: librosa, which is always there, brings it.
"""

import subprocess
import sys

from vasa_core.assets import MOTION, PORTRAITS, SPEECH
from vasa_core.cli import build_parser
from vasa_core.weights.registry import files_of

EXTRAS = (
    *("matplotlib", "jinja2", "skimage", "accelerate", "tensorboard", "webdataset"),
    *("transformers", "onnxruntime"),
)
HEAVY = {"librosa", "scipy", "matplotlib", "transformers", "onnxruntime", "numba", "sklearn"}
WITHOUT = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())
"""
HELP = """
from vasa_core.cli import main
for command in {commands}:
    try:
        main([*command, "--help"])
    except SystemExit as done:
        assert not done.code, command
"""
RUN = "from vasa_core.cli import main; sys.exit(main(sys.argv[1:]))"


def python(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def subcommands():
    """All of them, as lists of words."""

    def below(parser):
        for action in parser._actions:
            if hasattr(action, "add_parser"):
                return action.choices
        return {}

    found = [[]]
    for name, parser in below(build_parser()).items():
        found += [[name], *([name, inner] for inner in below(parser))]
    return found


def test_every_help_works_without_extras_and_loads_nothing_heavy():
    commands = subcommands()
    assert len(commands) > 18 and ["weights", "import"] in commands and ["evaluate"] in commands
    check = f"bad = sorted({HEAVY} & set(sys.modules)); sys.exit(str(bad) if bad else 0)"
    done = python(WITHOUT + HELP.format(commands=commands) + check)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage: vasa") == len(commands)


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, vasa_core, vasa_core.models, vasa_core.pipelines.dub\n"
    check = f"bad = sorted({HEAVY | {'vasa_core.lab'}} & set(sys.modules))"
    done = python(f"{code}{check}\nsys.exit(str(bad) if bad else 0)")
    assert done.returncode == 0, done.stderr


def test_the_finder_refuses():
    done = python(WITHOUT + "import transformers")
    assert done.returncode and "No module named 'transformers'" in done.stderr


def test_motion_and_video_need_no_extra(tmp_path):
    motion, video = tmp_path / "m.safetensors", tmp_path / "x.mp4"
    done = python(WITHOUT + RUN, "edit", MOTION, "trim=0,0.2", "-o", motion)
    assert done.returncode == 0, done.stderr
    arguments = ["render", PORTRAITS["mira"], motion, "--audio", SPEECH, "--size", "128"]
    done = python(WITHOUT + RUN, *arguments, "-o", video)
    assert done.returncode == 0, done.stderr
    assert video.stat().st_size > 5000


def test_ditto_without_its_package_is_refused_in_a_sentence(tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    for known in files_of("ditto"):
        (models / known.names[0]).write_bytes(b"as if they were there")
    arguments = [SPEECH, "-o", tmp_path / "m.safetensors", "--model", "ditto", "--models", models]
    done = python(WITHOUT + RUN, "motion", *arguments)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert "pip install onnxruntime" in done.stderr and "[photoreal]" in done.stderr
    assert not (tmp_path / "m.safetensors").exists()


def test_evaluation_without_its_packages_names_the_extra(tmp_path):
    done = python(WITHOUT + RUN, "evaluate", tmp_path, "-o", tmp_path / "page")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert "vasa-open[evaluate]" in done.stderr
    assert not list(tmp_path.iterdir())
