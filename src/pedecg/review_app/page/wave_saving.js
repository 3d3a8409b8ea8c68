// @ts-check
/** Corrected waves on their way to the program: each is saved at once, in order. */

import { get, post } from "/static/requests.js";
import { editor, page, paper } from "/static/state.js";
import { attempt, report, warn } from "/static/faults.js";
import { tools } from "/static/ecg_view.js";

/**
 * The correction of one case.
 * @typedef {{number: number, state: any, queue: any[], saving: boolean}} Work
 */
/** @type {Work | null} */
let work = null;

/** What the tools show of it; null: waves are not corrected now. */
export function waveState() {
  return editor.active && work ? work.state : null;
}

/** Begin to correct the waves of the case that is shown. */
export async function startEditing() {
  const { number } = page.current.view;
  const state = await get(`/api/case/${number}/waves`);
  work = { number, state, queue: [], saving: false };
  editor.start(state.waves);
}

editor.onMoved = (choice, sample) => {
  if (!work) return;
  const { queue } = work, waiting = queue.at(-1);
  const same = waiting && waiting.lead === choice.lead && waiting.index === choice.index &&
    waiting.edge === choice.edge;
  if (same) waiting.sample = sample; else queue.push({ ...choice, sample });
  void flush(work);
};

/** Save what waits. @param {Work} mine */
async function flush(mine) {
  if (mine.saving) return;
  mine.saving = true;
  try {
    while (mine.queue.length) {
      const { lead, index, edge, sample } = mine.queue.shift();
      const wave = mine.state.waves[lead][index];
      if (wave[edge === "onset" ? 1 : 3] === sample) continue;
      warn("");
      take(mine, await post(`/api/case/${mine.number}/waves`,
        { expected: mine.state.id, lead, wave, edge, sample }));
    }
  } catch (error) {
    mine.queue = [];
    await refused(mine, error);
  } finally {
    mine.saving = false;
  }
}

/** Show the waves as they are saved, then what was refused. */
async function refused(mine, error) {
  await get(`/api/case/${mine.number}/waves`).then((state) => take(mine, state), () => {});
  warn(error.message);
  if (!error.status && error.status !== 0) await report(error);
}

/** @param {Work} mine @param {any} state */
function take(mine, state) {
  mine.state = state;
  if (work !== mine || !page.current || page.current.view.number !== mine.number) return;
  const { ecg } = page.current.view;
  const seconds = (sample) => sample === null ? null : sample / ecg.fs_hz;
  ecg.waves = Object.fromEntries(Object.entries(state.waves).map(([lead, rows]) =>
    [lead, rows.map(([kind, ...samples]) => [kind, ...samples.map(seconds)])]));
  ecg.waves_corrected = true;
  if (paper.signal && !mine.queue.length) paper.signal.waves = ecg.waves;
  if (editor.active && !editor.dragging && !mine.queue.length) editor.load(state.waves);
  document.body.dataset.wavesSaved = String(state.id);
  tools();
}

/** Ask for one change that is no move. @param {string} path @param {object} body */
function ask(path, body) {
  const mine = work;
  if (!mine || mine.saving || mine.queue.length) return;
  void attempt(async () => {
    try {
      take(mine, await post(`/api/case/${mine.number}/waves${path}`,
        { expected: mine.state.id, ...body }));
    } catch (error) {
      await refused(mine, error);
    }
  });
}

export function undoWaves() {
  ask("/undo", {});
}

export function checkWaves() {
  ask("/check", {});
}

export function removeWave() {
  if (!work || !editor.chosen) return;
  const { lead, index } = editor.chosen;
  ask("", { lead, wave: work.state.waves[lead][index] });
}

/** @param {string} kind */
export function addWave(kind) {
  const drafted = editor.drafted(kind);
  if (drafted) ask("", { ...drafted, add: true });
  else warn(`There is no room for a ${kind} here.`);
}
