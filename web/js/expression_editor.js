// Puts the face into "Expression editor": it follows the sliders without a run of the workflow.

import { app } from "../../../scripts/app.js";
import { ExpressionStage } from "./expression_stage.js";
import { putFirst } from "./node_views.js";
import { loadTexts } from "./texts.js";

const NODE = "VASAExpressionEditor";
const WIDTH = 340; // pixels, of a new node

let rest = {}; // the values that change nothing, by name: the defaults

app.registerExtension({
  name: "VASA.ExpressionEditor",
  init: loadTexts,
  beforeRegisterNodeDef(_, { name, input }) {
    if (name !== NODE) return;
    const given = Object.entries(input.required).filter(([, [type]]) => type === "FLOAT");
    rest = Object.fromEntries(given.map(([key, [, options]]) => [key, options.default]));
  },
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return;
    const stage = new ExpressionStage(node, rest);
    putFirst(node, [stage.widget]);
    const onExecuted = node.onExecuted;
    node.onExecuted = function (output) {
      onExecuted?.apply(this, arguments);
      if (output?.expression) stage.show(output);
    };
    const [width, height] = node.computeSize();
    node.setSize([Math.max(width, WIDTH), height]);
  },
});
