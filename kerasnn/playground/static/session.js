// One session of the server: its websocket, its messages and its binary frames.

const TYPES = { u8: Uint8Array, u16: Uint16Array, f32: Float32Array };
const text = new TextDecoder();
const aligned = (bytes) => (bytes + 3) & ~3;

// A binary message: its header, and its arrays by name, each with `data`, `shape`, `low`, `high`.
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(text.decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  let offset = aligned(4 + length);
  for (const array of header.arrays) {
    const count = array.shape.reduce((product, size) => product * size, 1);
    const data = new TYPES[array.dtype](buffer, offset, count);
    offset = aligned(offset + data.byteLength);
    arrays[array.name] = { ...array, data };
  }
  return { ...header, arrays, bytes: buffer.byteLength };
}

// Events: open, state, points, frame, notice, failure, progress, closed; each with `detail`.
export class Session extends EventTarget {
  constructor(token) {
    super();
    this.token = token;
    this.id = null;
    this.state = null;
    this.timing = { configured: null, paused: null, first_frame_ms: null, pause_ms: null };
    this.epochs = { rate: 0, since: 0, at: 0 };
    this.questions = new Map();
    this.lastQuestion = 0;
  }

  // With `config` the session begins with that, not with the server's own configuration.
  open(config = null) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/session?token=${encodeURIComponent(this.token)}`);
    this.socket.binaryType = "arraybuffer";
    this.skipsFirst = config !== null;
    this.socket.onopen = () => {
      if (config !== null) this.configure(config);
      this.emit("open");
    };
    this.socket.onclose = (event) => {
      for (const question of this.questions.values()) question.reject({ text: "The connection was closed." });
      this.questions.clear();
      this.emit("closed", { code: event.code, reason: event.reason, known: this.id !== null });
    };
    this.socket.onmessage = ({ data }) => (typeof data === "string" ? this.receive(JSON.parse(data)) : this.receiveFrame(decode(data)));
  }

  close() {
    this.socket.onclose = null;
    this.socket.close();
  }

  emit(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  configure(config) {
    this.timing.configured = performance.now();
    this.asked = config;
    this.configuring = true;
    this.send({ type: "configure", config });
  }

  play() {
    this.send({ type: "play" });
  }

  pause() {
    this.timing.paused = performance.now();
    this.send({ type: "pause" });
  }

  // Asks a question; resolves to the answer, or rejects with the error.
  ask(what, options = {}, onProgress = () => {}) {
    const id = ++this.lastQuestion;
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) {
        reject({ text: "There is no connection to the server." });
        return;
      }
      this.questions.set(id, { what, resolve, reject, onProgress });
      this.send({ type: "ask", id, what, ...options });
    });
  }

  address(name) {
    return `/sessions/${encodeURIComponent(this.id)}/${name}?token=${encodeURIComponent(this.token)}`;
  }

  receive(message) {
    const question = this.questions.get(message.id);
    if (message.type === "state") this.receiveState(message);
    else if (message.type === "answer") {
      this.questions.delete(message.id);
      question?.resolve(message);
    } else if (message.type === "error") {
      this.configuring = false;
      this.questions.delete(message.id);
      // The configuration asked for was refused: the server's own stands.
      if (this.state === null && this.before) this.receiveState(this.before);
      if (question) question.reject(message);
      else this.emit("failure", message);
    } else if (message.type === "progress") {
      for (const asked of this.questions.values()) if (asked.what === message.what) asked.onProgress(message);
    } else if (message.type === "notice") {
      // One that comes before the answer to `configure` is of the network before.
      if (!this.configuring) this.emit("notice", message);
    }
  }

  receiveState(state) {
    if (this.timing.paused !== null && !state.running && !this.skipsFirst) {
      this.timing.pause_ms = performance.now() - this.timing.paused;
      this.timing.paused = null;
    }
    this.id = state.session;
    if (this.skipsFirst) {
      this.skipsFirst = false;
      this.before = state;
      return;
    }
    if (this.configuring) this.awaitsFirst = true;
    this.configuring = false;
    this.state = state;
    this.emit("state", state);
  }

  receiveFrame(frame) {
    if (frame.kind === "points") {
      this.emit("points", frame);
      return;
    }
    if (this.configuring) return;
    this.measure(frame.epoch, performance.now());
    this.emit("frame", frame);
  }

  // Called when a frame is on the screen.
  drawn() {
    if (!this.awaitsFirst) return;
    this.awaitsFirst = false;
    if (this.timing.configured !== null) this.timing.first_frame_ms = performance.now() - this.timing.configured;
  }

  // Epochs per second over windows of at least half a second.
  measure(epoch, now) {
    const seconds = (now - this.epochs.at) / 1000;
    if (epoch < this.epochs.since || seconds > 3) this.epochs = { rate: 0, since: epoch, at: now };
    else if (seconds >= 0.5) this.epochs = { rate: (epoch - this.epochs.since) / seconds, since: epoch, at: now };
  }
}
