// @ts-check
/** What the page asks the program; a fault is an Error whose message is for the reader. */

export class RequestError extends Error {
  /** @param {number} status 0: the program does not answer @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let csrf = "";

/** @param {string} token */
export function useToken(token) {
  csrf = token;
}

/** @param {string} path @param {RequestInit} [options] */
async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "same-origin", ...options });
  } catch {
    throw new RequestError(0, "Not saved: pedecg review does not answer. Start it again and open " +
      "the address that it prints; all saved answers are kept.");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new RequestError(response.status, body.error || `the program answered ${response.status}`);
}

/** @param {string} path @returns {Promise<any>} */
export async function get(path) {
  return (await ask(path)).json();
}

/** Samples in µV, lead after lead. @param {string} path @returns {Promise<Int16Array>} */
export async function samples(path) {
  return new Int16Array(await (await ask(path)).arrayBuffer());
}

/** @param {string} path @param {object} [body] @returns {Promise<any>} */
export async function post(path, body = {}) {
  const headers = { "content-type": "application/json", "x-csrf-token": csrf };
  return (await ask(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}
