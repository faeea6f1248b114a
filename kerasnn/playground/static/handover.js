// What a person takes along: code, files, a picture, the address. And what one brings: a table.

import { theme } from "./draw/colors.js";
import { notify } from "./notices.js";

const MOST_BYTES = 10_000_000;
const FILES = { export: "saved_model.zip", "export-keras": "model.keras", "export-json": "configuration.json", "export-code": "code.py" };
const counted = (count, name) => `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;
const code = document.getElementById("code");
const dialog = document.getElementById("dialog");

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = before), 1500);
  } catch {
    notify("warning", "The browser does not let this page copy. Select the text and press Ctrl+C.");
  }
}

// The code of the chosen network, kept up to date whenever training rests.
export class Code {
  constructor(page) {
    this.page = page;
    this.key = "";
    document.getElementById("copy").addEventListener("click", async ({ target }) => {
      await this.refresh(true);
      copy(code.textContent, target);
    });
    document.getElementById("copy-address").addEventListener("click", ({ target }) => copy(location.href, target));
    document.getElementById("export-png").addEventListener("click", () => savePicture(page.networks()));
  }

  // Asks for the code anew after a change of the network, its epoch at rest or its weights.
  async refresh(always = false) {
    const network = this.page.chosen();
    const { session, latest } = network;
    if (!session.state || this.asking) return;
    const key = `${session.id} ${JSON.stringify(session.state.config)} ${network.edits ?? 0} ${network.running ? "running" : (latest?.epoch ?? 0)}`;
    if (key === this.key && !always) return;
    this.asking = true;
    this.key = key;
    for (const [id, name] of Object.entries(FILES)) document.getElementById(id).href = session.address(name);
    try {
      const answer = await session.ask("code");
      if (code.textContent !== answer.code) code.textContent = answer.code;
      document.getElementById("code-epoch").textContent = `epoch ${answer.epoch ?? latest?.epoch ?? 0}; run it for the same numbers`;
    } catch (error) {
      code.textContent = error.text ?? String(error);
    } finally {
      this.asking = false;
    }
  }
}

// Saves the networks' pictures, maps and losses as one PNG.
function savePicture(networks) {
  const width = 1040;
  const height = 470;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: 2 * width, height: 2 * height * networks.length });
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  context.fillStyle = theme().page;
  context.fillRect(0, 0, width, height * networks.length);
  networks.forEach((network, k) => drawNetwork(context, network, height * k));
  canvas.toBlob((blob) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: "playground.png" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

function drawNetwork(context, network, top) {
  const { root, config } = network;
  const image = (name, x, y, width, height) => context.drawImage(root.querySelector(name), x, y, width, height);
  const edges = root.querySelector(".edges");
  const scale = Math.min(660 / edges.clientWidth, 400 / edges.clientHeight);
  image(".edges", 16, top + 50, edges.clientWidth * scale, edges.clientHeight * scale);
  const drawing = root.querySelector(".drawing").getBoundingClientRect();
  context.font = `${13 * scale}px system-ui, sans-serif`;
  context.fillStyle = theme().text;
  for (const label of root.querySelectorAll(".node .label, .head .count")) {
    const { left, bottom, width } = label.getBoundingClientRect();
    const offset = label.matches(".label") ? 11 : 5;
    context.fillText(label.textContent, 16 + (left - drawing.left) * scale, top + 50 + (bottom - drawing.top - offset) * scale, width * scale);
  }
  context.imageSmoothingEnabled = true;
  image(".boundary", 720, top + 50, 300, 300);
  image(".points", 720, top + 50, 300, 300);
  const curve = root.querySelector(".curve");
  image(".curve", 720, top + 362, 300, (300 * curve.clientHeight) / curve.clientWidth);
  context.fillStyle = theme().text;
  context.font = "15px system-ui, sans-serif";
  const numbers = ["epoch", "train-loss", "test-loss"].map((name) => `${name.replace("-", " ")} ${root.querySelector(`.${name}`).textContent}`);
  const shape = config.hidden ? `hidden ${config.hidden}, ${config.activation}` : "no hidden layer";
  context.fillText(`kerasnn: ${config.dataset}, ${shape}, ${config.optimizer} ${config.learning_rate} · ${numbers.join(" · ")}`, 16, top + 28);
}

// Says which inputs count the rows of a table; empty where none does.
function warningOfRowNumbers(columns, target) {
  const names = columns.filter((column) => column.counts_rows && column.name !== target).map(({ name }) => name);
  if (names.length === 0 || columns.length === names.length + 1) return "";
  const which = names.length === 1 ? `The column ${names[0]} counts` : `The columns ${names.join(", ")} count`;
  return `${which} the rows. If the table is sorted, a network reads the target from such numbers, and is wrong on new rows: take them out of the file. If they are a quantity, such as time, keep them.`;
}

// Upload of a table, by the file chooser or by dropping a file on the page.
export class Upload {
  // `use(answer, target)` trains on the table.
  constructor(page, use) {
    this.page = page;
    this.use = use;
    const input = document.getElementById("upload");
    const drop = document.getElementById("drop");
    input.addEventListener("change", () => {
      if (input.files[0]) this.send(input.files[0]);
      input.value = "";
    });
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      drop.hidden = false;
    });
    document.addEventListener("dragleave", (event) => event.relatedTarget === null && (drop.hidden = true));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.hidden = true;
      if (event.dataTransfer.files[0]) this.send(event.dataTransfer.files[0]);
    });
  }

  // Uploads a file for a session; resolves to the server's answer, or to null after a notice.
  async post(session, file) {
    const answer = await fetch(session.address("table"), { method: "POST", body: file, headers: { "X-File-Name": encodeURIComponent(file.name) } });
    const found = await answer.json().catch(() => ({ error: { text: `The server answered ${answer.status}.` } }));
    if (!found.error) return found;
    this.tell(`${file.name}: ${found.error.text ?? `${found.error.argument} must ${found.error.rule}`}`);
    return null;
  }

  // Says what is wrong with a file, in place of what was wrong with the one before.
  tell(text) {
    this.told?.remove();
    this.told = notify("error", text);
  }

  async send(file) {
    this.told?.remove();
    if (file.size > MOST_BYTES) {
      this.tell(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB; a table may have 10 MB.`);
      return;
    }
    const found = await this.post(this.page.chosen().session, file);
    if (found) this.chooseTarget(found, file);
  }

  chooseTarget(found, file) {
    const form = Object.assign(document.createElement("form"), { method: "dialog" });
    const select = Object.assign(document.createElement("select"), { name: "upload_target" });
    select.append(...found.columns.map(({ name, kind }) => new Option(`${name} (${kind})`, name)));
    const before = this.page.lost()?.target;
    select.value = found.columns.some(({ name }) => name === before) ? before : found.columns.at(-1).name;
    const label = Object.assign(document.createElement("label"), { textContent: "Column to predict " });
    label.append(select);
    const train = Object.assign(document.createElement("button"), { className: "primary", value: "train", textContent: "Train on it" });
    const cancel = Object.assign(document.createElement("button"), { value: "cancel", textContent: "Cancel", formNoValidate: true });
    const actions = Object.assign(document.createElement("p"), { className: "actions" });
    actions.append(cancel, train);
    const warning = Object.assign(document.createElement("p"), { className: "warning" });
    const warn = () => {
      warning.textContent = warningOfRowNumbers(found.columns, select.value);
      warning.hidden = !warning.textContent;
    };
    select.addEventListener("change", warn);
    warn();
    form.append(
      Object.assign(document.createElement("h2"), { textContent: file.name }),
      Object.assign(document.createElement("p"), { textContent: `${counted(found.rows, "row")}, ${counted(found.columns.length, "column")}. All other columns are inputs.` }),
      label,
      warning,
      actions,
    );
    dialog.replaceChildren(form);
    dialog.returnValue = "cancel";
    dialog.onclose = () => dialog.returnValue === "train" && this.use(found, select.value);
    dialog.showModal();
    train.focus();
  }
}

