// Picture of a network: inputs, hidden units with what they compute, weights as lines.
// Lines and maps are one canvas; what one points at, presses and tabs to are elements above it.

import { FEATURES, LIMITS, activationSettings, activationsOf, hiddenLayers } from "../configuration.js";
import { css, divergingTable, fitted, paint, theme } from "./colors.js";
import { notify } from "../notices.js";
import { layout, lineHeight, nearestLine, sizesOf, weightAt } from "./geometry.js";

const MAP = 20;
const FEATURE_NAMES = { x: "x", y: "y", x2: "x²", y2: "y²", xy: "xy", sinx: "sin x", siny: "sin y" };
const FEATURE_VALUES = {
  x: (x) => x, y: (x, y) => y, x2: (x) => x * x, y2: (x, y) => y * y, xy: (x, y) => x * y,
  sinx: (x) => Math.sin(x), siny: (x, y) => Math.sin(y),
};
const WIDTHS = 12;

function element(tag, attributes, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

// Moves values to the middle of their range.
function standardize(values) {
  const middle = (Math.min(...values) + Math.max(...values)) / 2;
  values.forEach((value, k) => (values[k] = value - middle));
}

// `actions`: config() as asked for last, configure(changes), watch([layer, unit] | null), edit(weights, near), tell(text, event).
export class Picture {
  constructor(root, actions) {
    this.actions = actions;
    this.drawing = root.querySelector(".drawing");
    this.canvas = root.querySelector(".edges");
    this.parts = root.querySelector(".parts");
    this.maps = document.createElement("canvas");
    this.maps.width = MAP;
    this.pointed = null;
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => this.point(null));
    this.canvas.addEventListener("click", (event) => {
      this.point(event);
      this.editPointed();
    });
    new ResizeObserver(() => this.state && this.arrange()).observe(root.querySelector(".picture"));
  }

  // What the network consists of, for others that name its weights.
  get structure() {
    return { sizes: this.sizes, hidden: this.hidden.length, inputLabel: (input) => this.inputLabel(input) };
  }

  // Takes a new structure, of the server's `state`.
  show(state) {
    const before = this.state;
    this.state = state;
    const { config } = state;
    this.hidden = hiddenLayers(config);
    this.isTable = config.dataset === "table";
    this.inputs = state.inputs ?? config.features;
    const outputs = state.outputs ?? [""];
    this.outputs = outputs.slice(0, LIMITS.units);
    this.sizes = sizesOf(this.inputs.length, this.hidden, outputs.length);
    this.nodes = this.isTable ? this.inputs.slice(0, LIMITS.units) : FEATURES;
    // A row of the first kernel, by the place in the input column.
    this.rows = this.nodes.map((name) => this.inputs.indexOf(name));
    if (this.frame && this.sizes.total !== this.frame.arrays.weights?.data.length) this.frame = null;
    if (!before || JSON.stringify(before.config) !== JSON.stringify(config) || String(before.inputs) !== String(state.inputs)) this.build();
    this.arrange();
  }

  build() {
    const focused = document.activeElement?.dataset?.key;
    this.parts.replaceChildren();
    this.inputButtons = this.nodes.map((name, k) => this.inputButton(name, k));
    this.unitButtons = this.hidden.map((units, layer) => Array.from({ length: units }, (_, unit) => this.unitButton(layer, unit)));
    this.heads = this.hidden.map((units, layer) => this.head(units, layer));
    this.outputButtons = this.outputs.map((label, unit) => this.outputButton(label, unit));
    this.parts.append(...this.inputButtons, ...this.heads, ...this.unitButtons.flat(), ...this.outputButtons);
    // Of many columns or classes the first are drawn.
    const unseen = [this.inputs.length - this.nodes.length, this.sizes.widths.at(-1) - this.outputs.length];
    this.more = unseen.map((count) => element("span", { class: "more quiet" }, count > 0 && this.isTable ? `and ${count} more` : ""));
    this.parts.append(...this.more);
    if (focused) this.parts.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
    this.dead = "";
  }

  inputButton(name, k) {
    const used = this.rows[k] >= 0;
    const label = this.isTable ? name : FEATURE_NAMES[name];
    const button = element("button", { type: "button", class: "node input", "data-key": `input-${name}`, "aria-pressed": used, "aria-label": `Input ${label}` });
    button.append(element("span", { class: "label", title: label }, label));
    if (this.isTable) button.disabled = true;
    else {
      button.dataset.tip = used ? `${label}: click to leave it out` : `${label}: click to use it`;
      button.addEventListener("click", () => this.toggleFeature(name));
    }
    return button;
  }

  toggleFeature(name) {
    const { features } = this.actions.config();
    const next = FEATURES.filter((each) => (each === name) !== features.includes(each));
    if (next.length === 0) notify("warning", "A network needs at least one input: choose another one before you leave this one out.");
    else this.actions.configure({ features: next });
  }

  unitButton(layer, unit) {
    const button = element("button", { type: "button", class: "node unit", "data-key": `unit-${layer}-${unit}`, "aria-label": `Layer ${layer + 1}, unit ${unit + 1}: edit its weights` });
    const watch = () => this.actions.watch([layer, unit], (layer && this.hidden.slice(0, layer).reduce((a, b) => a + b, 0)) + unit);
    button.addEventListener("pointerenter", watch);
    button.addEventListener("focus", watch);
    button.addEventListener("pointerleave", () => this.actions.watch(null));
    button.addEventListener("blur", () => this.actions.watch(null));
    button.addEventListener("click", () => this.editUnit(layer, unit, button));
    return button;
  }

  outputButton(label, unit) {
    const layer = this.hidden.length;
    const shown = label || "output";
    const button = element("button", { type: "button", class: "node out", "data-key": `out-${unit}`, "aria-label": `Output ${shown}: edit its weights` });
    button.append(element("span", { class: "label", title: shown }, label));
    button.addEventListener("click", () => this.editUnit(layer, unit, button));
    return button;
  }

  head(units, layer) {
    const { config } = this.state;
    const head = element("div", { class: "head", role: "group", "aria-label": `Hidden layer ${layer + 1}` });
    const fewer = element("button", { type: "button", class: "small", "data-key": `fewer-${layer}`, "aria-label": `Remove a unit of layer ${layer + 1}` }, "−");
    const more = element("button", { type: "button", class: "small", "data-key": `more-${layer}`, "aria-label": `Add a unit to layer ${layer + 1}` }, "+");
    fewer.addEventListener("click", () => this.resize(layer, -1));
    more.addEventListener("click", () => this.resize(layer, 1));
    more.disabled = units >= LIMITS.units;
    const own = element("select", { "data-key": `activation-${layer}`, "aria-label": `Activation of layer ${layer + 1}`, "data-tip": "Activation of this layer" });
    own.append(...[...document.querySelector("select[name=activation]").options].map((option) => element("option", {}, option.value)));
    const names = new Set(activationsOf(config)[layer]);
    if (names.size > 1) own.prepend(element("option", { value: "" }, "mixed"));
    own.value = names.size > 1 ? "" : [...names][0];
    own.addEventListener("change", () => own.value && this.activate(layer, null, own.value));
    head.append(fewer, element("span", { class: "count" }, String(units)), more, own);
    return head;
  }

  // Gives a layer, or one unit of it, another activation.
  activate(layer, unit, name) {
    const config = this.actions.config();
    const table = activationsOf(config);
    if (!table[layer]) return;
    table[layer] = table[layer].map((own, k) => (unit === null || k === unit ? name : own));
    this.actions.configure(activationSettings(config, table));
  }

  // Clicks that follow one another count, before the server has answered the first.
  resize(layer, by) {
    const config = this.actions.config();
    const sizes = hiddenLayers(config);
    if (layer >= sizes.length || sizes[layer] + by > LIMITS.units) return;
    sizes[layer] += by;
    const table = activationsOf({ ...config, hidden: sizes.join(",") });
    const kept = sizes.filter((units) => units > 0).join(",");
    this.actions.configure({ hidden: kept, ...activationSettings(config, table.filter((names) => names.length > 0)) });
  }

  // Places all nodes in the present width.
  arrange() {
    const width = this.drawing.parentElement.clientWidth;
    this.places = layout(width, [this.nodes.length, ...this.hidden, this.outputs.length], { left: this.isTable, right: this.outputs.some((label) => label.length > 2) });
    const { size, columns, height } = this.places;
    this.drawing.parentElement.classList.toggle("scrolls", this.places.width > width);
    this.drawing.style.width = `${this.places.width}px`;
    this.drawing.style.height = `${height}px`;
    this.drawing.style.setProperty("--node", `${size}px`);
    this.drawing.classList.toggle("tight", this.places.columnWidth < 80);
    this.drawing.style.setProperty("--column", `${this.places.columnWidth}px`);
    const put = (node, { x, y }) => {
      node.style.left = `${x - size / 2}px`;
      node.style.top = `${y - size / 2}px`;
    };
    this.inputButtons.forEach((node, k) => put(node, columns[0][k]));
    this.unitButtons.forEach((nodes, layer) => nodes.forEach((node, unit) => put(node, columns[layer + 1][unit])));
    this.outputButtons.forEach((node, k) => put(node, columns.at(-1)[k]));
    this.heads.forEach((head, layer) => {
      head.style.left = `${columns[layer + 1][0].x}px`;
      head.style.width = `${this.places.columnWidth}px`;
    });
    this.more[0].style.left = `${columns[0][0].x}px`;
    this.more[1].style.left = `${columns.at(-1)[0].x}px`;
    for (const more of this.more) more.style.top = `${this.places.foot - 4}px`;
    this.redraw();
  }

  draw(frame) {
    if (!this.state || frame.arrays.weights?.data.length !== this.sizes.total) return;
    this.frame = frame;
    this.redraw();
    this.markDead(frame.arrays.dead?.data);
  }

  // Keeps a small copy of the output's map for the output unit.
  keepOutput(map) {
    this.outputMap ??= element("canvas", { width: 2 * MAP, height: 2 * MAP });
    this.outputMap.getContext("2d").drawImage(map, 0, 0, 2 * MAP, 2 * MAP);
  }

  redraw() {
    if (!this.places) return;
    const { context } = fitted(this.canvas);
    this.drawLines(context);
    this.drawMaps(context);
    this.drawGradients(context);
  }

  // All lines of one sign and one width are one path: a few strokes for hundreds of weights.
  // Weights that are exactly zero are dotted.
  drawLines(context) {
    const weights = this.frame?.arrays.weights?.data;
    const paths = Array.from({ length: 2 * WIDTHS + 1 }, () => null);
    this.eachLine((from, to, layer, input, unit) => {
      const weight = weights ? weightAt(this.sizes, weights, layer, unit, input) : 0;
      const bin = Math.min(WIDTHS - 1, Math.floor((Math.min(Math.abs(weight), 3) / 3) * WIDTHS));
      const place = weight === 0 ? 2 * WIDTHS : (weight < 0 ? 0 : WIDTHS) + bin;
      const path = (paths[place] ??= new Path2D());
      const middle = (from.x + to.x) / 2;
      path.moveTo(from.x, from.y);
      path.bezierCurveTo(middle, from.y, middle, to.y, to.x, to.y);
    });
    const { negative, positive, quiet } = theme();
    const zeros = paths.pop();
    if (zeros) {
      context.strokeStyle = quiet;
      context.lineWidth = 0.5;
      context.setLineDash([1, 5]);
      context.stroke(zeros);
      context.setLineDash([]);
    }
    paths.forEach((path, k) => {
      if (!path) return;
      const strength = (k % WIDTHS) / (WIDTHS - 1);
      context.strokeStyle = css(k < WIDTHS ? negative : positive, 0.25 + 0.7 * strength);
      context.lineWidth = 0.75 + 6 * strength;
      context.stroke(path);
    });
    this.drawPointed(context);
  }

  drawPointed(context) {
    if (!this.pointed) return;
    const { from, to } = this.pointed;
    const middle = (from.x + to.x) / 2;
    context.strokeStyle = theme().text;
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.bezierCurveTo(middle, from.y, middle, to.y, to.x, to.y);
    context.stroke();
  }

  // Calls `each(from, to, layer, input, unit)` for every weight drawn; lines end at the nodes' edges.
  eachLine(each) {
    const { columns, size } = this.places;
    const radius = size / 2;
    for (let layer = 0; layer + 1 < columns.length; layer++) {
      columns[layer].forEach((left, k) => {
        const input = layer === 0 ? this.rows[k] : k;
        if (input < 0) return;
        columns[layer + 1].forEach((right, unit) => {
          each({ x: left.x + radius, y: left.y }, { x: right.x - radius, y: right.y }, layer, input, unit);
        });
      });
    }
  }

  drawMaps(context) {
    const { columns, size } = this.places;
    const colours = theme();
    const units = this.frame?.arrays.units;
    context.imageSmoothingEnabled = true;
    this.paintMaps(units);
    const weights = this.frame?.arrays.weights?.data;
    const dead = this.frame?.arrays.dead?.data;
    let place = 0;
    this.hidden.forEach((count, layer) => {
      for (let unit = 0; unit < count; unit++, place++) {
        const { x, y } = columns[layer + 1][unit];
        this.drawMap(context, units ? place : null, x, y, dead?.[place]);
        if (weights) this.drawBias(context, weightAt(this.sizes, weights, layer, unit, null), x - size / 2, y + size / 2);
      }
    });
    this.drawInputs(context, units && units.shape[0] > place ? place : null);
    columns.at(-1).forEach(({ x, y }, k) => {
      context.fillStyle = this.outputs.length > 1 ? css(colours.classes[k % colours.classes.length]) : colours.page;
      context.fillRect(x - size / 2, y - size / 2, size, size);
      if (this.outputs.length === 1 && this.outputMap) context.drawImage(this.outputMap, x - size / 2, y - size / 2, size, size);
      if (weights) this.drawBias(context, weightAt(this.sizes, weights, this.hidden.length, k, null), x - size / 2, y + size / 2);
    });
  }

  // The maps of all units, one below the other, as one picture.
  paintMaps(units) {
    if (!units) return;
    const rows = units.shape[0] * MAP;
    if (this.image?.height !== rows) {
      this.maps.height = rows;
      this.image = new ImageData(MAP, rows);
    }
    const reach = Math.max(Math.abs(units.low ?? -1), Math.abs(units.high ?? 1));
    paint(this.image, units.data, divergingTable(units.low ?? -1, units.high ?? 1, { middle: 0, reach }, this.discretize));
    this.maps.getContext("2d").putImageData(this.image, 0, 0);
  }

  drawMap(context, place, x, y, dead) {
    const { size } = this.places;
    const left = x - size / 2;
    const top = y - size / 2;
    if (place === null) {
      context.fillStyle = css(theme().middle);
      context.fillRect(left, top, size, size);
    } else context.drawImage(this.maps, 0, place * MAP, MAP, MAP, left, top, size, size);
    if (!dead) return;
    context.strokeStyle = theme().bad;
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(left + 4, top + 4);
    context.lineTo(left + size - 4, top + size - 4);
    context.moveTo(left + size - 4, top + 4);
    context.lineTo(left + 4, top + size - 4);
    context.stroke();
  }

  drawBias(context, bias, left, bottom) {
    const { diverging, page } = theme();
    context.fillStyle = css(diverging(Math.max(-1, Math.min(1, bias))));
    context.strokeStyle = page;
    context.lineWidth = 1;
    context.fillRect(left - 3, bottom - 5, 8, 8);
    context.strokeRect(left - 3, bottom - 5, 8, 8);
  }

  // Inputs of points are known without the server, as are columns along the axes; others come with the units.
  drawInputs(context, first) {
    const { columns, size } = this.places;
    columns[0].forEach(({ x, y }, k) => {
      context.globalAlpha = this.rows[k] >= 0 ? 1 : 0.3;
      const axis = this.isTable ? this.state.axes.indexOf(this.nodes[k]) : -1;
      const name = this.isTable ? "xy"[axis] : this.nodes[k];
      if (name) context.drawImage(this.featureMap(name), x - size / 2, y - size / 2, size, size);
      else this.drawMap(context, first === null ? null : first + this.rows[k], x, y, false);
      context.globalAlpha = 1;
    });
  }

  featureMap(name) {
    const { ranges } = this.state;
    const key = [name, this.isTable, theme().page, ranges.x, ranges.y].join();
    this.featureMaps ??= new Map();
    if (!this.featureMaps.has(key)) {
      const at = (range, k) => range[0] + ((range[1] - range[0]) * (k + 0.5)) / MAP;
      const values = Float32Array.from({ length: MAP * MAP }, (_, k) => FEATURE_VALUES[name](at(ranges.x, k % MAP), at(ranges.y, MAP - 1 - Math.floor(k / MAP))));
      if (this.isTable) standardize(values);
      const reach = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const canvas = element("canvas", { width: MAP, height: MAP });
      const image = new ImageData(MAP, MAP);
      paint(image, values.map((value) => Math.round((value / reach + 1) * 127.5)), divergingTable(-1, 1, { middle: 0, reach: 1 }));
      canvas.getContext("2d").putImageData(image, 0, 0);
      this.featureMaps.set(key, canvas);
    }
    return this.featureMaps.get(key);
  }

  // Bars of the mean gradients by layer, on a logarithmic scale from 1e-8 to 1.
  drawGradients(context) {
    const gradients = this.frame?.arrays.gradients?.data;
    const { columns, foot, columnWidth } = this.places;
    const { quiet, line, test, bad } = theme();
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "left";
    context.fillStyle = quiet;
    context.fillText("mean |gradient|", 4, foot + 32);
    if (!gradients) return;
    const width = Math.min(columnWidth - 12, 56);
    context.textAlign = "center";
    gradients.forEach((value, layer) => {
      const { x } = columns[layer + 1][0];
      const part = Math.min(1, Math.max(0, 1 + Math.log10(value) / 8));
      context.fillStyle = line;
      context.fillRect(x - width / 2, foot + 16, width, 4);
      context.fillStyle = value < 1e-6 ? bad : test;
      context.fillRect(x - width / 2, foot + 16, width * (part || 0), 4);
      context.fillStyle = quiet;
      context.fillText(value === 0 ? "0" : Number.isFinite(value) ? value.toExponential(0) : "NaN", x, foot + 32);
    });
  }

  // Says which units are dead to those who do not see the crosses; only on a change.
  markDead(dead) {
    const text = dead ? dead.join("") : "";
    if (text === this.dead) return;
    this.dead = text;
    this.unitButtons.flat().forEach((button, k) => {
      button.classList.toggle("dead", Boolean(dead?.[k]));
      const name = button.getAttribute("aria-label").replace(" (dead)", "");
      button.setAttribute("aria-label", dead?.[k] ? name.replace(":", " (dead):") : name);
    });
  }

  point(event) {
    if (!this.places || !this.frame) return;
    const found = event && nearestLine((each) => this.eachLine(each), event.offsetX, event.offsetY);
    if (found?.key !== this.pointed?.key) {
      this.pointed = found;
      this.canvas.style.cursor = found ? "pointer" : "";
      this.redraw();
    }
    const weights = this.frame.arrays.weights.data;
    this.actions.tell(found ? `weight ${weightAt(this.sizes, weights, found.layer, found.unit, found.input).toPrecision(3)} (click to change it)` : null, event);
  }

  editPointed() {
    if (!this.pointed) return;
    const { layer, input, unit, from, to } = this.pointed;
    const place = this.canvas.getBoundingClientRect();
    this.actions.edit(`Weight of layer ${layer + 1}`, [this.weight(layer, unit, input)], {
      left: place.left + (from.x + to.x) / 2,
      top: place.top + lineHeight(from, to, (from.x + to.x) / 2) - 8,
      bottom: place.top + lineHeight(from, to, (from.x + to.x) / 2) + 8,
    });
  }

  editUnit(layer, unit, button) {
    const inputs = Array.from({ length: this.sizes.widths[layer] }, (_, input) => this.weight(layer, unit, input));
    const name = layer < this.hidden.length ? `Unit ${unit + 1} of layer ${layer + 1}` : "Output";
    const own = layer < this.hidden.length ? { value: activationsOf(this.state.config)[layer][unit], choose: (chosen) => this.activate(layer, unit, chosen) } : null;
    this.actions.edit(name, [this.weight(layer, unit, null), ...inputs], button.getBoundingClientRect(), own);
  }

  weight(layer, unit, input) {
    const from = layer === 0 ? this.inputLabel(input) : `unit ${input + 1}`;
    const weights = this.frame?.arrays.weights?.data;
    return { layer, unit, input, label: input === null ? "bias" : from, value: weights ? weightAt(this.sizes, weights, layer, unit, input) : 0 };
  }

  inputLabel(input) {
    const name = this.inputs[input];
    return this.isTable ? name : FEATURE_NAMES[name];
  }
}
