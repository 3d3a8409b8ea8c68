// @ts-check
/** Actions that ask the program for something: one at a time, and a fault is shown. */

import { RequestError } from "/static/requests.js";
import { byId } from "/static/state.js";

let busy = false;
/** What is done after a fault, by status. @type {Map<number, () => Promise<void> | void>} */
const remedies = new Map();

/** @param {string} message */
export function warn(message) {
  byId("alert").textContent = message;
  byId("alert").hidden = !message;
}

/** @param {number} status @param {() => Promise<void> | void} remedy */
export function remedy(status, remedy) {
  remedies.set(status, remedy);
}

/** Run an action; a fault is shown, and nothing counts as saved. @param {() => Promise<any>} action */
export async function attempt(action) {
  if (busy) return;
  busy = true;
  try {
    warn("");
    await action();
  } catch (error) {
    await report(error);
  } finally {
    busy = false;
  }
}

/** Show what the program refused, and do what helps; any other error is one of the page. */
export async function report(error) {
  if (!(error instanceof RequestError)) throw error;
  const found = remedies.get(error.status);
  if (found && error.status !== 401) await found();
  warn(error.message);
  if (found && error.status === 401) await found();
}
