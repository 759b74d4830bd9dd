// Puts the motion timeline into "Preview motion".

import { app } from "../../../scripts/app.js";
import { MotionTimeline } from "./motion_timeline.js";
import { keptOutput } from "./node_views.js";

const SIZE = [540, 600]; // pixels, of a new node

app.registerExtension({
  name: "VASA.PreviewMotion",
  nodeCreated(node) {
    if (node.comfyClass !== "VASAPreviewMotion") return;
    const timeline = new MotionTimeline(node, () => keptOutput(node, "timeline"));
    const onExecuted = node.onExecuted;
    node.onExecuted = function (output) {
      onExecuted?.apply(this, arguments);
      if (output?.timeline) timeline.show(output);
    };
    const [width, height] = node.computeSize();
    node.setSize([Math.max(width, SIZE[0]), Math.max(height, SIZE[1])]);
  },
});
