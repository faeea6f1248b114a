// Lessons: configurations with what they show and what to try.

import presets from "./presets.json" with { type: "json" };

const chips = document.getElementById("lessons");
const card = document.getElementById("lesson");

export class Course {
  // `open(lesson)` shows a lesson's configuration.
  constructor(open) {
    this.open = open;
    this.current = null;
    chips.replaceChildren(...presets.presets.map((lesson) => this.chip(lesson)));
    card.querySelector(".close").addEventListener("click", () => this.show(null));
  }

  chip(lesson) {
    const chip = Object.assign(document.createElement("button"), { type: "button", textContent: lesson.title });
    chip.dataset.lesson = lesson.id;
    chip.addEventListener("click", () => this.open(lesson));
    return chip;
  }

  get(id) {
    return presets.presets.find((lesson) => lesson.id === id) ?? null;
  }

  // Shows the text of a lesson, or none.
  show(id) {
    const lesson = this.get(id);
    this.current = lesson && id;
    card.hidden = !lesson;
    for (const chip of chips.children) chip.setAttribute("aria-pressed", chip.dataset.lesson === id);
    if (!lesson) return;
    card.querySelector("h2").textContent = lesson.title;
    card.querySelector(".text").textContent = lesson.text.join(" ");
    card.querySelector(".try").textContent = `Try: ${lesson.try}`;
    card.querySelector(".source").textContent = `In the course: tutorials/${lesson.tutorial}`;
    chips.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}
