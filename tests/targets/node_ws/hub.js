// A hub on Node's `ws`: every tab of a user gets what one of them says; the oldest makes room for the newest.
// The token comes as second subprotocol beside "hub". Run it with
// `JWT_SECRET=... node hub.js 8000`; the counts are at /stats.

import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

import { readObject, userOf } from "./parts.js";

const TABS_PER_USER = 2;
const BACKLOG = 32 * 1024 * 1024; // bytes that may wait for one tab
const MAX_SIZE = 1024 * 1024; // bytes of one message
const REPLACED = 4408;
const REASON = JSON.stringify({ type: "error", reason: "expected {type: broadcast, id, body}" });

/** All tabs of all users, each user's oldest first. Nothing here awaits. */
class Hub {
  #tabs = new Map();

  join(user, tab) {
    const tabs = this.#tabs.get(user) ?? [];
    this.#tabs.set(user, tabs);
    tabs.push(tab);
    if (tabs.length > TABS_PER_USER) tabs.shift().close(REPLACED, "replaced by a newer tab");
  }

  leave(user, tab) {
    const tabs = this.#tabs.get(user) ?? [];
    const left = tabs.filter((other) => other !== tab);
    if (left.length) this.#tabs.set(user, left);
    else this.#tabs.delete(user);
  }

  has(user, tab) {
    return this.#tabs.get(user)?.includes(tab) ?? false;
  }

  publish(user, text) {
    for (const tab of this.#tabs.get(user) ?? []) tell(tab, text);
  }

  counts() {
    const connections = [...this.#tabs.values()].reduce((sum, tabs) => sum + tabs.length, 0);
    return { connections, users: this.#tabs.size };
  }
}

/** Send without waiting; whoever does not read for too long is cut off. */
function tell(tab, text) {
  if (tab.readyState !== WebSocket.OPEN) return;
  tab.send(text, () => {}); // that a peer is gone is learned by its "close"
  if (tab.bufferedAmount > BACKLOG) tab.terminate();
}

const hub = new Hub();
const http = createServer((request, response) => {
  const known = request.url === "/stats";
  response.writeHead(known ? 200 : 404, { "Content-Type": "application/json", Connection: "close" });
  response.end(JSON.stringify(known ? hub.counts() : {}));
});
const server = new WebSocketServer({
  noServer: true,
  maxPayload: MAX_SIZE,
  handleProtocols: (offered) => (offered.has("hub") ? "hub" : false),
});

http.on("upgrade", (request, socket, head) => {
  socket.on("error", () => {}); // a peer that leaves in mid-handshake is nothing to tell of
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  const user = userOf(offered[1]);
  if (user === undefined) {
    socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  server.handleUpgrade(request, socket, head, (tab) => serve(user, tab));
});

/** One connection from the end of its handshake to its own end. */
function serve(user, tab) {
  hub.join(user, tab);
  tab.on("error", () => {}); // "close" follows, and tells all that matters
  tab.on("close", () => hub.leave(user, tab));
  tab.on("message", (data, isBinary) => {
    if (!hub.has(user, tab)) return;
    const { type, id, body } = isBinary ? {} : readObject(data.toString());
    const meant = type === "broadcast" && typeof id === "string" && typeof body === "string";
    if (meant) hub.publish(user, JSON.stringify({ type: "message", id, body }));
    else tell(tab, REASON);
  });
}

http.listen(Number(process.argv[2]), "127.0.0.1");
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
