// Places of a picture's nodes and lines, and of a weight in the flat array of all weights.

import { LIMITS } from "../configuration.js";

const HEAD = 56;
const FOOT = 44;

// Numbers of units, input to output, and where each layer's kernel begins.
export function sizesOf(inputs, hidden, outputs) {
  const widths = [inputs, ...hidden, outputs];
  const starts = [];
  let total = 0;
  for (let layer = 0; layer + 1 < widths.length; layer++) {
    starts.push(total);
    total += (widths[layer] + 1) * widths[layer + 1];
  }
  return { widths, starts, total };
}

// A weight; the bias if `input` is null. Kernels are (inputs, units), row by row, each followed by its biases.
export function weightAt({ widths, starts }, weights, layer, unit, input) {
  return weights[starts[layer] + (input ?? widths[layer]) * widths[layer + 1] + unit];
}

// Places of columns of nodes in `width`; the picture is wider than that where columns would touch.
// `isLong`: {left, right}, whether labels of inputs and of outputs are.
export function layout(width, counts, isLong) {
  const narrow = width < 480;
  const size = narrow ? 28 : 34;
  const left = (isLong.left ? 84 : 46) + size / 2;
  const right = (isLong.right ? 64 : 26) + size / 2;
  const least = 62;
  const gaps = counts.length - 1;
  const full = Math.max(width, left + right + least * gaps);
  const columnWidth = Math.min((full - left - right) / gaps, 150);
  const pitch = narrow ? 40 : 46;
  const middle = HEAD + (LIMITS.units * pitch) / 2;
  const step = (full - left - right) / gaps;
  const columns = counts.map((count, column) =>
    Array.from({ length: count }, (_, k) => ({ x: left + step * column, y: (column === gaps ? middle - (count * pitch) / 2 : HEAD) + pitch * (k + 0.5) })),
  );
  const foot = HEAD + LIMITS.units * pitch + 4;
  return { width: full, height: foot + FOOT - 6, size, columns, columnWidth, foot };
}

// The height of a line at `x`: its curve runs level out of both nodes.
export function lineHeight(from, to, x) {
  const part = (x - from.x) / (to.x - from.x);
  let low = 0;
  let high = 1;
  for (let k = 0; k < 12; k++) {
    const t = (low + high) / 2;
    if (1.5 * t - 1.5 * t * t + t * t * t < part) low = t;
    else high = t;
  }
  const t = (low + high) / 2;
  return from.y + (to.y - from.y) * (3 * t * t - 2 * t * t * t);
}

// The line within 7 pixels of a place that is nearest to it, or null.
export function nearestLine(eachLine, x, y) {
  let found = null;
  let least = 7;
  eachLine((from, to, layer, input, unit) => {
    if (x <= from.x || x >= to.x) return;
    const distance = Math.abs(lineHeight(from, to, x) - y);
    if (distance < least) {
      least = distance;
      found = { from, to, layer, input, unit, key: `${layer}-${input}-${unit}` };
    }
  });
  return found;
}
