"use strict";
/* Draws the timeline: one line an event, one lane a connection. All text goes in as text, never as markup. */
const SVG = "http://www.w3.org/2000/svg";
const LINE = 25, PART = 30, GAP = 18, HEAD = 46, LEFT = 126;
const WIDEST = 104, NARROWEST = 34;
const TELLING_GAP = 0.01; /* seconds: a longer silence is written between the lines */

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function shape(parent, tag, className, attributes) {
  const node = document.createElementNS(SVG, tag);
  node.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  parent.append(node);
  return node;
}

function milliseconds(seconds) {
  return (seconds * 1000).toFixed(seconds < 10 ? 2 : 0);
}

class Chart {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.strand = new Map(data.strands.map((s) => [s.conn, s]));
    this.copy = new Map(data.copies.map((c) => [c.msg, c]));
    this.everything = false;
  }

  /* ---- which lines there are ---- */

  arrange() {
    const losses = this.data.losses.map((l) => ({ ...l, index: l.before - 0.5, loss: true, tone: "bad", mark: "broken", conn: l.conn }));
    const shown = this.data.moments.filter((m) => this.everything || !m.minor);
    this.items = [...shown, ...losses].sort((a, b) => a.index - b.index);
    this.shown = new Map(this.items.map((i) => [i.index, i]));
    const used = new Set(this.items.map((i) => i.conn));
    this.lanes = this.data.strands.filter((s) => used.has(s.conn));
    const room = Math.max(320, this.root.clientWidth * 0.52 - LEFT);
    this.width = Math.max(NARROWEST, Math.min(WIDEST, room / Math.max(1, this.lanes.length)));
    this.place = new Map(this.lanes.map((s, n) => [s.conn, LEFT + this.width * (n + 0.5)]));
    this.text = LEFT + this.width * this.lanes.length + 14;
    this.stack();
  }

  stack() {
    let y = HEAD + 4, part = -1, last = null;
    this.rules = [];
    this.gaps = [];
    for (const item of this.items) {
      const number = this.data.parts.findLastIndex((p) => p.at <= item.index);
      if (number !== part && number >= 0) {
        this.rules.push({ y, ...this.data.parts[number] });
        y += PART;
        part = number;
      } else if (last && item.t - last.t > TELLING_GAP) {
        this.gaps.push({ y, text: `${milliseconds(item.t - last.t)} ms` });
        y += GAP;
      }
      item.y = y;
      y += LINE;
      if (item.t !== undefined) last = item;
    }
    this.height = y + 10;
  }

  /* Where the picture stands between two shown events; what is hidden lies between its neighbours. */
  level(index) {
    let low = 0, high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.items[middle].index < index) low = middle + 1; else high = middle;
    }
    if (low === this.items.length) return this.height - 8;
    const item = this.items[low];
    return item.index === index ? item.y + LINE / 2 : item.y;
  }

  /* ---- drawing ---- */

  draw() {
    this.arrange();
    const canvas = element("div", "canvas");
    canvas.style.height = `${this.height}px`;
    canvas.append(this.heads(), ...this.rules.map((r) => this.rule(r)), ...this.gaps.map((g) => this.gap(g)));
    this.nodes = this.items.map((item) => this.line(item));
    canvas.append(...this.nodes, this.picture());
    canvas.style.width = `max(100%, ${this.text + 360}px)`;
    this.root.replaceChildren(canvas);
  }

  heads() {
    const row = element("div", "lanes");
    for (const strand of this.lanes) {
      const head = element("span", this.data.sought.includes(strand.conn) ? "sought" : "");
      head.style.left = `${this.place.get(strand.conn)}px`;
      head.title = `${strand.conn}, user ${strand.user}${strand.role === "plan" ? "" : `, opened by hubfuzz (${strand.role})`}`;
      const name = element("b", "", strand.conn), user = element("small", "", strand.user);
      for (const part of [name, user]) part.style.maxWidth = `${this.width - 4}px`;
      head.append(name, user);
      row.append(head);
    }
    return row;
  }

  rule(part) {
    const node = element("div", part.own ? "part own" : "part");
    node.style.top = `${part.y}px`;
    node.append(element("b", "", part.label), document.createTextNode(part.note ? `  ${part.note}` : ""));
    return node;
  }

  gap({ y, text }) {
    const node = element("div", "gap", text);
    node.style.top = `${y}px`;
    return node;
  }

  line(item) {
    const node = element("div", ["line", item.tone, item.mark, item.minor && "minor", item.loss && "loss"].filter(Boolean).join(" "));
    node.style.top = `${item.y}px`;
    node.style.height = `${LINE}px`;
    node.style.gridTemplateColumns = `44px ${LEFT - 47}px ${this.text - LEFT}px 1fr`;
    node.setAttribute("role", "option");
    node.id = item.loss ? `loss-${item.sent}-${item.before}` : `event-${item.index}`;
    const clock = item.loss ? "" : milliseconds(item.t);
    node.append(element("span", "at", item.loss ? "✗" : item.index), element("span", "t", clock), element("span"), element("span", "text", item.text));
    return node;
  }

  picture() {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "lines");
    svg.setAttribute("width", this.text);
    svg.setAttribute("height", this.height);
    svg.style.left = "0";
    svg.style.top = "0";
    svg.setAttribute("aria-hidden", "true");
    for (const strand of this.lanes) this.membership(svg, strand);
    this.arrows = new Map();
    for (const copy of this.data.copies) this.copyOf(svg, copy);
    for (const loss of this.items.filter((i) => i.loss)) this.loss(svg, loss);
    for (const item of this.items) if (!item.loss) this.sign(svg, item);
    this.pick = shape(svg, "circle", "pick", { r: 0, cx: -99, cy: -99 });
    return svg;
  }

  membership(svg, strand) {
    const x = this.place.get(strand.conn);
    shape(svg, "line", "rail", { x1: x, x2: x, y1: HEAD, y2: this.height });
    this.span(svg, "possible", x, 18, strand.possible);
    this.span(svg, "owed", x, 12, strand.owed);
    this.span(svg, "witnessed", x, 5, strand.witnessed);
    for (const [start, end] of strand.faults) this.span(svg, "stall", x - 11, 4, [start, end]);
  }

  span(svg, className, x, width, [start, end]) {
    if (start >= end) return;
    const top = this.level(start), bottom = this.level(end);
    if (bottom > top) shape(svg, "rect", className, { x: x - width / 2, y: top, width, height: bottom - top, rx: Math.min(4, width / 2) });
  }

  copyOf(svg, copy) {
    const from = this.place.get(copy.conn), sent = this.at(copy.sent);
    if (!sent || from === undefined) return;
    const drawn = [];
    for (const [index, conn] of copy.got) {
      const item = this.at(index), to = this.place.get(conn);
      if (item && to !== undefined) drawn.push(...this.arrow(svg, copy.fence ? "fence" : "", from, sent.y + LINE / 2, to, item.y + LINE / 2));
    }
    this.arrows.set(copy.msg, drawn);
  }

  arrow(svg, kind, x1, y1, x2, y2) {
    if (x1 === x2) {
      const bow = Math.min(34, 14 + (y2 - y1) / 8);
      const path = shape(svg, "path", `arrow ${kind}`, { d: `M${x1} ${y1} C${x1 + bow} ${y1} ${x1 + bow} ${y2} ${x1 + 8} ${y2}` });
      return [path, this.head(svg, kind, x1 + 7, y2, Math.PI)];
    }
    const angle = Math.atan2(y2 - y1, x2 - x1), back = 7;
    const x = x2 - Math.cos(angle) * back, y = y2 - Math.sin(angle) * back;
    return [shape(svg, "path", `arrow ${kind}`, { d: `M${x1} ${y1} L${x} ${y}` }), this.head(svg, kind, x, y, angle)];
  }

  head(svg, kind, x, y, angle) {
    return shape(svg, "path", `head ${kind}`, { d: "M0 0 L-8 -4 L-8 4 Z", transform: `translate(${x} ${y}) rotate(${(angle * 180) / Math.PI})` });
  }

  loss(svg, loss) {
    const sent = this.at(loss.sent), x = this.place.get(loss.conn), y = loss.y + LINE / 2;
    if (x === undefined) return;
    const copy = this.copy.get(loss.msg), from = copy ? this.place.get(copy.conn) : undefined;
    if (sent && from !== undefined) {
      const top = sent.y + LINE / 2;
      const bow = from === x ? `C${x + 40} ${top} ${x + 40} ${y}` : "L";
      shape(svg, "path", "lost", { d: `M${from} ${top} ${bow} ${x} ${y}` });
    }
    shape(svg, "circle", "ring broken", { cx: x, cy: y, r: 9 });
    shape(svg, "path", "sign bad", { d: `M${x - 4} ${y - 4} L${x + 4} ${y + 4} M${x + 4} ${y - 4} L${x - 4} ${y + 4}` });
  }

  sign(svg, item) {
    const x = this.place.get(item.conn), y = item.y + LINE / 2;
    if (x === undefined) return;
    if (item.mark) shape(svg, "circle", `ring ${item.mark}`, { cx: x, cy: y, r: 9.5 });
    const draw = SIGNS[item.kind] || ["dot", false];
    const className = `sign ${item.tone}${draw[1] ? " full" : ""}`;
    if (draw[0] === "dot") shape(svg, "circle", className, { cx: x, cy: y, r: 4.5 });
    else shape(svg, "path", className, { d: PATHS[draw[0]], transform: `translate(${x} ${y})` });
  }

  at(index) {
    return this.shown.get(index);
  }
}

const PATHS = {
  cross: "M-4.5 -4.5 L4.5 4.5 M4.5 -4.5 L-4.5 4.5",
  square: "M-4 -4 H4 V4 H-4 Z",
  triangle: "M-4.5 4 L0 -5 L4.5 4 Z",
  diamond: "M0 -5.5 L5.5 0 L0 5.5 L-5.5 0 Z",
};
const SIGNS = {
  open_inv: ["dot", false], open_ok: ["dot", false], joined: ["dot", true], dlv: ["dot", true],
  send_inv: ["diamond", true], open_rej: ["cross", false], drop_inv: ["cross", false], skip: ["cross", false],
  fault_inv: ["triangle", true], fault_end: ["triangle", false], close_inv: ["square", false], close_ok: ["square", true],
  srv_close: ["square", true], srv_eof: ["square", true], srv_rst: ["cross", false], srv_bad: ["diamond", true],
  stray: ["diamond", true], sub_inv: ["triangle", false], unsub_inv: ["triangle", false],
};
