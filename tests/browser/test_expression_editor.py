"""The expression editor as an artist meets it: the face follows the sliders without a run."""

import pytest

pytestmark = [pytest.mark.comfyui, pytest.mark.browser]

NODE = "VASAExpressionEditor"
PROMPT = {
    "1": {
        "class_type": "VASALoadModel",
        "inputs": {"model": "mesh (embedded)", "device": "default"},
    },
    "2": {"class_type": "VASASamplePortraitAndSpeech", "inputs": {"portrait": "mira"}},
    "3": {
        "class_type": "VASAEncodePortrait",
        "inputs": {"model": ["1", 0], "image": ["2", 0], "face": 1},
    },
    "4": {"class_type": NODE, "inputs": {"portrait": ["3", 0]}},
}
# The picture in the node, small: 32 x 32 brightnesses.
PIXELS = """(() => {
  const image = document.querySelector("[data-vasa='expression-face'] img");
  if (!image?.naturalWidth) return null;
  const canvas = Object.assign(document.createElement('canvas'), {width: 32, height: 32});
  const pen = canvas.getContext('2d');
  pen.drawImage(image, 0, 0, 32, 32);
  return [...pen.getImageData(0, 0, 32, 32).data].filter((_, i) => i % 4 === 1);
})()"""


def middle(box):
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


class Editor:
    """The node on a canvas."""

    def __init__(self, ui):
        self.ui = ui
        ui.eval("app.loadApiJson(x, 'expression')", PROMPT)
        ui.page.wait_for_function(f"() => app.graph.nodes.some((n) => n.type === '{NODE}')")
        ui.eval("app.graph.arrange()")
        ui.show(NODE)

    def state(self, *states):
        """Wait for one of the states."""
        self.ui.page.wait_for_function(
            "(x) => x.includes(document.querySelector(\"[data-vasa='expression']\").dataset.state)",
            arg=states,
        )

    def numbers(self):
        """The values of the node's sliders."""
        values = self.ui.widgets(NODE)
        return {name: value for name, value in values.items() if isinstance(value, (int, float))}

    def value(self, name):
        return self.ui.widgets(NODE)[name]

    def changed(self, before):
        """Wait for another picture than before, and until it stays."""
        self.ui.page.wait_for_function(
            f"(x) => {PIXELS}?.some((value, i) => Math.abs(value - x[i]) > 20)", arg=before
        )
        self.ui.page.wait_for_timeout(600)
        return self.ui.eval(PIXELS)

    def drag(self, name, right, down, shift=False):
        """Drag over a view by shares of its size, from its middle."""
        box, keyboard = self.ui.view(name).bounding_box(), self.ui.page.keyboard
        if shift:
            keyboard.down("Shift")
        self.pull(*middle(box), right * box["width"], down * box["height"])
        if shift:
            keyboard.up("Shift")

    def pull(self, x, y, right, down=0):
        """Press, move by pixels and let go."""
        mouse = self.ui.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + right, y + down, steps=6)
        mouse.up()

    def slide(self, name):
        """Drag a slider from its middle almost to its end."""
        if self.ui.name == "vue":
            names = list(self.numbers())
            thumb = self.ui.page.locator("[role='slider']").nth(names.index(name))
            self.pull(*middle(thumb.bounding_box()), 60)
            return
        left, y, width = self.ui.eval(
            f"""(() => {{
              const node = app.graph.nodes.find((node) => node.type === '{NODE}');
              const widget = node.widgets.find((widget) => widget.name === x);
              const [left, top] = app.canvas.ds.convertOffsetToCanvas([
                node.pos[0] + 15, node.pos[1] + widget.y + 10]);
              const box = app.canvas.canvas.getBoundingClientRect();
              return [box.x + left, box.y + top, (node.size[0] - 30) * app.canvas.ds.scale];
            }})()""",
            name,
        )
        self.pull(left + 0.5 * width, y, 0.45 * width)


@pytest.fixture(scope="module")
def editor(ui):
    return Editor(ui)


def test_before_a_run_the_view_says_what_to_do(editor):
    editor.state("empty")
    note = editor.ui.view("expression-message")
    assert note.inner_text() == "Run once to see the face"
    prompt = editor.ui.eval("(await app.graphToPrompt()).output")
    (sent,) = (node["inputs"] for node in prompt.values() if node["class_type"] == NODE)
    assert sent["smile"] == 0 and sent["distance"] == 1 and "expression_face" not in sent


def test_the_face_follows_the_sliders_without_a_run(editor):
    ui = editor.ui
    ui.run()
    ui.show(NODE)
    editor.state("ready")
    rest, ran = ui.eval(PIXELS), set(ui.history())
    ui.shot("expression-rest")
    editor.slide("mouth_open")
    assert editor.value("mouth_open") > 0.6
    laughing = editor.changed(rest)
    ui.shot("expression-open")
    editor.drag("expression-face", 0.25, -0.2)
    assert 10 < editor.value("yaw") < 20 and 4 < editor.value("pitch") < 12
    turned = editor.changed(laughing)
    editor.drag("expression-gaze", -0.4, 0)
    assert editor.value("gaze_yaw") < -15 and 10 < editor.value("yaw") < 20
    editor.drag("expression-face", 0, -0.3, shift=True)
    assert editor.value("gaze_pitch") > 8 and 4 < editor.value("pitch") < 12
    ui.page.wait_for_timeout(800)
    ui.shot("expression-turned")
    ui.view("expression-reset").click()
    values = editor.numbers()
    assert values.pop("distance") == 1 and not any(values.values())
    back = editor.changed(turned)
    assert max(abs(a - b) for a, b in zip(rest, back, strict=True)) < 12
    assert set(ui.history()) == ran, "something was queued"
    assert not ui.errors


def test_the_keyboard_turns_the_head_and_the_eyes(editor):
    ui = editor.ui
    ui.view("expression-face").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        ui.page.keyboard.press(key)
    assert editor.value("yaw") == 1 and editor.value("pitch") == 5
    ui.page.keyboard.press("Tab")  # to the eyes
    ui.page.keyboard.press("Shift+ArrowLeft")
    assert editor.value("gaze_yaw") == -5 and editor.value("yaw") == 1
    ui.page.keyboard.press("Home")
    assert editor.value("gaze_yaw") == 0
    ui.view("expression-face").dblclick(position={"x": 20, "y": 20})
    assert editor.value("yaw") == editor.value("pitch") == 0


def test_a_value_that_comes_by_a_link_is_left_alone(editor):
    ui = editor.ui
    ui.eval(
        "(() => { const made = LiteGraph.createNode('PrimitiveFloat'); app.graph.add(made);"
        " made.widgets[0].value = 15;"
        f" made.connect(0, app.graph.nodes.find((n) => n.type === '{NODE}'), 'yaw'); }})()"
    )
    before = ui.eval(PIXELS)
    ui.run()
    ui.show(NODE)
    turned = editor.changed(before)  # as it ran
    editor.drag("expression-face", -0.3, 0.3)
    assert editor.value("yaw") == 0 and editor.value("pitch") < -8
    editor.changed(turned)
    assert not ui.errors


def test_the_words_are_in_the_users_language(editor):
    ui = editor.ui
    if ui.name != "pinned":
        pytest.skip("newer frontends offer the languages only that they have themselves")
    ui.eval("app.extensionManager.setting.set('Comfy.Locale', 'de')")
    try:
        ui.page.reload(wait_until="domcontentloaded")
        ui.page.wait_for_function("window.app?.graph && window.app.extensionManager")
        ui.page.wait_for_timeout(3000)
        fresh = Editor(ui)
        fresh.state("empty")
        assert "Gesicht" in ui.view("expression-message").inner_text()
    finally:
        ui.eval("app.extensionManager.setting.set('Comfy.Locale', 'en')")


def test_after_a_reload_the_face_is_back_with_the_next_run(editor):
    ui = editor.ui
    ui.page.reload(wait_until="domcontentloaded")
    ui.page.wait_for_function("window.app?.graph && window.app.extensionManager")
    ui.page.wait_for_timeout(3000)
    again = Editor(ui)
    again.state("empty")
    ui.run()
    ui.show(NODE)
    again.state("ready")
    assert ui.eval(PIXELS) and not ui.errors
