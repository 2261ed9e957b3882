// What every page does: times that stay right while it is open, and fragments that are refreshed without disturbing.
// The live feed is in live-feed.js.

const SECOND = 1000;
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/** "3 min", "2 h 05 min" … of a number of seconds: the two largest units, or one below an hour. */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const at = UNITS.findIndex(([, size]) => whole >= size);
  if (at === -1) return "0 s";
  const [unit, size] = UNITS[at];
  const text = `${Math.floor(whole / size)} ${unit}`;
  if (at >= 2) return text;
  const [nextUnit, nextSize] = UNITS[at + 1];
  return `${text} ${Math.floor((whole % size) / nextSize)} ${nextUnit}`;
}

/** The text of a running clock: 8 s, 3 min 04 s, 2 h 5 min. */
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60 || whole >= 3600) return span(whole);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

function relative(seconds) {
  if (Math.abs(seconds) < 2) return "now";
  return seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
}

/** Set the text of every relative and running time below an element. */
export function tellTimes(root = document) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time.ago, time.running")) {
    const seconds = (now - Date.parse(time.dateTime)) / SECOND;
    const text = time.classList.contains("running") ? clock(seconds) : relative(seconds);
    if (time.textContent !== text) time.textContent = text;
  }
}

tellTimes();
setInterval(() => document.hidden || tellTimes(), SECOND);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  tellTimes();
  document.body.dispatchEvent(new CustomEvent("changes-arrived"));
});

// A fragment that replaces itself keeps what its reader had unfolded (details with an id), and where he had scrolled.
let kept = null;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const target = detail.target;
  kept = {
    unfolded: new Map([...target.querySelectorAll("details[id]")].map((element) => [element.id, element.open])),
    scrolled: new Map([...target.querySelectorAll("[id]")].flatMap((e) => (e.scrollTop ? [[e.id, e.scrollTop]] : []))),
  };
});

document.addEventListener("htmx:afterSwap", () => {
  for (const [id, open] of kept?.unfolded ?? []) {
    const details = document.getElementById(id);
    if (details) details.open = open;
  }
  for (const [id, top] of kept?.scrolled ?? []) {
    const element = document.getElementById(id);
    if (element) element.scrollTop = top;
  }
  kept = null;
  tellTimes();
});

// Nobody looks at a hidden tab, and a selection that is being made must not be swapped away.
document.addEventListener("htmx:confirm", (event) => {
  const polled = event.detail.elt.hasAttribute("data-polled");
  const selection = document.getSelection();
  const selecting = selection && !selection.isCollapsed && event.detail.elt.contains(selection.anchorNode);
  if (polled && (document.hidden || selecting)) event.preventDefault();
});

// What is shown is old when it can no longer be refreshed, and is said to be so.
const stale = document.querySelector("[data-stale]");
for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(failure, () => {
    if (!stale.hidden) return;
    stale.querySelector("time").dateTime = new Date().toISOString();
    stale.hidden = false;
    tellTimes(stale);
  });
}
document.addEventListener("htmx:afterOnLoad", ({ detail }) => {
  if (detail.successful) stale.hidden = true;
});

// A choice in a form marked so is enough: no button to press.
document.addEventListener("change", ({ target }) => target.closest("form[data-submit-on-change]")?.requestSubmit());
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("form[data-submit-on-change] .without-script")) button.hidden = true;
});

// A choice of time zones offers the one that the browser is in.
for (const select of document.querySelectorAll("select[data-own-zone]")) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (own && ![...select.options].some((option) => option.value === own)) {
    select.append(new Option(own.replaceAll("_", " "), own));
  }
}
