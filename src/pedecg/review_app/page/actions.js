// @ts-check
/** What a reader does with a case, and the dialogs that it needs. */

import { get, post } from "/static/requests.js";
import * as panels from "/static/panels.js";
import { showLabels, showReasons, showScale } from "/static/dialogs.js";
import { byId, display, editor, emptyDraft, page, paper, second } from "/static/state.js";
import { attempt, warn } from "/static/faults.js";
import { change, tools, zoom } from "/static/ecg_view.js";
import { fillDecision } from "/static/side.js";
import { next, open } from "/static/cases.js";
import { addWave, checkWaves, removeWave, startEditing, undoWaves } from "/static/wave_saving.js";

export const KEPT_SCALE = "pedecg-px-per-mm";

/** Save an answer. @param {string} word @param {{reason?: string, answers?: object, findings?: string[]}} [more] */
async function save(word, more = {}) {
  const { view } = page.current;
  const mine = view.answer;
  const earlier = mine ? { ...mine.answers } : { ...page.draft.answers };
  delete earlier[view.label];
  const saved = await post(`/api/case/${view.number}/answer`, {
    answers: { ...(more.answers || earlier), [view.label]: word },
    reason: more.reason ?? (mine ? mine.reason : page.draft.reason),
    findings: more.findings ?? (mine ? mine.findings : page.draft.findings),
    expected: mine ? mine.id : null,
    consensus: page.consensus,
  });
  Object.assign(view, saved);
  if (view.warning) warn(view.warning);
  page.draft = emptyDraft();
  fillDecision();
}

export const actions = {
  answer: (word) => attempt(async () => {
    await save(word);
    if (!page.session.blinded && !page.consensus) return next();
    const button = byId("next");
    if (button) button.focus({ preventScroll: true });
  }),
  next: () => attempt(next),
  skip: () => attempt(async () => {
    if (!page.current || page.current.view.answer || page.consensus) return;
    const { number } = page.current.view;
    await post(`/api/case/${number}/skip`);
    await next();
  }),
  undo: () => attempt(async () => {
    const { number, consensus: round } = await post("/api/undo");
    page.consensus = round;
    if (number !== null) await open(number, true);
  }),
  reason: () => page.current && showReasons(page.session.reasons, (reason) => keep({ reason })),
  labels: () => page.current && showLabels(page.session, page.current.view, page.draft, (more) => keep(more)),
};

/** Keep a reason or further labels: with the answer that is saved already, or for the next. */
function keep(more) {
  if (!page.current.view.answer) {
    Object.assign(page.draft, more);
    fillDecision();
    return;
  }
  void attempt(() => save(page.current.view.answer.answers[page.current.view.label], more));
}

export function openConsensus(number) {
  byId("dialog").close();
  page.consensus = true;
  void attempt(() => open(number, true));
}

export const titleOf = (name) => (page.session.targets.find((t) => t.name === name) || { title: name }).title;

export async function showOverview() {
  await attempt(async () => {
    const found = await get("/api/overview");
    openDialog("Progress and agreement", panels.overview(found, titleOf, openConsensus));
  });
}

/** @param {string} title @param {Node[]} body */
function openDialog(title, body) {
  byId("dialog-title").textContent = title;
  byId("dialog-body").replaceChildren(...body);
  if (!byId("dialog").open) byId("dialog").showModal();
}

function checkScale() {
  showScale(paper.pxPerMm, (pxPerMm) => {
    localStorage.setItem(KEPT_SCALE, String(pxPerMm));
    paper.set({ pxPerMm });
    second.set({ pxPerMm });
  });
}


/** Correct the waves, or stop. */
export function toggleEditing() {
  if (display.editing) {
    editor.stop();
    return change({ editing: false });
  }
  return attempt(async () => {
    await startEditing();
    change({ editing: true, measuring: false, repeating: false, beat: false });
  });
}

/** @param {boolean} allLeads */
export function setScope(allLeads) {
  editor.setScope(allLeads);
  tools();
}

export const toolActions = { change, zoom, checkScale, toggleEditing, setScope, undoWaves, removeWave,
  addWave, checkWaves };
