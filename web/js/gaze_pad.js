// A face that looks where its dot is dragged: a view over two number widgets.

import { drawnFace } from "./drawn_face.js";
import * as views from "./node_views.js";
import { text } from "./texts.js";

const MIN_HEIGHT = 150;

/** Add the pad to a node with the widgets gaze_yaw and gaze_pitch. */
export function addGazePad(node) {
  const face = drawnFace();
  const dot = views.html("div", { class: "vasa-dot" });
  const lines = ["x", "y"].map((axis) => views.html("div", { class: `vasa-cross-${axis}` }));
  const field = views.html("div", { class: "vasa-field" }, ...lines, dot);
  const readout = views.html("div", { class: "vasa-readout" });
  const note = views.html("div", { class: "vasa-note" });
  const pad = views.html("div",
    { class: "vasa-pad", "data-vasa": "gaze-pad", tabindex: 0, role: "application",
      "aria-label": text("Gaze: drag, or use the arrow keys; double-click looks ahead") },
    face.element, field, readout, note); // prettier-ignore

  const draw = ({ yaw, pitch, emotion, strength, yawFrom, pitchFrom }) => {
    face.pose({ yaw, pitch, emotion, strength });
    const { min, max } = limits(node, "gaze_yaw");
    const vertical = limits(node, "gaze_pitch");
    field.style.setProperty("--x", (yaw - min) / (max - min));
    field.style.setProperty("--y", (vertical.max - pitch) / (vertical.max - vertical.min));
    readout.textContent = `${degrees(yaw, "←", "→")}  ${degrees(pitch, "↓", "↑")}`;
    const from = yawFrom || pitchFrom;
    note.textContent = from ? text(`from ${from}`) : "";
    pad.classList.toggle("vasa-foreign", Boolean(from));
    pad.ariaDisabled = String(Boolean(yawFrom && pitchFrom));
    Object.assign(pad.dataset, { yaw, pitch, emotion, strength, from: from ?? "" });
  };
  const set = (yaw, pitch) => {
    if (!source(node, "gaze_yaw")) views.setValue(node, "gaze_yaw", yaw);
    if (!source(node, "gaze_pitch")) views.setValue(node, "gaze_pitch", pitch);
  };
  makeMovable(node, field, set);
  addKeys(node, pad, set);
  return views.addView(node, "gaze_pad", pad, {
    minHeight: MIN_HEIGHT,
    update: views.onChange(() => read(node), draw),
  });
}

function read(node) {
  const value = (name) => views.widgetOf(node, name).value;
  return {
    yaw: value("gaze_yaw"),
    pitch: value("gaze_pitch"),
    emotion: value("emotion"),
    strength: value("emotion_strength"),
    yawFrom: source(node, "gaze_yaw"),
    pitchFrom: source(node, "gaze_pitch"),
  };
}

/** What is in charge of a control instead of its widget: "input", "keyframes" or null. */
function source(node, name) {
  const lines = views.widgetOf(node, "keyframes").value.split("\n");
  const named = lines.some((line) => line.split(":")[0].trim() === name);
  if (named && !views.isLinked(node, "keyframes")) return "keyframes";
  return views.isLinked(node, name) ? "input" : null;
}

function makeMovable(node, field, set) {
  const move = (x, y) => {
    const [yaw, pitch] = [limits(node, "gaze_yaw"), limits(node, "gaze_pitch")];
    set(yaw.min + x * (yaw.max - yaw.min), pitch.max - y * (pitch.max - pitch.min));
  };
  views.onDrag(field, move, views.endEdit);
  field.addEventListener("dblclick", (event) => {
    event.stopPropagation();
    set(0, 0);
    views.endEdit();
  });
}

function addKeys(node, pad, set) {
  const by = (right, up) => (event) => {
    const { yaw, pitch } = read(node);
    const steps = event.shiftKey ? 10 : 1;
    const step = (name) => steps * views.stepOf(limits(node, name));
    set(yaw + right * step("gaze_yaw"), pitch + up * step("gaze_pitch"));
    views.endEdit();
  };
  views.onKey(pad, {
    ArrowLeft: by(-1, 0), ArrowRight: by(1, 0), ArrowUp: by(0, 1), ArrowDown: by(0, -1),
    Home: () => { set(0, 0); views.endEdit(); },
  }); // prettier-ignore
}

const limits = (node, name) => views.widgetOf(node, name).options;

/** "→ 12.5°" */
function degrees(value, less, more) {
  const arrow = value < 0 ? less : value > 0 ? more : "·";
  return `${arrow} ${Math.abs(value).toFixed(1)}°`;
}
