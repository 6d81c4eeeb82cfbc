// The plain hub with at most one defect on Node's `ws`: `BUG=... JWT_SECRET=... node seeded.js 8000`. The defects are
// those of seeded_parts.py beside this folder, under the same names; without BUG the hub is correct.

import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";

import { readObject, userOf } from "./parts.js";

const BUG = process.env.BUG ?? "";
const TABS_PER_USER = 2;
const BACKLOG = 32 * 1024 * 1024; // bytes that may wait for one tab
const MAX_SIZE = 2 * 1024 * 1024; // bytes of one message
const PARK = 10; // milliseconds: the waits of real hubs, which hold the windows of races open
const NOTICE = 20; // milliseconds from the end of a connection to its unregistering, where that is part of the defect
const [TOO_MANY, TAKEN_OVER, OFFENDED, WITHOUT_A_CLOSE_FRAME] = [4429, 4409, 1008, 1006];

/** All tabs of all users: a tab is {user, session, socket, clean}. */
class Hub {
  tabs = new Map();
  slots = new Map();
  sessions = new Map();
  published = 0;

  counts() {
    const sum = (sizes) => [...sizes].reduce((one, other) => one + other, 0);
    const connections = sum([...this.tabs.values()].map((tabs) => tabs.length));
    return { connections, users: this.tabs.size, slots: sum(this.slots.values()) };
  }

  /** Take the session over, and a slot if there is one. */
  async join(tab) {
    const older = this.sessions.get(tab.session);
    this.sessions.set(tab.session, tab);
    if (older) {
      expel(older, TAKEN_OVER);
      this.leave(older);
    }
    const free = this.used(tab.user) < TABS_PER_USER;
    if (BUG === "check-then-act") await sleep(PARK);
    if (!free || tab.socket.readyState !== WebSocket.OPEN) return free;
    this.slots.set(tab.user, this.used(tab.user) + 1);
    this.tabs.set(tab.user, this.mates(tab.user));
    this.mates(tab.user).push(tab);
    tell(tab, '{"type": "welcome"}');
    return true;
  }

  used(user) {
    return this.slots.get(user) ?? 0;
  }

  mates(user) {
    return this.tabs.get(user) ?? [];
  }

  /** Forget the tab everywhere; nothing happens the second time. */
  leave(tab) {
    if (this.sessions.get(tab.session) === tab) this.sessions.delete(tab.session);
    const mates = this.mates(tab.user);
    const gone = BUG === "old-end" ? mates.filter((mate) => mate.session === tab.session) : [tab];
    for (const mate of gone) {
      if (!mates.includes(mate)) continue;
      mates.splice(mates.indexOf(mate), 1);
      this.release(mate);
    }
    if (!mates.length) this.tabs.delete(tab.user);
  }

  release(tab) {
    if (BUG === "slot-leak" && !tab.clean) return;
    const left = this.used(tab.user) - 1;
    if (left) this.slots.set(tab.user, left);
    else this.slots.delete(tab.user);
  }

  /** What a tab said is no message. */
  offended(tab) {
    for (const mate of BUG === "bad-peer" ? [...this.mates(tab.user)] : []) expel(mate, OFFENDED);
    expel(tab, OFFENDED);
  }

  /** To every tab of the user. */
  async publish(user, text) {
    const tabs = this.mates(user);
    if (BUG === "live-list") return parkAtEach(tabs, text);
    if (BUG === "dead-peer-aborts") return untilOneIsGone([...tabs], text);
    if (BUG === "sequential-sends") return oneAfterTheOther([...tabs], text);
    if (BUG === "task-per-message") void later(tabs, text, PARK * (++this.published % 2));
    else for (const tab of tabs) tell(tab, text);
  }
}

/** Send without waiting; whoever does not read for too long is cut off. */
function tell({ socket }, text) {
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(text, () => {}); // that a peer is gone is learned by its "close"
  if (socket.bufferedAmount > BACKLOG) socket.terminate();
}

function expel(tab, code) {
  tab.clean = true;
  tab.socket.close(code);
}

async function parkAtEach(tabs, text) {
  for (const tab of tabs) { // the live list
    await sleep(PARK);
    tell(tab, text);
  }
}

function untilOneIsGone(tabs, text) {
  for (const tab of tabs) {
    if (tab.socket.readyState !== WebSocket.OPEN) return;
    tell(tab, text);
  }
}

async function oneAfterTheOther(tabs, text) {
  for (const { socket } of tabs) {
    if (socket.readyState === WebSocket.OPEN) await new Promise((done) => socket.send(text, done));
  }
}

async function later(tabs, text, pause) {
  if (pause) await sleep(pause);
  for (const tab of tabs) tell(tab, text);
}

const hub = new Hub();
const http = createServer((request, response) => {
  const known = request.url === "/stats";
  response.writeHead(known ? 200 : 404, { "Content-Type": "application/json", Connection: "close" });
  response.end(JSON.stringify(known ? hub.counts() : {}));
});
const server = new WebSocketServer({ noServer: true, maxPayload: MAX_SIZE });
let numbers = 0;

http.on("upgrade", (request, socket, head) => {
  socket.on("error", () => {}); // a peer that leaves in mid-handshake is nothing to tell of
  const query = new URL(request.url, "http://hub").searchParams;
  const user = userOf(query.get("token"));
  if (user === undefined) {
    socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  const session = `${user} ${query.get("session") || ++numbers}`;
  server.handleUpgrade(request, socket, head, (opened) => serve({ user, session, socket: opened, clean: false }));
});

/** One connection from the end of its handshake to its own end. Its messages are handled one after the other. */
async function serve(tab) {
  let handled = Promise.resolve();
  tab.socket.on("error", () => {}); // "close" follows, and tells all that matters
  tab.socket.on("message", (data, isBinary) => {
    const text = isBinary ? "" : data.toString();
    handled = handled.then(() => (tab.socket.readyState === WebSocket.OPEN || !tab.clean ? take(tab, text) : undefined));
  });
  tab.socket.on("close", async (code) => {
    tab.clean ||= code !== WITHOUT_A_CLOSE_FRAME;
    if (BUG === "dead-peer-aborts") await sleep(NOTICE);
    hub.leave(tab);
  });
  handled = hub.join(tab).then((free) => {
    if (!free) tab.socket.close(TOO_MANY);
  });
}

function take(tab, text) {
  const { type, id, body } = readObject(text);
  const meant = type === "broadcast" && typeof id === "string" && typeof body === "string";
  if (!hub.mates(tab.user).includes(tab)) return undefined;
  return meant ? hub.publish(tab.user, JSON.stringify({ type: "message", id, body })) : hub.offended(tab);
}

http.listen(Number(process.argv[2]), "127.0.0.1");
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
