// One network on the page: its session with its picture, map, curve and numbers.

import { DEFAULTS, LIMITS, equal, hiddenLayers } from "./configuration.js";
import { Boundary } from "./draw/boundary.js";
import { LossCurve } from "./draw/charts.js";
import { Picture } from "./draw/picture.js";
import { Session } from "./session.js";
import { tell } from "./draw/tooltip.js";

const OVERTAKEN_MS = 1500;
const METRICS = { accuracy: "Test accuracy", r2: "Test R²", mae: "Mean error" };

// A loss as text: four digits, "NaN" where there is none.
function loss(value) {
  if (value === undefined) return "–";
  if (value === null || Number.isNaN(value)) return "NaN";
  return Math.abs(value) >= 1000 || (value !== 0 && Math.abs(value) < 0.0001) ? value.toExponential(1) : value.toFixed(4);
}

// `page`: configure(network, changes), editWeights(network, ...), changed(network) after state.
export class Network {
  constructor(root, token, config, page) {
    this.root = root;
    this.config = { ...DEFAULTS, ...config };
    this.session = new Session(token);
    this.view = { show_test: false, discretize: false, speed: 0 };
    this.frames = 0;
    this.lastBytes = 0;
    this.shown = {};
    this.find = (name) => root.querySelector(`.${name}`);
    this.boundary = new Boundary(root, tell);
    this.curve = new LossCurve(this.find("curve"), tell);
    this.picture = new Picture(root, {
      config: () => this.config,
      configure: (changes) => page.configure(this, changes),
      watch: (unit, place) => this.watch(unit, place),
      edit: (...weights) => page.editWeights(this, ...weights),
      tell,
    });
    for (const button of root.querySelectorAll("[data-layers]")) {
      button.addEventListener("click", () => page.configure(this, { hidden: this.layersAfter(Number(button.dataset.layers)) }));
    }
    this.listen(page);
    this.say();
  }

  listen(page) {
    this.session.addEventListener("state", ({ detail }) => {
      if (!this.isOvertaken(detail)) this.showState(detail);
      page.changed(this);
    });
    this.session.addEventListener("points", ({ detail }) => this.boundary.receivePoints(detail));
    this.session.addEventListener("frame", ({ detail }) => this.receive(detail));
  }

  // Sends a whole configuration.
  configure(config) {
    this.config = config;
    this.sent = { config, at: performance.now() };
    this.session.configure(config);
  }

  // Whether a state answers an earlier configuration than the one that was sent last.
  isOvertaken(state) {
    if (!this.sent || performance.now() - this.sent.at > OVERTAKEN_MS) return false;
    return Object.entries(this.sent.config).some(([key, value]) => value !== null && !equal(value, state.config[key]));
  }

  // A layer more or less: a new one has as many units as the last, at most 2 if there is none.
  layersAfter(by) {
    const layers = hiddenLayers(this.config);
    return (by < 0 ? layers.slice(0, -1) : [...layers, layers.at(-1) ?? 2]).join(",");
  }

  get running() {
    return this.session.state?.running ?? false;
  }

  showState(state) {
    // The server's first configuration, asked for again, brings no points again.
    const isFirst = !this.session.shown && equal(this.session.before?.config ?? null, state.config);
    const restarted = state.epoch === 0 && (this.latest?.epoch ?? 0) > 0 || !equal({ ...this.session.shown, learning_rate: 0 }, { ...state.config, learning_rate: 0 });
    this.session.shown = state.config;
    this.config = { ...DEFAULTS, ...state.config };
    this.sent = null;
    if (restarted) {
      this.curve.clear();
      this.latest = null;
      this.showsUncertainty = false;
      if (!isFirst) this.boundary.forget();
      if (this.watching) this.session.send({ type: "watch", unit: [this.watching[0] + 1, this.watching[1]] });
    }
    this.boundary.show(state);
    this.picture.show(state);
    this.say();
    if (restarted) this.curve.draw();
    if (restarted) this.write("epoch", String(state.epoch));
  }

  say() {
    const layers = hiddenLayers(this.config).length;
    this.write("layer-count", `${layers} hidden ${layers === 1 ? "layer" : "layers"}`);
    this.root.querySelector("[data-layers='-1']").disabled = layers === 0;
    this.root.querySelector("[data-layers='1']").disabled = layers >= LIMITS.layers;
    const { state } = this.session;
    if (state) this.write("parameters", `${state.parameters} parameters · ${state.data.train} + ${state.data.test} points`);
  }

  // Keeps the newest frame for the next picture; no epoch of the curve is lost.
  receive(frame) {
    const { curves } = frame.arrays;
    if (frame.epoch < this.curve.epoch) this.curve.clear();
    if (curves?.shape[1]) this.curve.add(frame.curves_epoch, curves);
    this.curve.best = frame.best_epoch ?? null;
    frame.arrays = { ...this.keptArrays(frame), ...frame.arrays };
    this.latest = frame;
    this.lastBytes = frame.bytes;
    this.fresh = true;
  }

  // A frame that would be too large leaves out maps, which are those of the frame before.
  keptArrays(frame) {
    const kept = this.latest?.arrays ?? {};
    // The last epochs of a training that was paused may come without maps.
    if (!frame.arrays.weights) return kept;
    const names = [];
    if (!frame.arrays.units) names.push("units");
    if (this.watching) names.push("unit_map");
    if (this.showsUncertainty) names.push("uncertainty");
    return Object.fromEntries(names.filter((name) => kept[name]).map((name) => [name, kept[name]]));
  }

  // What the doctor has found, or what can be done, in the line below the picture.
  tellFinding(level = null, text = "") {
    const foot = this.find("foot");
    this.hint ??= foot.textContent;
    foot.className = `quiet foot ${level ?? ""}`;
    foot.textContent = level ? text : this.hint;
    foot.title = level ? text : "";
  }

  // Draws the newest frame, if it is not on the screen yet.
  draw() {
    if (!this.fresh || !this.session.state) return false;
    this.fresh = false;
    this.drawLatest();
    this.frames += 1;
    this.session.drawn();
    return true;
  }

  drawLatest() {
    const frame = this.latest;
    if (!frame) return;
    this.boundary.draw(frame);
    if (this.boundary.shown === "output") this.picture.keepOutput(this.boundary.canvas);
    this.picture.draw(frame);
    this.curve.draw();
    this.write("epoch", String(frame.epoch));
    this.write("train-loss", loss(frame.train_loss));
    this.write("test-loss", loss(frame.test_loss));
    this.write("metric-name", METRICS[frame.metric] ?? frame.metric ?? "Test accuracy");
    this.write("metric", this.metricText(frame));
    this.write("rate", Number((frame.learning_rate ?? 0).toPrecision(3)).toString());
  }

  // The metric on the test points; the mean error in units of a table's target.
  metricText({ metric, test_metric: value }) {
    if (value === null || value === undefined) return "–";
    const inUnits = metric === "mae" ? value * (this.session.state.units?.[1] ?? 1) : value;
    return inUnits < 1000 ? inUnits.toFixed(3) : loss(inUnits);
  }

  // Sets a text only where it changes.
  write(name, text) {
    if (this.shown[name] === text) return;
    this.shown[name] = text;
    this.find(name).textContent = text;
  }

  redraw() {
    this.boundary.legendOf = "";
    this.boundary.drawPoints();
    if (this.latest) this.drawLatest();
    else this.picture.redraw();
    this.curve.draw();
  }

  // Shows what one unit computes in place of the output.
  watch(unit, place = null) {
    if (equal(unit, this.watching ?? null)) return;
    this.watching = unit;
    this.boundary.watched = unit && { place };
    if (this.latest) delete this.latest.arrays.unit_map;
    this.session.send({ type: "watch", unit: unit && [unit[0] + 1, unit[1]] });
    if (this.latest) this.boundary.draw(this.latest);
  }

  // How the network is shown and trained: show_test, discretize, speed.
  look(view) {
    const { speed } = this.view;
    Object.assign(this.view, view);
    this.boundary.showTest = this.view.show_test;
    this.boundary.discretize = this.picture.discretize = this.view.discretize;
    if (this.view.speed !== speed) this.session.send({ type: "watch", speed: this.view.speed });
    this.redraw();
  }
}
