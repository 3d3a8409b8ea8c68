// @ts-check
/** How the ECG of the case is displayed, and the other ECG of the child below it. */

import { get, samples } from "/static/requests.js";
import { choices } from "/static/layouts.js";
import * as panels from "/static/panels.js";
import { beatOf, scaleLine, signalOf, toolbar, waveTools } from "/static/toolbar.js";
import { NARROW, byId, display, editor, page, paper, second } from "/static/state.js";
import { attempt } from "/static/faults.js";
import { waveState } from "/static/wave_saving.js";
import { toolActions } from "/static/actions.js";

export function showEcg() {
  const { ecg } = page.current.view;
  byId("sheet-title").textContent = ecg.error ? ecg.error
    : `ECG of ${ecg.age}, ${ecg.sex}, leads ${ecg.leads.join(", ")}`;
  if (ecg.error) {
    paper.signal = null;
    paper.redraw();
    tools();
    return;
  }
  const layouts = choices(ecg.leads).map((one) => one.id);
  if (!layouts.includes(display.layout)) display.layout = layouts[0];
  applyDisplay();
  paper.show(display.beat && ecg.median_beat ? beatOf(ecg) : signalOf(page.current, display.filter));
  fit();
  tools();
}

export function applyDisplay() {
  // A median beat is drawn at twice the scale: 50 mm/s and 20 mm/mV.
  const settings = display.beat ? { layout: "beat", gain: 20, speed: 50, showWaves: true }
    : { layout: display.layout, gain: display.gain, speed: display.speed, showWaves: display.waves };
  if (display.editing) settings.showWaves = true;
  paper.set({ ...settings, measuring: display.measuring, repeating: display.repeating });
  second.set({ layout: display.layout, gain: display.gain, speed: display.speed, zoom: paper.zoom,
    showWaves: display.waves });
  fit();
}

/** Give each sheet the height of its paper, where the window has room for it. */
function fit() {
  const sheets = byId("second").hidden ? [paper] : [paper, second];
  const room = NARROW.matches ? 0 : byId("papers").clientHeight / sheets.length - 8;
  for (const one of sheets) {
    one.room = room;
    one.canvas.style.height = one.signal ? `${Math.ceil(NARROW.matches ? one.wholeHeight
      : Math.min(one.wholeHeight, room - (one === second ? 34 : 0)))}px` : "16rem";
    one.redraw();
  }
}
new ResizeObserver(fit).observe(byId("papers"));
paper.onZoom = () => page.current && tools();

/** Change what is displayed. @param {object} change */
export function change(change) {
  const before = { ...display };
  Object.assign(display, change);
  applyDisplay();
  if (before.beat !== display.beat) {
    paper.show(display.beat ? beatOf(page.current.view.ecg) : signalOf(page.current, display.filter));
  } else if (before.filter !== display.filter && !display.beat) {
    paper.replace(display.filter ? page.current.filtered : page.current.raw);
  }
  fit();
  if (before.filter !== display.filter && page.other.ecg) void showOther(page.other.number, true);
  if (before.measuring && !display.measuring) paper.clearSpan();
  paper.redraw();
  tools();
}

/** @param {number} factor 0: back to the true size */
export function zoom(factor) {
  paper.set({ zoom: factor ? Math.min(6, Math.max(0.4, paper.zoom * factor)) : 1 });
  applyDisplay();
  tools();
}

export const cycle = (values, value) => values[(values.indexOf(value) + 1) % values.length];

export function tools() {
  const { ecg } = page.current.view;
  byId("tools").replaceChildren(...toolbar(ecg, display, paper.zoom, toolActions),
    ...waveTools(waveState(), editor.allLeads, toolActions));
  byId("scale").replaceChildren(...scaleLine(ecg, display, paper.zoom));
}

export async function showOther(number, again = false) {
  if (!again && page.other.number === number) {
    page.other = { number: null, ecg: null };
    byId("second").hidden = true;
    fit();
  } else {
    const base = `/api/case/${page.current.view.number}/other/${number}`;
    const ecg = await get(base);
    const found = await samples(`${base}/signal${display.filter ? "?filtered=1" : ""}`);
    page.other = { number, ecg };
    const about = page.current.view.others[number];
    byId("second-title").textContent = `${about.order === "earlier" ? "Earlier" : "Later"} ECG of this ` +
      `child: ${about.age}${about.acquired_at ? `, ${about.acquired_at.slice(0, 10)}` : ""}`;
    byId("second").hidden = false;
    second.show({ leads: ecg.leads, fs: ecg.fs_hz, n: ecg.n_samples, samples: found, waves: ecg.waves });
    applyDisplay();
  }
  byId("patient").replaceChildren(...panels.patient(page.current.view, page.other.number,
    (k) => attempt(() => showOther(k))));
}
