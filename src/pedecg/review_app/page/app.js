// @ts-check
/** The review: one case after the other, by keyboard, mouse or touch. This module begins it. */

import { get, post, useToken, RequestError } from "/static/requests.js";
import { el } from "/static/panels.js";
import { showHelp } from "/static/dialogs.js";
import { byId, page, paper, second } from "/static/state.js";
import { attempt, remedy } from "/static/faults.js";
import { forget, next, open } from "/static/cases.js";
import { showOther } from "/static/ecg_view.js";
import { KEPT_SCALE, showOverview } from "/static/actions.js";
import "/static/keys.js";

function signIn() {
  byId("password-row").hidden = !page.session.needs_password;
  byId("reader-names").replaceChildren(...page.session.readers.map((name) => el("option", { value: name })));
  if (!byId("sign-in").open) byId("sign-in").showModal();
}

byId("sign-in").addEventListener("cancel", (event) => event.preventDefault());
byId("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("sign-in-error").textContent = "";
  try {
    await post("/api/sign-in", { name: byId("reader-name").value, password: byId("password").value });
    page.session = await get("/api/session");
    byId("sign-in").close();
    await begin();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    byId("sign-in-error").textContent = error.message;
  }
});

async function begin() {
  byId("reader-button").textContent = page.session.reader;
  byId("reader-button").setAttribute("aria-label", `${page.session.reader}: sign out`);
  forget();
  await attempt(next);
}

byId("help-button").addEventListener("click", () => showHelp());
byId("overview-button").addEventListener("click", () => page.session.reader && showOverview());
byId("dialog-close").addEventListener("click", () => byId("dialog").close());
byId("second-close").addEventListener("click", () => attempt(() => showOther(page.other.number)));
byId("reader-button").addEventListener("click", () => attempt(async () => {
  await post("/api/sign-out");
  page.session = await get("/api/session");
  byId("case").hidden = byId("finished").hidden = true;
  signIn();
}));

remedy(409, async () => {
  if (page.current) await open(page.current.view.number, true);
});
remedy(401, signIn);

const kept = Number(localStorage.getItem(KEPT_SCALE));
if (kept > 1 && kept < 40) {
  paper.pxPerMm = kept;
  second.pxPerMm = kept;
}
page.session = await get("/api/session");
useToken(page.session.csrf);
if (page.session.reader) await begin(); else signIn();
