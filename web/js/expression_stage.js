// A face that shows what a node's sliders say, and that is dragged: a view over number widgets.

import { LiveFace } from "./live_face.js";
import * as views from "./node_views.js";
import { text } from "./texts.js";

const MIN_HEIGHT = 300; // pixels
const HEAD = ["yaw", "pitch"]; // what moves to the right, and up
const GAZE = ["gaze_yaw", "gaze_pitch"];

/** The face in one node. `show(output)` takes what the node's execution said. */
export class ExpressionStage {
  constructor(node, rest) {
    Object.assign(this, { node, rest, output: null, runs: 0 });
    this.live = new LiveFace((answer) => this.tell(answer));
    this.build();
    this.makeMovable(this.face, this.face, HEAD);
    this.makeMovable(this.pad, this.field, GAZE);
    this.reset.addEventListener("pointerdown", (event) => event.stopPropagation());
    this.reset.addEventListener("click", () => this.set(this.rest));
    this.say("empty", text("Run once to see the face"));
    this.follow = views.onChange(
      () => ({ values: this.values(), runs: this.runs }),
      ({ values }) => this.draw(values),
    );
    this.widget = views.addView(node, "expression_face", this.element, {
      minHeight: MIN_HEIGHT,
      update: () => this.update(),
    });
  }

  build() {
    const { html } = views;
    this.image = html("img", { class: "vasa-picture", alt: "", draggable: false });
    this.note = html("div", { class: "vasa-message", "data-vasa": "expression-message" });
    const gaze = text("Gaze: drag, or use the arrow keys; double-click looks ahead");
    this.field = html("div", { class: "vasa-field", "data-vasa": "expression-gaze" },
      html("div", { class: "vasa-dot" })); // prettier-ignore
    this.pad = html("div",
      { class: "vasa-look", tabindex: 0, role: "application", "aria-label": gaze, title: gaze },
      this.field); // prettier-ignore
    const head = text("Head: drag (with Shift the gaze) or arrow keys; double-click looks ahead");
    this.face = html("div",
      { class: "vasa-stage", "data-vasa": "expression-face", tabindex: 0,
        role: "application", "aria-label": head, title: head },
      this.image, this.note, this.pad); // prettier-ignore
    this.reset = html("button",
      { type: "button", class: "vasa-reset", "data-vasa": "expression-reset" },
      text("Reset")); // prettier-ignore
    this.element = html("div", { class: "vasa-expression", "data-vasa": "expression" },
      this.face, this.reset); // prettier-ignore
  }

  /** Show a node's output: in `expression`, the face's name and the values that it ran with. */
  show(output) {
    this.output = output;
    this.runs += 1;
  }

  /** Before each repaint: keep up with the widgets and with what has run. */
  update() {
    const kept = this.output ? null : views.keptOutput(this.node, "expression");
    if (kept) this.show(kept);
    this.follow();
  }

  /** What the sliders say; where a link is in charge, what it said at the last run. */
  values() {
    const ran = this.output?.expression[0].values ?? this.rest;
    const now = (name) =>
      views.isLinked(this.node, name) ? ran[name] : views.widgetOf(this.node, name).value;
    return Object.fromEntries(Object.keys(this.rest).map((name) => [name, now(name)]));
  }

  draw(values) {
    const [x, y] = GAZE.map((name) => (values[name] - this.least(name)) / this.span(name));
    this.pad.style.setProperty("--x", x);
    this.pad.style.setProperty("--y", 1 - y);
    if (this.output) this.live.ask(this.output.expression[0].face, values);
  }

  tell({ state, picture }) {
    if (picture) {
      URL.revokeObjectURL(this.image.src);
      this.image.src = URL.createObjectURL(picture);
      this.say("ready", "");
    } else if (state === "busy") {
      this.say(state, text("The face follows after the run"));
    } else if (state === "gone") {
      this.say(state, text("Run again to see the face"));
    } else {
      this.say("failed", text("The server gives no picture"));
    }
  }

  say(state, message) {
    this.element.dataset.state = state;
    this.note.textContent = message;
  }

  /** Dragging over an area, double-click and keys that move a pair of values, right and up. */
  makeMovable(element, area, pair) {
    let from = null;
    const move = (x, y, event) => {
      if (event.type === "pointerdown") from = this.grasp(x, y, event.shiftKey ? GAZE : pair);
      from(x, y);
    };
    views.onDrag(area, move, views.endEdit);
    const ahead = () => this.set(Object.fromEntries(pair.map((name) => [name, this.rest[name]])));
    element.addEventListener("dblclick", (event) => {
      event.stopPropagation();
      ahead();
    });
    const by = (right, up) => (event) => {
      const steps = event.shiftKey ? 10 : 1;
      const moved = [right, up].map((way, i) => [pair[i], this.moved(pair[i], way * steps)]);
      this.set(Object.fromEntries(moved));
    };
    views.onKey(element, {
      ArrowLeft: by(-1, 0), ArrowRight: by(1, 0), ArrowUp: by(0, 1), ArrowDown: by(0, -1),
      Home: ahead,
    }); // prettier-ignore
  }

  /** A function that moves a pair of values as far as the pointer has gone since now. */
  grasp(x0, y0, [across, up]) {
    const before = this.values();
    return (x, y) => {
      this.put(across, before[across] + (x - x0) * this.span(across));
      this.put(up, before[up] - (y - y0) * this.span(up));
    };
  }

  put(name, value) {
    if (!views.isLinked(this.node, name)) views.setValue(this.node, name, value);
  }

  set(values) {
    for (const [name, value] of Object.entries(values)) this.put(name, value);
    views.endEdit();
  }

  moved(name, steps) {
    const { value, options } = views.widgetOf(this.node, name);
    return value + steps * views.stepOf(options);
  }

  least(name) {
    return views.widgetOf(this.node, name).options.min;
  }

  span(name) {
    return views.widgetOf(this.node, name).options.max - this.least(name);
  }
}
