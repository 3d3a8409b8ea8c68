// @ts-check
/** Mouse, pen and touch on a paper: pan, pinch, zoom with the wheel, drag calipers and boundaries. */

import { inWords } from "/static/calipers.js";

const SMALLEST = 0.4, LARGEST = 6; // zoom; 1 is the true size
const REACH = 10, REACH_TOUCH = 22; // px from a boundary at which it is caught

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
    if (pointers.size > 1) return;
    if (paper.measuring) begin(paper, where(event));
    else if (paper.editor && paper.editor.active) {
      paper.editor.grab(where(event), event.pointerType === "touch" ? REACH_TOUCH : REACH);
    }
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = where(event);
    if (paper.editor && paper.editor.dragging) paper.editor.drag(now);
    else if (paper.measuring && paper.span) stretch(paper, now);
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
    canvas.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      if (paper.editor && paper.editor.dragging) paper.editor.drop();
    });
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
  const { row, column, time, mv } = paper.cellAt(point);
  paper.span = { row, column, from: time, to: time, low: mv, high: mv };
  paper.redraw();
}

/** Move the end of a measurement to a point. */
function stretch(paper, point) {
  const { time, mv } = paper.cellAt(point, true);
  paper.span.to = time;
  paper.span.high = mv;
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
