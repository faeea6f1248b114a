// Charts: loss by epoch, loss by learning rate, loss over a plane of weights.

import { fitted, paint, theme } from "./colors.js";

const MOST = 4000;
const FONT = "11px system-ui, sans-serif";

// A label of an axis: short, for small and large numbers too.
export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 10000 || size < 0.001) return value.toExponential(0).replace("e+", "e");
  return Number(value.toPrecision(2)).toString();
}

// Losses of training and test part by epoch; long ones keep every second, fourth, ... epoch.
export class LossCurve {
  constructor(canvas, tell) {
    this.canvas = canvas;
    this.clear();
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointermove", (event) => this.point(event, tell));
    canvas.addEventListener("pointerleave", () => tell(null));
    canvas.addEventListener("click", () => {
      this.isLog = !this.isLog;
      this.draw();
    });
  }

  clear() {
    this.epochs = [];
    this.train = [];
    this.test = [];
    this.every = 1;
    this.epoch = 0;
    this.best = null;
  }

  // Adds the losses of the epochs that end with `last`.
  add(last, curves) {
    const count = curves.shape[1];
    for (let k = 0; k < count; k++) {
      const epoch = last - count + 1 + k;
      if (epoch % this.every) continue;
      this.epochs.push(epoch);
      this.train.push(curves.data[k]);
      this.test.push(curves.data[count + k]);
    }
    this.epoch = last;
    if (this.epochs.length > MOST) this.thin();
  }

  thin() {
    this.every *= 2;
    const kept = this.epochs.map((epoch) => epoch % this.every === 0);
    for (const name of ["epochs", "train", "test"]) this[name] = this[name].filter((_, k) => kept[k]);
  }

  // Lowest and highest loss shown; a linear axis contains 0.
  range() {
    let low = this.isLog ? Infinity : 0;
    let high = this.isLog ? 0 : -Infinity;
    for (const losses of [this.train, this.test]) {
      for (const loss of losses) {
        if (!Number.isFinite(loss) || (this.isLog && loss <= 0)) continue;
        if (loss > high) high = loss;
        if (loss < low) low = loss;
      }
    }
    if (this.isLog && low < high) return { low, high };
    if (this.isLog) return { low: 0.1, high: 1 };
    return { low, high: high > low ? high : low + 1 };
  }

  draw() {
    const { context, width, height } = fitted(this.canvas);
    if (!width) return;
    const colours = theme();
    const { low, high } = this.range();
    const last = Math.max(this.epoch, 10);
    this.frame = { left: 34, right: width - 6, top: 8, bottom: height - 18, low, high, last };
    const { left, right, top, bottom } = this.frame;
    context.font = FONT;
    context.fillStyle = colours.quiet;
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    context.beginPath();
    for (const y of [top, (top + bottom) / 2, bottom]) {
      context.moveTo(left, Math.round(y) + 0.5);
      context.lineTo(right, Math.round(y) + 0.5);
    }
    context.stroke();
    context.textAlign = "right";
    context.fillText(short(high), left - 5, top + 4);
    context.fillText(short(low), left - 5, bottom + 3);
    context.fillText(this.epoch ? String(this.epoch) : "", right, height - 4);
    context.textAlign = "left";
    context.fillText(this.isLog ? "loss by epoch, logarithmic" : "loss by epoch", left, height - 4);
    if (this.best !== null) this.drawBest(context);
    this.line(context, this.test, colours.test);
    this.line(context, this.train, colours.train);
  }

  x(epoch) {
    return this.frame.left + ((this.frame.right - this.frame.left) * epoch) / this.frame.last;
  }

  y(loss) {
    const { top, bottom, low, high } = this.frame;
    const part = this.isLog ? Math.log(Math.max(loss, low) / low) / Math.log(high / low) : (loss - low) / (high - low);
    return bottom - (bottom - top) * part;
  }

  line(context, losses, colour) {
    const step = Math.max(1, Math.floor(losses.length / 1000));
    context.strokeStyle = colour;
    context.lineWidth = 1.6;
    context.beginPath();
    let drawing = false;
    for (let k = 0; k < losses.length; k += step) {
      const loss = losses[k];
      if (!Number.isFinite(loss)) {
        drawing = false;
        continue;
      }
      if (drawing) context.lineTo(this.x(this.epochs[k]), this.y(loss));
      else context.moveTo(this.x(this.epochs[k]), this.y(loss));
      drawing = true;
    }
    context.stroke();
  }

  drawBest(context) {
    const x = this.x(this.best);
    const { top, bottom, right } = this.frame;
    context.strokeStyle = context.fillStyle = theme().text;
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, bottom);
    context.stroke();
    context.setLineDash([]);
    const isLeft = x > right - 90;
    context.textAlign = isLeft ? "right" : "left";
    context.fillText(`best: epoch ${this.best}`, x + (isLeft ? -4 : 4), top + 10);
  }

  point(event, tell) {
    if (!this.frame || this.epochs.length === 0) return;
    const part = (event.offsetX - this.frame.left) / (this.frame.right - this.frame.left);
    const epoch = Math.min(Math.max(part, 0), 1) * this.frame.last;
    const k = Math.min(this.epochs.length - 1, Math.max(0, Math.round((epoch - this.epochs[0]) / this.every)));
    tell(`epoch ${this.epochs[k]}: train ${this.train[k].toPrecision(4)}, test ${this.test[k].toPrecision(4)}`, event);
  }
}

// Loss against learning rate, with the rate suggested.
export function drawRates(canvas, { learning_rates: rates, losses, smoothed, suggestion }) {
  const { context, width, height } = fitted(canvas);
  const colours = theme();
  // What is above the highest loss before the lowest is cut off: the loss explodes in the end.
  const known = (smoothed ?? losses).filter(Number.isFinite);
  const low = known.reduce((least, loss) => Math.min(least, loss), Infinity);
  const high = 1.1 * known.slice(0, known.indexOf(low) + 1).reduce((most, loss) => Math.max(most, loss), 0);
  const from = Math.log10(rates[0]);
  const to = Math.log10(rates.at(-1));
  const x = (rate) => 40 + ((width - 50) * (Math.log10(rate) - from)) / (to - from);
  const y = (loss) => height - 24 - ((height - 34) * (Math.max(Math.min(loss, high), low) - low)) / (high - low || 1);
  context.font = FONT;
  context.fillStyle = colours.quiet;
  context.strokeStyle = colours.line;
  context.textAlign = "center";
  for (let power = Math.ceil(from); power <= to; power++) {
    context.beginPath();
    context.moveTo(x(10 ** power), 10);
    context.lineTo(x(10 ** power), height - 24);
    context.stroke();
    context.fillText(short(10 ** power), x(10 ** power), height - 9);
  }
  context.textAlign = "right";
  context.fillText(short(high), 35, 14);
  context.fillText(short(low), 35, height - 24);
  const curves = smoothed ? [[losses, colours.line, 1], [smoothed, colours.test, 2]] : [[losses, colours.test, 2]];
  for (const [curve, colour, thickness] of curves) {
    context.strokeStyle = colour;
    context.lineWidth = thickness;
    context.beginPath();
    rates.forEach((rate, k) => Number.isFinite(curve[k]) && context.lineTo(x(rate), y(curve[k])));
    context.stroke();
  }
  if (!suggestion) return;
  context.strokeStyle = context.fillStyle = colours.train;
  context.beginPath();
  context.moveTo(x(suggestion), 10);
  context.lineTo(x(suggestion), height - 24);
  context.stroke();
  context.textAlign = x(suggestion) > width - 120 ? "right" : "left";
  context.fillText(`suggested ${suggestion.toPrecision(2)}`, x(suggestion) + (x(suggestion) > width - 120 ? -5 : 5), 20);
}

// Loss over a plane of weights, dark where it is low, with the path of training.
export function drawSurface(canvas, { values, a, b, path }) {
  const { context, width, height } = fitted(canvas);
  const rows = values.length;
  const columns = values[0].length;
  const logs = values.flat().map((value) => (value === null ? Infinity : Math.log10(Math.max(value, 1e-6))));
  const low = logs.reduce((least, value) => Math.min(least, value), Infinity);
  const high = logs.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, value) : most), -Infinity);
  const image = new ImageData(columns, rows);
  paint(image, logs.map((value) => (Number.isFinite(value) ? Math.round((255 * (value - low)) / (high - low || 1)) : 255)), theme().viridis);
  const small = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, width, height);
  const place = ([first, second]) => [((first - a[0]) / (a[1] - a[0])) * width, (1 - (second - b[0]) / (b[1] - b[0])) * height];
  context.strokeStyle = context.fillStyle = "#ffffff";
  context.lineWidth = 1.5;
  context.beginPath();
  path.forEach((step) => context.lineTo(...place(step)));
  context.stroke();
  if (path.length === 0) return;
  context.beginPath();
  context.arc(...place(path[0]), 3, 0, 7);
  context.stroke();
  context.beginPath();
  context.arc(...place(path.at(-1)), 4, 0, 7);
  context.fill();
}
