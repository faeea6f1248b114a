// Form in which the weights of a unit are read and set.

import { plain } from "../controls.js";

const form = document.getElementById("editor");

function field(label, control) {
  const made = document.createElement("label");
  made.append(Object.assign(document.createElement("span"), { textContent: label }), control);
  return made;
}

// Below a place; above it, or as low as the window allows, where there is no room below.
function place({ left, top, bottom }) {
  const { clientWidth } = document.documentElement;
  const { offsetWidth: width, offsetHeight: height } = form;
  const most = innerHeight - height - 8;
  const above = top - height - 6;
  const y = bottom + 6 <= most ? bottom + 6 : above >= 8 ? above : Math.max(8, most);
  form.style.left = `${Math.max(8, Math.min(left, clientWidth - width - 8)) + scrollX}px`;
  form.style.top = `${y + scrollY}px`;
}

function weightField(weight, set) {
  const input = Object.assign(document.createElement("input"), { type: "number", step: "0.1", value: plain(Number(weight.value.toFixed(4))) });
  input.addEventListener("change", () => input.value !== "" && set(weight, Number(input.value)));
  return field(weight.label, input);
}

export function closeWeights() {
  if (form.hidden) return;
  form.hidden = true;
  form.opener?.focus({ preventScroll: true });
}

// Shows `weights`, each {layer, unit, input, label, value}, near the place {left, top, bottom}; `set(weight, value)`
// is called for each that is changed. `activation` is {value, choose} or null.
export function showWeights(title, weights, near, activation, set) {
  form.opener = document.activeElement;
  const close = Object.assign(document.createElement("button"), { type: "button", className: "close", textContent: "×" });
  close.setAttribute("aria-label", "Close");
  close.addEventListener("click", closeWeights);
  form.replaceChildren(Object.assign(document.createElement("h3"), { textContent: title }), close);
  if (activation) {
    const select = document.createElement("select");
    select.append(...[...document.querySelector("select[name=activation]").options].map(({ value }) => new Option(value, value)));
    select.value = activation.value;
    select.addEventListener("change", () => activation.choose(select.value));
    form.append(field("activation", select));
  }
  form.append(...weights.map((weight) => weightField(weight, set)));
  form.hidden = false;
  place(near);
  form.querySelector("input").focus({ preventScroll: true });
  form.querySelector("input").select();
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeWeights();
  if (event.key !== "Enter" || !event.target.matches("input")) return;
  // The key would also press the button that is focused next.
  event.preventDefault();
  // Leaving a field sets its weight.
  event.target.blur();
  closeWeights();
});
document.addEventListener("pointerdown", (event) => !form.contains(event.target) && closeWeights());
