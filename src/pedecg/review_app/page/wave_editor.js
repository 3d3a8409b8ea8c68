// @ts-check
/** Waves that a reader corrects: boundaries chosen and moved by mouse, touch or keyboard. */

export const GLOBAL = "global";
const COLUMN = { onset: 1, offset: 3 };
const NARROWEST = 1; // samples from onset to offset, as the program asks
// Half the width of a new wave, s: where its boundaries begin to be moved from.
const HALF_S = { P: 0.04, QRS: 0.04, T: 0.08 };

/**
 * @typedef {"onset" | "offset"} Edge
 * @typedef {[string, number | null, number | null, number | null]} Wave kind, onset, peak, offset; samples
 * @typedef {{lead: string, index: number, edge: Edge}} Choice
 */

export class WaveEditor {
  /** @param {any} paper @param {(text: string) => void} onText */
  constructor(paper, onText) {
    this.paper = paper;
    paper.editor = this;
    this.onText = onText;
    this.active = false;
    this.dragging = false;
    this.allLeads = true;
    /** @type {Object<string, Wave[]>} */
    this.waves = {};
    /** @type {Choice | null} */
    this.chosen = null;
    /** Where a new wave would be put. @type {{lead: string, sample: number} | null} */
    this.place = null;
    /** @type {(choice: Choice, sample: number) => void} */
    this.onMoved = () => {};
  }

  /** Begin with the waves of a case. @param {Object<string, Wave[]>} waves */
  start(waves) {
    this.active = true;
    this.chosen = this.place = null;
    this.load(waves);
  }

  stop() {
    if (this.active) this.onText("");
    this.active = this.dragging = false;
    this.chosen = this.place = null;
    this.paper.redraw();
  }

  /** Take the waves as they are saved. @param {Object<string, Wave[]>} waves */
  load(waves) {
    this.waves = Object.fromEntries(Object.entries(waves)
      .map(([lead, rows]) => [lead, rows.map((row) => /** @type {Wave} */ ([...row]))]));
    const { chosen } = this;
    if (chosen && !(this.waves[chosen.lead] || [])[chosen.index]) this.chosen = null;
    this.#say();
  }

  /** The key of the waves that are drawn and moved in a lead. @param {string} lead */
  key(lead) {
    return this.allLeads ? GLOBAL : lead;
  }

  /** @param {boolean} allLeads */
  setScope(allLeads) {
    const at = this.chosen && this.#sample(this.chosen);
    const lead = this.chosen && this.chosen.lead !== GLOBAL ? this.chosen.lead : this.#firstLead();
    this.allLeads = allLeads;
    this.chosen = at === null ? null : this.#nearest(this.key(lead), at);
    this.#say();
  }

  /** Choose the boundary under a point, to drag it. @returns {boolean} whether there is one */
  grab(point, reach) {
    const { cell, time } = this.paper.cellAt(point);
    const { fs } = this.paper.signal, lead = this.key(cell.lead);
    const found = this.#nearest(lead, time * fs);
    const px = found ? Math.abs(this.#sample(found) / fs - time) * this.paper.speed * this.paper.scale
      : Infinity;
    if (px <= reach) {
      this.chosen = found;
      this.dragging = true;
    }
    // A click without a drag also marks where a wave may be added, close to another one as well.
    this.place = { lead: cell.lead, sample: Math.round(time * fs) };
    this.#say();
    return px <= reach;
  }

  /** Move the boundary that is dragged to a point; saved when it is dropped. */
  drag(point) {
    this.place = null;
    this.#put(Math.round(this.paper.cellAt(point, true).time * this.paper.signal.fs));
  }

  drop() {
    this.dragging = false;
    if (this.chosen) this.onMoved(this.chosen, this.#sample(this.chosen));
  }

  /** Move the chosen boundary by some samples. @param {number} by */
  nudge(by) {
    if (!this.chosen) return this.step(1);
    this.#put(this.#sample(this.chosen) + by);
    this.onMoved(this.chosen, this.#sample(this.chosen));
  }

  /** Choose the next or the previous boundary. @param {1 | -1} by */
  step(by) {
    if (!this.chosen) {
      this.chosen = this.#nearest(this.key(this.#firstLead()), this.paper.from * this.paper.signal.fs);
    } else {
      const { lead, index, edge } = this.chosen;
      const place = 2 * index + (edge === "offset" ? 1 : 0) + by;
      if (place < 0 || place >= 2 * this.waves[lead].length) return;
      this.chosen = { lead, index: place >> 1, edge: place % 2 ? "offset" : "onset" };
    }
    this.place = null;
    if (this.chosen) this.paper.reveal(this.#sample(this.chosen) / this.paper.signal.fs);
    this.#say();
  }

  /** Choose the same boundary in the next or the previous lead. @param {1 | -1} by */
  otherLead(by) {
    if (this.allLeads) return;
    const { leads } = this.paper.signal;
    if (!this.chosen) return this.step(1);
    const lead = leads[leads.indexOf(this.chosen.lead) + by];
    const at = this.#sample(this.chosen);
    if (lead) this.chosen = this.#nearest(lead, at, this.chosen.edge) || this.chosen;
    this.#say();
  }

  /** A wave of a kind at the marked place, or after the chosen wave; null: there is no room. */
  drafted(kind) {
    const { signal } = this.paper;
    let { place } = this;
    if (!place) {
      const lead = this.chosen && this.chosen.lead !== GLOBAL ? this.chosen.lead : this.#firstLead();
      const rows = this.waves[this.key(lead)] || [];
      const end = this.chosen ? last(rows[this.chosen.index]) : 0;
      const next = this.chosen && rows[this.chosen.index + 1];
      place = { lead, sample: Math.round((end + (next ? first(next) : signal.n - 1)) / 2) };
    }
    const lead = this.key(place.lead), rows = this.waves[lead] || [];
    const before = rows.filter((row) => last(row) < place.sample).at(-1);
    const after = rows.find((row) => first(row) > place.sample);
    const half = Math.round(HALF_S[kind] * signal.fs);
    const onset = Math.max(place.sample - half, before ? last(before) + 1 : 0);
    const offset = Math.min(place.sample + half, after ? first(after) - 1 : signal.n - 1);
    if (offset - onset < NARROWEST || rows.some((row) => first(row) <= place.sample && place.sample <= last(row))) {
      return null;
    }
    return { lead, wave: [kind, onset, this.#peak(place.lead, onset, offset), offset] };
  }

  /** The chosen wave. */
  get wave() {
    return this.chosen && this.waves[this.chosen.lead][this.chosen.index];
  }

  /** The sample of the largest deviation from the lead's median. */
  #peak(lead, onset, offset) {
    const { signal, levels } = this.paper;
    const row = signal.leads.indexOf(lead);
    const away = (sample) => Math.abs(signal.samples[row * signal.n + sample] - levels[row]);
    let peak = onset;
    for (let sample = onset; sample <= offset; sample++) if (away(sample) > away(peak)) peak = sample;
    return peak;
  }

  #firstLead() {
    const { leads } = this.paper.signal;
    return leads.includes("II") ? "II" : leads[0];
  }

  /** @param {Choice} choice */
  #sample({ lead, index, edge }) {
    const wave = this.waves[lead][index];
    return /** @type {number} */ (wave[COLUMN[edge]] ?? wave[2] ?? wave[4 - COLUMN[edge]]);
  }

  /** @param {string} lead @param {number} sample @param {Edge} [wanted] @returns {Choice | null} */
  #nearest(lead, sample, wanted) {
    let found = null, least = Infinity;
    (this.waves[lead] || []).forEach((_, index) => {
      for (const edge of /** @type {Edge[]} */ (wanted ? [wanted] : ["onset", "offset"])) {
        const choice = { lead, index, edge }, away = Math.abs(this.#sample(choice) - sample);
        if (away < least) [found, least] = [choice, away];
      }
    });
    return found;
  }

  /** Put the chosen boundary on a sample, as near as its neighbours allow. */
  #put(sample) {
    if (!this.chosen) return;
    const { lead, index, edge } = this.chosen, rows = this.waves[lead], wave = rows[index];
    const low = edge === "onset" ? (index ? last(rows[index - 1]) + 1 : 0)
      : (wave[1] ?? first(wave)) + NARROWEST;
    const high = edge === "offset" ? (rows[index + 1] ? first(rows[index + 1]) : this.paper.signal.n) - 1
      : (wave[3] ?? last(wave)) - NARROWEST;
    wave[COLUMN[edge]] = Math.min(Math.max(sample, low), high);
    if (wave[2] !== null) wave[2] = Math.min(Math.max(wave[2], wave[1] ?? 0), wave[3] ?? Infinity);
    this.#say();
  }

  #say() {
    const { chosen, wave, paper } = this;
    if (chosen && wave) {
      const at = (this.#sample(chosen) / paper.signal.fs).toFixed(3);
      const ms = wave[1] !== null && wave[3] !== null
        ? ` · ${((wave[3] - wave[1]) / paper.signal.fs * 1000).toFixed(0)} ms` : "";
      const where = chosen.lead === GLOBAL ? "all leads" : `lead ${chosen.lead}`;
      this.onText(`${wave[0]} ${chosen.edge}, ${where}: ${at} s${ms}`);
    } else if (this.active) {
      this.onText(this.place ? `Lead ${this.place.lead}: ${(this.place.sample / paper.signal.fs).toFixed(3)} s`
        : "Choose a boundary");
    }
    paper.redraw();
  }
}

const known = (wave) => wave.slice(1).filter((sample) => sample !== null);
const first = (wave) => Math.min(...known(wave));
const last = (wave) => Math.max(...known(wave));
