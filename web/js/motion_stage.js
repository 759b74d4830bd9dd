// The face at one moment of a motion: a frame of the portrait's video, or a line drawing.

import { html } from "./node_views.js";

/** A portrait's video; it keeps the time while it plays. */
export class VideoStage {
  kind = "video";
  frame = 0;

  constructor(source, { fps, frames }) {
    Object.assign(this, { fps, frames });
    this.element = html("video", { class: "vasa-picture", preload: "auto", playsinline: "" });
    this.element.src = source;
    this.element.addEventListener("loadeddata", () => this.seek());
    this.element.addEventListener("seeked", () => this.seek());
  }

  /** Resolves when the video can be shown, or is known to be missing: true or false. */
  ready() {
    return new Promise((resolve) => {
      this.element.addEventListener("loadeddata", () => resolve(true), { once: true });
      this.element.addEventListener("error", () => resolve(false), { once: true });
    });
  }

  show(frame) {
    this.frame = frame;
    this.seek();
  }

  /** Go to the wanted frame's middle, unless still on the way somewhere; then when arrived. */
  seek() {
    const video = this.element;
    if (!video.paused || video.seeking || !video.readyState) return;
    const time = (this.frame + 0.5) / this.fps;
    if (Math.abs(video.currentTime - time) * this.fps > 0.4) video.currentTime = time;
  }

  play(frame) {
    this.element.currentTime = frame / this.fps;
    this.element.play().catch(() => {}); // the browser may refuse: then it stays paused
  }

  /** The frame that plays now, and whether that is over. */
  playing() {
    const { ended, paused, currentTime } = this.element;
    const now = Math.floor(currentTime * this.fps + 0.01);
    this.frame = ended ? this.frames - 1 : Math.min(now, this.frames - 1);
    return { frame: this.frame, over: ended || paused };
  }

  pause() {
    this.element.pause();
  }

  draw() {}
}

/** A face of lines, on a canvas; it plays in time, without sound. */
export class DrawingStage {
  kind = "drawing";
  frame = 0;

  constructor({ fps, frames, drawings }) {
    Object.assign(this, { fps, frames, drawings });
    this.element = html("canvas", { class: "vasa-picture" });
    this.bounds = bounds(drawings.points);
  }

  async ready() {
    return true;
  }

  show(frame) {
    this.frame = frame;
    this.drawn = null;
  }

  play(frame) {
    this.began = performance.now() - (1000 * frame) / this.fps;
  }

  playing() {
    const now = Math.floor(((performance.now() - this.began) / 1000) * this.fps);
    const frame = Math.min(now, this.frames - 1);
    if (frame !== this.frame) this.show(frame);
    return { frame, over: now >= this.frames };
  }

  pause() {}

  /** Draw the frame, where it or the place for it has changed. */
  draw({ ink, accent, sharpness }) {
    const { clientWidth: width, clientHeight: height } = this.element;
    const now = [this.frame, width, height, sharpness, ink, accent].join();
    if (now === this.drawn || !width) return;
    this.drawn = now;
    this.element.width = Math.round(width * sharpness);
    this.element.height = Math.round(height * sharpness);
    const pen = this.element.getContext("2d");
    pen.scale(sharpness, sharpness);
    const { points, strokes, fps } = this.drawings;
    const drawing = points[Math.min(Math.floor((this.frame / this.fps) * fps), points.length - 1)];
    drawFace(pen, drawing, strokes, fit(this.bounds, width, height), { ink, accent });
  }
}

function drawFace(pen, points, strokes, { scale, x, y }, { ink, accent }) {
  pen.lineWidth = Math.min(Math.max(scale * 24, 1.2), 3.5);
  pen.lineCap = pen.lineJoin = "round";
  strokes.forEach((stroke, index) => {
    const closed = stroke[0] === stroke.at(-1);
    const places = stroke.map((i) => [x + scale * points[2 * i], y + scale * points[2 * i + 1]]);
    const outline = smooth(places, closed);
    pen.strokeStyle = ink;
    pen.fillStyle = closed && index ? accent : ink; // the first is the face's outline
    pen.globalAlpha = closed && !index ? 0.07 : 0.85;
    if (closed) pen.fill(outline);
    pen.globalAlpha = 0.85;
    pen.stroke(outline);
  });
  pen.globalAlpha = 1;
}

/** A line through the middles between the points, bent towards the points. */
function smooth(places, closed) {
  const middle = ([ax, ay], [bx, by]) => [(ax + bx) / 2, (ay + by) / 2];
  const line = new Path2D();
  line.moveTo(...(closed ? middle(places[0], places[1]) : places[0]));
  for (let i = 1; i < places.length - 1; i++) {
    line.quadraticCurveTo(...places[i], ...middle(places[i], places[i + 1]));
  }
  if (closed) line.quadraticCurveTo(...places[0], ...middle(places[0], places[1]));
  else line.lineTo(...places.at(-1));
  return line;
}

function bounds(drawings) {
  const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (const points of drawings) {
    for (let i = 0; i < points.length; i += 2) {
      box.left = Math.min(box.left, points[i]);
      box.right = Math.max(box.right, points[i]);
      box.top = Math.min(box.top, points[i + 1]);
      box.bottom = Math.max(box.bottom, points[i + 1]);
    }
  }
  return box;
}

/** Where the drawings' box goes so that it fills the place, all frames alike. */
function fit({ left, right, top, bottom }, width, height) {
  const margin = 8; // pixels
  const across = (width - 2 * margin) / (right - left);
  const scale = Math.min(across, (height - 2 * margin) / (bottom - top));
  return {
    scale,
    x: width / 2 - (scale * (left + right)) / 2,
    y: height / 2 - (scale * (top + bottom)) / 2,
  };
}
