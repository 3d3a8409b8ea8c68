// @ts-check
/** Calipers: two times and two levels in one piece of one lead. */

/**
 * @typedef {{row: number, column: number, from: number, to: number, low: number, high: number}} Span
 * from, to: seconds of the record; low, high: mV; row, column: the cell in the arrangement
 */

/** What a span measures, in words. @param {Span} span */
export function inWords(span) {
  const ms = Math.abs(span.to - span.from) * 1000;
  const mv = span.high - span.low;
  const rate = ms >= 1 ? ` · ${(60000 / ms).toFixed(0)} bpm` : "";
  const sign = mv < 0 ? "−" : "";
  return `${ms.toFixed(0)} ms${rate} · ${sign}${Math.abs(mv).toFixed(2)} mV`;
}

/**
 * Move one edge of a span by a key.
 * @param {Span} span @param {string} key an arrow key @param {boolean} start move the first edge
 * @param {number} stepS @param {number} stepMv
 * @returns {Span}
 */
export function moved(span, key, start, stepS, stepMv) {
  const time = { ArrowLeft: -stepS, ArrowRight: stepS }[key] || 0;
  const level = { ArrowDown: -stepMv, ArrowUp: stepMv }[key] || 0;
  return start
    ? { ...span, from: span.from + time, low: span.low + level }
    : { ...span, to: span.to + time, high: span.high + level };
}

/** Times at which the interval is repeated within a cell. */
export function marchOut(span, cellStart, cellLength) {
  const step = Math.abs(span.to - span.from);
  if (step < 0.02) return [];
  const times = [];
  const first = span.from - Math.floor((span.from - cellStart) / step) * step;
  for (let t = first; t <= cellStart + cellLength + 1e-9; t += step) times.push(t);
  return times;
}
