"use strict";
/* Choosing, searching and jumping between events. */
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.getElementById("chart"), find = document.getElementById("find"), found = document.getElementById("found");
const all = document.getElementById("all"), details = document.getElementById("details");
const chart = new Chart(root, data);
let chosen = -1, matches = new Set();

function redraw(index) {
  chart.draw();
  chosen = -1;
  search(false);
  if (index !== undefined) choose(chart.items.findIndex((i) => i.index === index));
}

function choose(number, scroll = true) {
  if (number < 0 || number >= chart.items.length) return;
  mark(chosen, false);
  chosen = number;
  mark(number, true);
  root.setAttribute("aria-activedescendant", chart.nodes[number].id);
  if (scroll) keepInView(chart.items[number]);
  tell(chart.items[number]);
}

function mark(number, on) {
  const item = chart.items[number];
  if (!item) return;
  chart.nodes[number].classList.toggle("chosen", on);
  chart.nodes[number].setAttribute("aria-selected", String(on));
  heat(item.msg, on);
  const x = chart.place.get(item.conn);
  for (const [name, value] of Object.entries({ cx: x ?? -99, cy: item.y + LINE / 2, r: on && x !== undefined ? 13 : 0 })) chart.pick.setAttribute(name, value);
}

function heat(msg, on) {
  for (const node of (msg && chart.arrows.get(msg)) || []) node.classList.toggle("hot", on);
}

function keepInView(item) {
  const top = item.y - HEAD - 40, bottom = item.y + LINE + 60;
  if (root.scrollTop > top) root.scrollTop = top;
  else if (root.scrollTop + root.clientHeight < bottom) root.scrollTop = bottom - root.clientHeight;
}

/* Every event can be reached, also one that is not shown now. */
function go(index) {
  let number = chart.items.findIndex((i) => i.index === index);
  if (number < 0) {
    all.checked = chart.everything = true;
    redraw();
    number = chart.items.findIndex((i) => i.index === index);
  }
  choose(number);
  document.querySelector(".chart").scrollIntoView({ block: "nearest" });
}

/* ---- details ---- */

function tell(item) {
  const list = element("dl");
  const add = (word, value) => list.append(element("dt", "", word), element("dd", "", value));
  if (!item.loss) add("event", `#${item.index}`), add("time", `${milliseconds(item.t)} ms`);
  for (const [name, value] of Object.entries(item.fields || {})) if (!["e", "t"].includes(name)) add(name, typeof value === "string" ? value : JSON.stringify(value));
  const copy = chart.copy.get(item.msg);
  if (copy) message(copy, add);
  const strand = chart.strand.get(item.conn);
  if (strand) membership(strand, add);
  details.replaceChildren(element("h4", "", item.text), list);
}

function message(copy, add) {
  add("sent", `#${copy.sent} by ${copy.conn} to ${copy.group}`);
  add("read by", copy.got.map(([index, conn]) => `${conn} (#${index})`).join(", ") || "nobody");
  if (copy.missing.length) add("missing on", copy.missing.join(", "));
}

function membership(strand, add) {
  const words = ([start, end]) => (start < end ? `#${start} to #${end - 1}` : "never proved");
  add("of user", strand.user);
  add("possible", words(strand.possible));
  add("owed", words(strand.owed));
  add("witnessed", words(strand.witnessed));
  for (const stay of strand.stays) add(stay.group, `owed ${words(stay.owed)}`);
  for (const [start, end, kind] of strand.faults) add("fault", `${kind}, ${words([start, end])}`);
}

/* ---- searching ---- */

function search(jump = true) {
  const word = find.value.trim().toLowerCase();
  matches = new Set();
  if (word) {
    if (jump && !chart.everything && !chart.items.some((i) => says(i, word)) && data.moments.some((m) => says(m, word))) {
      all.checked = chart.everything = true;
      return redraw(), next(1, (n) => matches.has(n), 0);
    }
    chart.items.forEach((item, n) => says(item, word) && matches.add(n));
  }
  chart.nodes.forEach((node, n) => node.classList.toggle("match", matches.has(n)));
  found.textContent = word ? `${matches.size} found` : "";
  if (jump && matches.size) next(1, (n) => matches.has(n), Math.max(0, chosen));
}

function says(item, word) {
  return item.text.toLowerCase().includes(word) || item.conn.toLowerCase() === word || `#${item.index}` === word;
}

/* The next line, from `from` on (else after the chosen one) and around, for which `test` holds. */
function next(step, test, from) {
  const count = chart.items.length;
  for (let tried = 0, n = from ?? chosen + step; tried < count; tried++, n += step) {
    const number = ((n % count) + count) % count;
    if (test(number)) return choose(number);
  }
}

function along(step) {
  const conn = chart.items[chosen]?.conn;
  for (let n = chosen + step; n >= 0 && n < chart.items.length; n += step) if (chart.items[n].conn === conn) return choose(n);
}

/* ---- keys ---- */

const within = (n) => Math.max(0, Math.min(chart.items.length - 1, n));
const evidence = () => next(1, (n) => Boolean(chart.items[n].mark));
const KEYS = {
  ArrowDown: () => choose(within(chosen + 1)), j: () => choose(within(chosen + 1)),
  ArrowUp: () => choose(within(chosen - 1)), k: () => choose(within(chosen - 1)),
  PageDown: () => choose(within(chosen + 20)), PageUp: () => choose(within(chosen - 20)),
  Home: () => choose(0), End: () => choose(chart.items.length - 1),
  ArrowRight: () => along(1), ArrowLeft: () => along(-1),
  n: () => next(1, (i) => matches.has(i)), N: () => next(-1, (i) => matches.has(i)),
  e: evidence,
  a: () => all.click(),
  "/": () => { find.focus(); find.select(); },
  Escape: () => { find.value = ""; search(); root.focus(); },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target === find;
  if (typing && event.key === "Enter") { next(event.shiftKey ? -1 : 1, (n) => matches.has(n)); return; }
  if (typing && !["Escape", "ArrowDown", "ArrowUp"].includes(event.key)) return;
  if (event.target.dataset?.at && event.key === "Enter") return go(Number(event.target.dataset.at));
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  if (typing && event.key !== "Escape") root.focus();
  act();
});
find.addEventListener("input", () => search());
all.addEventListener("change", () => {
  const index = chart.items[chosen]?.index;
  chart.everything = all.checked;
  redraw(index);
});
document.getElementById("evidence").addEventListener("click", evidence);
document.addEventListener("click", (event) => {
  const line = event.target.closest(".line"), jump = event.target.closest("[data-at]");
  if (line) choose(chart.nodes.indexOf(line), false);
  else if (jump) go(Number(jump.dataset.at));
});
let hovered = "";
root.addEventListener("mouseover", (event) => {
  const line = event.target.closest(".line"), item = line && chart.items[chart.nodes.indexOf(line)];
  if (hovered && hovered !== chart.items[chosen]?.msg) heat(hovered, false);
  hovered = (item && item.msg) || "";
  heat(hovered, true);
});
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; redraw(chart.items[chosen]?.index); } });
redraw();
const first = chart.items.findIndex((i) => i.mark === "broken");
if (first >= 0) choose(first);
