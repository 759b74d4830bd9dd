// What all our widgets share: they are views over a node's own widgets, in every frontend.

import { app } from "../../../scripts/app.js";

const MARGIN = 6; // pixels around a view in the classic canvas

for (const style of ["node_views", "motion_timeline", "expression_stage"]) {
  const href = new URL(`./${style}.css`, import.meta.url).href;
  document.head.append(html("link", { rel: "stylesheet", href }));
}

/** An HTML element with attributes; children are put into it. */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * Show an element in a node. Nothing of it is saved or sent to the server. Heights in pixels.
 * `update` is called before every repaint while the element is on the page: values change by
 * typing, undo, loading and links, in frontends that do not all tell, so views look for themselves.
 */
export function addView(node, name, element, { minHeight, update = () => {} }) {
  element.classList.add("vasa-view");
  element.style.minHeight = `${minHeight}px`;
  const widget = node.addDOMWidget(name, name, element, {
    serialize: false,
    hideOnZoom: false,
    margin: MARGIN,
    getMinHeight: () => minHeight + 2 * MARGIN,
  });
  widget.serialize = false;
  views.set(element, { node, name, update });
  return widget;
}

/** Put views above the node's other widgets. */
export function putFirst(node, views) {
  const others = node.widgets.filter((widget) => !views.includes(widget));
  node.widgets.splice(0, node.widgets.length, ...views, ...others);
  // Frontends up to 1.27 save a node's values by place, which leaves holes in the array for widgets
  // that are not saved, but read them without holes; filter skips holes.
  const onSerialize = node.onSerialize;
  node.onSerialize = function (saved) {
    onSerialize?.apply(this, arguments);
    saved.widgets_values = saved.widgets_values?.filter(() => true);
  };
}

/** Whether a widget's value comes through a link. */
export function isLinked(node, name) {
  return Boolean(node.inputs?.some((input) => input.widget?.name === name && input.link != null));
}

/** A node's own widget. */
export function widgetOf(node, name) {
  return node.widgets.find((widget) => widget.name === name);
}

/** What the frontend keeps of a node's last run, over undo and change of workflow, if it has `key`.
 */
export function keptOutput(node, key) {
  const place = node.graph?.isRootGraph === false ? `${node.graph.id}:${node.id}` : node.id;
  const output = app.nodeOutputs?.[place];
  return output?.[key] ? output : null;
}

/** Set a number or a choice as if the user had typed it; numbers snap to the widget's steps. */
export function setValue(node, name, value) {
  const widget = widgetOf(node, name);
  const old = widget.value;
  const set = typeof value === "number" ? snapped(value, widget.options) : value;
  if (set === old) return;
  widget.value = set;
  widget.callback?.(set, app.canvas, node);
  node.onWidgetChanged?.(name, set, old, widget);
  node.setDirtyCanvas(true, true);
}

/** The step of a number widget. */
export function stepOf({ step2, step }) {
  return step2 ?? step / 10; // the classic canvas keeps ten times the step in `step`
}

function snapped(value, options) {
  const step = stepOf(options);
  const inside = Math.min(Math.max(value, options.min), options.max);
  return Number((Math.round(inside / step) * step).toFixed(6));
}

/** Make what was done since the last call one step of undo. */
export function endEdit() {
  app.canvas.emitBeforeChange();
  app.canvas.emitAfterChange();
}

/** Calls `move(x, y, event)` while the pointer drags over an element, 0..1 from its top left. */
export function onDrag(element, move, end = () => {}) {
  const report = (event) => {
    const box = element.getBoundingClientRect();
    const inside = (value) => Math.min(Math.max(value, 0), 1);
    move(
      inside((event.clientX - box.left) / box.width),
      inside((event.clientY - box.top) / box.height),
      event,
    );
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.stopPropagation();
    element.setPointerCapture(event.pointerId);
    report(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) report(event);
  });
  element.addEventListener("lostpointercapture", end);
}

/** Calls what `keys` has for a pressed key, and keeps that key from ComfyUI's shortcuts. */
export function onKey(element, keys) {
  element.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    action(event);
  });
}

/** A function that calls `draw(state)` when `read()` gives another state than before. */
export function onChange(read, draw) {
  let before;
  return () => {
    const state = read();
    const now = JSON.stringify(state);
    if (now === before) return;
    before = now;
    draw(state);
  };
}

const views = new WeakMap(); // a view's element to its node, name and update

function repaint() {
  for (const element of [...document.getElementsByClassName("vasa-view")]) {
    const { node, name, update } = views.get(element);
    if (node.graph?.getNodeById(node.id) === node) update();
    else handOver(element, node.id, name);
  }
  requestAnimationFrame(repaint);
}

/** Undo makes nodes anew, but Vue nodes then go on showing the elements of the old ones. */
function handOver(element, id, name) {
  const heir = app.canvas.graph?.getNodeById(id)?.widgets?.find((widget) => widget.name === name);
  if (heir?.element && !heir.element.isConnected) element.replaceWith(heir.element);
}

requestAnimationFrame(repaint);
