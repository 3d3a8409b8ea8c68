// @ts-check
/** Dialogs: reasons, further labels, keys, the scale of the screen. */

import { el, WORDS } from "/static/panels.js";

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);
const CARD_MM = 85.6; // width of a bank card, ISO/IEC 7810 ID-1

/** @param {string} title @param {(Node | string)[]} body */
function show(title, body) {
  byId("dialog-title").textContent = title;
  byId("dialog-body").replaceChildren(...body);
  if (!byId("dialog").open) byId("dialog").showModal();
}

/** @param {string[]} reasons @param {(reason: string) => void} choose */
export function showReasons(reasons, choose) {
  const close = (reason) => {
    document.removeEventListener("keydown", byKey);
    byId("dialog").close();
    choose(reason);
  };
  const byKey = (event) => {
    if (!byId("dialog").open) return document.removeEventListener("keydown", byKey);
    if (event.target.closest("input")) return;
    const chosen = reasons[Number(event.key) - 1];
    if (chosen) {
      event.preventDefault();
      close(chosen);
    }
  };
  const input = el("input", { id: "free-reason", maxlength: 500, autocomplete: "off" });
  show("Reason", [
    el("ul", { class: "choices" }, ...reasons.map((reason, n) => el("li", {}, el("button", {
      type: "button", class: "quiet", onclick: () => close(reason) },
    el("kbd", { text: String(n + 1) }), reason)))),
    el("form", { onsubmit: (event) => { event.preventDefault(); close(input.value); } },
      el("label", { for: "free-reason", text: "In your own words" }), input,
      el("button", { type: "submit", class: "primary" }, "Use this reason")),
  ]);
  document.addEventListener("keydown", byKey);
}

/** @param {any} session @param {any} view @param {any} draft @param {(more: object) => void} keep */
export function showLabels(session, view, draft, keep) {
  const answers = view.answer ? view.answer.answers : draft.answers;
  const ticked = view.answer ? view.answer.findings : draft.findings;
  const targets = session.targets.filter((target) => target.name !== view.label);
  const radio = (target, word, text) => el("label", {}, el("input", { type: "radio", name: target,
    value: word, checked: (answers[target] || "") === word }), text);
  const form = el("form", {},
    el("p", { class: "hint", text: "Further labels of this ECG. What you leave open stays as recorded." }),
    ...targets.map((target) => el("fieldset", { class: "label-row" },
      el("legend", { text: target.title }),
      el("div", { class: "radio-group" }, radio(target.name, "", "Not judged"),
        ...["present", "absent", "uncertain"].map((word) => radio(target.name, word, WORDS[word]))))),
    el("h3", { text: "Findings in this ECG" }),
    el("div", { class: "ticks" }, ...session.findings.map((finding) => el("label", {},
      el("input", { type: "checkbox", name: "finding", value: finding,
        checked: ticked.includes(finding) }), finding))),
    el("button", { type: "submit", class: "primary" }, "Use these labels"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const chosen = Object.fromEntries(targets.map((t) => [t.name, String(data.get(t.name) || "")])
      .filter(([, word]) => word));
    byId("dialog").close();
    keep({ answers: chosen, findings: data.getAll("finding").map(String) });
  });
  show("Other labels", [form]);
}

const KEYS = [
  ["Answer", [["P", "present"], ["A", "absent"], ["U", "uncertain"], ["X", "unreadable"],
    ["K", "keep the label, once it is shown"], ["C", "change the label, once it is shown"]]],
  ["Go on", [["Enter", "next case"], ["S", "skip: comes again at the end"], ["Z", "undo"],
    ["R", "reason"], ["L", "other labels and findings"], ["I", "progress and agreement"]]],
  ["Look", [["Y", "layout"], ["G", "gain"], ["T", "speed"], ["F", "filter"], ["W", "waves"],
    ["B", "median beat"], ["E", "other ECG of the child"], ["+ −", "zoom"], ["0", "true size"],
    ["← →", "move in time"]]],
  ["Measure", [["M", "calipers: drag, or the keys below"], ["← →", "move the end"],
    ["↑ ↓", "move the upper level"], ["Shift", "with an arrow: the start"], ["O", "march-out"]]],
  ["Correct waves", [["D", "begin or end: drag a boundary, or the keys below"], [", .", "previous or next boundary"],
    ["← →", "move it by one sample"], ["Shift", "with ← →: by ten"], ["H", "all leads or one"],
    ["↑ ↓", "the same boundary in another lead"], ["1 2 3", "add P, QRS or T"], ["Del", "remove the wave"],
    ["Z", "undo the last correction"], ["J", "all waves are right: may be exported"]]],
];

export function showHelp() {
  show("Keys", KEYS.flatMap(([title, keys]) => [el("h3", { text: title }),
    el("dl", { class: "keys" }, ...keys.map(([key, text]) => el("div", {},
      el("dt", {}, ...key.split(" ").map((one) => el("kbd", { text: one }))), el("dd", { text }))))]));
}

/** @param {number} pxPerMm @param {(pxPerMm: number) => void} keep */
export function showScale(pxPerMm, keep) {
  const card = el("div", { class: "card-check", text: "Hold a bank card here: the frame must be as wide" });
  const slider = el("input", { type: "range", id: "card-width", min: 150, max: 800, step: 0.5,
    value: pxPerMm * CARD_MM });
  const draw = () => { card.style.width = `${slider.value}px`; };
  slider.addEventListener("input", draw);
  draw();
  show("Is the paper at its true size?", [
    el("p", { class: "hint", text: "A browser does not know how large your screen is. Move the slider " +
      "until the frame is as wide as a bank card (85.6 mm): one second then is 25 mm." }),
    card, el("label", { for: "card-width", text: "Width of the frame" }), slider,
    el("button", { type: "button", class: "primary", onclick: () => {
      keep(Number(slider.value) / CARD_MM);
      byId("dialog").close();
    } }, "Use this size"),
  ]);
}
