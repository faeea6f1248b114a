// Map of the output over the plane, with the points.

import { css, divergingTable, fitted, paint, paintClasses, theme } from "./colors.js";

const SIZE = 100;
const number = (value) => Number(value.toPrecision(3)).toString();

export class Boundary {
  // `tell(text, event)` shows a tooltip.
  constructor(root, tell) {
    this.root = root;
    this.canvas = root.querySelector(".boundary");
    this.overlay = root.querySelector(".points");
    this.legend = root.querySelector(".legend");
    this.image = new ImageData(SIZE, SIZE);
    this.context = this.canvas.getContext("2d");
    this.showTest = false;
    this.discretize = false;
    this.watched = null;
    this.context.fillStyle = css(theme().middle);
    this.context.fillRect(0, 0, SIZE, SIZE);
    const square = root.querySelector(".square");
    square.addEventListener("pointermove", (event) => this.point(event, tell));
    square.addEventListener("pointerleave", () => tell(null));
    new ResizeObserver(() => this.drawPoints()).observe(square);
  }

  // Forgets what belonged to the training before; it stays on the screen until the new one comes.
  forget() {
    this.points = null;
    this.frame = null;
  }

  show(state) {
    this.state = state;
    const axis = (name, values) => values.forEach((value, k) => (this.root.querySelector(`.axis-${name}.${k ? "high" : "low"}`).textContent = number(value)));
    axis("x", state.ranges.x);
    axis("y", state.ranges.y);
    this.root.querySelector(".axis-x.title").textContent = state.axes[0];
    this.root.querySelector(".axis-y.title").textContent = state.axes[1];
    this.legendOf = "";
    if (this.points) this.measurePoints();
    if (this.frame) this.draw(this.frame);
  }

  // Points: arrays `train` and `test`, rows of x, y and target.
  receivePoints(frame) {
    this.points = frame.arrays;
    this.measurePoints();
  }

  measurePoints() {
    const targets = ["train", "test"].flatMap((name) => Array.from({ length: (this.points[name]?.data.length ?? 0) / 3 }, (_, k) => this.points[name].data[3 * k + 2]));
    const low = targets.reduce((least, value) => Math.min(least, value), Infinity);
    const high = targets.reduce((most, value) => Math.max(most, value), -Infinity);
    this.targets = Number.isFinite(low) && low < high ? { middle: (low + high) / 2, reach: (high - low) / 2 } : { middle: 0, reach: 1 };
    this.legendOf = "";
    this.drawPoints();
  }

  get severalClasses() {
    return this.state?.task === "multiclass" || (this.state?.classes?.length ?? 0) > 2;
  }

  // The values of the middle and of the full colours.
  scale() {
    if (this.state.task !== "regression") return { middle: 0.5, reach: 0.5 };
    return this.targets ?? { middle: 0, reach: 1 };
  }

  // What `frame` shows now: uncertainty before a unit pointed at before the output.
  draw(frame) {
    this.frame = frame;
    if (!this.state) return;
    const { map, classes_map: classes, uncertainty, unit_map: unit } = frame.arrays;
    if (this.watched && (unit || frame.arrays.units)) this.drawUnit(unit, frame.arrays.units);
    else if (uncertainty) this.put("uncertainty", uncertainty, theme().viridis);
    else if (classes) {
      paintClasses(this.image, classes.data, map.data, map.low, map.high, this.discretize);
      this.context.putImageData(this.image, 0, 0);
      this.describe("classes", map);
    } else if (map) this.put("output", map, divergingTable(map.low, map.high, this.scale(), this.discretize));
  }

  // A value of a table's target, which the network learns standardised.
  inUnits(value) {
    const [mean, deviation] = this.state.units ?? [0, 1];
    return mean + deviation * value;
  }

  put(kind, array, table) {
    paint(this.image, array.data, table);
    this.context.putImageData(this.image, 0, 0);
    this.describe(kind, array);
  }

  // A unit's own map; until it comes, its small one enlarged.
  drawUnit(unit, units) {
    const array = unit ?? units;
    const reach = Math.max(Math.abs(array.low ?? -1), Math.abs(array.high ?? 1));
    const table = divergingTable(array.low ?? -1, array.high ?? 1, { middle: 0, reach }, this.discretize);
    if (unit) this.put("unit", unit, table);
    else {
      const side = units.shape[1];
      const small = units.data.subarray(this.watched.place * side * side, (this.watched.place + 1) * side * side);
      this.put("unit", { ...units, data: Uint8Array.from({ length: SIZE * SIZE }, (_, k) => small[Math.floor(Math.floor(k / SIZE) / 5) * side + Math.floor((k % SIZE) / 5)]) }, table);
    }
  }

  describe(kind, array) {
    const shown = { output: "of the network", classes: "most probable class", unit: "of the unit pointed at", uncertainty: "standard deviation" }[kind];
    const { middle, reach } = this.state ? this.scale() : { middle: 0, reach: 1 };
    const ends = { output: [middle - reach, middle, middle + reach].map((value) => this.inUnits(value)), unit: [array.low ?? -1, null, array.high ?? 1], uncertainty: [array.low, null, array.high * (this.state.units?.[1] ?? 1)] }[kind];
    const key = [kind, theme().page, ends?.map((value) => (value === null ? "" : number(value)))].join();
    if (key === this.legendOf) return;
    this.legendOf = key;
    this.shown = kind;
    this.root.querySelector(".shown").textContent = shown;
    this.legend.replaceChildren();
    this.legend.className = `legend ${kind}`;
    if (kind === "classes") {
      this.legend.append(...this.state.classes.map((name, k) => this.swatch(name, k)));
      return;
    }
    const scale = document.createElement("canvas");
    Object.assign(scale, { width: 256, height: 1 });
    const image = new ImageData(256, 1);
    paint(image, Uint8Array.from({ length: 256 }, (_, k) => k), kind === "uncertainty" ? theme().viridis : divergingTable(-1, 1, { middle: 0, reach: 1 }));
    scale.getContext("2d").putImageData(image, 0, 0);
    if (kind === "output" && this.state.task === "binary") [ends[0], ends[2]] = this.state.classes;
    const texts = ends.map((value) => Object.assign(document.createElement("span"), { textContent: value === null ? "" : typeof value === "string" ? value : number(value) }));
    this.legend.append(scale, ...texts);
  }

  swatch(name, k) {
    const swatch = Object.assign(document.createElement("span"), { className: "swatch", textContent: name });
    swatch.style.setProperty("--swatch", css(theme().classes[k % theme().classes.length]));
    return swatch;
  }

  drawPoints() {
    if (!this.points || !this.state) return;
    const { context, width, height } = fitted(this.overlay);
    if (this.showTest) this.drawPart(context, width, height, this.points.test?.data, true);
    this.drawPart(context, width, height, this.points.train?.data, false);
  }

  drawPart(context, width, height, rows, isTest) {
    const { x, y } = this.state.ranges;
    const colours = theme();
    const { middle, reach } = this.targets;
    const radius = rows && rows.length > 3000 ? 1.8 : 2.9;
    for (let k = 0; rows && k < rows.length; k += 3) {
      const colour = this.severalClasses ? colours.classes[rows[k + 2] % colours.classes.length] : colours.diverging((rows[k + 2] - middle) / reach);
      context.beginPath();
      context.arc(((rows[k] - x[0]) / (x[1] - x[0])) * width, (1 - (rows[k + 1] - y[0]) / (y[1] - y[0])) * height, radius, 0, 7);
      context.lineWidth = isTest ? 1.2 : 0.9;
      context.fillStyle = css(colour);
      context.strokeStyle = isTest ? colours.text : colours.ring;
      context.fill();
      context.stroke();
    }
  }

  point(event, tell) {
    const map = this.frame?.arrays.map;
    if (!map || !this.state) return;
    const { x, y } = this.state.ranges;
    const place = this.overlay.getBoundingClientRect();
    const across = Math.min(Math.max((event.clientX - place.left) / place.width, 0), 0.999);
    const down = Math.min(Math.max((event.clientY - place.top) / place.height, 0), 0.999);
    const k = Math.floor(down * SIZE) * SIZE + Math.floor(across * SIZE);
    const value = map.low + (map.data[k] / 255) * (map.high - map.low);
    const classes = this.frame.arrays.classes_map;
    const output = classes ? `${this.state.classes[classes.data[k]]}, probability ${value.toFixed(2)}` : `output ${number(this.inUnits(value))}`;
    tell(`${number(x[0] + across * (x[1] - x[0]))}, ${number(y[1] - down * (y[1] - y[0]))}: ${output}`, event);
  }
}
