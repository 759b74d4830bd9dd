// A simple face drawn in SVG, that looks somewhere and feels something.

const SVG = "http://www.w3.org/2000/svg";
const EYES = [34, 66]; // x of their middles; the drawing is 100 wide and high
const EYE_Y = 45;
const EYE_WIDTH = 10;
const MOUTH_Y = 72;

// What each emotion adds to the neutral face when it is fully acted, in units of the drawing.
const NEUTRAL = {
  browIn: 0, browOut: 0, eyeOpen: 6, lidLow: 4.5, slant: 0,
  corners: 0, curve: 2, open: 0, width: 13, cheeks: 0,
}; // prettier-ignore
const ADDED = {
  neutral: {},
  happy: {
    browIn: -2, browOut: -2, lidLow: -2,
    corners: -5, curve: 6, open: 9, width: 5, cheeks: 1,
  },
  sad: {
    browIn: -6, browOut: 3.5, eyeOpen: -1.5, slant: 2.2,
    corners: 4.5, curve: -8, width: -2,
  },
  angry: {
    browIn: 6, browOut: -3.5, eyeOpen: -1.5, lidLow: -1, slant: -2.5,
    corners: 3, curve: -7,
  },
  surprised: {
    browIn: -7, browOut: -6.5, eyeOpen: 2.5, lidLow: 2,
    corners: 4, curve: -9, open: 19, width: -5,
  },
}; // prettier-ignore

const HEAD =
  "M 50 5 C 75 5 89 22 89 46 C 89 74 72 96 50 96" +
  " C 28 96 11 74 11 46 C 11 22 25 5 50 5 Z";
const HAIR =
  "M 10.5 49 C 8 20 24 2 50 2 C 76 2 92 20 89.5 49 C 86 38 84 27 75 21" +
  " C 60 25 40 24 29 17 C 19 24 14 36 10.5 49 Z";

let faces = 0;

/** An SVG element; children are put into it. */
function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A face. `pose({yaw, pitch, emotion, strength})` draws it anew; angles in degrees. */
export function drawnFace() {
  const id = `vasa-face-${faces++}`;
  const parts = {
    brows: EYES.map(() => svg("path", { class: "vasa-line vasa-brow" })),
    lids: EYES.map(() => svg("path", { class: "vasa-eye" })),
    clips: EYES.map((_, side) => svg("clipPath", { id: `${id}-${side}` }, svg("path", {}))),
    irises: EYES.map(() => iris()),
    lashes: EYES.map(() => svg("path", { class: "vasa-line" })),
    cheeks: [22, 78].map((x) => svg("circle", { class: "vasa-cheek", cx: x, cy: 60, r: 7 })),
    nose: svg("path", { class: "vasa-line vasa-thin", d: "M 48 58 Q 50.5 60 53 58" }),
    mouth: svg("path", { class: "vasa-line vasa-mouth" }),
  };
  const eyes = EYES.map((_, side) =>
    svg("g", {}, parts.lids[side],
      svg("g", { "clip-path": `url(#${id}-${side})` }, parts.irises[side]), parts.lashes[side]),
  ); // prettier-ignore
  const features = svg("g", {},
    ...parts.cheeks, ...parts.brows, ...eyes, parts.nose, parts.mouth); // prettier-ignore
  const element = svg("svg", { class: "vasa-face", viewBox: "0 0 100 100", "aria-hidden": "true" },
    svg("defs", {}, ...parts.clips),
    ...[10, 90].map((x) => svg("ellipse", { class: "vasa-head", cx: x, cy: 52, rx: 5, ry: 8 })),
    svg("path", { class: "vasa-head", d: HEAD }),
    svg("path", { class: "vasa-hair", d: HAIR }),
    features); // prettier-ignore
  return { element, pose: (look) => pose({ ...parts, features }, look) };
}

function iris() {
  return svg("g", {},
    svg("circle", { class: "vasa-iris", r: 5.2 }),
    svg("circle", { class: "vasa-pupil", r: 2.6 }),
    svg("circle", { class: "vasa-glint", cx: 1.8, cy: -1.8, r: 1.3 })); // prettier-ignore
}

function pose(parts, { yaw = 0, pitch = 0, emotion = "neutral", strength = 1 }) {
  const now = { ...NEUTRAL };
  for (const [name, value] of Object.entries(ADDED[emotion] ?? {})) now[name] += strength * value;
  parts.features.setAttribute("transform", `translate(${yaw * 0.07} ${-pitch * 0.07})`);
  EYES.forEach((x, side) => {
    const inward = side ? -1 : 1; // from the outer corner to the inner one
    const browY = EYE_Y - 15 - pitch * 0.06;
    parts.brows[side].setAttribute("d",
      `M ${x - inward * 10} ${browY + now.browOut + 2}` +
      ` Q ${x - inward * 2} ${browY - 3 + (now.browIn + now.browOut) / 2}` +
      ` ${x + inward * 9} ${browY + now.browIn + 1}`); // prettier-ignore
    const { upper, whole } = eye(x, inward, now, pitch);
    parts.lids[side].setAttribute("d", whole);
    parts.clips[side].firstChild.setAttribute("d", whole);
    parts.lashes[side].setAttribute("d", upper);
    const shift = `translate(${x + yaw * 0.2} ${EYE_Y - pitch * 0.24})`;
    parts.irises[side].setAttribute("transform", shift);
  });
  parts.mouth.setAttribute("d", mouth(now));
  parts.mouth.classList.toggle("vasa-open", now.open > 0.5);
  for (const cheek of parts.cheeks) cheek.style.opacity = Math.min(now.cheeks, 1);
}

function eye(x, inward, { eyeOpen, lidLow, slant }, pitch) {
  const [outer, inner] = [x - inward * EYE_WIDTH, x + inward * EYE_WIDTH];
  const top = EYE_Y - 2 * Math.max(eyeOpen + pitch * 0.06, 1) + 1;
  const bottom = EYE_Y + 2 * Math.max(lidLow - pitch * 0.03, 0.5) + 1;
  const [outerTop, innerTop] = [top + Math.max(slant, 0) * 2, top - Math.min(slant, 0) * 2];
  const between = (from, to) => from + (to - from) * 0.3;
  const upper =
    `M ${outer} ${EYE_Y + 1} C ${between(outer, inner)} ${outerTop}` +
    ` ${between(inner, outer)} ${innerTop} ${inner} ${EYE_Y + 1}`;
  return { upper, whole: `${upper} Q ${x} ${bottom} ${outer} ${EYE_Y + 1} Z` };
}

function mouth({ corners, curve, open, width }) {
  const y = MOUTH_Y + corners;
  const [left, right] = [50 - width, 50 + width];
  const bow = (from, to, middle) => {
    const inset = (to - from) * 0.22;
    return `C ${from + inset} ${y + middle} ${to - inset} ${y + middle} ${to} ${y}`;
  };
  const upper = `M ${left} ${y} ${bow(left, right, curve)}`;
  return open > 0.5 ? `${upper} ${bow(right, left, curve + open)} Z` : upper;
}
