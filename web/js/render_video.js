// Lets go of the live preview of "Render video" when the video is there: frontends would go on
// showing the preview's last picture in its place.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";

const CLASSIC_PREVIEW = "$$canvas-image-preview"; // the widget that draws it in the classic canvas

app.registerExtension({
  name: "VASA.RenderVideo",
  setup() {
    api.addEventListener("executed", ({ detail }) => {
      if (detail.output?.talking_video) dropPreview(detail.display_node ?? detail.node);
    });
  },
});

function dropPreview(executionId) {
  const node = nodeAt(executionId);
  if (!node) return;
  node.imgs = undefined;
  const shown = node.widgets?.findIndex((widget) => widget.name === CLASSIC_PREVIEW) ?? -1;
  if (shown >= 0) node.widgets.splice(shown, 1)[0].onRemove?.();
  const place = node.graph.isRootGraph === false ? `${node.graph.id}:${node.id}` : node.id;
  delete app.nodePreviewImages?.[place]; // all that frontend 1.27 asks
  // Newer ones keep previews to themselves, but drop a node's when it starts running in another
  // prompt. The server's own state of things follows at once.
  const running = { state: "running", value: 0, max: 1, node_id: executionId };
  const detail = { prompt_id: "vasa-preview", nodes: { [executionId]: running } };
  api.dispatchEvent(new CustomEvent("progress_state", { detail }));
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
