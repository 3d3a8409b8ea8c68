// @ts-check
/** Waves on the paper: shaded from onset to offset; while they are corrected, with their boundaries. */

export const WAVE_COLOURS = { P: "#2f6db0", QRS: "#8457a3", T: "#2f8a57" };
const CHOSEN = "#b3261e";
const PLACE = "#0b4f9e";

/**
 * @param {any} paper @param {any} cell @param {number} middle px @param {number} rowHeight mm
 * @param {number} left px where the cell begins @param {number} perSecond px
 * @param {number} seconds of the cell that the record fills
 */
export function drawWaves(paper, cell, middle, rowHeight, left, perSecond, seconds) {
  const { context, scale, signal, editor } = paper;
  const editing = editor && editor.active;
  const key = editing ? editor.key(cell.lead) : cell.lead in signal.waves ? cell.lead : "global";
  const waves = (editing ? editor.waves[key] : signal.waves[key]) || [];
  const perSample = editing ? 1 / signal.fs : 1;
  const height = (rowHeight - 3) * scale, foot = middle + 0.5 * rowHeight * scale;
  const x = (time) => left + (time - cell.start) * perSecond;
  const line = (time, colour, thickness) => {
    if (time < cell.start || time > cell.start + seconds) return;
    context.fillStyle = colour;
    context.fillRect(x(time) - thickness / 2, foot - height, thickness, height);
    context.beginPath();
    context.arc(x(time), foot - 0.5 * scale, 1.5 + 1.5 * thickness, 0, 2 * Math.PI);
    context.fill();
  };
  waves.forEach(([wave, ...samples], index) => {
    const [onset, peak, offset] = samples.map((one) => one === null ? null : one * perSample);
    const begin = Math.max((onset ?? peak) - cell.start, 0);
    const end = Math.min((offset ?? peak) - cell.start, seconds);
    if (end < begin) return;
    const wide = Math.max((end - begin) * perSecond, 1.5);
    context.fillStyle = WAVE_COLOURS[wave];
    context.globalAlpha = 0.14;
    context.fillRect(left + begin * perSecond, foot - height, wide, height);
    context.globalAlpha = 0.85;
    context.fillRect(left + begin * perSecond, foot - 1 * scale, wide, 1 * scale);
    context.globalAlpha = 1;
    if (!editing) return;
    const { chosen } = editor;
    for (const [edge, time] of [["onset", onset ?? peak], ["offset", offset ?? peak]]) {
      const is = chosen && chosen.lead === key && chosen.index === index && chosen.edge === edge;
      line(time, is ? CHOSEN : WAVE_COLOURS[wave], is ? 2.5 : 1);
    }
  });
  if (editing && editor.place && (editor.allLeads || editor.place.lead === cell.lead)) {
    line(editor.place.sample / signal.fs, PLACE, 1);
  }
}
