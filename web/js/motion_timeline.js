// A motion to scrub through and to play: curves over the sound, and the face at the cursor.

import { api } from "../../../scripts/api.js";
import { clock, drawCurves, LANES, LANES_HEIGHT } from "./motion_curves.js";
import { DrawingStage, VideoStage } from "./motion_stage.js";
import * as views from "./node_views.js";
import { text } from "./texts.js";

const STAGE_HEIGHT = 150; // pixels at least
const MIN_HEIGHT = LANES_HEIGHT + STAGE_HEIGHT + 44;
const SHARPEST = 3; // device pixels per pixel

/** The timeline in one node. `show(output)` takes what the node's execution said. */
export class MotionTimeline {
  motion = null;
  held = 0; // the frame that was chosen
  frame = 0; // the frame that is shown: the chosen one, or the one below the pointer
  isPlaying = false;

  constructor(node, restored) {
    this.restored = restored;
    this.build();
    this.listen();
    this.say("empty", text("Run to see the motion"));
    views.addView(node, "motion_timeline", this.element, {
      minHeight: MIN_HEIGHT,
      update: () => this.update(),
    });
  }

  build() {
    const { html } = views;
    this.note = html("div", { class: "vasa-message", "data-vasa": "timeline-message" });
    this.stageBox = html("div", { class: "vasa-stage", "data-vasa": "timeline-stage" }, this.note);
    this.button = html("button",
      { type: "button", class: "vasa-play", "data-vasa": "timeline-play" }); // prettier-ignore
    this.time = html("span", { class: "vasa-time", "data-vasa": "timeline-time" });
    this.values = {};
    this.canvas = html("canvas", { class: "vasa-curves" });
    this.cursor = html("div", { class: "vasa-cursor" });
    this.plot = html("div",
      { class: "vasa-plot", "data-vasa": "timeline-plot", tabindex: 0, role: "slider",
        "aria-label": text("frame"), "aria-valuemin": 0 },
      this.canvas, this.cursor); // prettier-ignore
    this.element = html("div", { class: "vasa-timeline", "data-vasa": "timeline" },
      this.stageBox,
      html("div", { class: "vasa-transport" }, this.button, this.time),
      html("div", { class: "vasa-lanes" }, this.buildLegend(), this.plot)); // prettier-ignore
    this.element.style.setProperty("--lanes", `${LANES_HEIGHT}px`);
  }

  buildLegend() {
    const { html } = views;
    const entry = ({ name, title, color }) => {
      this.values[name] = html("b", { "data-vasa": `value-${name}` });
      const dot = html("i", { style: `background: ${color}` });
      return html("span", { class: "vasa-entry" }, dot, text(title), this.values[name]);
    };
    const lanes = LANES.map(({ title, height, curves }) =>
      html("div", { class: "vasa-lane", style: `height: ${height}px` },
        html("span", {}, text(title)), ...curves.map(entry)),
    ); // prettier-ignore
    return html("div", { class: "vasa-legend" }, ...lanes);
  }

  listen() {
    this.button.addEventListener("click", () => this.toggle());
    this.button.addEventListener("pointerdown", (event) => event.stopPropagation());
    const at = (x) => Math.min(Math.floor(x * this.frames), this.frames - 1);
    views.onDrag(this.plot, (x) => this.motion && this.hold(at(x)));
    this.plot.addEventListener("pointermove", (event) => {
      if (event.buttons || this.isPlaying || !this.motion) return;
      const box = this.plot.getBoundingClientRect();
      this.go(at((event.clientX - box.left) / box.width));
    });
    this.plot.addEventListener("pointerleave", () => {
      if (!this.isPlaying && this.motion) this.go(this.held);
    });
    const by = (frames) => () => this.motion && this.hold(this.held + frames);
    views.onKey(this.element, {
      ArrowLeft: by(-1), ArrowRight: by(1), PageUp: by(-10), PageDown: by(10),
      Home: by(-Infinity), End: by(Infinity),
    }); // prettier-ignore
    views.onKey(this.plot, { " ": () => this.toggle() }); // the button has its own
  }

  get frames() {
    return this.motion.frames;
  }

  /** Show a node's output: `timeline` and perhaps `face_video`, files in the temp folder. */
  async show(output) {
    this.output = output;
    this.stop();
    this.motion = null;
    this.say("loading", text("Loading"));
    const motion = await fetched(output.timeline[0]);
    const video = motion && output.face_video?.[0];
    let stage = video && new VideoStage(address(video), motion);
    if (!stage || !(await stage.ready())) stage = motion && new DrawingStage(motion);
    if (this.output !== output) return; // a newer one has come
    if (!motion) {
      this.say("missing", text("Run again to see the motion"));
      return;
    }
    this.motion = motion;
    this.stage = stage;
    this.drawn = null;
    this.stageBox.replaceChildren(stage.element, this.note);
    Object.assign(this.element.dataset, { frames: motion.frames, source: stage.kind });
    this.plot.ariaValueMax = String(motion.frames - 1);
    this.say("ready", "");
    this.hold(Math.min(this.held, motion.frames - 1));
  }

  /** Show a state, and a message in place of the face. */
  say(state, message) {
    this.element.dataset.state = state;
    this.note.textContent = message;
    this.button.disabled = state !== "ready";
    if (state !== "ready") {
      this.stageBox.replaceChildren(this.note);
      this.time.textContent = "";
      for (const name of ["frame", "frames", "source"]) delete this.element.dataset[name];
    }
    this.setPlaying(false);
  }

  /** Choose a frame; while playing, play on from there. */
  hold(frame) {
    this.held = Math.min(Math.max(frame, 0), this.frames - 1);
    if (this.isPlaying) this.stage.play(this.held);
    this.go(this.held);
  }

  /** Show a frame. */
  go(frame) {
    this.frame = frame;
    if (!this.isPlaying) this.stage.show(frame);
    const { fps, seconds, curves } = this.motion;
    this.cursor.style.left = `${(100 * (frame + 0.5)) / this.frames}%`;
    const count = `${text("frame")} ${frame + 1} / ${this.frames}`;
    this.time.textContent = `${clock(frame / fps)} / ${clock(seconds)}  ·  ${count}`;
    this.plot.ariaValueNow = String(frame);
    this.plot.ariaValueText = clock(frame / fps);
    this.element.dataset.frame = frame;
    for (const { curves: shown } of LANES) {
      for (const { name, unit, digits } of shown) {
        this.values[name].textContent = curves[name][frame].toFixed(digits) + unit;
      }
    }
  }

  toggle() {
    if (!this.motion) return;
    if (this.isPlaying) {
      this.stop();
      return;
    }
    const from = this.held === this.frames - 1 ? 0 : this.held;
    this.setPlaying(true);
    this.stage.play(from);
    this.go(from);
  }

  stop() {
    if (!this.isPlaying) return;
    this.setPlaying(false);
    this.stage.pause();
    this.hold(this.frame);
  }

  setPlaying(isPlaying) {
    this.isPlaying = isPlaying;
    this.element.dataset.playing = isPlaying;
    this.button.ariaLabel = text(isPlaying ? "Pause" : "Play");
  }

  /** Before each repaint: keep up with the playing, the size and the colours. */
  update() {
    if (!this.output) {
      const output = this.restored();
      if (output) this.show(output);
    }
    if (!this.motion) return;
    if (this.isPlaying) this.follow();
    const look = this.look();
    const now = JSON.stringify(look);
    if (now !== this.drawn && look.width) {
      this.drawn = now;
      drawCurves(this.canvas, this.motion, look);
    }
    this.stage.draw(look);
  }

  follow() {
    const { frame, over } = this.stage.playing();
    this.held = frame;
    if (frame !== this.frame) this.go(frame);
    if (over) this.stop();
  }

  look() {
    const width = this.plot.clientWidth;
    const zoom = this.plot.getBoundingClientRect().width / (width || 1); // of the whole graph
    const style = getComputedStyle(this.cursor);
    return {
      width,
      sharpness: Math.min(Math.max(zoom * devicePixelRatio, 1), SHARPEST),
      ink: style.color,
      accent: style.backgroundColor,
    };
  }
}

function address({ filename, subfolder, type }) {
  const query = new URLSearchParams({ filename, subfolder, type, t: Date.now() });
  return api.apiURL(`/view?${query}`); // the time, because a restart gives files the same names
}

/** A JSON file of the server, or null if it is gone. */
async function fetched({ filename, subfolder, type }) {
  const query = new URLSearchParams({ filename, subfolder, type });
  try {
    const response = await api.fetchApi(`/view?${query}`, { cache: "no-store" });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
