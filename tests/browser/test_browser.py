"""The pack as an artist meets it: templates that open and run, views in nodes, help, errors."""

import pytest

pytestmark = [pytest.mark.comfyui, pytest.mark.browser]

PLAIN = ["one_motion_three_portraits", "save_and_reuse_motion"]
SHORTENED = {"dialogue": "VASARenderDialogue", "dubbing": "VASADubVideo"}
OPENED = ["controls_sweep", "driving_video", "expression_editor", "few_shot", *PLAIN, *SHORTENED]
in_one_frontend = pytest.mark.parametrize("ui", ["pinned"], indirect=True)
SHORTEN = """app.graph.nodes.forEach((node) => node.widgets?.forEach((widget) => {
  const kept = {TrimAudioDuration: "duration", VASAEditMotion: "end"};
  if (kept[node.type] === widget.name) widget.value = 1.2;
}))"""


def opens_runs_and_plays(ui, name):
    ui.open_template(name)
    ui.show("VASARenderVideo")
    live = ui.run()
    ui.shot(name)
    assert live, "no frame was shown while rendering"
    assert ui.played() and not ui.errors


def test_the_first_template_opens_runs_and_plays(ui):
    opens_runs_and_plays(ui, "talking_portrait")


@in_one_frontend
@pytest.mark.parametrize("name", PLAIN)
def test_a_template_opens_runs_and_plays(ui, name):
    opens_runs_and_plays(ui, name)


@in_one_frontend
@pytest.mark.parametrize("name", SHORTENED)
def test_a_shortened_template_runs_and_plays(ui, name):
    ui.open_template(name)
    ui.shot(f"{name}-open")
    ui.eval(SHORTEN)
    ui.show(SHORTENED[name])
    ui.run()
    ui.shot(name)
    assert ui.played() and not ui.errors


@pytest.mark.parametrize("name", OPENED)
def test_a_template_opens_with_the_values_it_was_saved_with(ui, name):
    saved = ui.open_template(name)
    ui.shot(f"{name}-open")
    values = ui.eval(
        "app.graph.nodes.map((n) => [Number(n.id), n.serialize().widgets_values ?? []])"
    )
    assert dict(values) == {node["id"]: node.get("widgets_values", []) for node in saved["nodes"]}
    assert not ui.errors


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
