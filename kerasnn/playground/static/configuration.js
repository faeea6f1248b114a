// Configuration of a network and its form in the URL's fragment.

// The names, in the fragment's order, with the values that the server also starts from.
export const DEFAULTS = Object.freeze({
  dataset: "circle",
  task: "classification",
  classes: 3,
  train_ratio: 50,
  noise: 0,
  batch_size: 10,
  data_seed: 0,
  table: null,
  target: null,
  plot_x: null,
  plot_y: null,
  features: Object.freeze(["x", "y"]),
  hidden: "4,2",
  activation: "tanh",
  activations: null,
  unit_activations: null,
  initialization: "glorot",
  dropout: 0,
  batch_normalization: false,
  seed: 0,
  loss: "auto",
  optimizer: "sgd",
  learning_rate: 0.03,
  schedule: "constant",
  schedule_epochs: 200,
  l1: 0,
  l2: 0,
  early_stopping: 0,
  stops: false,
});

// What two networks side by side have in common: the data.
export const DATA_KEYS = Object.freeze([
  "dataset", "task", "classes", "train_ratio", "noise", "data_seed",
  "table", "target", "plot_x", "plot_y",
]);

// What is shown besides, as the page keeps it in the fragment.
const VIEW = Object.freeze(["show_test", "discretize"]);

export const FEATURES = Object.freeze(["x", "y", "x2", "y2", "xy", "sinx", "siny"]);
export const REGRESSION_SETS = Object.freeze(["plane", "multi-gaussian"]);
export const LIMITS = Object.freeze({ layers: 6, units: 8 });

// Equality of two configurations, or of two of their values.
export function equal(one, other) {
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") {
    return one === other;
  }
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].every((key) => equal(one[key] ?? null, other[key] ?? null));
}

// The units of each hidden layer: "4,2" -> [4, 2].
export function hiddenLayers(config) {
  return config.hidden.trim() === "" ? [] : config.hidden.split(",").map(Number);
}

// The activation of each unit, by layer.
export function activationsOf(config) {
  const { unit_activations: byUnit, activations: byLayer, activation } = config;
  return hiddenLayers(config).map((units, layer) => Array.from({ length: units }, (_, unit) => byUnit?.[layer]?.[unit] ?? byLayer?.[layer] ?? activation));
}

// The settings that give each unit its activation of `table`, in the simplest of three ways.
export function activationSettings(config, table) {
  if (table.flat().every((name) => name === config.activation)) return { activations: null, unit_activations: null };
  if (table.every((layer) => layer.every((name) => name === layer[0]))) return { activations: table.map((layer) => layer[0]), unit_activations: null };
  return { activations: null, unit_activations: table };
}

// A configuration after `changes`, with what must follow from them.
export function changed(config, changes) {
  const next = { ...config, ...changes };
  if ("task" in changes && !("dataset" in changes) && config.dataset !== "table") {
    next.dataset = changes.task === "regression" ? "plane" : "circle";
  }
  if ("dataset" in changes && changes.dataset !== "table" && !("task" in changes)) {
    next.task = REGRESSION_SETS.includes(changes.dataset) ? "regression" : "classification";
  }
  // Two principal components, or two columns.
  for (const [axis, other] of [["plot_x", "plot_y"], ["plot_y", "plot_x"]]) {
    if (!(axis in changes) || changes[axis] === null) continue;
    if (changes[axis] === "pca") next[other] = "pca";
    else if (next[other] === "pca" || next[other] === next[axis]) next[other] = null;
  }
  if (next.dataset === "table") {
    if (config.dataset !== "table" || next.target !== config.target) next.task = changes.task ?? null;
  } else {
    Object.assign(next, { table: null, target: null, plot_x: null, plot_y: null });
  }
  if (next.task !== config.task) next.loss = "auto";
  if ("activation" in changes && !("activations" in changes || "unit_activations" in changes)) Object.assign(next, { activations: null, unit_activations: null });
  Object.assign(next, activationSettings(next, activationsOf(next)));
  return next;
}

function write(key, value) {
  if (key === "unit_activations") return value.map((layer) => layer.join(",")).join(";");
  if (Array.isArray(value)) return value.join(",");
  return String(value);
}

// Up to six layers of one to eight units.
const SHAPE = /^([1-8](,[1-8]){0,5})?$/;

function read(key, text) {
  if (text === "" && DEFAULTS[key] === null) return null;
  if (key === "hidden") return SHAPE.test(text) ? text : undefined;
  if (key === "activations") return text.split(",");
  if (key === "unit_activations") return text.split(";").map((layer) => layer.split(","));
  const standard = DEFAULTS[key];
  if (Array.isArray(standard)) return text === "" ? [] : text.split(",");
  if (typeof standard === "boolean") return text === "true" || text === "1";
  if (typeof standard !== "number") return text;
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined;
}

// The fragment of one or two configurations, and of the lesson that is open.
export function toFragment(config, second = null, lesson = null, view = {}) {
  const pairs = new URLSearchParams();
  if (lesson) pairs.set("preset", lesson);
  for (const name of VIEW) if (view[name]) pairs.set(name, "true");
  for (const [key, value] of Object.entries(config)) {
    if (value !== null && value !== undefined) pairs.set(key, write(key, value));
  }
  if (second) {
    pairs.set("compare", "true");
    for (const [key, value] of Object.entries(second)) {
      if (!DATA_KEYS.includes(key) && !equal(value, config[key])) pairs.set(`b.${key}`, write(key, value ?? ""));
    }
  }
  return "#" + pairs.toString().replaceAll("%2C", ",").replaceAll("%3B", ";");
}

function take(asked, key, text) {
  const isSecond = key.startsWith("b.");
  const name = isSecond ? key.slice(2) : key;
  const value = name in DEFAULTS ? read(name, text) : undefined;
  if (isSecond) asked.second ??= {};
  if (value === undefined) asked.refused.push(`${key}=${text}`);
  else (isSecond ? asked.second : asked.changes)[name] = value;
}

// What a fragment asks for: `changes` of the first and `second` of the second network (or null),
// the lesson, what is shown besides, and `refused`: settings that are unknown or cannot be read.
export function fromFragment(text) {
  const asked = { changes: {}, second: null, lesson: null, view: {}, refused: [] };
  const pairs = new URLSearchParams(text.replace(/^#/, ""));
  if (pairs.get("compare") === "true") asked.second = {};
  for (const [key, value] of pairs) {
    if (key === "preset") asked.lesson = value;
    else if (VIEW.includes(key)) asked.view[key] = value === "true";
    else if (key !== "compare") take(asked, key, value);
  }
  return asked;
}
