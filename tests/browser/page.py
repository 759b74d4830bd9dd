"""ComfyUI's page in a browser, for what is made from it: workflows and pictures."""

import json
import urllib.request
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

WAIT = 240  # seconds for a run

BUILD = """
async ({nodes, notes, models}) => {
  const prompt = {};
  for (const [id, n] of Object.entries(nodes)) {
    const inputs = {};
    for (const [k, v] of Object.entries(n.inputs))
      inputs[k] = Array.isArray(v) ? [String(v[0]), v[1]] : v;
    prompt[id] = {class_type: n.class_type, inputs};
  }
  await app.loadApiJson(prompt, "workflow");
  for (const [id, n] of Object.entries(nodes)) {
    const made = app.graph.getNodeById(Number(id));
    made.pos = n.at;
    const least = made.computeSize();
    made.setSize([Math.max(n.size[0], least[0]), Math.max(n.size[1], least[1])]);
    for (const w of made.widgets ?? [])
      if (w.name === "control_after_generate") w.value = "fixed";
    if (models[n.class_type]?.length) made.properties.models = models[n.class_type];
  }
  for (const n of notes.filter((n) => n.text)) {
    const made = LiteGraph.createNode("MarkdownNote");
    made.pos = n.at; made.size = n.size;
    made.widgets[0].value = n.text;
    app.graph.add(made);
  }
  for (const n of notes.filter((n) => n.holds)) {
    const made = new LiteGraph.LGraphGroup(n.title);
    const held = n.holds.map((id) => app.graph.getNodeById(Number(id)));
    const [left, top] = [0, 1].map((i) => Math.min(...held.map((node) => node.pos[i])));
    const [right, bottom] = [0, 1].map(
      (i) => Math.max(...held.map((node) => node.pos[i] + node.size[i])));
    const [edge, titles, more] = [20, 80, 90]; // Vue draws nodes a little longer than they say
    made.pos = [left - edge, top - titles];
    made.size = [right - left + 2 * edge, bottom - top + titles + more];
    app.graph.add(made);
  }
  app.canvas.ds.reset();
  const made = app.graph.serialize();
  made.extra = {};
  return JSON.stringify(made);
}
"""


@contextmanager
def opened(url):
    """ComfyUI's page."""
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 2000, "height": 1200})
        here = ("data:", "blob:", url)
        page.route("**/*", lambda r: r.continue_() if r.request.url.startswith(here) else r.abort())
        page.goto(url, wait_until="domcontentloaded")
        page.wait_for_function("window.app?.graph && window.app.extensionManager", timeout=120_000)
        page.wait_for_timeout(3000)
        page.keyboard.press("Escape")  # a dialog, at the first visit
        yield page
        browser.close()


def run(page, url):
    """Queue what is on the canvas; the videos it made, by node."""
    before = set(history(url))
    page.evaluate("() => app.queuePrompt(0, 1)")
    for _ in range(2 * WAIT):
        page.wait_for_timeout(500)
        new = set(history(url)) - before
        if new:
            (entry,) = (history(url)[name] for name in new)
            assert entry["status"]["status_str"] == "success", entry["status"]["messages"][-1]
            shown = sorted(entry["outputs"].items(), key=lambda item: int(item[0]))
            films = {int(key): out["images"][0] for key, out in shown if out.get("animated")}
            return {key: film for key, film in films.items() if film["type"] == "temp"}
    raise RuntimeError(f"no result in {WAIT} seconds")


def history(url):
    """What the server has run."""
    return json.loads(fetch(f"{url}/history"))


def fetch(address):
    """The bytes at an address."""
    with urllib.request.urlopen(address) as answer:
        return answer.read()
