// The widgets' words. English is in the code; other languages are in locales/<language>/main.json.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";

let translations = {};

/** Ask the server for all languages; without them everything is in English. */
export async function loadTexts() {
  try {
    const response = await api.fetchApi("/i18n");
    translations = response.ok ? await response.json() : {};
  } catch (error) {
    console.warn("Talking portrait: no translations:", error);
  }
}

/** An English text in the user's language. */
export function text(english) {
  const locale = app.extensionManager.setting.get("Comfy.Locale") ?? "en";
  return translations[locale]?.vasa?.[english] ?? english;
}
