// The form of a configuration.

const LADDER = [0, 0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const WAIT_MS = 350;

function valueOf(control) {
  if (control.type === "checkbox") return control.checked;
  if (control.type === "range" || control.type === "number" || control.inputMode === "decimal") {
    const text = control.value.trim().replace(",", ".");
    const value = Number(text);
    const isAllowed = text !== "" && value >= Number(control.dataset.min ?? control.min) && value <= Number(control.dataset.max ?? control.max);
    return isAllowed ? value : undefined;
  }
  if (control.name === "hidden") return control.checkValidity() ? control.value.replaceAll(/\s/g, "") : undefined;
  return control.value;
}

// What a control may hold, in words.
function ruleOf(control) {
  if (control.name === "hidden") return "Up to 6 numbers from 1 to 8 with commas between, such as 4,2; empty for none.";
  const [least, most] = [control.dataset.min ?? control.min, control.dataset.max ?? control.max];
  return `${control.inputMode === "decimal" ? "A number" : "A whole number"} from ${least} to ${most}.`;
}

// Numbers as a person writes them: 0.00001, not 1e-5.
export function plain(value) {
  return value !== 0 && Math.abs(value) < 1e-6 ? String(value) : String(Number(value.toPrecision(6))).includes("e") ? value.toFixed(7).replace(/0+$/, "") : String(Number(value.toPrecision(6)));
}

// `change(changes)` receives the settings that a person changed.
export class Controls {
  constructor(form, change) {
    this.form = form;
    this.change = change;
    this.config = {};
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", ({ target }) => this.take(target));
    form.addEventListener("input", ({ target }) => this.takeSoon(target));
    for (const stepper of form.querySelectorAll(".stepper")) this.startStepper(stepper);
  }

  startStepper(stepper) {
    const input = stepper.querySelector("input");
    const [lower, higher] = stepper.querySelectorAll("button");
    const ladder = LADDER.filter((value) => value >= Number(input.dataset.min));
    const move = (up) => {
      const value = Number(input.value);
      const next = up ? ladder.find((each) => each > value * 1.001) : ladder.findLast((each) => each < value * 0.999);
      if (next === undefined) return;
      input.value = plain(next);
      this.take(input);
    };
    lower.addEventListener("click", () => move(false));
    higher.addEventListener("click", () => move(true));
    input.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
      event.preventDefault();
      move(event.key === "ArrowUp");
    });
  }

  takeSoon(control) {
    if (!(control.name in this.config)) return;
    this.describe(control);
    clearTimeout(this.waiting);
    this.pending = control;
    this.waiting = setTimeout(() => this.take(control), WAIT_MS);
  }

  take(control) {
    if (!(control.name in this.config)) return;
    clearTimeout(this.waiting);
    this.pending = null;
    const value = valueOf(control);
    this.mark(control, value === undefined);
    if (value === undefined || value === this.config[control.name]) return;
    this.change({ [control.name]: value });
  }

  // Marks a control as wrong, with its rule below it, or as right.
  mark(control, isWrong) {
    control.setAttribute("aria-invalid", isWrong);
    const label = control.closest("label");
    const rule = label?.querySelector(".rule");
    if (!isWrong) rule?.remove();
    else if (!rule) label?.append(Object.assign(document.createElement("span"), { className: "rule failure", role: "alert", textContent: `${ruleOf(control)} Still used: ${this.textOf(control)}.` }));
  }

  textOf(control) {
    const value = this.config[control.name];
    return typeof value === "number" ? plain(value) : value || "none";
  }

  describe(control) {
    const output = control.closest("label")?.querySelector("output");
    if (output) output.textContent = control.value + (control.dataset.unit ?? "");
  }

  // Shows the server's state: sets controls without telling of a change.
  show(state) {
    const { config } = state;
    this.config = config;
    this.showColumns(state);
    for (const control of this.form.elements) {
      if (!(control.name in config) || control === this.pending) continue;
      const value = config[control.name];
      if (control.type === "checkbox") control.checked = value;
      else if (control.inputMode === "decimal") control.value = plain(value);
      else if (control.name === "plot_x" || control.name === "plot_y") control.value = this.axis(state, control.name);
      else if (control.name === "task") control.value = value ?? (state.task === "regression" ? "regression" : "classification");
      else control.value = value ?? "";
      this.mark(control, false);
      this.describe(control);
    }
    for (const label of this.form.querySelectorAll("[data-for]")) label.hidden = !label.dataset.for.split(" ").includes(config.dataset);
    for (const label of this.form.querySelectorAll("[data-not]")) label.hidden = label.dataset.not === config.dataset;
    this.form.querySelector("[data-schedule]").hidden = config.schedule === "constant";
    this.form.querySelector("[name=stops]").disabled = config.early_stopping === 0;
    this.form.querySelector("[name=loss] option:nth-child(2)").disabled = state.task === "regression";
    this.form.querySelector("[name=dataset] option[value=table]").disabled = config.dataset !== "table";
  }

  // The column along an axis: as chosen, else the one that the server takes.
  axis({ config, axes }, name) {
    if (config.plot_x === "pca" || config.plot_y === "pca") return "pca";
    const drawn = axes?.[name === "plot_x" ? 0 : 1] ?? "";
    return config[name] ?? (drawn.endsWith(" component") ? "pca" : drawn);
  }

  // The columns of a table, as choices of target and axes.
  showColumns(state) {
    const table = state.tables?.find((each) => each.table === state.config.table);
    if (!table) return;
    const names = table.columns.map(({ name }) => name);
    const numeric = table.columns.filter(({ kind, name }) => kind === "numeric" && name !== state.config.target).map(({ name }) => name);
    this.fill("target", names);
    this.fill("plot_x", [...numeric, "pca"]);
    this.fill("plot_y", [...numeric, "pca"]);
  }

  fill(name, choices) {
    const select = this.form.elements.namedItem(name);
    if ([...select.options].map((option) => option.value).join("\n") === choices.join("\n")) return;
    select.replaceChildren(...choices.map((choice) => new Option(choice, choice)));
  }
}

