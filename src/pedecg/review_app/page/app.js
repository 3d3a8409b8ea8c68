// @ts-check
/** The review: one case after the other, by keyboard, mouse or touch. */

import { get, post, samples, useToken, RequestError } from "/static/requests.js";
import { Paper } from "/static/paper.js";
import { choices } from "/static/layouts.js";
import * as panels from "/static/panels.js";
import { GAINS, SPEEDS, beatOf, scaleLine, signalOf, toolbar } from "/static/toolbar.js";
import { showHelp, showLabels, showReasons, showScale } from "/static/dialogs.js";

const { el } = panels;
/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);
const NARROW = window.matchMedia("(max-width: 60rem)");
const KEPT_SCALE = "pedecg-px-per-mm";

/** @type {any} */
let session;
/** @type {{view: any, raw: Int16Array, filtered: Int16Array} | null} */
let current = null;
let consensus = false;
let draft = emptyDraft();
let other = { number: /** @type {number | null} */ (null), ecg: null };
let busy = false;
/** Cases that were fetched ahead, by number. @type {Map<number, Promise<any>>} */
const ahead = new Map();
/** @type {number | null} */
let upcoming = null;
const display = { layout: "grid", gain: 10, speed: 25, filter: false, waves: false, beat: false,
  measuring: false, repeating: false };

const paper = new Paper(byId("paper"), (text) => {
  byId("readout").textContent = text;
  byId("readout").hidden = !text;
});
const second = new Paper(byId("second-paper"));

function emptyDraft() {
  return { reason: "", answers: {}, findings: [] };
}

// ---- messages to the reader -----------------------------------------------------------------

/** @param {string} message */
function warn(message) {
  byId("alert").textContent = message;
  byId("alert").hidden = !message;
}

/** Run an action; a fault is shown, and nothing counts as saved. @param {() => Promise<any>} action */
async function attempt(action) {
  if (busy) return;
  busy = true;
  try {
    warn("");
    await action();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (error.status === 409 && current) await open(current.view.number, true);
    warn(error.message);
    if (error.status === 401) signIn();
  } finally {
    busy = false;
  }
}

// ---- cases ---------------------------------------------------------------------------------

/** @param {number} number */
async function fetchCase(number) {
  const view = await get(`/api/case/${number}${consensus ? "?consensus=1" : ""}`);
  if (view.ecg.error) return { view, raw: new Int16Array(), filtered: new Int16Array() };
  const [raw, filtered] = await Promise.all([
    samples(`/api/case/${number}/signal`), samples(`/api/case/${number}/signal?filtered=1`)]);
  return { view, raw, filtered };
}

/** Show a case. @param {number} number @param {boolean} [fresh] not the one fetched ahead */
async function open(number, fresh = false) {
  const started = performance.now();
  const fetched = fresh ? undefined : ahead.get(number);
  ahead.clear();
  current = await (fetched || fetchCase(number));
  draft = emptyDraft();
  other = { number: null, ecg: null };
  display.beat = false;
  display.measuring = display.repeating = false;
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
  if (consensus || !current) return;
  const shown = current;
  try {
    const found = (await get(`/api/next?beside=${shown.view.number}`)).number;
    if (current !== shown) return;
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

async function next() {
  if (consensus) return nextDisagreement();
  const beside = current ? `?beside=${current.view.number}` : "";
  const fetched = [...ahead.keys()][0];
  const number = fetched !== undefined ? fetched : (await get(`/api/next${beside}`)).number;
  if (number === null) return finish();
  return open(number);
}

async function nextDisagreement() {
  const { disagreements } = await get("/api/overview");
  if (disagreements.length) return open(disagreements[0].number, true);
  consensus = false;
  return finish();
}

async function finish() {
  const found = await get("/api/overview");
  current = null;
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

// ---- display -------------------------------------------------------------------------------

function showEcg() {
  const { ecg } = current.view;
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
  paper.show(display.beat && ecg.median_beat ? beatOf(ecg) : signalOf(current, display.filter));
  fit();
  tools();
}

function applyDisplay() {
  // A median beat is drawn at twice the scale: 50 mm/s and 20 mm/mV.
  const settings = display.beat ? { layout: "beat", gain: 20, speed: 50, showWaves: true }
    : { layout: display.layout, gain: display.gain, speed: display.speed, showWaves: display.waves };
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
paper.onZoom = () => current && tools();

/** Change what is displayed. @param {object} change */
function change(change) {
  const before = { ...display };
  Object.assign(display, change);
  applyDisplay();
  if (before.beat !== display.beat) {
    paper.show(display.beat ? beatOf(current.view.ecg) : signalOf(current, display.filter));
  } else if (before.filter !== display.filter && !display.beat) {
    paper.replace(display.filter ? current.filtered : current.raw);
  }
  fit();
  if (before.filter !== display.filter && other.ecg) void showOther(other.number, true);
  if (!display.measuring) paper.clearSpan();
  paper.redraw();
  tools();
}

/** @param {number} factor 0: back to the true size */
function zoom(factor) {
  paper.set({ zoom: factor ? Math.min(6, Math.max(0.4, paper.zoom * factor)) : 1 });
  applyDisplay();
  tools();
}

const cycle = (values, value) => values[(values.indexOf(value) + 1) % values.length];

function tools() {
  const { ecg } = current.view;
  byId("tools").replaceChildren(...toolbar(ecg, display, paper.zoom, { change, zoom, checkScale }));
  byId("scale").replaceChildren(...scaleLine(ecg, display, paper.zoom));
}

async function showOther(number, again = false) {
  if (!again && other.number === number) {
    other = { number: null, ecg: null };
    byId("second").hidden = true;
    fit();
  } else {
    const base = `/api/case/${current.view.number}/other/${number}`;
    const ecg = await get(base);
    const found = await samples(`${base}/signal${display.filter ? "?filtered=1" : ""}`);
    other = { number, ecg };
    const about = current.view.others[number];
    byId("second-title").textContent = `${about.order === "earlier" ? "Earlier" : "Later"} ECG of this ` +
      `child: ${about.age}${about.acquired_at ? `, ${about.acquired_at.slice(0, 10)}` : ""}`;
    byId("second").hidden = false;
    second.show({ leads: ecg.leads, fs: ecg.fs_hz, n: ecg.n_samples, samples: found, waves: ecg.waves });
    applyDisplay();
  }
  byId("patient").replaceChildren(...panels.patient(current.view, other.number,
    (k) => attempt(() => showOther(k))));
}

/** Fill the side: decision, what is revealed, context. */
function fill() {
  const { view } = current;
  fillDecision();
  byId("patient").replaceChildren(...panels.patient(view, other.number, (k) => attempt(() => showOther(k))));
  for (const part of ["criteria", "measurements"]) {
    byId(part).hidden = Boolean(view.ecg.error);
    if (!view.ecg.error) byId(part).replaceChildren(...panels[part](view.ecg));
  }
}

function fillDecision() {
  const { view } = current;
  byId("decide").replaceChildren(...panels.decision(view, draft, actions));
  const shown = view.recorded || view.votes;
  const reveal = byId("reveal");
  reveal.hidden = !shown;
  reveal.className = `card reveal ${(view.recorded && view.recorded.decision) || ""}`;
  reveal.replaceChildren(...(shown ? panels.reveal(view) : []));
  const [done, all] = view.progress;
  byId("progress").replaceChildren(
    el("progress", { max: Math.max(all, 1), value: done, "aria-label": "Cases answered" }),
    el("span", { text: `${done} of ${all}` }));
}

// ---- actions -------------------------------------------------------------------------------

/** Save an answer. @param {string} word @param {{reason?: string, answers?: object, findings?: string[]}} [more] */
async function save(word, more = {}) {
  const { view } = current;
  const mine = view.answer;
  const earlier = mine ? { ...mine.answers } : { ...draft.answers };
  delete earlier[view.label];
  const saved = await post(`/api/case/${view.number}/answer`, {
    answers: { ...(more.answers || earlier), [view.label]: word },
    reason: more.reason ?? (mine ? mine.reason : draft.reason),
    findings: more.findings ?? (mine ? mine.findings : draft.findings),
    expected: mine ? mine.id : null,
    consensus,
  });
  Object.assign(view, saved);
  if (view.warning) warn(view.warning);
  draft = emptyDraft();
  fillDecision();
}

const actions = {
  answer: (word) => attempt(async () => {
    await save(word);
    if (!session.blinded && !consensus) return next();
    const button = byId("next");
    if (button) button.focus({ preventScroll: true });
  }),
  next: () => attempt(next),
  skip: () => attempt(async () => {
    if (!current || current.view.answer || consensus) return;
    const { number } = current.view;
    await post(`/api/case/${number}/skip`);
    await next();
  }),
  undo: () => attempt(async () => {
    const { number, consensus: round } = await post("/api/undo");
    consensus = round;
    if (number !== null) await open(number, true);
  }),
  reason: () => current && showReasons(session.reasons, (reason) => keep({ reason })),
  labels: () => current && showLabels(session, current.view, draft, (more) => keep(more)),
};

/** Keep a reason or further labels: with the answer that is saved already, or for the next. */
function keep(more) {
  if (!current.view.answer) {
    Object.assign(draft, more);
    fillDecision();
    return;
  }
  void attempt(() => save(current.view.answer.answers[current.view.label], more));
}

function openConsensus(number) {
  byId("dialog").close();
  consensus = true;
  void attempt(() => open(number, true));
}

const titleOf = (name) => (session.targets.find((t) => t.name === name) || { title: name }).title;

async function showOverview() {
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

// ---- keys ----------------------------------------------------------------------------------

const KEYS = {
  s: actions.skip, z: actions.undo, n: actions.next, r: actions.reason, l: actions.labels,
  m: () => change({ measuring: !display.measuring }),
  o: () => change({ repeating: !display.repeating, measuring: true }),
  f: () => change({ filter: !display.filter }),
  w: () => change({ waves: !display.waves }),
  b: () => current.view.ecg.median_beat && change({ beat: !display.beat }),
  y: () => change({ layout: cycle(choices(current.view.ecg.leads).map((c) => c.id), display.layout), beat: false }),
  g: () => change({ gain: cycle(GAINS, display.gain), beat: false }),
  t: () => change({ speed: cycle(SPEEDS, display.speed), beat: false }),
  e: () => current.view.others.length && attempt(() => showOther(other.number ?? 0)),
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(1 / 1.25), 0: () => zoom(0),
};
const WITHOUT_CASE = new Set(["z", "n"]);
const WITHOUT_ECG = new Set(["s", "z", "n", "r", "l"]);

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || !session || !session.reader) return;
  if (document.querySelector("dialog[open]") || target.closest("input, textarea, select")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "?") return void showHelp();
  if (key === "i") return void showOverview();
  if (key === "Enter" && !target.closest("button")) {
    if (current && current.view.answer) actions.next();
    return;
  }
  if (current && key.startsWith("Arrow") && !current.view.ecg.error) {
    if (display.measuring) paper.nudge(key, event.shiftKey);
    else if (key === "ArrowLeft" || key === "ArrowRight") paper.forward(key === "ArrowLeft" ? -2.5 : 2.5);
    else if (target.id === "paper") paper.set({ y: paper.y + (key === "ArrowUp" ? -80 : 80) });
    else return;
    event.preventDefault();
    return;
  }
  if (!event.repeat && current) {
    const word = panels.answerWords(current.view).find(([, one]) => one.toLowerCase() === key);
    if (word) return void actions.answer(word[0]);
  }
  if (event.repeat && "szn".includes(key)) return;
  if (!KEYS[key] || (!current && !WITHOUT_CASE.has(key))) return;
  if (current && current.view.ecg.error && !WITHOUT_ECG.has(key)) return;
  event.preventDefault();
  void KEYS[key]();
});

// ---- beginning -----------------------------------------------------------------------------

function signIn() {
  byId("password-row").hidden = !session.needs_password;
  byId("reader-names").replaceChildren(...session.readers.map((name) => el("option", { value: name })));
  if (!byId("sign-in").open) byId("sign-in").showModal();
}

byId("sign-in").addEventListener("cancel", (event) => event.preventDefault());
byId("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("sign-in-error").textContent = "";
  try {
    await post("/api/sign-in", { name: byId("reader-name").value, password: byId("password").value });
    session = await get("/api/session");
    byId("sign-in").close();
    await begin();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    byId("sign-in-error").textContent = error.message;
  }
});

async function begin() {
  byId("reader-button").textContent = session.reader;
  byId("reader-button").setAttribute("aria-label", `${session.reader}: sign out`);
  ahead.clear();
  current = null;
  await attempt(next);
}

byId("help-button").addEventListener("click", () => showHelp());
byId("overview-button").addEventListener("click", () => session.reader && showOverview());
byId("dialog-close").addEventListener("click", () => byId("dialog").close());
byId("second-close").addEventListener("click", () => attempt(() => showOther(other.number)));
byId("reader-button").addEventListener("click", () => attempt(async () => {
  await post("/api/sign-out");
  session = await get("/api/session");
  byId("case").hidden = byId("finished").hidden = true;
  signIn();
}));

const kept = Number(localStorage.getItem(KEPT_SCALE));
if (kept > 1 && kept < 40) {
  paper.pxPerMm = kept;
  second.pxPerMm = kept;
}
session = await get("/api/session");
useToken(session.csrf);
if (session.reader) await begin(); else signIn();


