"""The pack as an artist meets it: ComfyUI in a real browser, with the frontend that this ComfyUI
pins and with a newer one, there with Vue nodes too. Screenshots are kept in out/screenshots.
"""

import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.comfyui, pytest.mark.browser]

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "out" / "screenshots"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
PLAIN = ["talking_portrait", "one_motion_three_portraits", "save_and_reuse_motion"]
PACK = "/extensions/ComfyUI-VASA/"


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright is installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["pinned", "newest", "vue"])
def ui(request, browser):
    """An open ComfyUI, in each of the frontends."""
    server = "server" if request.param == "pinned" else "newest_server"
    ui = Canvas(browser, request.getfixturevalue(server).url, request.param)
    yield ui
    ui.page.close()


class Canvas:
    """ComfyUI's page."""

    def __init__(self, browser, url, name):
        self.url, self.name, self.errors = url, name, []
        self.page = browser.new_page(viewport={"width": 1700, "height": 1000})
        self.page.on("pageerror", lambda error: self.note(f"{error}\n{error.stack}"))
        self.page.on("console", lambda message: message.type == "error" and self.note(
            f"{message.text} {message.location}"
        ))  # fmt: skip
        local = (url, "data:", "blob:")
        self.page.route(
            "**/*", lambda r: r.continue_() if r.request.url.startswith(local) else r.abort()
        )
        self.page.goto(url, wait_until="domcontentloaded")
        self.page.wait_for_function("window.app?.graph && window.app.extensionManager")
        self.page.wait_for_timeout(3000)
        vue = "true" if name == "vue" else "false"
        self.eval(f"app.extensionManager.setting.set('Comfy.VueNodes.Enabled', {vue})")

    def note(self, text):
        """Keep an error that is ours."""
        if PACK in text:
            self.errors.append(text)

    def eval(self, code, argument=None):
        """The value of a JavaScript expression; ``x`` is the argument."""
        return self.page.evaluate(f"async (x) => {code}", argument)

    def shot(self, name):
        """Keep a picture of the page."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}-{self.name}.png")

    def open_template(self, name):
        """Through the dialog, as a user would."""
        self.eval("app.extensionManager.command.execute('Comfy.BrowseTemplates')")
        self.page.get_by_text("ComfyUI-VASA").first.click()
        card = self.page.get_by_test_id(f"template-workflow-{name}")
        card.wait_for()
        self.page.wait_for_timeout(500)
        self.shot("templates")
        card.click()
        wanted = sorted(
            node["type"]
            for node in json.loads((ROOT / f"workflows/{name}.json").read_text())["nodes"]
        )
        types = "app.graph.nodes.map((node) => node.type).sort()"
        self.page.wait_for_function(
            f"(x) => JSON.stringify({types}) === x", arg=json.dumps(wanted, separators=(",", ":"))
        )
        self.page.wait_for_timeout(500)

    def run(self, status="success"):
        """Press Run and wait; whether frames were shown meanwhile."""
        before, seen = set(self.history()), False
        self.page.get_by_role("button", name="Run").first.click()
        for _ in range(300):
            self.page.wait_for_timeout(200)
            seen = seen or self.page.locator("[data-vasa='live-preview']").count() > 0
            new = [entry for name, entry in self.history().items() if name not in before]
            if new:
                self.page.wait_for_timeout(1000)
                assert new[0]["status"]["status_str"] == status, new[0]["status"]["messages"]
                return seen
        raise AssertionError("nothing ran within a minute")

    def played(self):
        """Play the videos in view; whether there are any and all of them run."""
        videos = "[...document.querySelectorAll('video')].filter((video) => video.controls)"
        self.page.wait_for_function(f"() => {videos}.length > 0")
        self.eval(f"Promise.all({videos}.map((video) => video.play()))")
        self.page.wait_for_timeout(800)
        seen = self.eval(f"{videos}.map((video) => [video.videoWidth, video.currentTime])")
        return all(width > 200 and seconds > 0.2 for width, seconds in seen)

    def history(self):
        return self.eval("(await fetch('/history')).json()")

    def show(self, kind):
        """Bring the node of a class into view, in its own size."""
        node = f"app.graph.nodes.find((node) => node.type === '{kind}')"
        self.eval(f"(app.canvas.ds.scale = 1, app.canvas.centerOnNode({node}))")
        self.page.wait_for_timeout(700)

    def widgets(self, kind):
        """The values of a node's widgets."""
        node = f"app.graph.nodes.find((node) => node.type === '{kind}')"
        return self.eval(
            f"Object.fromEntries({node}.widgets.map((w) => [w.name, w.value ?? null]))"
        )

    def view(self, name):
        """One of the pack's own elements."""
        return self.page.locator(f"[data-vasa='{name}']").first


@pytest.mark.parametrize("name", PLAIN)
def test_a_template_opens_runs_and_plays(ui, name):
    ui.open_template(name)
    ui.show("VASARenderVideo")
    live = ui.run()
    ui.shot(name)
    assert live, "no frame was shown while rendering"
    assert ui.played() and not ui.errors


def test_without_a_checkpoint_the_template_says_what_to_install(ui):
    ui.open_template("generated_portrait")
    ui.page.wait_for_timeout(1000)
    ui.shot("generated_portrait")
    assert ui.page.get_by_text("v1-5-pruned-emaonly-fp16.safetensors").count() > 0
    assert not ui.errors
    ui.page.keyboard.press("Escape")


def test_the_gaze_pad_and_the_emotions_set_the_values(ui):
    ui.open_template("steered_portrait")
    ui.show("VASATalkingControls")
    pad = ui.view("gaze-pad")
    box = pad.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    ui.page.mouse.move(x, y)
    ui.page.mouse.down()
    ui.page.mouse.move(x - box["width"] / 4, y - box["height"] / 4, steps=5)
    ui.page.mouse.up()
    values = ui.widgets("VASATalkingControls")
    assert values["gaze_yaw"] < -8 and values["gaze_pitch"] > 4
    ui.view("emotion-surprised").click()
    ui.page.wait_for_timeout(300)
    assert ui.widgets("VASATalkingControls")["emotion"] == "surprised"
    assert float(pad.get_attribute("data-yaw")) == values["gaze_yaw"]
    ui.shot("controls")
    prompt = ui.eval("(await app.graphToPrompt()).output")
    (sent,) = (n["inputs"] for n in prompt.values() if n["class_type"] == "VASATalkingControls")
    assert sent["emotion"] == "surprised" and sent["gaze_yaw"] == values["gaze_yaw"]
    assert "gaze_pad" not in sent
    pad.dblclick()
    assert ui.widgets("VASATalkingControls")["gaze_yaw"] == 0
    assert not ui.errors


def test_what_was_set_survives_saving_and_loading(ui):
    ui.open_template("steered_portrait")
    set_lips = "app.graph.nodes.find((n) => n.type === 'VASATalkingControls').widgets"
    ui.eval(f"{set_lips}.find((w) => w.name === 'lips').value = 0.4")
    ui.eval("app.loadGraphData(JSON.parse(JSON.stringify(app.graph.serialize())), true, true)")
    ui.page.wait_for_timeout(1000)
    values = ui.widgets("VASATalkingControls")
    assert values["lips"] == 0.4 and values["gaze_yaw"] == 12 and values["emotion"] == "happy"
    assert values["keyframes"].startswith("distance:") and values["list_fps"] == 25


def test_the_timeline_is_drawn_and_scrubs(ui):
    ui.open_template("steered_portrait")
    ui.show("VASARenderVideo")
    ui.run()
    assert ui.played()
    ui.shot("steered_portrait")
    ui.show("VASAPreviewMotion")
    timeline = ui.view("timeline")
    ui.page.wait_for_function(
        "document.querySelector(\"[data-vasa='timeline']\")?.dataset.state === 'ready'"
    )
    assert timeline.get_attribute("data-frames") == "221"
    inked = ui.eval(
        "(() => { const c = document.querySelector(\"[data-vasa='timeline-plot'] canvas\");"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " return d.filter((v, i) => i % 4 === 3 && v > 100).length / (c.width * c.height); })()"
    )
    assert 0.02 < inked < 0.95
    frames = []
    box = ui.view("timeline-plot").bounding_box()
    for share in (0.25, 0.75):
        ui.page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        ui.page.wait_for_timeout(600)
        frames.append(int(timeline.get_attribute("data-frame")))
    assert abs(frames[0] - 55) < 6 and abs(frames[1] - 166) < 6
    ui.shot("timeline")
    face = "document.querySelector(\"[data-vasa='timeline-stage'] video\").currentTime"
    assert abs(ui.eval(face) - frames[1] / 25) < 0.1
    ui.view("timeline-play").click()
    ui.page.wait_for_timeout(900)
    assert int(timeline.get_attribute("data-frame")) != frames[1]
    assert not ui.errors


def test_bad_input_is_explained_in_a_dialog(ui, tmp_path):
    ui.open_template("talking_portrait")
    ui.eval(
        "(() => { const g = app.graph, made = LiteGraph.createNode('EmptyImage');"
        " const portrait = g.nodes.find((n) => n.type === 'VASAEncodePortrait');"
        " g.add(made); made.connect(0, portrait, 'image');"
        " })()"
    )
    ui.run(status="error")
    details = ui.page.get_by_text("View details")
    if details.count():  # newer frontends show the message one click away
        details.first.click()
        ui.page.wait_for_timeout(500)
    ui.shot("error")
    assert ui.page.get_by_text("No face in this 512x512 image").count() > 0
    ui.page.keyboard.press("Escape")


def test_the_help_page_is_shown_with_its_picture(ui):
    page = ui.eval(
        "(await fetch('/extensions/ComfyUI-VASA/docs/VASATalkingControls/en.md')).text()"
    )
    assert "gaze" in page
    picture = "(await fetch('/extensions/ComfyUI-VASA/docs/VASATalkingControls/node.png')).status"
    assert ui.eval(picture) == 200
