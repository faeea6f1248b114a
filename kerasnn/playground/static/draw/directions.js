// The two directions of a loss surface, as a person chooses them: by name, or two weights from lists or by a click.

const form = document.getElementById("panel-loss_surface");
const find = (name) => form.querySelector(`[name=${name}]`);

// All weights of a network's picture, each with its place as messages name it and its label.
function weightsOf({ sizes: { widths }, inputLabel, hidden }) {
  const places = [];
  for (let layer = 0; layer + 1 < widths.length; layer++) {
    for (let unit = 0; unit < widths[layer + 1]; unit++) {
      const to = layer < hidden ? `unit ${unit + 1} of layer ${layer + 1}` : widths[layer + 1] > 1 ? `output ${unit + 1}` : "output";
      for (let input = 0; input < widths[layer]; input++) {
        const from = layer === 0 ? inputLabel(input) : `unit ${input + 1} of layer ${layer}`;
        places.push({ place: { layer: layer + 1, unit, input }, label: `${from} → ${to}` });
      }
      places.push({ place: { layer: layer + 1, unit, input: null }, label: `bias of ${to}` });
    }
  }
  return places;
}

export class Directions {
  constructor() {
    this.next = 0;
    this.key = "";
    find("directions").addEventListener("change", () => this.offer());
  }

  // Offers the weights of a network, and the choices that belong to the kind of directions.
  offer(picture = this.picture) {
    this.picture = picture;
    const kind = find("directions").value;
    for (const label of form.querySelectorAll("[data-directions]")) label.hidden = label.dataset.directions !== kind;
    if (!picture) return;
    this.weights = weightsOf(picture);
    const key = this.weights.map(({ label }) => label).join("\n");
    if (key === this.key) return;
    this.key = key;
    ["weight_a", "weight_b"].forEach((name, k) => {
      const select = find(name);
      select.replaceChildren(...this.weights.map(({ label }, index) => new Option(label, String(index))));
      select.value = String(Math.min(k, this.weights.length - 1));
    });
  }

  // What is asked of the server.
  get options() {
    const directions = find("directions").value;
    if (directions === "random") return { directions, seed: Math.max(0, Math.floor(Number(find("directions_seed").value)) || 0) };
    if (directions === "weights") return { directions, weights: ["weight_a", "weight_b"].map((name) => this.weights[Number(find(name).value)].place) };
    return { directions };
  }

  // Names of the axes.
  get names() {
    const kind = find("directions").value;
    if (kind === "weights") return ["weight_a", "weight_b"].map((name) => this.weights[Number(find(name).value)].label);
    return { principal: ["first component", "second component"], start: ["from the start to now", "across the way"], random: ["first random direction", "second random direction"] }[kind];
  }

  // Takes a weight that was clicked in the picture, in turn as the first and the second direction.
  pick({ layer, unit, input }) {
    if (form.hidden || find("directions").value !== "weights") return;
    const index = this.weights.findIndex(({ place }) => place.layer === layer + 1 && place.unit === unit && place.input === input);
    find(["weight_a", "weight_b"][this.next]).value = String(index);
    this.next = 1 - this.next;
  }
}
