"""What is imported when: librosa takes two seconds, and only training needs it."""

import subprocess
import sys

import pytest

START = {
    "the library": "import vasa_core",
    "every module outside the laboratory": """
import pkgutil, vasa_core
for module in pkgutil.walk_packages(vasa_core.__path__, "vasa_core."):
    if not module.name.startswith("vasa_core.lab") and not module.name.endswith("__main__"):
        __import__(module.name)
""",
    "the command's help": """
from vasa_core.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
""",
    "sound becoming features": """
import torch, vasa_core
model = vasa_core.load_motion_model()
assert len(model.features(torch.zeros(44100), 44100)) == 25
""",
}


@pytest.mark.parametrize("start", START)
def test_nothing_that_starts_slowly_is_imported(start):
    check = "import sys\nslow = {'librosa', 'numba', 'sklearn'} & set(sys.modules)\n"
    check += "sys.exit(str(slow) if slow else 0)"
    done = subprocess.run(
        [sys.executable, "-c", f"{START[start]}\n{check}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_filterbank_is_made_by_librosa():
    """So the test above would see it."""
    code = "import sys\nfrom vasa_core.audio.spectrum import mel_filters\nmel_filters()\n"
    code += "sys.exit('librosa' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
