// The tooltip of the page: of elements with `data-tip`, and of places in pictures.

const tooltip = document.getElementById("tooltip");

function place(x, y) {
  const { offsetWidth: width, offsetHeight: height } = tooltip;
  tooltip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - width - 8))}px`;
  tooltip.style.top = `${y + 18 + height > innerHeight ? Math.max(4, y - height - 10) : y + 18}px`;
}

// Shows `text` where `event` happened; hides it if null.
export function tell(text, event = null) {
  if (text === null || event === null) {
    tooltip.hidden = true;
    return;
  }
  tooltip.textContent = text;
  tooltip.hidden = false;
  place(event.clientX, event.clientY);
}

function tellOf(target) {
  const described = target.closest?.("[data-tip]");
  if (!described) return;
  tooltip.textContent = described.dataset.tip;
  tooltip.hidden = false;
  const { left, bottom } = described.getBoundingClientRect();
  place(left - 12, bottom - 12);
}

// Lets all elements with `data-tip` tell it when pointed at or tabbed to.
export function startTooltips() {
  for (const described of document.querySelectorAll("[data-tip]")) described.setAttribute("aria-description", described.dataset.tip);
  document.addEventListener("pointerover", (event) => event.pointerType !== "touch" && tellOf(event.target));
  document.addEventListener("pointerout", (event) => event.target.closest?.("[data-tip]") && tell(null));
  document.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && tellOf(event.target));
  document.addEventListener("focusout", () => tell(null));
  document.addEventListener("keydown", (event) => event.key === "Escape" && tell(null));
}
