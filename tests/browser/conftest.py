"""ComfyUI in a real browser, with the frontend that this ComfyUI pins and with a newer one, there
with Vue nodes too. Screenshots are kept in out/screenshots.
"""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "out" / "screenshots"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
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


WATCH = """(window.vasaSeen = false, new MutationObserver(() => {
  if (document.querySelector("[data-vasa='live-preview']")) window.vasaSeen = true;
}).observe(document.body, {childList: true, subtree: true}), true)"""


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
        """Through the dialog, as a user would; what its file holds."""
        saved = json.loads((ROOT / f"workflows/{name}.json").read_text())
        self.eval("app.extensionManager.command.execute('Comfy.BrowseTemplates')")
        self.page.get_by_text("ComfyUI-VASA").first.click()
        card = self.page.get_by_test_id(f"template-workflow-{name}")
        shown = self.page.locator("[data-testid^='template-workflow-']")
        shown.first.wait_for()
        if not card.count():  # a dozen is shown at first, more when the last one comes into view
            shown.last.scroll_into_view_if_needed()
        card.wait_for()
        self.page.wait_for_timeout(500)
        self.shot("templates")
        card.click()
        self.page.wait_for_timeout(1500)
        if card.is_visible():  # more cards came in and it moved away under the click
            card.click()
        wanted = sorted(node["type"] for node in saved["nodes"])
        types = "app.graph.nodes.map((node) => node.type).sort()"
        self.page.wait_for_function(
            f"(x) => JSON.stringify({types}) === x", arg=json.dumps(wanted, separators=(",", ":"))
        )
        self.page.wait_for_timeout(500)
        return saved

    def run(self, status="success"):
        """Press Run and wait; whether frames were shown meanwhile."""
        before = set(self.history())
        self.eval(WATCH)  # frames may come and go between two looks
        self.page.get_by_role("button", name="Run").first.click()
        for _ in range(300):
            self.page.wait_for_timeout(200)
            new = [entry for name, entry in self.history().items() if name not in before]
            if new:
                self.page.wait_for_timeout(1000)
                assert new[0]["status"]["status_str"] == status, new[0]["status"]["messages"]
                return self.eval("window.vasaSeen")
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
