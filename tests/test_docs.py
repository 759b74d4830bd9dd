"""The documents: pages build, what they tell to type works, and what they name exists."""

import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import av
import pytest
import torch
from PIL import Image

import vasa_core
from vasa_core.assets import PORTRAITS, SPEECH
from vasa_core.audio.reader import read_audio
from vasa_core.cli import build_parser

yaml = pytest.importorskip("yaml", reason="PyYAML comes with the extra docs")

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")]
)
CARDS = sorted((ROOT / "vasa_core").rglob("*.md"))
SETTINGS = sorted(
    [*ROOT.glob("*.y*ml"), *ROOT.glob(".*.yaml"), *(ROOT / ".github").rglob("*.yml")]
    + [ROOT / "CITATION.cff"]
)
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
RENDERER = ROOT / "vasa_core/spaces/mesh/renderer"
PLACES = (ROOT, ROOT / "vasa_core", RENDERER, ROOT / "vasa_core/motion", ROOT / "vasa_core/lab")
ENDINGS = r"(?:py|md|json|safetensors|yml|toml|ipynb|jpg|png)"
# What a page may name though it is not in the repository: of ComfyUI, or made by a command.
MADE = {
    "utils.py",
    "extra_model_paths.yaml",
    "metrics.json",
    "recipe.json",
    "models/vasa",
    "node.png",
}
PLACEHOLDERS = re.compile(r"[A-Z]{3,}(?:_ID)?/|/[A-Z]{3,}\b|[*<]|NAME|STAGE|CODE")


def relative(paths) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shell_lines(page: Path) -> list[str]:
    lines = "".join(blocks(page, "bash")).replace("\\\n", " ").splitlines()
    return [part.strip() for line in lines for part in line.partition("  #")[0].split("&&")]


# Settings


@pytest.mark.parametrize("name", relative(SETTINGS))
def test_settings_are_valid_yaml(name):
    content = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    assert isinstance(content, dict) and content


@pytest.mark.parametrize("name", relative(WORKFLOWS))
def test_workflows_pin_their_actions_and_run_files_that_exist(name):
    workflow = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    assert {"name", True, "permissions", "jobs"} <= workflow.keys()  # YAML takes "on" for True
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v1)", step.get("uses", "a/b@v1"))
            files = re.findall(r"(?:^|\s)((?:\.ci|tests)/[\w./]+)", step.get("run", ""))
            assert not [file for file in files if not (ROOT / file).exists()]


def test_ci_covers_every_python_that_is_promised():
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["tests"]["strategy"]["matrix"]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (least,) = re.findall(r'requires-python = ">=([\d.]+)"', project)
    assert matrix["python"][0] == least and len(matrix["python"]) >= 4
    assert {system.partition("-")[0] for system in matrix["os"]} == {"ubuntu", "windows", "macos"}


def test_the_citation_is_complete_and_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["cff-version"] == "1.2.0" and cited["license"] == "Apache-2.0"
    assert cited["version"] == vasa_core.__version__
    assert cited["message"] and cited["title"] and cited["authors"][0]["name"]


def test_issue_forms_ask_for_what_a_bug_needs():
    forms = (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")
    forms = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in forms}
    assert forms.keys() == {"bug", "feature", "question", "config"}
    required = {
        field["id"]
        for field in forms["bug"]["body"]
        if field.get("validations", {}).get("required")
    }
    assert {"what", "how", "log", "version", "system"} <= required
    assert "comfyui" in {field.get("id") for field in forms["bug"]["body"]}


# Pages


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, check=False, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r'(?:src|href)="(?:https?:)?//[^"]+\.(?:js|css|woff2?)[^"]*"', text)
        assert not fetched, f"{page.name} fetches from elsewhere: {fetched}"


def test_the_reference_shows_every_public_name(tmp_path):
    for name in vasa_core.__all__:
        assert getattr(vasa_core, name).__doc__, name
    shown = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs/reference").glob("*.md"))
    modules = {f"vasa_core.pipelines.{path.stem}" for path in _public("pipelines")}
    modules |= {"vasa_core", "vasa_core.types", "vasa_core.interfaces"}
    assert not modules - set(re.findall(r"^::: (\S+)$", shown, re.MULTILINE))


def _public(folder: str) -> list[Path]:
    files = (ROOT / "vasa_core" / folder).glob("*.py")
    return [path for path in files if not path.name.startswith("_")]


@pytest.mark.parametrize("name", relative([*PAGES, *CARDS]))
def test_what_a_page_names_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    here = (ROOT / name).parent
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    assert not [link for link in links if not (here / link).exists()]
    named = re.findall(rf"`((?:[\w.-]+/)*[\w.-]+\.{ENDINGS}|(?:[\w.-]+/)+[\w.-]*)`", text)
    named = [path for path in named if path not in MADE and not PLACEHOLDERS.search(path)]
    known = ("vasa_core/", "tests/", "nodes/", "docs/", "web/", "locales/", ".ci/")
    paths = [path for path in named if path.startswith(known) or path.endswith(".py")]
    missing = [path for path in paths if not any((place / path).exists() for place in PLACES)]
    modules = re.findall(r"(?<![\w/])vasa_core(?:\.\w+)+", text)
    missing += [module for module in modules if not _is(module)]
    assert name == "CHANGELOG.md" or not missing


def _is(module: str) -> bool:
    """Whether a dotted name is a module of ours, or lies in the last module that it names."""
    path = ROOT
    for part in module.split("."):
        if not (path / part).is_dir():
            file = path / f"{part}.py"
            holds = (path / "__init__.py").read_text(encoding="utf-8")
            return file.is_file() or re.search(rf"\b{part}\b", holds) is not None
        path = path / part
    return True


@pytest.mark.parametrize("name", relative([*PAGES, *CARDS]))
def test_pages_and_model_cards_name_no_place_on_our_machines(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.findall(r"\S*(?:\bshared|/root|/home|/work|/tmp)/\S*", text)


@pytest.mark.parametrize("name", relative([*PAGES, *CARDS]))
def test_modules_that_a_page_runs_exist_and_have_the_options(name):
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    of_trainings = (ROOT / "vasa_core/lab/recipe.py").read_text(encoding="utf-8")
    run = r"(?:python3?|accelerate launch) -m (vasa_core[\w.]*)([^#`\n]*)"
    for module, line in re.findall(run, text):
        path = ROOT / module.replace(".", "/")
        path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        assert path.is_file(), module
        known = path.read_text(encoding="utf-8") + of_trainings
        missing = [o for o in re.findall(r"--[\w-]+", line) if f'"{o}"' not in known]
        assert not missing, f"{module} has no {missing}"


@pytest.mark.parametrize("name", relative(PAGES))
def test_commands_on_a_page_have_the_options_that_they_are_given(name, capsys):
    for line in shell_lines(ROOT / name):
        words = shlex.split(line)
        if words and words[0].rpartition("/")[2] == "vasa":
            try:
                build_parser().parse_args(words[1:])
            except SystemExit:
                pytest.fail(f"{line}: {capsys.readouterr().err}")


def test_every_subcommand_has_its_heading_and_its_help():
    parser = build_parser()
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    text = (ROOT / "docs/command.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"[\w]+", " ".join(re.findall(r"^## (.+)$", text, re.MULTILINE))))
    assert not set(commands.choices) - headings
    rows = set(re.findall(r"^\| \[`(\w+)`\]", text, re.MULTILINE))
    assert rows == set(commands.choices)


def test_every_node_and_template_is_on_the_comfyui_page():
    text = (ROOT / "docs/comfyui.md").read_text(encoding="utf-8")
    nodes = json.loads((ROOT / "locales/en/nodeDefs.json").read_text(encoding="utf-8"))
    assert not [n["display_name"] for n in nodes.values() if n["display_name"] not in text]
    table = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(table) == sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))


def test_every_weight_file_is_on_the_reproduce_page():
    text = (ROOT / "docs/reproduce.md").read_text(encoding="utf-8")
    files = [file for file in (ROOT / "vasa_core").rglob("weights/*.safetensors")]
    assert files
    assert not [name for name in relative(files) if f"`{name}`" not in text]


# Python


@pytest.fixture
def media(tmp_path, monkeypatch):
    """A folder with the files that snippets read, small and short."""
    monkeypatch.chdir(tmp_path)
    with Image.open(PORTRAITS["mira"]) as picture:
        picture.resize((160, 160)).save("face.jpg")
    samples, rate = read_audio(SPEECH)
    with av.open("voice.wav", "w") as file:
        stream = file.add_stream("pcm_s16le", rate=rate, layout="mono")
        part = (samples[: rate * 7 // 10] * 32767).to(torch.int16).numpy()[None]
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate = rate
        file.mux([*stream.encode(frame), *stream.encode(None)])
    return tmp_path


@pytest.mark.parametrize("name", ["README.md", "docs/library.md"])
def test_snippets_run_one_after_the_other(name, media):
    snippets = blocks(ROOT / name, "python")
    assert snippets
    names: dict = {}
    for snippet in snippets:
        exec(compile(snippet, name, "exec"), names)  # noqa: S102
    assert (media / "talk.mp4").stat().st_size > 1000
