// Puts the gaze pad and the emotion selector into "Talking controls".

import { app } from "../../../scripts/app.js";
import { addEmotionSelector } from "./emotion_selector.js";
import { addGazePad } from "./gaze_pad.js";
import { putFirst } from "./node_views.js";
import { loadTexts } from "./texts.js";

const WIDTH = 320; // pixels, of a new node

app.registerExtension({
  name: "VASA.TalkingControls",
  init: loadTexts,
  nodeCreated(node) {
    if (node.comfyClass !== "VASATalkingControls") return;
    putFirst(node, [addGazePad(node), addEmotionSelector(node)]);
    const [width, height] = node.computeSize();
    node.setSize([Math.max(width, WIDTH), height]);
  },
});
