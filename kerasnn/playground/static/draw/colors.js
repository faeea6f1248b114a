// Colours of pictures: orange to blue for outputs and weights, viridis for uncertainty, and
// Okabe and Ito's colours for classes, all told apart with every kind of colour vision.

const VIRIDIS = [[68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37]];
const CLASSES = [[245, 147, 34], [8, 119, 189], [0, 158, 115], [204, 121, 167], [240, 228, 66], [128, 80, 200], [86, 180, 233], [213, 94, 0], [136, 34, 85], [153, 153, 51], [102, 102, 102], [170, 68, 153]];
const LIGHT = { negative: [245, 147, 34], middle: [232, 234, 235], positive: [8, 119, 189], text: "#1b1f24", quiet: "#5a6370", line: "#dde1e6", page: "#ffffff", ring: "#ffffff", train: "#c85600", test: "#0072b2", bad: "#c0262d" };
const DARK = { negative: [250, 160, 60], middle: [40, 45, 51], positive: [60, 160, 230], text: "#e3e6ea", quiet: "#9aa4b0", line: "#343a42", page: "#1e2227", ring: "#15181c", train: "#f08a4b", test: "#56a8e0", bad: "#ff6b6b" };

const themes = new Map();

// Whether the page is dark: by its own choice, else by the system's.
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen) return chosen === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

const mix = (one, other, part) => one.map((value, k) => Math.round(value + (other[k] - value) * part));
const pack = ([red, green, blue]) => (255 << 24) | (blue << 16) | (green << 8) | red;
export const css = ([red, green, blue], alpha = 1) => `rgba(${red},${green},${blue},${alpha})`;

function along(stops, part) {
  const place = Math.min(Math.max(part, 0), 1) * (stops.length - 1);
  const left = Math.min(Math.floor(place), stops.length - 2);
  return mix(stops[left], stops[left + 1], place - left);
}

function makeTheme(base) {
  const classes = CLASSES;
  const viridis = Uint32Array.from({ length: 256 }, (_, k) => pack(along(VIRIDIS, k / 255)));
  const classTable = Uint32Array.from({ length: 256 * classes.length }, (_, k) => pack(mix(base.middle, classes[k >> 8], 0.15 + (0.75 * (k & 255)) / 255)));
  // The colour of a value in [-1, 1].
  const diverging = (value) => (value < 0 ? mix(base.middle, base.negative, Math.min(-value, 1)) : mix(base.middle, base.positive, Math.min(value, 1)));
  return { ...base, classes, viridis, classTable, diverging };
}

// The colours of the present theme.
export function theme() {
  const name = isDark() ? "dark" : "light";
  if (!themes.has(name)) themes.set(name, makeTheme(name === "dark" ? DARK : LIGHT));
  return themes.get(name);
}

// Table from u8 to packed colours, where u8 0..255 means low..high and `scale` is
// {middle, reach}: the value of the middle colour, and the distance from it to the full ones.
export function divergingTable(low, high, scale, discretize = false) {
  const { diverging } = theme();
  return Uint32Array.from({ length: 256 }, (_, k) => {
    const value = (low + (k / 255) * (high - low) - scale.middle) / (scale.reach || 1);
    return pack(diverging(discretize ? Math.sign(value) * 0.8 : value));
  });
}

// Writes the colours of `data` into an ImageData.
export function paint(image, data, table) {
  const pixels = new Uint32Array(image.data.buffer);
  for (let k = 0; k < data.length; k++) pixels[k] = table[data[k]];
}

// Writes class colours, the fuller the more probable the class.
export function paintClasses(image, classes, probabilities, low, high, discretize) {
  const { classTable, classes: colours } = theme();
  const pixels = new Uint32Array(image.data.buffer);
  const span = high - low || 1;
  for (let k = 0; k < classes.length; k++) {
    const sure = discretize ? 170 : Math.round(255 * Math.min(Math.max(low + (probabilities[k] / 255) * span, 0), 1));
    pixels[k] = classTable[((classes[k] % colours.length) << 8) | sure];
  }
}

// A canvas's context, its backing store as large as its place on the screen asks.
export function fitted(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
