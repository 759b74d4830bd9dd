// Faces to choose an emotion from, and how strongly it is acted: a view over two widgets.

import { drawnFace } from "./drawn_face.js";
import * as views from "./node_views.js";
import { text } from "./texts.js";

const MIN_HEIGHT = 112;
const FAINTEST = 0.12; // of an emotion, so that its face stays told from the neutral one

/** Add the selector to a node with the widgets emotion and emotion_strength. */
export function addEmotionSelector(node) {
  const emotions = views.widgetOf(node, "emotion").options.values;
  const choices = emotions.map((emotion) => choice(node, emotion, emotions));
  const slider = strengthSlider(node);
  const group = views.html("div",
    { class: "vasa-choices", role: "radiogroup", "aria-label": text("emotion") },
    ...choices.map(({ element }) => element)); // prettier-ignore
  const selector = views.html(
    "div",
    { class: "vasa-emotions", "data-vasa": "emotions" },
    ...[group, slider.element],
  );
  const draw = ({ emotion, strength, emotionLinked, strengthLinked }) => {
    for (const one of choices) one.draw(emotion, strength);
    slider.draw(strength);
    group.classList.toggle("vasa-foreign", emotionLinked);
    const idle = strengthLinked || (emotion === "neutral" && !emotionLinked);
    slider.element.classList.toggle("vasa-foreign", idle);
    Object.assign(selector.dataset, { emotion, strength });
  };
  return views.addView(node, "emotion_selector", selector, {
    minHeight: MIN_HEIGHT,
    update: views.onChange(() => read(node), draw),
  });
}

function read(node) {
  return {
    emotion: views.widgetOf(node, "emotion").value,
    strength: views.widgetOf(node, "emotion_strength").value,
    emotionLinked: views.isLinked(node, "emotion"),
    strengthLinked: views.isLinked(node, "emotion_strength"),
  };
}

function choice(node, emotion, emotions) {
  const face = drawnFace();
  const element = views.html("div",
    { class: "vasa-choice", role: "radio", "data-vasa": `emotion-${emotion}` },
    face.element, views.html("span", {}, text(emotion))); // prettier-ignore
  const choose = (chosen) => {
    if (views.isLinked(node, "emotion")) return;
    views.setValue(node, "emotion", chosen);
    views.endEdit();
  };
  const neighbour = (by) => (event) => {
    const next = emotions[(emotions.indexOf(emotion) + by + emotions.length) % emotions.length];
    choose(next);
    event.target.parentElement.querySelector(`[data-vasa="emotion-${next}"]`).focus();
  };
  element.addEventListener("pointerdown", (event) => event.stopPropagation());
  element.addEventListener("click", () => choose(emotion));
  views.onKey(element, {
    " ": () => choose(emotion), Enter: () => choose(emotion),
    ArrowLeft: neighbour(-1), ArrowUp: neighbour(-1),
    ArrowRight: neighbour(1), ArrowDown: neighbour(1),
  }); // prettier-ignore
  const draw = (current, strength) => {
    const chosen = current === emotion;
    face.pose({ emotion, strength: chosen ? Math.max(strength, FAINTEST) : 1 });
    element.ariaChecked = String(chosen);
    element.tabIndex = chosen ? 0 : -1;
  };
  return { element, draw };
}

function strengthSlider(node) {
  const { min, max, ...options } = views.widgetOf(node, "emotion_strength").options;
  const value = views.html("span", { class: "vasa-value" });
  const knob = views.html("div", { class: "vasa-knob" });
  const track = views.html("div", { class: "vasa-track" }, knob);
  const element = views.html("div",
    { class: "vasa-slider", role: "slider", tabindex: 0, "data-vasa": "emotion-strength",
      "aria-label": text("strength"), "aria-valuemin": min, "aria-valuemax": max },
    views.html("span", {}, text("strength")), track, value); // prettier-ignore
  const set = (strength) => {
    if (views.isLinked(node, "emotion_strength")) return;
    views.setValue(node, "emotion_strength", strength);
  };
  const press = (strength) => () => {
    set(strength());
    views.endEdit();
  };
  const by = (steps) => press(() => read(node).strength + steps * views.stepOf(options));
  views.onDrag(track, (x) => set(min + x * (max - min)), views.endEdit);
  views.onKey(element, {
    ArrowLeft: by(-1), ArrowDown: by(-1), PageDown: by(-4),
    ArrowRight: by(1), ArrowUp: by(1), PageUp: by(4),
    Home: press(() => min), End: press(() => max),
  }); // prettier-ignore
  const draw = (strength) => {
    track.style.setProperty("--x", (strength - min) / (max - min));
    value.textContent = strength.toFixed(2);
    element.ariaValueNow = String(strength);
  };
  return { element, draw };
}
