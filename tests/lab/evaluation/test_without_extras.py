"""The lab's commands where a package, or the lab itself, is not installed: one clear sentence."""

import json
import subprocess
import sys

import pytest

from vasa_core.lab.data import media

CODE = """
import json, sys
for name in json.loads(sys.argv[1]):
    sys.modules[name] = None
from vasa_core.cli import main
sys.exit(main(json.loads(sys.argv[2])))
"""


def vasa(missing, *arguments):
    """Run a command as if these packages were not installed."""
    given = json.dumps(missing), json.dumps(list(map(str, arguments)))
    return subprocess.run(
        [sys.executable, "-c", CODE, *given], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("package", ["matplotlib", "skimage"])
def test_a_missing_package_is_named_with_its_extra(package, tmp_path):
    done = vasa([package], "evaluate", tmp_path)
    assert done.returncode == 2
    assert package in done.stderr and 'pip install "vasa-open[evaluate]"' in done.stderr
    assert done.stderr.count("\n") == 1 and "archive" not in done.stderr


@pytest.mark.parametrize("command", ["evaluate", "gallery"])
def test_a_missing_lab_is_told_from_a_missing_package(command, tmp_path):
    done = vasa(["vasa_core.lab"], command, tmp_path)
    assert done.returncode == 2
    assert "archive" in done.stderr and "pip install" not in done.stderr


def test_the_gallery_needs_no_extra(tmp_path):
    """Jinja comes with torch."""
    done = vasa(["scipy", "skimage", "matplotlib"], "gallery", tmp_path)
    assert done.returncode == 2 and "no portraits/INDEX.json" in done.stderr


def test_speech_is_as_long_as_sync_needs():
    from vasa_core.lab.scorers.sync import MAX_LAG

    assert media.SHORTEST >= 2 * MAX_LAG / 25 + 1
