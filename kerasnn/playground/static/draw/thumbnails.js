// Small pictures of the data sets, as buttons.

import { css, theme } from "./colors.js";

const SIZE = 40;
const gauss = (k) => Math.sin(12.9898 * k) * 0.5 + Math.sin(78.233 * k) * 0.5;
const times = (count, make) => Array.from({ length: count }, (_, k) => make(k));

// Points of a set in [-1, 1] x [-1, 1] with a class, or with a value for regression.
const SETS = {
  circle: () => times(90, (k) => {
    const radius = k % 2 ? 0.45 * Math.sqrt((k % 11) / 11) : 0.7 + 0.2 * ((k % 7) / 7);
    return [radius * Math.cos(k * 2.4), radius * Math.sin(k * 2.4), k % 2];
  }),
  xor: () => times(90, (k) => {
    const x = ((k * 0.618) % 1) * 1.8 - 0.9;
    const y = ((k * 0.414) % 1) * 1.8 - 0.9;
    return [x, y, x * y > 0 ? 1 : 0];
  }).filter(([x, y]) => Math.abs(x) > 0.08 && Math.abs(y) > 0.08),
  gaussian: () => times(80, (k) => [(k % 2 ? 0.42 : -0.42) + 0.35 * gauss(k), (k % 2 ? 0.42 : -0.42) + 0.35 * gauss(k + 50), k % 2]),
  spiral: () => times(90, (k) => {
    const turn = Math.floor(k / 2) / 45;
    const angle = turn * 1.75 * 2 * Math.PI + (k % 2 ? 0 : Math.PI);
    return [0.9 * turn * Math.sin(angle), 0.9 * turn * Math.cos(angle), k % 2];
  }),
  clusters: () => times(90, (k) => [0.5 * Math.cos((k % 3) * 2.094 + 1.57) + 0.28 * gauss(k), 0.5 * Math.sin((k % 3) * 2.094 + 1.57) + 0.28 * gauss(k + 50), k % 3]),
  rings: () => times(110, (k) => {
    const radius = 0.2 + 0.33 * (k % 3) + 0.05 * gauss(k);
    return [radius * Math.cos(k * 2.4), radius * Math.sin(k * 2.4), k % 3];
  }),
  plane: () => times(100, (k) => {
    const x = ((k * 0.618) % 1) * 1.8 - 0.9;
    const y = ((k * 0.414) % 1) * 1.8 - 0.9;
    return [x, y, (x + y) / 1.6];
  }),
  "multi-gaussian": () => times(110, (k) => {
    const x = ((k * 0.618) % 1) * 1.8 - 0.9;
    const y = ((k * 0.414) % 1) * 1.8 - 0.9;
    const near = (a, b) => Math.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.12);
    return [x, y, near(-0.5, 0.5) + near(0.5, -0.5) - near(0.5, 0.5) - near(-0.5, -0.5)];
  }),
};
const SEVERAL = new Set(["clusters", "rings"]);
const NUMBERS = new Set(["plane", "multi-gaussian"]);

function draw(canvas, name) {
  const context = canvas.getContext("2d");
  const colours = theme();
  context.clearRect(0, 0, 2 * SIZE, 2 * SIZE);
  for (const [x, y, value] of SETS[name]()) {
    const colour = SEVERAL.has(name) ? colours.classes[value] : colours.diverging(NUMBERS.has(name) ? value : 2 * value - 1);
    context.fillStyle = css(colour);
    context.beginPath();
    context.arc(SIZE * (1 + 0.92 * x), SIZE * (1 - 0.92 * y), 3.4, 0, 7);
    context.fill();
  }
}

// Fills `root` with a button for each set; returns a function that marks the chosen one, or
// redraws all if called with null.
export function drawThumbnails(root, choose) {
  const buttons = Object.keys(SETS).map((name) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.set = name;
    button.dataset.tip = name;
    button.setAttribute("aria-label", `Data set ${name}`);
    button.append(Object.assign(document.createElement("canvas"), { width: 2 * SIZE, height: 2 * SIZE }));
    button.addEventListener("click", () => choose(name));
    return button;
  });
  root.replaceChildren(...buttons);
  return (chosen) => {
    for (const button of buttons) {
      if (chosen === null) draw(button.firstChild, button.dataset.set);
      else button.setAttribute("aria-pressed", button.dataset.set === chosen);
    }
  };
}
