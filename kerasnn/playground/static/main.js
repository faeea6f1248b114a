// The page: its networks, their configuration in the URL, and what a person presses.

import { DATA_KEYS, DEFAULTS, changed, equal, fromFragment, toFragment } from "./configuration.js";
import { Controls } from "./controls.js";
import { Course } from "./course.js";
import { isDark } from "./draw/colors.js";
import { drawThumbnails } from "./draw/thumbnails.js";
import { closeWeights, showWeights } from "./draw/weights.js";
import { Code, Upload } from "./handover.js";
import { Network } from "./network.js";
import { clearNotices, notify } from "./notices.js";
import { Questions } from "./questions.js";
import { lacksTable, rememberTable, settingsOf, withoutTable } from "./tables.js";
import { startTooltips } from "./draw/tooltip.js";

const $ = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token") ?? "";
// Names the pair of this page's networks, which train epoch for epoch.
const PAIR = Math.random().toString(36).slice(2);
const data = (config) => Object.fromEntries(DATA_KEYS.map((key) => [key, config[key]]));

class Page {
  constructor() {
    this.second = null;
    this.lost = null;
    this.undos = [];
    this.pictures = { rate: 0, since: 0, at: performance.now() };
    this.course = new Course((lesson) => this.openLesson(lesson));
    this.controls = new Controls($("controls"), (changes) => this.configure(this.chosen(), changes));
    this.questions = new Questions({ chosen: () => this.chosen(), configure: (network, changes) => this.configure(network, changes) });
    this.code = new Code({ chosen: () => this.chosen(), networks: () => this.networks() });
    this.upload = new Upload({ chosen: () => this.chosen(), lost: () => this.lost }, (...table) => this.useTable(...table));
    this.thumbnails = drawThumbnails($("thumbnails"), (dataset) => this.configure(this.chosen(), { dataset }));
    this.listen();
  }

  start() {
    const asked = fromFragment(location.hash);
    this.course.show(asked.lesson);
    const lesson = this.course.get(asked.lesson);
    const config = changed(changed(DEFAULTS, lesson?.config ?? {}), asked.changes);
    this.first = this.makeNetwork($("network-a"), config);
    this.setView({ ...lesson?.view, ...asked.view });
    this.first.configured = this.first.isAddressed = Boolean(location.hash.slice(1));
    this.controls.show({ config });
    this.connect(this.first);
    const second = asked.second ?? lesson?.second;
    if (second) this.openSecond(second, true);
    this.tellRefused(this.refusedOf(asked));
    requestAnimationFrame(() => this.draw());
    setInterval(() => this.tick(), 500);
  }

  networks() {
    return [this.first, this.second].filter(Boolean);
  }

  // The network that the controls belong to.
  chosen() {
    return this.second && document.querySelector("[name=chosen]:checked").value === "b" ? this.second : this.first;
  }

  choose(network) {
    if (!this.second || network === this.chosen()) return;
    document.querySelector(`[name=chosen][value=${network === this.second ? "b" : "a"}]`).checked = true;
    this.nameNetworks();
    this.showState(network);
  }

  makeNetwork(root, config) {
    const network = new Network(root, token, config, {
      configure: (of, changes) => this.configure(of, changes),
      editWeights: (of, title, weights, near, activation) => {
        if (weights.length === 1) this.questions.directions.pick(weights[0]);
        showWeights(title, weights, near, activation ?? null, (weight, value) => this.setWeight(of, weight, value));
      },
      changed: (of) => this.showState(of),
    });
    root.addEventListener("pointerdown", () => this.choose(network));
    const { session } = network;
    session.addEventListener("notice", ({ detail }) => this.showNotice(network, detail));
    session.addEventListener("failure", ({ detail }) => this.showFailure(network, detail));
    session.addEventListener("closed", ({ detail }) => this.showClosed(network, detail));
    return network;
  }

  // Opens a network's session; the server speaks first, with its own configuration.
  connect(network) {
    network.session.addEventListener("open", () => {
      network.root.classList.remove("closed");
      network.session.send({ type: "watch", diagnose: true, speed: this.view().speed, pair: this.second ? PAIR : null });
      network.look(this.view());
    }, { once: true });
    network.session.open(network.configured ? network.config : null);
  }

  view() {
    const control = (name) => document.querySelector(`.transport [name=${name}]`);
    return { show_test: control("show_test").checked, discretize: control("discretize").checked, speed: Number(control("speed").value) };
  }

  // Changes a network's settings; those of the data hold for both networks.
  configure(network, changes) {
    this.remember();
    clearNotices();
    this.clearFindings();
    const { dataset } = network.config;
    this.send(network, changed(network.config, changes));
    // A lesson is about its data.
    if (network.config.dataset !== dataset) this.course.show(null);
    const shared = Object.fromEntries(Object.entries(data(network.config)).filter(([key]) => this.networks().some((other) => !equal(other.config[key], network.config[key]))));
    if (Object.keys(shared).length > 0) {
      for (const other of this.networks()) if (other !== network) this.send(other, changed(other.config, shared));
    }
    this.writeFragment("pushState");
  }

  clearFindings() {
    this.questions.clearFindings();
    for (const network of this.networks()) network.tellFinding();
  }

  // Settings of the address (`isAddressed`) are left out one by one where the server refuses them.
  send(network, config, isAddressed = false) {
    network.configured = true;
    network.isAddressed = isAddressed;
    network.configure(config);
  }

  remember(undo = this.snapshot()) {
    this.undos.push(undo);
    if (this.undos.length > 100) this.undos.shift();
    $("undo").disabled = false;
  }

  // What undoing comes back to.
  snapshot() {
    const { config } = this.first;
    const second = this.second?.config ?? null;
    const lesson = this.course.current;
    return () => this.restore(config, second, lesson);
  }

  restore(config, second, lesson, isAddressed = false) {
    clearNotices();
    this.clearFindings();
    this.course.show(lesson);
    if (!equal(config, this.first.config)) this.send(this.first, config, isAddressed);
    if (second && !this.second) this.openSecond(second, isAddressed);
    else if (!second && this.second) this.closeSecond();
    else if (second && !equal(second, this.second.config)) this.send(this.second, second, isAddressed);
    this.writeFragment("replaceState");
  }

  undo() {
    this.undos.pop()?.();
    $("undo").disabled = this.undos.length === 0;
  }

  writeFragment(how) {
    const fragment = toFragment(this.first.config, this.second?.config, this.course.current, this.view());
    if (fragment !== location.hash) history[how](null, "", location.pathname + location.search + fragment);
  }

  readFragment() {
    const asked = fromFragment(location.hash);
    const { changes, second, lesson, view } = asked;
    const known = this.course.get(lesson);
    const config = changed(changed(DEFAULTS, known?.config ?? {}), changes);
    this.setView(view);
    this.restore(config, second && { ...config, ...second }, known ? lesson : null, true);
    this.tellRefused(this.refusedOf(asked));
  }

  refusedOf({ lesson, refused }) {
    return lesson === null || this.course.get(lesson) ? refused : [`preset=${lesson}`, ...refused];
  }

  tellRefused(refused) {
    if (refused.length > 0) notify("warning", `The address says ${refused.join(", ")}, which is not possible: left out.`);
  }

  setWeight(network, weight, value) {
    const { layer, unit, input } = weight;
    const send = (to) => {
      network.edits = (network.edits ?? 0) + 1;
      network.session.send({ type: "set_weight", layer: layer + 1, unit, input, value: to });
      setTimeout(() => this.code.refresh(), 200);
    };
    const before = weight.value;
    if (value === before) return;
    clearNotices();
    this.remember(() => send(before));
    weight.value = value;
    send(value);
  }

  openLesson(lesson) {
    this.remember();
    clearNotices();
    this.clearFindings();
    this.course.show(lesson.id);
    this.send(this.first, changed(DEFAULTS, lesson.config));
    if (this.second) this.closeSecond();
    if (lesson.second) this.openSecond(lesson.second);
    this.setView(lesson.view ?? {});
    this.writeFragment("pushState");
  }

  setView(view) {
    for (const name of ["show_test", "discretize"]) document.querySelector(`.transport [name=${name}]`).checked = view[name] ?? false;
    for (const network of this.networks()) network.look(this.view());
  }

  // A second network, with the first one's data and configuration but for `changes`.
  openSecond(changes = {}, isAddressed = false) {
    const root = $("network-a").cloneNode(true);
    for (const named of root.querySelectorAll("[id]")) named.removeAttribute("id");
    for (const emptied of root.querySelectorAll(".parts, .legend")) emptied.replaceChildren();
    for (const copied of root.querySelectorAll(".numbers dd")) copied.textContent = "–";
    root.id = "network-b";
    root.setAttribute("aria-label", "Network B");
    $("networks").append(root);
    this.second = this.makeNetwork(root, { ...this.first.config, ...changes, ...data(this.first.config) });
    this.second.configured = true;
    this.second.isAddressed = isAddressed;
    this.nameNetworks();
    this.first.session.send({ type: "watch", pair: PAIR });
    this.connect(this.second);
    if (!this.first.running) return;
    const { session } = this.second;
    session.addEventListener("state", () => session.play(), { once: true });
  }

  closeSecond() {
    this.second.session.close();
    this.second.root.remove();
    this.second = null;
    this.first.session.send({ type: "watch", pair: null });
    document.querySelector("[name=chosen][value=a]").checked = true;
    this.nameNetworks();
    this.show(this.first);
  }

  nameNetworks() {
    const isTwo = this.second !== null;
    $("chosen").hidden = $("pace").hidden = !isTwo;
    $("compare").setAttribute("aria-pressed", isTwo);
    document.body.classList.toggle("two", isTwo);
    this.first.root.querySelector(".name").textContent = isTwo ? "Network A" : "Network";
    if (isTwo) this.second.root.querySelector(".name").textContent = "Network B";
    this.networks().forEach(({ root }, k) => (root.querySelector(".output-card h2").textContent = isTwo ? `Output of ${"AB"[k]}` : "Output"));
    for (const network of this.networks()) network.root.classList.toggle("is-chosen", isTwo && network === this.chosen());
  }

  // After each state of the server: what it says stands in the controls and in the URL.
  showState(network) {
    this.show(network);
    this.writeFragment("replaceState");
  }

  show(network) {
    const { state } = network.session;
    if (state) rememberTable(state);
    if (network === this.chosen() && state) {
      this.controls.show({ ...state, config: network.config });
      this.thumbnails(network.config.dataset);
      this.questions.offer();
      this.code.refresh();
    }
    const isRunning = this.first.running;
    if (!isRunning && $("play").getAttribute("aria-pressed") === "true") this.speak();
    $("play").setAttribute("aria-pressed", isRunning);
    $("play").setAttribute("aria-label", isRunning ? "Pause" : "Play");
    $("regenerate").disabled = this.first.config.dataset === "table";
    this.questions.clearStale();
  }

  // Says to screen readers where training has come to rest.
  speak() {
    const { shown } = this.first;
    $("spoken").textContent = `Paused at epoch ${shown.epoch}: training loss ${shown["train-loss"]}, test loss ${shown["test-loss"]}.`;
  }

  showNotice(network, { level, text, epoch }) {
    const name = this.second ? `${network === this.first ? "A" : "B"}: ` : "";
    this.questions.addFinding(level, name + text, epoch);
    const rate = network.config.learning_rate / 10;
    const ways = [{ label: "Reset", go: () => network.session.send({ type: "reset" }) }];
    if (rate >= 1e-5) ways.unshift({ label: `Reset with the rate ${Number(rate.toPrecision(3))}`, go: () => this.resetWithRate(network, Number(rate.toPrecision(3))) });
    network.tellFinding(level, level === "warning" ? `${name}epoch ${epoch}: ${text}` : name + text);
    if (level === "error") notify(level, name + text, ways);
  }

  resetWithRate(network, rate) {
    this.configure(network, { learning_rate: rate });
    network.session.send({ type: "reset" });
  }

  showFailure(network, { text, argument, rule, hint }) {
    const { asked, state: now } = network.session;
    if (lacksTable(asked, now, argument)) {
      this.replaceTable(network, withoutTable(asked, now));
      return;
    }
    const name = argument?.split("[")[0];
    // The problem follows the data set where it is not given.
    const value = name === "task" ? null : DEFAULTS[name];
    if (network.isAddressed && asked && name in DEFAULTS && !equal(asked[name], value)) {
      this.leaveOut(network, asked, { [name]: value }, text);
      return;
    }
    notify("error", text ?? [`${argument} must ${rule}.`, hint].filter(Boolean).join(" "));
    const { state } = network.session;
    network.sent = null;
    if (!state) return;
    network.config = { ...DEFAULTS, ...state.config };
    this.showState(network);
  }

  // Goes on without a setting of the address that the server refuses: with `instead`.
  leaveOut(network, asked, instead, text) {
    const [name] = Object.keys(instead);
    this.send(network, { ...asked, ...instead }, true);
    this.writeFragment("replaceState");
    notify("warning", `Left out of the address, ${name}=${asked[name]}: ${text}`);
  }

  // Goes on without a table that the server does not have, and says which to choose again.
  replaceTable(network, { config, lost }) {
    this.send(network, config);
    // The second network has the first one's data.
    if (!lost || network === this.second) return;
    this.lost = lost;
    const name = lost.name ?? "the table";
    const text = `The server no longer has ${name}: it has been started anew, or has received ten tables since. Choose the file again to go on with it; all other settings are kept.`;
    this.lostNotice?.remove();
    this.lostNotice = notify("warning", text, [{ label: `Choose ${name}`, go: () => $("upload").click() }]);
    this.lostNotice.dataset.stays = true;
  }

  showClosed(network, { reason, known }) {
    network.root.classList.add("closed");
    const why = reason || (known ? "The server has ended, or it ended this session because nothing was done for long." : "The server refused the connection. Open the address that it printed.");
    notify("error", why, [{ label: "Connect again", go: () => this.connectAgain() }]);
    if (network !== this.second) return;
    this.closeSecond();
    this.writeFragment("replaceState");
  }

  // Loads the page again if the server still knows its address; else says what to do.
  async connectAgain() {
    const answer = await fetch(location.pathname + location.search).catch(() => null);
    if (answer?.ok) location.reload();
    else if (answer?.status === 403) notify("error", "The server has been started anew, with another address: open the one that it printed last. What stands here after “#” can be added to it.");
    else notify("error", `No server answers at ${location.host}. Start it again, and open the address that it prints.`, [{ label: "Connect again", go: () => this.connectAgain() }]);
  }

  useTable(found, target) {
    this.configure(this.chosen(), settingsOf(found, target, this.lost));
    this.lostNotice?.remove();
    this.lost = null;
  }

  act(type) {
    clearNotices();
    if (type === "reset" || type === "regenerate") this.clearFindings();
    if (type === "regenerate") this.remember();
    const isRunning = this.first.running;
    for (const { session } of this.networks()) {
      if (type !== "play") session.send({ type });
      else if (isRunning) session.pause();
      else session.play();
    }
  }

  draw() {
    const chosen = this.chosen();
    for (const network of this.networks()) {
      if (network.draw() && network === chosen && !network.running) this.code.refresh();
    }
    requestAnimationFrame(() => this.draw());
  }

  // Twice a second: rates as text, and the code when training has come to rest.
  tick() {
    const now = performance.now();
    const { frames } = this.first;
    const seconds = (now - this.pictures.at) / 1000;
    this.pictures = { rate: (frames - this.pictures.since) / seconds, since: frames, at: now };
    for (const network of this.networks()) {
      const { rate } = network.session.epochs;
      network.write("speed", `${network.running ? (rate < 10 ? rate.toFixed(1) : Math.round(rate)) : 0} epochs/s`);
    }
    this.first.write("pictures", `${this.first.running ? Math.round(this.pictures.rate) : 0} pictures/s`);
    if (!this.chosen().running) this.code.refresh();
  }

  listen() {
    for (const type of ["play", "step", "reset", "regenerate"]) $(type).addEventListener("click", () => this.act(type));
    $("undo").addEventListener("click", () => this.undo());
    $("compare").addEventListener("click", () => {
      this.remember();
      if (this.second) this.closeSecond();
      else this.openSecond();
      this.writeFragment("pushState");
    });
    document.querySelector(".transport").addEventListener("change", ({ target }) => {
      if (target.name === "chosen") {
        this.nameNetworks();
        this.showState(this.chosen());
        return;
      }
      for (const network of this.networks()) network.look(this.view());
      this.writeFragment("replaceState");
    });
    $("lesson").querySelector(".close").addEventListener("click", () => this.writeFragment("replaceState"));
    $("theme").addEventListener("click", () => this.nextTheme());
    $("keys").addEventListener("click", () => this.showKeys());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    addEventListener("popstate", () => this.readFragment());
    document.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    // What has closed keeps the focus until the next picture of the page.
    const target = event.target.closest("dialog:not([open])") ? document.body : event.target;
    const isText = target.matches("input:not([type=checkbox], [type=radio], [type=range]), textarea");
    if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !isText) {
      event.preventDefault();
      this.undo();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isText || target.matches("select") || $("dialog").open) return;
    if (event.key === " " && !target.matches("button, a, summary, input, [role=tab]")) this.pressed(event, "play");
    else if (event.key === "ArrowRight" && !target.matches("input, [role=tab], pre")) this.pressed(event, "step");
    else if (event.key === "r") this.pressed(event, "reset");
  }

  pressed(event, type) {
    event.preventDefault();
    this.act(type);
  }

  nextTheme() {
    const { dataset } = document.documentElement;
    const next = { undefined: "light", light: "dark", dark: undefined }[dataset.theme];
    if (next) dataset.theme = next;
    else delete dataset.theme;
    try {
      if (next) localStorage.setItem("theme", next);
      else localStorage.removeItem("theme");
    } catch {
      // Without storage the choice holds until the page is left.
    }
    this.redraw();
  }

  redraw() {
    const { theme } = document.documentElement.dataset;
    $("theme").textContent = `Theme: ${theme ?? "system"}`;
    document.documentElement.style.colorScheme = isDark() ? "dark" : "light";
    this.thumbnails(null);
    for (const network of this.networks()) network.redraw();
    this.questions.redraw?.();
  }

  showKeys() {
    const keys = [["space", "train or pause"], ["→", "one epoch"], ["r", "reset"], ["Ctrl+Z", "undo"], ["Tab", "through all controls and units"], ["Esc", "close what is open"]];
    const list = document.createElement("dl");
    for (const [key, what] of keys) list.append(Object.assign(document.createElement("dt"), { textContent: key }), Object.assign(document.createElement("dd"), { textContent: what }));
    const close = Object.assign(document.createElement("button"), { textContent: "Close" });
    const form = Object.assign(document.createElement("form"), { method: "dialog" });
    form.append(Object.assign(document.createElement("h2"), { textContent: "Keys" }), list, close);
    // The button that opened it would have the focus again, and take the next press of space.
    document.activeElement?.blur();
    $("dialog").replaceChildren(form);
    $("dialog").showModal();
  }
}

try {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // Without storage the system's colours are taken.
}
startTooltips();
const page = new Page();
page.redraw();
closeWeights();

// What this page measures of itself, for tests.
window.playground = {
  get frames() {
    return page.first?.frames ?? 0;
  },
  fps: () => page.pictures.rate,
  epochs_per_second: () => page.first?.session.epochs.rate ?? 0,
  get last_frame_bytes() {
    return page.first?.lastBytes ?? 0;
  },
  get first_frame_ms() {
    return page.first?.session.timing.first_frame_ms ?? null;
  },
  get pause_ms() {
    return page.first?.session.timing.pause_ms ?? null;
  },
  get session() {
    return page.first?.session.id ?? null;
  },
  get state() {
    return page.first?.session.state ?? null;
  },
};

page.start();
