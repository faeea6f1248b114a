// Lessons: configurations with what they show and what to try.

const chips = document.getElementById("lessons");
const card = document.getElementById("lesson");

export class Course {
  // `open(lesson)` shows a lesson's configuration.
  constructor(open) {
    this.open = open;
    this.lessons = [];
    this.current = null;
    card.querySelector(".close").addEventListener("click", () => this.show(null));
  }

  async load() {
    const answer = await fetch("/static/presets.json");
    this.lessons = (await answer.json()).presets;
    chips.replaceChildren(...this.lessons.map((lesson) => this.chip(lesson)));
    this.show(this.current);
  }

  chip(lesson) {
    const chip = Object.assign(document.createElement("button"), { type: "button", textContent: lesson.title });
    chip.dataset.lesson = lesson.id;
    chip.addEventListener("click", () => this.open(lesson));
    return chip;
  }

  get(id) {
    return this.lessons.find((lesson) => lesson.id === id) ?? null;
  }

  // Shows the text of a lesson, or none; before the lessons are loaded, an empty card of its size.
  show(id) {
    const changed = id !== this.current;
    this.current = id;
    card.hidden = id === null;
    for (const chip of chips.children) chip.setAttribute("aria-pressed", chip.dataset.lesson === id);
    const lesson = this.get(id);
    if (!lesson) return;
    card.querySelector("h2").textContent = lesson.title;
    card.querySelector(".text").textContent = lesson.text.join(" ");
    card.querySelector(".try").textContent = `Try: ${lesson.try}`;
    if (changed) chips.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}
