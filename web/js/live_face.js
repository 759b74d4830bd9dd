// Pictures of a face from the server: one request at a time, and the newest values win.

import { api } from "../../../scripts/api.js";

const PATIENCE = 400; // milliseconds between two questions while the server is busy

/** Calls `told({picture})` with a JPEG, or `told({state})`: "gone", "busy" or "failed". */
export class LiveFace {
  wanted = null;
  isAsking = false;

  constructor(told) {
    this.told = told;
  }

  /** Ask for a face with values; what was asked for before and has not begun is dropped. */
  async ask(face, values) {
    this.wanted = { face, values };
    if (this.isAsking) return;
    this.isAsking = true;
    while (this.wanted) {
      const asked = this.wanted;
      this.wanted = null;
      const answer = await answerTo(asked);
      this.told(answer);
      if (answer.state !== "busy") continue;
      await new Promise((resolve) => setTimeout(resolve, PATIENCE));
      this.wanted ??= asked;
    }
    this.isAsking = false;
  }
}

async function answerTo(asked) {
  try {
    const response = await api.fetchApi("/vasa/expression", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
    });
    if (!response.ok) return { state: "failed" };
    const isPicture = response.headers.get("Content-Type") === "image/jpeg";
    return isPicture ? { picture: await response.blob() } : await response.json();
  } catch {
    return { state: "failed" }; // the server cannot be reached
  }
}
