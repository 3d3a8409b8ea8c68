// @ts-check
/** Parts of the page as elements. Text is only ever set as text: no HTML is built from data. */

/**
 * @param {string} tag @param {object} [attributes] `class`, `text`, `on…` and any attribute
 * @param {...(Node | string | null | false)} children
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

export const WORDS = { present: "Present", absent: "Absent", uncertain: "Uncertain",
  unreadable: "Unreadable" };
const HINTS = {
  present: "The ECG shows it",
  absent: "The ECG does not show it",
  uncertain: "Cannot be determined: the label is masked in training",
  unreadable: "The signal cannot be read: the label is masked in training",
  keep: "The recorded label is right", change: "The recorded label is wrong",
};
const BLIND = [["present", "P"], ["absent", "A"], ["uncertain", "U"], ["unreadable", "X"]];
const OPEN = [["keep", "K"], ["change", "C"], ["uncertain", "U"], ["unreadable", "X"]];

/** What a word of the open form means as an answer. */
export function asAnswer(word, given) {
  if (word === "keep") return given === 1 ? "present" : "absent";
  if (word === "change") return given === 1 ? "absent" : "present";
  return word;
}

/** The words that a reader may answer with. @param {any} view */
export function answerWords(view) {
  const relative = view.recorded && view.recorded.given !== null;
  return relative ? OPEN : BLIND;
}

/** The card with the question and the keys. @param {any} view @param {any} draft @param {any} act */
export function decision(view, draft, act) {
  const answered = view.answer && view.answer.answers[view.label];
  const title = el("h2", { class: "sr", text: "Decision" });
  const chips = el("div", { class: "chips" },
    view.consensus && el("span", { class: "chip info", text: "Consensus round" }),
    view.shared && !view.consensus &&
      el("span", { class: "chip info", text: "Read by every reader", title: "Measures agreement" }),
    view.split === "test" && el("span", { class: "chip warn", text: "Test set",
      title: "The decision is recorded; labels of the test set are never changed" }),
    el("span", { class: "chip", text: `Rank ${view.rank}` }));
  const question = el("p", { class: "question" }, "Does this ECG show ",
    el("strong", { text: view.label_title }), "?");
  const names = { ...WORDS, keep: "Keep", change: "Change" };
  const given = view.recorded ? view.recorded.given : null;
  const buttons = answerWords(view).map(([word, key]) => el("button", {
    type: "button", class: "answer", "data-answer": word, title: HINTS[word],
    "aria-pressed": answered === asAnswer(word, given) ? "true" : "false",
    onclick: () => act.answer(word),
  }, names[word], el("kbd", { text: key })));
  const reason = view.answer ? view.answer.reason : draft.reason;
  const extra = view.answer ? Object.keys(view.answer.answers).length - 1 + view.answer.findings.length
    : Object.keys(draft.answers).length + draft.findings.length;
  return [title, chips, question, el("div", { class: "answers" }, ...buttons),
    el("div", { class: "more" },
      quiet("Reason", "R", act.reason), quiet("Other labels", "L", act.labels)),
    (reason || extra > 0) && el("p", { class: "given-reason", id: "given-reason",
      text: [reason && `Reason: ${reason}`, extra > 0 && `${extra} further labels or findings`]
        .filter(Boolean).join(" · ") }),
    el("div", { class: "more" },
      !answered && !view.consensus && quiet("Skip", "S", act.skip), quiet("Undo", "Z", act.undo)),
    answered && el("button", { type: "button", class: "primary next", id: "next",
      onclick: act.next }, "Next case", el("kbd", { text: "Enter" }))].filter(Boolean);
}

function quiet(text, key, onclick) {
  return el("button", { type: "button", class: "quiet", onclick }, text, el("kbd", { text: key }));
}

const VERDICTS = {
  keep: "The label is kept as recorded.", flip: "The label counts as wrong.",
  unknown: "The label cannot be determined: masked in training.",
};

/** What was hidden until the answer. @param {any} view */
export function reveal(view) {
  const { recorded, votes } = view;
  const facts = [];
  if (recorded) {
    const given = { 1: "present", 0: "absent" }[recorded.given] || "unknown";
    facts.push(["Recorded label", given]);
    const mine = view.answer && view.answer.answers[view.label];
    if (mine) facts.push(["Your answer", WORDS[mine].toLowerCase() + (view.answer.blinded ? ", blinded" : "")]);
    if (recorded.probability !== null) {
      facts.push([`Probability, ${recorded.model}`, recorded.probability.toFixed(3)]);
    }
  }
  for (const vote of votes || []) {
    facts.push([vote.reader, (WORDS[vote.answer] || vote.answer).toLowerCase() +
      (vote.reason ? ` (${vote.reason})` : "")]);
  }
  const verdict = recorded && recorded.decision && VERDICTS[recorded.decision];
  const statements = recorded && recorded.statements;
  return [
    el("h2", { text: recorded ? "Now shown" : "Answers of the readers" }),
    verdict && el("p", { class: "verdict", id: "verdict", text: verdict }),
    list(facts),
    statements && statements.length > 0 &&
      el("h3", { text: "Stated by the source" }),
    statements && statements.length > 0 &&
      el("ul", { class: "plain-list" }, ...statements.map((text) => el("li", { text }))),
    recorded && statements === null && el("p", { class: "reason later",
      text: "Statements of the source follow when all questions on this ECG are answered." }),
  ].filter(Boolean);
}

/** @param {[string, string][]} facts */
function list(facts) {
  return el("dl", { class: "facts" },
    ...facts.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]));
}

/** @param {any} view @param {number | null} shown @param {(k: number) => void} showOther */
export function patient(view, shown, showOther) {
  const { ecg, others } = view;
  if (ecg.error) return [el("h2", { text: "Patient" }), el("p", { class: "note", text: ecg.error })];
  const sex = { female: "girl", male: "boy" }[ecg.sex];
  const adult = /^(1[89]|[2-9]\d|\d{3}) years$/.test(ecg.age);
  const who = adult || !sex ? ecg.sex : sex;
  return [
    el("h2", { text: "Patient" }),
    el("p", { class: "age", text: `${ecg.age}, ${who}` }),
    list([["Patient", view.patient_id], ["Record", view.record_id],
      ["Recording", `${(ecg.n_samples / ecg.fs_hz).toFixed(1)} s, ${ecg.leads.length} leads, ${ecg.fs_hz} Hz`]]),
    ...ecg.notes.map((text) => el("p", { class: "note", text })),
    others.length > 0 && el("h3", { text: "Other ECGs of this child" }),
    others.length > 0 && el("ul", { class: "others" }, ...others.map((other, k) => el("li", {},
      el("button", { type: "button", class: "quiet", "aria-pressed": shown === k ? "true" : "false",
        onclick: () => showOther(k) },
      `${other.order === "earlier" ? "Earlier" : "Later"}: ${other.age}` +
        (other.acquired_at ? `, ${other.acquired_at.slice(0, 10)}` : ""),
      k === 0 && el("kbd", { text: "E" }))))),
  ].filter(Boolean);
}

/** @param {any} ecg */
export function criteria(ecg) {
  const met = ecg.criteria || [];
  return [el("h2", { text: "Criteria met" }),
    met.length === 0 ? el("p", { class: "reason", text: "None." })
      : el("ul", { class: "plain-list" }, ...met.map((one) => el("li", {},
        el("span", { text: one.title }), el("div", { class: "reason", text: one.reason }))))];
}

/** @param {any} ecg */
export function measurements(ecg) {
  const rows = ecg.measurements || [];
  const number = (value, digits) => value === null || value === undefined ? "" : value.toFixed(digits);
  const sources = [...new Set(rows.map((row) => row.source).filter(Boolean))];
  const ages = [...new Set(rows.map((row) => row.limits_for).filter(Boolean))];
  if (!rows.length) return [el("h2", { text: "Measurements" }), el("p", { class: "reason", text: "None." })];
  return [
    el("h2", { text: "Measurements" }),
    el("table", {},
      el("thead", {}, el("tr", {}, ...["Measure", "Value", "Limits", "z"].map((text) =>
        el("th", { scope: "col", text })))),
      el("tbody", {}, ...rows.map((row) => el("tr", { class: row.outside ? "outside" : null },
        el("td", { text: row.name + (row.valid === false ? " (?)" : "") }),
        el("td", { class: "value", text: `${number(row.value, row.digits)} ${row.unit}` +
          ({ above: " ↑", below: " ↓" }[row.outside] || "") }),
        el("td", { class: "value", text: row.p2 == null && row.p98 == null ? ""
          : row.p2 == null ? `≤ ${number(row.p98, row.digits)}`
            : `${number(row.p2, row.digits)}–${number(row.p98, row.digits)}` }),
        el("td", { text: row.z == null ? "" : (row.z > 0 ? "+" : "−") + Math.abs(row.z).toFixed(1) }))))),
    el("p", { class: "sources", text: ages.length
      ? `2nd to 98th percentile for ${ages.join(" or ")}: ${sources.join("; ")}.`
      : "No limits: age unknown or outside the tables." }),
  ];
}

/** Agreement, progress and (for a senior reader) the disagreements. */
export function overview(found, targetTitle, openCase) {
  const { summary, disagreements } = found;
  const signed = (value) => value.toFixed(2).replace("-", "−");
  const kappa = (one) => one.kappa === null ? `not defined: ${one.reason}`
    : `κ = ${signed(one.kappa)}` + (one.low === null ? ` (${one.reason})`
      : ` (95 % interval ${signed(one.low)} to ${signed(one.high)})`) +
      `, same answer in ${Math.round(100 * one.observed)} % of ${one.n_cases} cases`;
  const words = summary.decisions;
  const facts = [
    ["Your cases", `${found.progress[0]} of ${found.progress[1]} answered`],
    ["All readers", `${summary.reviewed} of ${summary.cases} cases: ${words.flip} labels wrong, ` +
      `${words.keep} right, ${words.unknown} cannot be determined`],
    ["Disagreements", String(summary.disagreements)],
    ["Fleiss’ kappa", kappa(summary.agreement.all)],
    ...summary.agreement.pairs.map((pair) => [pair.readers.join(" and "), kappa(pair)]),
  ];
  const rows = summary.confirmed_errors;
  return [
    list(facts),
    el("p", { class: "sources", text: "Kappa compares each reader’s first answer, given before " +
      "anything was shown. Patients are resampled for the interval." }),
    rows.length > 0 && el("h3", { text: "Confirmed label errors by rank" }),
    rows.length > 0 && el("table", {},
      el("thead", {}, el("tr", {}, ...["First", "Decided", "Wrong", "Precision (95 % interval)"]
        .map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, ...rows.map((row) => el("tr", {},
        el("td", { text: row.first }), el("td", { text: row.decided }), el("td", { text: row.wrong }),
        el("td", { text: `${row.precision.toFixed(2)} (${row.low.toFixed(2)} to ${row.high.toFixed(2)})` }))))),
    disagreements && el("h3", { text: "Consensus round" }),
    disagreements && disagreements.length === 0 && el("p", { text: "No disagreement is open." }),
    disagreements && disagreements.length > 0 && el("ul", { class: "choices" },
      ...disagreements.map((one) => el("li", {}, el("button", { type: "button", class: "quiet",
        onclick: () => openCase(one.number) },
      `${one.record_id}, ${targetTitle(one.label)}: ` +
        Object.entries(one.answers).map(([who, word]) => `${who} ${word}`).join(", "))))),
  ].filter(Boolean);
}
