// @ts-check
/** What the page shows now, shared by its modules; nothing here is kept beyond a reload. */

import { Paper } from "/static/paper.js";
import { WaveEditor } from "/static/wave_editor.js";

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);
export const NARROW = window.matchMedia("(max-width: 60rem)");

export function emptyDraft() {
  return { reason: "", answers: {}, findings: [] };
}

export const page = {
  /** @type {any} */
  session: null,
  /** @type {{view: any, raw: Int16Array, filtered: Int16Array} | null} */
  current: null,
  consensus: false,
  /** An answer's parts that are chosen before the answer. @type {any} */
  draft: emptyDraft(),
  /** The other ECG of the child that is shown. */
  other: { number: /** @type {number | null} */ (null), ecg: /** @type {any} */ (null) },
};

export const display = { layout: "grid", gain: 10, speed: 25, filter: false, waves: false,
  beat: false, measuring: false, repeating: false, editing: false };

export const paper = new Paper(byId("paper"), readout);
export const second = new Paper(byId("second-paper"));
export const editor = new WaveEditor(paper, readout);

/** Show a measure beside the paper; "": none. @param {string} text */
function readout(text) {
  byId("readout").textContent = text;
  byId("readout").hidden = !text;
}
