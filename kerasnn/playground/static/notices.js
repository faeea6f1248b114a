// Notices at the page's edge: errors stay until the network is trained, reset or changed, others fade unless they offer something.

const list = document.getElementById("notices");
const FADE_MS = 9000;
const MOST = 4;

// Shows a notice of `level` info, warning or error; `ways` are {label, go} of buttons.
export function notify(level, text, ways = []) {
  const same = [...list.children].find((notice) => notice.dataset.text === text);
  same?.remove();
  const notice = document.createElement("div");
  notice.className = `notice ${level}`;
  notice.dataset.text = text;
  const close = Object.assign(document.createElement("button"), { type: "button", className: "close", textContent: "×" });
  close.setAttribute("aria-label", "Close");
  close.addEventListener("click", () => notice.remove());
  notice.append(Object.assign(document.createElement("p"), { textContent: text }), close);
  for (const { label, go } of ways) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.addEventListener("click", () => {
      notice.remove();
      go();
    });
    notice.append(button);
  }
  list.append(notice);
  while (list.children.length > MOST) list.firstChild.remove();
  if (level !== "error" && ways.length === 0) setTimeout(() => notice.remove(), FADE_MS);
  return notice;
}

// Takes away what was said about the network before a change; a notice that stays is about no network.
export function clearNotices() {
  for (const notice of [...list.children]) if (!notice.dataset.stays) notice.remove();
}
