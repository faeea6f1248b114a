// Questions to the server that take longer than a frame, each in a tab with its answer.

import { drawRates, drawSurface, short } from "./draw/charts.js";
import { Directions } from "./draw/directions.js";
import { plain } from "./controls.js";

const REFRESH_MS = 1000;
const panelOf = (what) => document.getElementById(`panel-${what === "ensemble" || what === "mc_dropout" ? "uncertainty" : what}`);

function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

function table(head, rows, caption) {
  const made = element("table");
  made.append(element("caption", caption));
  const top = element("tr");
  top.append(...head.map((text) => element("th", text, { scope: "col" })));
  made.createTHead().append(top);
  const body = made.createTBody();
  for (const [name, ...cells] of rows) {
    const row = element("tr");
    row.append(element("th", name, { scope: "row" }), ...cells);
    body.append(row);
  }
  return made;
}

function confusionTable(classes, counts, caption) {
  const rows = counts.map((row, k) => {
    const total = row.reduce((sum, count) => sum + count, 0) || 1;
    return [classes[k], ...row.map((count, column) => {
      const cell = element("td", String(count), { class: column === k ? "right" : "wrong" });
      cell.style.setProperty("--part", count / total);
      return cell;
    })];
  });
  return table(["true \\ taken for", ...classes], rows, caption);
}

// What an answer is about: a network's settings, but for the rate, which changes while it trains.
const aboutOf = ({ session }) => JSON.stringify({ ...session.state?.config, learning_rate: 0 });

// `page`: chosen() gives the network asked about, configure(network, changes).
export class Questions {
  constructor(page) {
    this.page = page;
    this.tabs = [...document.querySelectorAll("[role=tab]")];
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.select(tab));
      tab.addEventListener("keydown", (event) => this.move(event, tab));
    }
    for (const button of document.querySelectorAll("[data-ask]")) button.addEventListener("click", () => this.ask(button));
    this.back = document.getElementById("no-uncertainty");
    this.back.addEventListener("click", () => this.endUncertainty());
    this.findings = document.getElementById("findings");
    this.busy = new Set();
    this.asked = {};
    this.directions = new Directions();
    setInterval(() => this.refreshConfusion(), REFRESH_MS);
  }

  select(chosen) {
    for (const tab of this.tabs) {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
  }

  // Offers only what can be asked of the chosen network.
  offer() {
    const { session, config, picture } = this.page.chosen();
    if (session.state) this.directions.offer(picture.structure);
    const confusion = document.getElementById("tab-confusion");
    confusion.hidden = session.state?.task === "regression";
    if (confusion.hidden && confusion.getAttribute("aria-selected") === "true") this.select(this.tabs[0]);
    const dropout = document.querySelector("[data-ask=mc_dropout]");
    const hasDropout = config.dropout > 0 && config.hidden !== "";
    dropout.title = hasDropout ? "" : "Needs a dropout rate above 0 and a hidden layer: see Network, Dropout";
    for (const button of document.querySelectorAll("[data-ask]")) button.disabled = this.busy.has(button) || (button === dropout && !hasDropout);
  }

  move(event, tab) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const tabs = this.tabs.filter(({ hidden }) => !hidden);
    const next = tabs.at((tabs.indexOf(tab) + by) % tabs.length);
    next.focus();
    this.select(next);
  }

  // Takes away the answers about networks that are gone, or have other settings now.
  clearStale() {
    for (const [what, { network, about }] of Object.entries(this.asked)) {
      if (network.root.isConnected && aboutOf(network) === about) continue;
      delete this.asked[what];
      if (what === "ensemble" || what === "mc_dropout") this.endUncertainty();
      else panelOf(what).querySelector(".answer")?.replaceChildren();
    }
  }

  options(what) {
    const panel = panelOf(what);
    if (what === "k_fold") return { folds: Number(panel.querySelector("[name=folds]").value) };
    if (what === "loss_surface") return this.directions.options;
    return {};
  }

  async ask(button) {
    const { ask: what } = button.dataset;
    const network = this.page.chosen();
    const answer = panelOf(what).querySelector(".answer");
    const { configured } = network.session.timing;
    const about = aboutOf(network);
    this.axes = this.directions.names;
    this.busy.add(button);
    this.offer();
    answer?.replaceChildren(element("p", "Working…", { class: "quiet" }));
    try {
      const found = await network.session.ask(what, this.options(what), ({ done, of }) => answer?.replaceChildren(element("p", `${done} of ${of}…`, { class: "quiet" })));
      // Findings of a network that is gone meanwhile.
      if (what === "doctor" && configured !== network.session.timing.configured) return;
      if (about !== aboutOf(network)) {
        answer?.replaceChildren(element("p", "The network has been changed meanwhile: ask again.", { class: "quiet" }));
        return;
      }
      this.asked[what] = { network, about };
      this.show(what, found, network, answer);
    } catch (error) {
      const text = [error.text ?? String(error)].filter(Boolean).join(" ");
      (answer ?? this.findings).replaceChildren(element(answer ? "p" : "li", text, { class: "failure" }));
    } finally {
      this.busy.delete(button);
      this.offer();
    }
  }

  show(what, found, network, answer) {
    if (what === "doctor") this.showFindings(found.findings);
    else if (what === "confusion") this.showConfusion(found, answer);
    else if (what === "lr_find") this.showRates(found, network, answer);
    else if (what === "k_fold") this.showFolds(found, answer);
    else if (what === "loss_surface") this.showSurface(found, answer);
    else this.showUncertainty(what, found, answer);
  }

  // A finding of the doctor while the network trains.
  addFinding(level, text, epoch) {
    this.findings.querySelector(".quiet, .failure")?.remove();
    const item = element("li", text, { class: level });
    if (epoch !== undefined && epoch !== null) item.prepend(element("span", `epoch ${epoch} `, { class: "quiet" }));
    this.findings.prepend(item);
    while (this.findings.children.length > 12) this.findings.lastChild.remove();
  }

  clearFindings() {
    this.findings.replaceChildren(element("li", "Nothing found so far.", { class: "quiet" }));
  }

  showFindings(findings) {
    this.clearFindings();
    if (findings.length === 0) this.findings.firstChild.textContent = "Nothing found: this network looks healthy.";
    for (const { level, text } of findings.toReversed()) this.addFinding(level ?? "warning", text);
  }

  showConfusion(found, answer) {
    const share = (value) => (value === null || value === undefined ? "" : `, accuracy ${value.toFixed(3)}`);
    answer.replaceChildren(
      confusionTable(found.classes.map(String), found.test, `Test points${share(found.test_accuracy)}`),
      confusionTable(found.classes.map(String), found.train, `Training points${share(found.train_accuracy)}`),
    );
  }

  // Keeps the counts up to date while they are looked at and the network trains.
  async refreshConfusion() {
    const panel = panelOf("confusion");
    const network = this.asked.confusion?.network;
    if (panel.hidden || !network?.running || this.refreshing || !panel.querySelector("table")) return;
    this.refreshing = true;
    try {
      this.showConfusion(await network.session.ask("confusion"), panel.querySelector(".answer"));
    } catch {
      delete this.asked.confusion; // The next press of the button says what is wrong.
    } finally {
      this.refreshing = false;
    }
  }

  showRates(found, network, answer) {
    const canvas = element("canvas", "", { class: "chart", role: "img", "aria-label": `Loss by learning rate; suggested: ${found.suggestion}` });
    answer.replaceChildren(canvas);
    this.redraw = () => canvas.isConnected && drawRates(canvas, found);
    this.redraw();
    if (!found.suggestion) {
      answer.append(element("p", found.warning), element("p", "The rates were tried on the network before training. If none helps, something else is wrong: look under Health.", { class: "quiet" }));
      return;
    }
    const rate = Number(found.suggestion.toPrecision(2));
    // Its first sentence; the others name arguments of `kerasnn.lr_find`.
    if (found.warning) answer.append(element("p", `${found.warning.split(". ")[0]}.`, { class: "quiet" }));
    const use = element("button", `Use ${plain(rate)}`, { type: "button" });
    use.addEventListener("click", () => this.page.configure(network, { learning_rate: Math.min(10, Math.max(1e-5, rate)) }));
    answer.append(use);
  }

  showFolds({ metric, scores, mean, standard_error: error }, answer) {
    const rows = scores.map((score, k) => [`fold ${k + 1}`, element("td", score === null ? "NaN" : score.toFixed(4))]);
    const text = mean === null ? "The mean is not a number." : `${metric}: ${mean.toFixed(4)} ± ${(error ?? 0).toFixed(4)} (mean and standard error)`;
    answer.replaceChildren(element("p", text, { class: "result" }), table(["", metric], rows, "Score by fold"));
  }

  showSurface(found, answer) {
    const canvas = element("canvas", "", { class: "chart square-chart", role: "img", "aria-label": "Training loss over a plane of weights" });
    const along = (name, [low, high]) => `${name}, from ${short(low)} to ${short(high)}`;
    const axes = `Across: ${along(this.axes[0], found.a)}. Upwards: ${along(this.axes[1], found.b)}.`;
    answer.replaceChildren(canvas, element("p", `Dark is low, on a logarithmic scale. Ring: where training began; dot: where it is. ${axes}`, { class: "quiet" }));
    this.redraw = () => canvas.isConnected && drawSurface(canvas, found);
    this.redraw();
  }

  showUncertainty(what, found, answer) {
    this.uncertain = this.page.chosen();
    this.uncertain.showsUncertainty = true;
    this.back.disabled = false;
    const text = what === "ensemble" ? `Standard deviation of ${found.members ?? 10} networks, in the map above.` : `Standard deviation of ${found.samples ?? 50} predictions with dropout, in the map above.`;
    answer.replaceChildren(element("p", text));
  }

  endUncertainty() {
    if (this.uncertain) {
      this.uncertain.showsUncertainty = false;
      this.uncertain.session.send({ type: "watch", uncertainty: "none" });
    }
    this.uncertain = null;
    this.back.disabled = true;
    panelOf("ensemble").querySelector(".answer").replaceChildren();
  }
}
