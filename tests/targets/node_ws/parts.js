// What the hubs here need: whose token it is, and what a frame says. node:crypto alone checks the tokens.

import { createHmac, timingSafeEqual } from "node:crypto";

const SECRET = process.env.JWT_SECRET;

/** Whose token it is (RFC 7519, HS256 alone); undefined if it is not one of ours or not valid now. */
export function userOf(token) {
  const parts = (token ?? "").split(".");
  if (parts.length !== 3) return undefined;
  const signature = createHmac("sha256", SECRET).update(`${parts[0]}.${parts[1]}`).digest();
  const given = Buffer.from(parts[2], "base64url");
  if (given.length !== signature.length || !timingSafeEqual(given, signature)) return undefined;
  const [head, claims] = [readObject(unpacked(parts[0])), readObject(unpacked(parts[1]))];
  const now = Date.now() / 1000;
  const inTime = Number.isFinite(claims.exp) && now < claims.exp && !(now < (claims.nbf ?? 0));
  return head.alg === "HS256" && inTime && typeof claims.sub === "string" ? claims.sub : undefined;
}

const unpacked = (part) => Buffer.from(part, "base64url").toString();

/** The JSON object in a text; an empty one if the text holds something else. */
export function readObject(text) {
  try {
    const found = JSON.parse(text);
    return found !== null && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}
