// Shows the nodes that make videos at work: the frames as they are made, then the finished video.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { addView, html } from "./node_views.js";

const MAKERS = ["VASARenderVideo", "VASARenderDialogue", "VASADubVideo"];
const MIN_HEIGHT = 160; // pixels
const ENDS = ["execution_success", "execution_error", "execution_interrupted"];
const live = new Map(); // node at work to the widget that shows its frames

// The frontend's own preview would stay in the place of the video. It does not get to see ours:
// what is listening first, while extensions load, may keep an event to itself.
api.addEventListener("b_preview_with_metadata", takePreview);

app.registerExtension({
  name: "VASA.RenderVideo",
  setup() {
    api.addEventListener("executed", ({ detail }) => {
      removeLive(nodeAt(detail.display_node ?? detail.node));
    });
    for (const type of ENDS) {
      api.addEventListener(type, () => [...live.keys()].forEach(removeLive));
    }
  },
});

function takePreview(event) {
  const node = nodeAt(event.detail.displayNodeId ?? event.detail.nodeId);
  if (!MAKERS.includes(node?.comfyClass)) return;
  event.stopImmediatePropagation();
  const image = (live.get(node) ?? addLive(node)).element;
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(event.detail.blob);
}

function addLive(node) {
  const image = html("img", { class: "vasa-live", "data-vasa": "live-preview", alt: "" });
  const widget = addView(node, "live_preview", image, { minHeight: MIN_HEIGHT });
  live.set(node, widget);
  return widget;
}

function removeLive(node) {
  const widget = live.get(node);
  if (!widget) return;
  live.delete(node);
  URL.revokeObjectURL(widget.element.src);
  if (node.widgets?.includes(widget)) node.removeWidget(widget);
  node.setDirtyCanvas(true, true);
}

/** The node that an execution id ("7", or "3:7" inside subgraph node 3) means. */
function nodeAt(executionId) {
  let graph = app.rootGraph ?? app.graph;
  let node = null;
  for (const id of String(executionId).split(":")) {
    node = graph?.getNodeById(Number(id));
    graph = node?.subgraph;
  }
  return node;
}
