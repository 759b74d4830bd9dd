// Draws a motion's curves over its sound. Drawn once; the cursor is an element of its own.

const DEGREES = { unit: "°", digits: 1 };
const AXIS_HEIGHT = 16; // pixels
const TICK_WIDTH = 56; // pixels that a time label needs

/** The lanes from top to bottom, and the curves in them; `most` is the least full height. */
export const LANES = [
  { name: "sound", title: "sound", height: 38, curves: [] },
  {
    name: "head", title: "head", height: 58, most: 8, signed: true,
    curves: [
      { name: "yaw", title: "yaw", color: "#4c9be8", ...DEGREES },
      { name: "pitch", title: "pitch", color: "#f0883e", ...DEGREES },
      { name: "roll", title: "roll", color: "#56b366", ...DEGREES },
      {
        name: "distance", title: "distance", color: "#b07cc6",
        unit: "×", digits: 2, zero: 1, most: 0.2,
      },
    ],
  },
  {
    name: "gaze", title: "gaze", height: 46, most: 10, signed: true,
    curves: [
      { name: "gaze_yaw", title: "yaw", color: "#4c9be8", ...DEGREES },
      { name: "gaze_pitch", title: "pitch", color: "#f0883e", ...DEGREES },
    ],
  },
  {
    name: "lips", title: "lips", height: 38, most: 0.2,
    curves: [{ name: "lip_opening", title: "opening", color: "#e5615c", unit: "", digits: 2 }],
  },
  {
    name: "blinks", title: "blinks", height: 34, most: 1,
    curves: [{ name: "blink", title: "blink", color: "#3fb5ac", unit: "", digits: 2 }],
  },
]; // prettier-ignore

/** The height of all lanes and the time axis, in pixels. */
export const LANES_HEIGHT = LANES.reduce((sum, lane) => sum + lane.height, AXIS_HEIGHT);

/** "1:02.40" of seconds. */
export function clock(seconds, digits = 2) {
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - 60 * minutes).toFixed(digits);
  return `${minutes}:${rest.padStart(digits ? digits + 3 : 2, "0")}`;
}

/**
 * Draw a motion (the server's timeline) on a canvas of `width` pixels, `sharpness` times as fine,
 * in an `ink` for lines and words and an `accent` for the sound.
 */
export function drawCurves(canvas, motion, { width, sharpness, ink, accent }) {
  canvas.width = Math.round(width * sharpness);
  canvas.height = Math.round(LANES_HEIGHT * sharpness);
  const pen = canvas.getContext("2d");
  pen.scale(sharpness, sharpness);
  let top = 0;
  for (const lane of LANES) {
    const box = { top: top + 3, width, height: lane.height - 6 };
    drawFloor(pen, lane, box, ink);
    if (lane.name === "sound") drawSound(pen, motion, box, accent);
    for (const curve of lane.curves) drawCurve(pen, motion.curves[curve.name], lane, curve, box);
    top += lane.height;
  }
  drawAxis(pen, motion.seconds, top, width, ink);
}

function drawFloor(pen, { signed, name }, { top, width, height }, ink) {
  pen.fillStyle = ink;
  pen.globalAlpha = 0.05;
  pen.fillRect(0, top, width, height);
  pen.globalAlpha = 0.18;
  if (signed || name === "sound") pen.fillRect(0, top + height / 2 - 0.5, width, 1);
  pen.globalAlpha = 1;
}

function drawSound(pen, { peaks, seconds }, { top, width, height }, accent) {
  if (!peaks) return;
  const perPixel = (100 * seconds) / width; // the server's peaks are a hundredth of a second each
  pen.fillStyle = accent;
  pen.globalAlpha = 0.8;
  for (let x = 0; x < width; x += 1) {
    const from = Math.floor(x * perPixel);
    const to = Math.max(Math.floor((x + 1) * perPixel), from + 1);
    let loudest = 0;
    for (let i = from; i < to && i < peaks.length; i++) loudest = Math.max(loudest, peaks[i]);
    const bar = Math.max(loudest * height, from < peaks.length ? 1 : 0);
    pen.fillRect(x, top + (height - bar) / 2, 1, bar);
  }
  pen.globalAlpha = 1;
}

/** A line; where several frames share a pixel, it goes through their lowest and highest. */
function drawCurve(pen, values, lane, curve, { top, width, height }) {
  const { color, zero = 0, most = lane.most } = curve;
  let farthest = most;
  for (const value of values) farthest = Math.max(farthest, Math.abs(value - zero));
  const y = (value) => {
    const part = (value - zero) / farthest;
    return top + 1 + (height - 2) * (lane.signed ? (1 - part) / 2 : 1 - part);
  };
  const x = (frame) => ((frame + 0.5) / values.length) * width;
  pen.beginPath();
  if (values.length < 2 * width) {
    pen.lineTo(0, y(values[0]));
    values.forEach((value, frame) => pen.lineTo(x(frame), y(value)));
    pen.lineTo(width, y(values.at(-1)));
  } else {
    for (let pixel = 0; pixel < width; pixel++) {
      const share = values.slice(
        Math.floor((pixel / width) * values.length),
        Math.ceil(((pixel + 1) / width) * values.length),
      );
      pen.lineTo(pixel + 0.5, y(Math.min(...share)));
      pen.lineTo(pixel + 0.5, y(Math.max(...share)));
    }
  }
  pen.strokeStyle = color;
  pen.lineWidth = 1.5;
  pen.lineJoin = "round";
  pen.stroke();
}

function drawAxis(pen, seconds, top, width, ink) {
  const least = (seconds * TICK_WIDTH) / width;
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];
  const step = steps.find((one) => one >= least) ?? steps.at(-1);
  pen.fillStyle = ink;
  pen.font = "10px Inter, system-ui, sans-serif";
  pen.textBaseline = "bottom";
  for (let tick = 0; tick * step < seconds; tick++) {
    const x = Math.round(((tick * step) / seconds) * width);
    pen.globalAlpha = 0.15;
    if (tick) pen.fillRect(x, 0, 1, top);
    pen.globalAlpha = 0.65;
    if (x < width - TICK_WIDTH / 2) {
      pen.fillText(clock(tick * step, step < 1 ? 1 : 0), x + 3, top + AXIS_HEIGHT - 1);
    }
    pen.fillRect(x, top, 1, 5);
  }
  pen.globalAlpha = 1;
}
