// @ts-check
/** An ECG on ECG paper: a canvas at a true scale, with zoom, pan, waves and calipers. */

import { arrange, LEFT } from "/static/layouts.js";
import { inWords, marchOut, moved } from "/static/calipers.js";
import { listen } from "/static/pointers.js";
import { drawWaves } from "/static/wave_drawing.js";

const NO_VALUE = -32768;
const CSS_MM = 96 / 25.4; // px per mm of a screen that keeps to the definition of the CSS pixel
const COLOURS = { paper: "#fffaf8", fine: "#f7dbd6", coarse: "#ebaea5", ink: "#16181b" };
const CALIPER = "#0b4f9e";
const PEN = 1.2; // px
const REACH = 1.2; // a trace may leave its row by this many row heights

/**
 * @typedef {{leads: string[], fs: number, n: number, samples: Int16Array,
 *   waves: Object<string, any[]>}} Signal  samples: µV, lead after lead
 */

export class Paper {
  /** @param {HTMLCanvasElement} canvas @param {(text: string) => void} onMeasure */
  constructor(canvas, onMeasure = () => {}) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.onMeasure = onMeasure;
    /** @type {Signal | null} */
    this.signal = null;
    this.layout = "grid";
    this.gain = 10;
    this.speed = 25;
    this.zoom = 1;
    this.pxPerMm = CSS_MM;
    this.showWaves = false;
    this.measuring = false;
    this.repeating = false;
    this.from = 0; // s, where a grid begins
    this.x = 0; // px of the content at the left edge of the canvas
    this.y = 0;
    /** @type {import("./calipers.js").Span | null} */
    this.span = null;
    /** @type {import("./wave_editor.js").WaveEditor | null} */
    this.editor = null;
    this.room = 0; // px of height that the window has for this paper
    this.touched = { row: 0, column: 0 };
    this.levels = [];
    this.pending = 0;
    this.lastDrawMs = 0;
    this.onDrawn = () => {};
    this.onZoom = () => {};
    listen(this);
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  /** Show another ECG from its beginning. @param {Signal} signal */
  show(signal) {
    this.signal = signal;
    this.levels = signal.leads.map((_, row) => baseline(signal, row));
    this.from = 0;
    this.x = this.y = 0;
    this.clearSpan();
    this.redraw();
  }

  /** Exchange the samples of the same ECG, as filtered for raw. @param {Int16Array} samples */
  replace(samples) {
    if (!this.signal) return;
    this.signal = { ...this.signal, samples };
    this.levels = this.signal.leads.map((_, row) => baseline(this.signal, row));
    this.redraw();
  }

  /** Change settings such as gain, speed, layout, zoom. @param {object} settings */
  set(settings) {
    const cleared = "layout" in settings && settings.layout !== this.layout;
    const centre = (this.x + this.canvas.clientWidth / 2) / this.scale;
    Object.assign(this, settings);
    if (cleared) {
      this.x = this.y = 0;
      this.clearSpan();
    } else if ("zoom" in settings) {
      this.x = centre * this.scale - this.canvas.clientWidth / 2;
    }
    const editing = this.editor !== null && this.editor.active;
    this.canvas.classList.toggle("measuring", this.measuring || editing);
    this.redraw();
  }

  get scale() {
    return this.pxPerMm * this.zoom;
  }

  get seconds() {
    return this.signal ? this.signal.n / this.signal.fs : 0;
  }

  get arrangement() {
    const s = this.signal;
    if (!s) return null;
    return arrange(this.layout, s.leads, this.seconds, this.from, this.speed, this.gain,
      this.room / this.scale, this.canvas.clientWidth / this.scale);
  }

  /** Height that shows the whole paper, px. */
  get wholeHeight() {
    return this.arrangement ? this.arrangement.height * this.scale : 0;
  }

  /** Move by some seconds: a grid to another stretch, rows along the paper. @param {number} s */
  forward(s) {
    if (this.layout === "grid") {
      const longest = Math.max(0, this.seconds - 10);
      const from = Math.min(longest, Math.max(0, this.from + s));
      if (from !== this.from) this.clearSpan();
      this.from = from;
    } else {
      this.x += s * this.speed * this.scale;
    }
    this.redraw();
  }

  /** Move so far that a time is in view. @param {number} t s of the record */
  reveal(t) {
    if (this.layout === "grid") {
      if (t < this.from || t > this.from + 10) this.from = clamp(t - 5, 0, Math.max(0, this.seconds - 10));
    } else {
      const x = (LEFT + t * this.speed) * this.scale;
      if (x < this.x + 20 || x > this.x + this.canvas.clientWidth - 20) {
        this.x = x - this.canvas.clientWidth / 2;
      }
    }
    this.redraw();
  }

  /**
   * The cell under a point, and time and level there.
   * @param {{x: number, y: number}} point px of the canvas @param {boolean} [same] the cell of the last call
   */
  cellAt(point, same = false) {
    const { rows } = this.arrangement;
    const mm = (point.x + this.x) / this.scale, down = (point.y + this.y) / this.scale;
    if (!same) {
      let row = 0;
      rows.forEach((one, n) => {
        if (Math.abs(one.middle - down) < Math.abs(rows[row].middle - down)) row = n;
      });
      const column = Math.max(0, rows[row].cells.findLastIndex((cell) => cell.x <= mm));
      this.touched = { row, column };
    }
    const { row, column } = this.touched, cell = rows[row].cells[column];
    return { row, column, cell, time: cell.start + (mm - cell.x) / this.speed,
      mv: (rows[row].middle - down) / this.gain };
  }

  clearSpan() {
    this.span = null;
    this.onMeasure("");
  }

  /** Set the calipers from the keyboard. @param {string} key @param {boolean} start */
  nudge(key, start) {
    if (!this.signal) return;
    if (!this.span) {
      const cell = this.arrangement.rows[0].cells[0];
      const middle = cell.start + Math.min(cell.length, 2.5) / 2;
      this.span = { row: 0, column: 0, from: middle - 0.1, to: middle + 0.1, low: 0, high: 0.5 };
    } else {
      this.span = moved(this.span, key, start, 1 / this.signal.fs, 0.01);
    }
    this.onMeasure(inWords(this.span));
    this.redraw();
  }

  redraw() {
    if (!this.pending) this.pending = requestAnimationFrame(() => this.draw());
  }

  /** Draw at once; elsewhere `redraw` asks for the next frame. */
  draw() {
    this.pending = 0;
    const started = performance.now();
    const { canvas, context } = this;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const arrangement = this.arrangement;
    if (arrangement) {
      this.x = clamp(this.x, 0, Math.max(0, arrangement.width * this.scale - width));
      this.y = clamp(this.y, 0, Math.max(0, arrangement.height * this.scale - height));
    }
    this.#grid(width, height);
    if (!arrangement) return;
    arrangement.rows.forEach((row, number) => {
      const middle = this.#py(row.middle);
      const reach = REACH * arrangement.rowHeight * this.scale;
      if (middle + reach < 0 || middle - reach > height) return;
      for (const cell of row.cells) this.#cell(cell, middle, arrangement.rowHeight, width);
      if (this.span && this.span.row === number) this.#calipers(row, middle, arrangement, height);
    });
    this.canvas.dataset.pxPerMm = this.scale.toFixed(4);
    this.lastDrawMs = performance.now() - started;
    this.onDrawn();
  }

  #px(mm) {
    return mm * this.scale - this.x;
  }

  #py(mm) {
    return mm * this.scale - this.y;
  }

  #grid(width, height) {
    const { context } = this;
    context.fillStyle = COLOURS.paper;
    context.fillRect(0, 0, width, height);
    const steps = this.scale >= 2.2 ? [[1, COLOURS.fine, 0.6], [5, COLOURS.coarse, 0.9]]
      : [[5, COLOURS.coarse, 0.7]];
    for (const [step, colour, thickness] of steps) {
      const px = Number(step) * this.scale;
      context.beginPath();
      for (let x = px - (this.x % px) - px; x <= width; x += px) {
        context.moveTo(x, 0);
        context.lineTo(x, height);
      }
      for (let y = px - (this.y % px) - px; y <= height; y += px) {
        context.moveTo(0, y);
        context.lineTo(width, y);
      }
      context.strokeStyle = String(colour);
      context.lineWidth = Number(thickness);
      context.stroke();
    }
  }

  #cell(cell, middle, rowHeight, width) {
    const { context } = this;
    const left = this.#px(cell.x), perSecond = this.speed * this.scale;
    const seconds = Math.min(cell.length, this.seconds - cell.start);
    if (cell.first) this.#pulse(middle);
    const right = left + cell.length * perSecond;
    if (right < 0 || left > width) return;
    this.#name(cell, middle, Math.max(left, 4), rowHeight, left);
    const row = this.signal.leads.indexOf(cell.lead);
    if (row >= 0 && seconds > 0) {
      context.save();
      context.beginPath();
      const reach = REACH * rowHeight * this.scale;
      context.rect(left - 1, middle - reach, seconds * perSecond + 2, 2 * reach);
      context.clip();
      if (this.showWaves) drawWaves(this, cell, middle, rowHeight, left, perSecond, seconds);
      this.#trace(row, cell, middle, left, perSecond, seconds, width);
      context.restore();
    }
  }

  /** The calibration pulse: 1 mV for 0.2 s. */
  #pulse(middle) {
    const { context, scale } = this;
    const wide = 0.2 * this.speed, x = LEFT - wide - 3.5;
    context.beginPath();
    [[0, 0], [1.5, 0], [1.5, 1], [1.5 + wide, 1], [1.5 + wide, 0], [wide + 3, 0]]
      .forEach(([mm, mv], n) => {
        const point = [this.#px(x + mm), middle - mv * this.gain * scale];
        if (n) context.lineTo(point[0], point[1]); else context.moveTo(point[0], point[1]);
      });
    this.#ink();
  }

  #ink() {
    const { context } = this;
    context.strokeStyle = COLOURS.ink;
    context.lineWidth = PEN * Math.max(1, Math.sqrt(this.zoom));
    context.lineJoin = "round";
    context.stroke();
  }

  #trace(row, cell, middle, left, perSecond, seconds, width) {
    const { fs, n, samples } = this.signal;
    const { context } = this;
    const perMv = this.gain * this.scale / 1000, level = this.levels[row];
    const visible = (px) => cell.start + (px - left) / perSecond;
    const first = Math.max(Math.round(cell.start * fs), Math.floor(visible(0) * fs) - 1, 0);
    const last = Math.min(Math.round((cell.start + seconds) * fs), Math.ceil(visible(width) * fs) + 1, n);
    const x = (i) => left + (i / fs - cell.start) * perSecond;
    const y = (value) => middle - (value - level) * perMv;
    const each = Math.floor(fs / perSecond / 2); // samples in half a pixel
    context.beginPath();
    let pen = false;
    const to = (px, py) => {
      if (pen) context.lineTo(px, py); else context.moveTo(px, py);
      pen = true;
    };
    // Groups begin at the same samples wherever the paper is moved to: the trace does not shimmer.
    for (let i = first - (first % Math.max(each, 1)); i < last; i += Math.max(each, 1)) {
      if (each < 2) {
        const value = samples[row * n + i];
        if (value === NO_VALUE) pen = false; else to(x(i), y(value));
        continue;
      }
      // Several samples in a pixel: their extremes, in the order in which they come.
      let low = i, high = i, gap = false;
      for (let k = i; k < Math.min(i + each, last); k++) {
        const value = samples[row * n + k];
        if (value === NO_VALUE) gap = true;
        else {
          if (value < samples[row * n + low]) low = k;
          if (value > samples[row * n + high]) high = k;
        }
      }
      if (gap) { pen = false; continue; }
      for (const k of low < high ? [low, high] : [high, low]) to(x(k), y(samples[row * n + k]));
    }
    this.#ink();
  }

  #name(cell, middle, x, rowHeight, left) {
    const { context, scale } = this;
    const size = Math.round(clamp(3.2 * scale, 11, 20));
    context.font = `650 ${size}px system-ui, sans-serif`;
    const y = middle - Math.min(8.5, 0.36 * rowHeight) * scale;
    context.fillStyle = COLOURS.ink;
    context.fillText(cell.lead, x + 5, y);
    if (cell.first) return;
    context.beginPath(); // ticks between two leads of a row
    for (const [top, end] of [[-7, -4], [4, 7]]) {
      context.moveTo(left, middle + top * scale);
      context.lineTo(left, middle + end * scale);
    }
    this.#ink();
  }

  #calipers(row, middle, arrangement, height) {
    const { context, span } = this;
    const cell = row.cells[span.column];
    const x = (t) => this.#px(cell.x + (t - cell.start) * this.speed);
    const y = (mv) => middle - mv * this.gain * this.scale;
    const top = middle - arrangement.rowHeight * 0.62 * this.scale;
    const foot = middle + arrangement.rowHeight * 0.62 * this.scale;
    context.lineWidth = 1.2;
    if (this.repeating) {
      context.strokeStyle = CALIPER;
      context.setLineDash([2, 4]);
      context.beginPath();
      for (const t of marchOut(span, cell.start, cell.length)) {
        context.moveTo(x(t), top);
        context.lineTo(x(t), foot);
      }
      context.stroke();
      context.setLineDash([]);
    }
    context.fillStyle = "#2f6db022";
    context.fillRect(Math.min(x(span.from), x(span.to)), Math.min(y(span.low), y(span.high)),
      Math.abs(x(span.to) - x(span.from)), Math.abs(y(span.high) - y(span.low)));
    context.strokeStyle = CALIPER;
    context.beginPath();
    for (const t of [span.from, span.to]) {
      context.moveTo(x(t), top);
      context.lineTo(x(t), foot);
    }
    for (const mv of [span.low, span.high]) {
      context.moveTo(x(span.from) - 14, y(mv));
      context.lineTo(x(span.to) + 14, y(mv));
    }
    context.stroke();
  }
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** The median of a lead, µV: what a raw lead is drawn about. @param {Signal} signal */
function baseline(signal, row) {
  const known = signal.samples.slice(row * signal.n, (row + 1) * signal.n)
    .filter((value) => value !== NO_VALUE).sort();
  return known.length ? known[known.length >> 1] : 0;
}
