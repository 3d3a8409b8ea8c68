// @ts-check
/** Where each piece of each lead stands on the paper, in millimetres. */

const TWELVE = [["I", "aVR", "V1", "V4"], ["II", "aVL", "V2", "V5"], ["III", "aVF", "V3", "V6"]];
const NINE = [["I", "aVR", "V1"], ["II", "aVL", "V3"], ["III", "aVF", "V5"]];
const MOST_FURTHER = 4; // leads besides these, as V3R, V4R and V7 of a child, in a row of their own
const STRIP_S = 10;
export const LEFT = 15; // room for the calibration pulse
const EDGE = 5;
// Height of a row by gain, mm/mV: a tall R of 1.5 mV stays inside its row.
const ROW = { 5: 20, 10: 30, 20: 50 };
const CLOSE_ROW = { 5: 15, 10: 22, 20: 40 };
const SPREAD = 1.6; // a row may be so much higher where the window has room

/**
 * @typedef {{lead: string, start: number, length: number, x: number, first: boolean}} Cell
 * start, length: seconds of the record; x: mm from the left edge of the paper
 * @typedef {{cells: Cell[], middle: number}} Row
 * @typedef {{rows: Row[], width: number, height: number, rowHeight: number}} Arrangement
 */

/** Rows of the usual printout, null where the leads have none. @param {string[]} leads */
function grid(leads) {
  const further = leads.filter((lead) => !TWELVE.flat().includes(lead));
  const usual = leads.length - further.length;
  const known = [TWELVE, NINE].find((g) => g.flat().length === usual &&
    g.flat().every((lead) => leads.includes(lead)));
  if (!known || further.length > MOST_FURTHER) return null;
  return further.length ? [...known, further] : known;
}

/** The layouts that suit a set of leads. @param {string[]} leads */
export function choices(leads) {
  const known = grid(leads);
  const rows = { id: "rows", title: `${leads.length} × 1` };
  const more = known && known.length > 3 ? ` + ${known[3].length}` : "";
  return known ? [{ id: "grid", title: `3 × ${known[0].length}${more} + rhythm` }, rows] : [rows];
}

/**
 * @param {string} layout grid, rows or beat
 * @param {string[]} leads
 * @param {number} seconds length of the record
 * @param {number} from where a grid begins, s
 * @param {number} speed mm/s @param {number} gain mm/mV
 * @param {number} room mm of height that the window has @param {number} across mm of its width
 * @returns {Arrangement}
 */
export function arrange(layout, leads, seconds, from, speed, gain, room, across) {
  const known = grid(leads);
  if (layout === "beat") return beats(leads, known, seconds, speed, gain, room, across);
  /** @type {Cell[][]} */
  let rows;
  if (layout === "grid" && known) {
    rows = known.map((row) => row.map((lead, column) => {
      const length = STRIP_S / row.length;
      const x = LEFT + column * length * speed;
      return { lead, start: from + column * length, length, x, first: column === 0 };
    }));
    rows.push([{ lead: "II", start: from, length: STRIP_S, x: LEFT, first: true }]);
  } else {
    rows = leads.map((lead) => [{ lead, start: 0, length: seconds, x: LEFT, first: true }]);
  }
  const length = layout === "grid" && known ? STRIP_S : seconds;
  const rowHeight = height((layout === "grid" && known ? ROW : CLOSE_ROW)[gain], rows.length, room);
  return {
    rows: rows.map((cells, n) => ({ cells, middle: EDGE + (n + 0.5) * rowHeight })),
    width: LEFT + length * speed + EDGE,
    height: 2 * EDGE + rows.length * rowHeight,
    rowHeight,
  };
}

/** One beat of every lead, side by side. @param {string[][] | null} known */
function beats(leads, known, seconds, speed, gain, room, across) {
  const columns = known ? Math.max(...known.map((row) => row.length)) : Math.min(leads.length, 4);
  const lines = known || Array.from({ length: Math.ceil(leads.length / columns) },
    (_, n) => leads.slice(n * columns, (n + 1) * columns));
  const rowHeight = height(ROW[gain], lines.length, room);
  const step = Math.max(seconds * speed + 8, Math.floor((across - LEFT - EDGE) / columns));
  return {
    rows: lines.map((line, n) => ({
      cells: line.map((lead, column) => ({
        lead, start: 0, length: seconds, x: LEFT + column * step, first: column === 0,
      })),
      middle: EDGE + (n + 0.5) * rowHeight,
    })),
    width: LEFT + columns * step + EDGE,
    height: 2 * EDGE + lines.length * rowHeight,
    rowHeight,
  };
}

/** Height of a row, mm: as much as there is room for, within limits. */
function height(least, rows, room) {
  return Math.min(Math.max(least, (room - 2 * EDGE) / rows), SPREAD * least);
}
