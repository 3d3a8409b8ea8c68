// @ts-check
/** The keyboard: every action has a key. */

import { choices } from "/static/layouts.js";
import * as panels from "/static/panels.js";
import { GAINS, SPEEDS } from "/static/toolbar.js";
import { showHelp } from "/static/dialogs.js";
import { display, editor, page, paper } from "/static/state.js";
import { attempt } from "/static/faults.js";
import { change, cycle, showOther, zoom } from "/static/ecg_view.js";
import { actions, setScope, showOverview, toggleEditing } from "/static/actions.js";
import { addWave, checkWaves, removeWave, undoWaves } from "/static/wave_saving.js";

const KEYS = {
  s: actions.skip, z: actions.undo, n: actions.next, r: actions.reason, l: actions.labels,
  m: () => change({ measuring: !display.measuring }),
  o: () => change({ repeating: !display.repeating, measuring: true }),
  f: () => change({ filter: !display.filter }),
  w: () => change({ waves: !display.waves }),
  d: toggleEditing,
  b: () => !display.editing && page.current.view.ecg.median_beat && change({ beat: !display.beat }),
  y: () => change({ layout: cycle(choices(page.current.view.ecg.leads).map((c) => c.id), display.layout), beat: false }),
  g: () => change({ gain: cycle(GAINS, display.gain), beat: false }),
  t: () => change({ speed: cycle(SPEEDS, display.speed), beat: false }),
  e: () => page.current.view.others.length && attempt(() => showOther(page.other.number ?? 0)),
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(1 / 1.25), 0: () => zoom(0),
};
/** Keys that mean something else while waves are corrected. */
const WAVE_KEYS = {
  z: undoWaves, j: checkWaves, h: () => setScope(!editor.allLeads), Delete: removeWave,
  Backspace: removeWave, ",": () => editor.step(-1), ".": () => editor.step(1),
  1: () => addWave("P"), 2: () => addWave("QRS"), 3: () => addWave("T"),
};
const COARSE = 10; // samples that an arrow key with Shift moves a boundary by
const WITHOUT_CASE = new Set(["z", "n"]);
const WITHOUT_ECG = new Set(["s", "z", "n", "r", "l"]);

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || !page.session || !page.session.reader) return;
  if (document.querySelector("dialog[open]") || target.closest("input, textarea, select")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "?") return void showHelp();
  if (key === "i") return void showOverview();
  if (key === "Enter" && !target.closest("button")) {
    if (page.current && page.current.view.answer) actions.next();
    return;
  }
  if (page.current && key.startsWith("Arrow") && !page.current.view.ecg.error) {
    if (display.measuring) paper.nudge(key, event.shiftKey);
    else if (display.editing && ["ArrowLeft", "ArrowRight"].includes(key)) {
      editor.nudge((key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? COARSE : 1));
    } else if (display.editing) editor.otherLead(key === "ArrowUp" ? -1 : 1);
    else if (key === "ArrowLeft" || key === "ArrowRight") paper.forward(key === "ArrowLeft" ? -2.5 : 2.5);
    else if (target.id === "paper") paper.set({ y: paper.y + (key === "ArrowUp" ? -80 : 80) });
    else return;
    event.preventDefault();
    return;
  }
  if (display.editing && WAVE_KEYS[key]) {
    event.preventDefault();
    if (!event.repeat || ",.".includes(key)) WAVE_KEYS[key]();
    return;
  }
  if (!event.repeat && page.current) {
    const word = panels.answerWords(page.current.view).find(([, one]) => one.toLowerCase() === key);
    if (word) return void actions.answer(word[0]);
  }
  if (event.repeat && "szn".includes(key)) return;
  if (!KEYS[key] || (!page.current && !WITHOUT_CASE.has(key))) return;
  if (page.current && page.current.view.ecg.error && !WITHOUT_ECG.has(key)) return;
  event.preventDefault();
  void KEYS[key]();
});
