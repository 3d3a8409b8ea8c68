// @ts-check
/** How an ECG is displayed: the buttons above the paper, the line below it, the signal drawn. */

import { el } from "/static/panels.js";
import { choices } from "/static/layouts.js";
import { WAVE_COLOURS } from "/static/wave_drawing.js";

export const GAINS = [5, 10, 20], SPEEDS = [25, 50]; // mm/mV, mm/s

/** The signal of a case as a paper draws it. @param {any} found @param {boolean} filtered */
export function signalOf(found, filtered) {
  const { ecg } = found.view;
  return { leads: ecg.leads, fs: ecg.fs_hz, n: ecg.n_samples, waves: ecg.waves,
    samples: filtered ? found.filtered : found.raw };
}

/** The median beat of a case as a paper draws it. @param {any} ecg */
export function beatOf(ecg) {
  const { median_beat: beat } = ecg;
  const leads = Object.keys(beat.leads), n = beat.leads[leads[0]].length;
  const joined = new Int16Array(leads.length * n);
  leads.forEach((lead, row) => joined.set(beat.leads[lead], row * n));
  const waves = { global: Object.entries(beat.waves).map(([wave, [first, last]]) =>
    [wave, first / beat.fs_hz, null, last / beat.fs_hz]) };
  return { leads, fs: beat.fs_hz, n, samples: joined, waves };
}

/**
 * The buttons.
 * @param {any} ecg @param {any} display @param {number} zoom
 * @param {any} act
 */
export function toolbar(ecg, display, zoom, act) {
  const button = (text, key, pressed, onclick, title) => el("button", { type: "button", title:
    `${title || text} (${key})`, "aria-pressed": pressed === null ? null : String(pressed), onclick }, text);
  const group = (label, ...buttons) => el("div", { class: "tool-group", role: "group",
    "aria-label": label }, ...buttons);
  const layouts = ecg.error ? [] : choices(ecg.leads);
  return [
    group("Layout", ...layouts.map((one) => button(one.title, "Y", display.layout === one.id && !display.beat,
      () => act.change({ layout: one.id, beat: false }), "Layout")),
    ecg.median_beat && button("Median beat", "B", display.beat, () => act.change({ beat: !display.beat }))),
    group("Gain", el("span", { text: "mm/mV" }), ...GAINS.map((gain) => button(String(gain), "G",
      display.gain === gain, () => act.change({ gain, beat: false }), `${gain} mm/mV`))),
    group("Speed", el("span", { text: "mm/s" }), ...SPEEDS.map((speed) => button(String(speed), "T",
      display.speed === speed, () => act.change({ speed, beat: false }), `${speed} mm/s`))),
    group("Signal",
      button("Filter", "F", display.filter, () => act.change({ filter: !display.filter }),
        "Band-pass 0.5 to 100 Hz"),
      button("Waves", "W", display.waves, () => act.change({ waves: !display.waves }),
        "P, QRS and T of the delineator"),
      !ecg.error && button("Correct waves", "D", display.editing, act.toggleEditing,
        "Move onsets and offsets")),
    group("Measure",
      button("Calipers", "M", display.measuring, () => act.change({ measuring: !display.measuring }),
        "Drag over the ECG, or use the arrow keys"),
      button("March-out", "O", display.repeating,
        () => act.change({ repeating: !display.repeating, measuring: true }), "Repeat the interval")),
    group("Zoom", button("−", "-", null, () => act.zoom(1 / 1.25), "Smaller"),
      button(`${Math.round(zoom * 100)} %`, "0", null, () => act.zoom(0), "True size"),
      button("+", "+", null, () => act.zoom(1.25), "Larger"),
      el("button", { type: "button", title: "Compare a ruler with the screen", "aria-haspopup": "dialog",
        onclick: act.checkScale }, "Scale")),
  ];
}

/**
 * The buttons of the wave editor.
 * @param {any} state what is saved; null: waves are not corrected now @param {boolean} allLeads
 * @param {any} act
 */
export function waveTools(state, allLeads, act) {
  if (!state) return [];
  const button = (text, key, onclick, title, more = {}) => el("button", { type: "button",
    title: `${title} (${key})`, onclick, ...more }, text);
  const scope = (text, all) => button(text, "H", () => act.setScope(all), "Which leads a boundary is moved in",
    { "aria-pressed": String(allLeads === all) });
  return [el("div", { class: "tool-group", role: "group", "aria-label": "Correct waves" },
    scope("All leads", true), scope("One lead", false),
    ...["P", "QRS", "T"].map((kind, n) => button(`+ ${kind}`, String(n + 1), () => act.addWave(kind),
      `Add a ${kind} wave where you last clicked, or after the chosen one`)),
    button("Remove", "Delete", act.removeWave, "Remove the chosen wave"),
    button("Undo", "Z", act.undoWaves, "Undo the last correction", { disabled: !state.may_undo }),
    button("All waves are right", "J", act.checkWaves, "The record may be exported for training",
      { "aria-pressed": String(state.checked) }))];
}

/** The scale and the filter in words, and the colours of the waves. */
export function scaleLine(ecg, display, zoom) {
  const legend = Object.entries(WAVE_COLOURS).map(([wave, colour]) => {
    const swatch = el("i", { class: "swatch" });
    swatch.style.background = colour;
    return el("span", {}, swatch, wave);
  });
  const speed = display.beat ? 50 : display.speed, gain = display.beat ? 20 : display.gain;
  const size = Math.round(zoom * 100), seconds = ecg.error ? 0 : ecg.n_samples / ecg.fs_hz;
  const beat = display.beat && ecg.median_beat;
  return [
    el("span", { text: `${speed} mm/s, ${gain} mm/mV` + (size === 100 ? "" : ` at ${size} %`) }),
    el("span", { text: beat ? `median of ${beat.n_beats} of ${beat.n_found} beats`
      : display.filter ? "band-pass 0.5–100 Hz" : "as recorded, without filter" }),
    seconds > 10 && display.layout === "grid" && !display.beat
      ? el("span", { text: `${seconds.toFixed(0)} s: ← → moves in time` }) : "",
    !ecg.error && ecg.waves_corrected
      ? el("span", { text: "waves corrected by a reader; measurements are the delineator’s" }) : "",
    display.waves || display.beat || display.editing ? el("span", { class: "legend" }, ...legend) : "",
  ];
}
