// @ts-check
/** Mouse, pen and touch on a paper: pan, pinch, zoom with the wheel, drag calipers. */

import { inWords } from "/static/calipers.js";

const SMALLEST = 0.4, LARGEST = 6; // zoom; 1 is the true size

/** @param {any} paper */
export function listen(paper) {
  const { canvas } = paper;
  /** @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  const where = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!paper.signal || event.button > 0) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, where(event));
    if (paper.measuring && pointers.size === 1) begin(paper, where(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = where(event);
    if (paper.measuring && paper.span) stretch(paper, now);
    else if (pointers.size === 2) {
      const fixed = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const size = (point) => Math.hypot(point.x - fixed.x, point.y - fixed.y);
      zoomAt(paper, fixed, paper.zoom * size(now) / Math.max(size(before), 1));
    } else {
      paper.x -= now.x - before.x;
      if (event.pointerType !== "touch") paper.y -= now.y - before.y;
      paper.redraw();
    }
    pointers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
  canvas.addEventListener("wheel", (event) => {
    if (event.ctrlKey) zoomAt(paper, where(event), paper.zoom * Math.exp(-event.deltaY / 300));
    else {
      const before = [paper.x, paper.y];
      paper.x += event.shiftKey ? event.deltaY : event.deltaX;
      if (!event.shiftKey) paper.y += event.deltaY;
      paper.draw();
      if (before[0] === paper.x && before[1] === paper.y) return; // the page scrolls instead
    }
    event.preventDefault();
  }, { passive: false });
}

/** Begin a measurement in the cell under a point. */
function begin(paper, point) {
  const { rows } = paper.arrangement;
  const mm = (point.x + paper.x) / paper.scale, down = (point.y + paper.y) / paper.scale;
  let row = 0;
  rows.forEach((one, n) => {
    if (Math.abs(one.middle - down) < Math.abs(rows[row].middle - down)) row = n;
  });
  const column = Math.max(0, rows[row].cells.findLastIndex((cell) => cell.x <= mm));
  const cell = rows[row].cells[column];
  const time = cell.start + (mm - cell.x) / paper.speed;
  const mv = (rows[row].middle - down) / paper.gain;
  paper.span = { row, column, from: time, to: time, low: mv, high: mv };
  paper.redraw();
}

/** Move the end of a measurement to a point. */
function stretch(paper, point) {
  const row = paper.arrangement.rows[paper.span.row], cell = row.cells[paper.span.column];
  const mm = (point.x + paper.x) / paper.scale, down = (point.y + paper.y) / paper.scale;
  paper.span.to = cell.start + (mm - cell.x) / paper.speed;
  paper.span.high = (row.middle - down) / paper.gain;
  paper.onMeasure(inWords(paper.span));
  paper.redraw();
}

/** Zoom about a point, which stays where it is. */
function zoomAt(paper, point, zoom) {
  const next = Math.min(Math.max(zoom, SMALLEST), LARGEST), factor = next / paper.zoom;
  paper.x = (paper.x + point.x) * factor - point.x;
  paper.y = (paper.y + point.y) * factor - point.y;
  paper.zoom = next;
  paper.redraw();
  paper.onZoom();
}
