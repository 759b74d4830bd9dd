"""The archive that ComfyUI's registry would publish: what runs, and nothing that scanners block."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # which pytest brings there

ROOT = Path(__file__).resolve().parents[1]
TOP = {
    *("__init__.py", "nodes", "vasa_core", "web", "locales", "workflows"),
    *("pyproject.toml", "requirements.txt", "README.md", "LICENSE"),
}
SUFFIXES = {
    *(".py", ".typed", ".js", ".json", ".md", ".toml", ".txt", ""),
    *(".png", ".jpg", ".flac", ".safetensors", ".css"),
}
BLOCKED = re.compile(
    r"subprocess|os\.environ|os\.system|os\.popen|getenv|importlib|__import__|urllib|requests"
    r"|http\.client|import socket|\beval\(|\.eval\(|\bexec\(|pickle|marshal|ctypes|base64"
    r"|new Function|\.connect\(|XMLHttpRequest|https?://(?!www\.w3\.org|cv\.iptc\.org)"
)


def git(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"the file list comes from git: {done.stderr.strip()}")
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def archive() -> list[str]:
    """What is in git and not in .comfyignore."""
    ignored = git("ls-files", "--cached", "--ignored", "--exclude-from=.comfyignore")
    return sorted(set(git("ls-files")) - set(ignored))


def test_only_runtime_files_are_in_it(archive):
    assert {name.split("/")[0] for name in archive} == TOP
    assert {Path(name).suffix for name in archive} <= SUFFIXES
    assert not [name for name in archive if "/lab/" in name or "test" in name]
    assert sum((ROOT / name).stat().st_size for name in archive) < 25e6


def test_nothing_in_it_alarms_the_scanner(archive):
    found = {}
    for name in archive:
        if Path(name).suffix in (".py", ".js"):
            lines = (ROOT / name).read_text().splitlines()
            assert max(map(len, lines), default=0) < 200, f"{name} looks minified"
            hits = [line.strip() for line in lines if BLOCKED.search(line)]
            if hits:
                found[name] = hits
    assert not found


def test_the_scan_would_see_it():
    for line in ("import subprocess", "x = eval(y)", "net.eval()", "node.connect(0, b, 0)"):
        assert BLOCKED.search(line)


def test_the_archive_alone_does_the_main_job(archive, tmp_path):
    for name in archive:
        target = tmp_path / "pack" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    command = "import sys; sys.argv = ['vasa', 'demo', '--size', '128', '-o', 'x.mp4']; "
    command += "from vasa_core.cli import main; import vasa_core; print(vasa_core.__file__); main()"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=tmp_path / "pack", capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout and (tmp_path / "pack" / "x.mp4").stat().st_size > 10000


def test_the_registry_finds_what_it_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    comfy, about = project["tool"]["comfy"], project["project"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", about["version"])
    assert "comfyui" not in about["name"].lower() and comfy["DisplayName"]
    needed = (ROOT / "requirements.txt").read_text().split()
    assert needed == about["dependencies"]
    published = [comfy["PublisherId"], comfy["Icon"], comfy["Banner"], about.get("urls")]
    assert all(published) or not any(published), "publishing is filled in by halves"


def test_the_version_is_one():
    import vasa_core

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert vasa_core.__version__ == project["version"]
    assert f"## {vasa_core.__version__}" in (ROOT / "CHANGELOG.md").read_text()
