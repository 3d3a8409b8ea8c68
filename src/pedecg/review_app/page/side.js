// @ts-check
/** The side of the page: decision, what is revealed, patient, criteria, measurements. */

import * as panels from "/static/panels.js";
import { byId, page } from "/static/state.js";
import { attempt } from "/static/faults.js";
import { showOther } from "/static/ecg_view.js";
import { actions } from "/static/actions.js";

const { el } = panels;

/** Fill the side: decision, what is revealed, context. */
export function fill() {
  const { view } = page.current;
  fillDecision();
  byId("patient").replaceChildren(...panels.patient(view, page.other.number, (k) => attempt(() => showOther(k))));
  for (const part of ["criteria", "measurements"]) {
    byId(part).hidden = Boolean(view.ecg.error);
    if (!view.ecg.error) byId(part).replaceChildren(...panels[part](view.ecg));
  }
}

export function fillDecision() {
  const { view } = page.current;
  byId("decide").replaceChildren(...panels.decision(view, page.draft, actions));
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
