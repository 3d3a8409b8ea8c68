// @ts-check
/** Cases one after the other: fetched, shown, and the next one fetched ahead. */

import { get, samples, RequestError } from "/static/requests.js";
import * as panels from "/static/panels.js";
import { NARROW, byId, display, editor, emptyDraft, page, paper } from "/static/state.js";
import { showEcg } from "/static/ecg_view.js";
import { fill } from "/static/side.js";
import { openConsensus, titleOf } from "/static/actions.js";

const { el } = panels;
/** Cases that were fetched ahead, by number. @type {Map<number, Promise<any>>} */
const ahead = new Map();
/** @type {number | null} */
let upcoming = null;

/** Forget what the page was about. */
export function forget() {
  ahead.clear();
  page.current = null;
}

/** @param {number} number */
async function fetchCase(number) {
  const view = await get(`/api/case/${number}${page.consensus ? "?consensus=1" : ""}`);
  if (view.ecg.error) return { view, raw: new Int16Array(), filtered: new Int16Array() };
  const [raw, filtered] = await Promise.all([
    samples(`/api/case/${number}/signal`), samples(`/api/case/${number}/signal?filtered=1`)]);
  return { view, raw, filtered };
}

/** Show a case. @param {number} number @param {boolean} [fresh] not the one fetched ahead */
export async function open(number, fresh = false) {
  const started = performance.now();
  const fetched = fresh ? undefined : ahead.get(number);
  ahead.clear();
  page.current = await (fetched || fetchCase(number));
  page.draft = emptyDraft();
  page.other = { number: null, ecg: null };
  display.beat = false;
  display.measuring = display.repeating = display.editing = false;
  editor.stop();
  byId("case").hidden = false;
  byId("finished").hidden = true;
  byId("second").hidden = true;
  showEcg();
  fill();
  byId("side").scrollTop = 0;
  if (!document.querySelector("dialog[open]")) {
    if (!NARROW.matches) byId("paper").focus({ preventScroll: true });
    else window.scrollTo(0, 0);
  }
  paper.onDrawn = () => {
    paper.onDrawn = () => {};
    document.body.dataset.case = String(number);
    document.body.dataset.changeMs = (performance.now() - started).toFixed(1);
  };
  paper.redraw();
  fetchAhead();  // not awaited: a key that is pressed meanwhile counts
}

/** Ask for the next case while this one is read. */
async function fetchAhead() {
  if (page.consensus || !page.current) return;
  const shown = page.current;
  try {
    const found = (await get(`/api/next?beside=${shown.view.number}`)).number;
    if (page.current !== shown) return;
    upcoming = found;
    if (upcoming !== null) {
      const promise = fetchCase(upcoming);
      promise.then(() => { document.body.dataset.ahead = String(upcoming); }, () => ahead.clear());
      ahead.set(upcoming, promise);
    }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
  }
}

export async function next() {
  if (page.consensus) return nextDisagreement();
  const beside = page.current ? `?beside=${page.current.view.number}` : "";
  const fetched = [...ahead.keys()][0];
  const number = fetched !== undefined ? fetched : (await get(`/api/next${beside}`)).number;
  if (number === null) return finish();
  return open(number);
}

async function nextDisagreement() {
  const { disagreements } = await get("/api/overview");
  if (disagreements.length) return open(disagreements[0].number, true);
  page.consensus = false;
  return finish();
}

async function finish() {
  const found = await get("/api/overview");
  page.current = null;
  byId("case").hidden = true;
  byId("finished").hidden = false;
  const [done, all] = found.progress;
  byId("finished").replaceChildren(el("div", {},
    el("h2", { text: done >= all ? "All your cases are answered" : "No further case is free now" }),
    el("p", { class: "hint", text: "Every answer is saved, and labels/decisions.csv is up to date. " +
      "Press Z to undo the last answer." }),
    el("div", {}, ...panels.overview(found, titleOf, openConsensus))));
  byId("progress").replaceChildren(el("span", { text: `${done} of ${all}` }));
  document.body.dataset.case = "finished";
}
