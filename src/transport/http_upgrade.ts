/**
 * The upgrade of a link to WebSocket, RFC 6455 section 4.2: which request is one, and the answer. No
 * extension is ever agreed on, so that nothing is decompressed. MQTT 5.0 section 6.
 */

import { giveBuffer, takeBuffer } from "./buffer_pool.ts";
import { clientAddress } from "./forwarded.ts";
import type { RequestHead } from "./http_request.ts";
import { endOfHead, listOf, parseHead } from "./http_request.ts";
import { nodeCrypto } from "./node_crypto.ts";
import type { Link } from "./transport.ts";
import { Refused } from "./transport.ts";
import type { WebSocketOptions } from "./websocket.ts";

/** The names of MQTT that a client may offer: of 3.1.1 and 5.0 [MQTT-6.0.0-3], and of 3.1. */
const PROTOCOLS: readonly string[] = ["mqtt", "mqttv3.1"];

/** Headers that a second line would make ambiguous. */
const SINGLE = [
  "host",
  "upgrade",
  "origin",
  "content-length",
  "transfer-encoding",
  "sec-websocket-key",
  "sec-websocket-version",
];

/** A request that is not taken: what is answered, and for the log what the answer does not repeat. */
export interface Denial {
  readonly status: number;
  /** Nothing that the client wrote: it is sent back. */
  readonly text: string;
  readonly header?: string;
  readonly found?: string;
}

export interface Acceptance {
  readonly protocol: string;
  readonly key: string;
}

/**
 * Reads the request and answers it; gives the address of the client.
 *
 * @throws Refused where it is not taken, after the answer has been written
 */
export async function upgrade(link: Link, options: WebSocketOptions): Promise<string> {
  const head = await readHead(link, options.maximumRequest);
  const judged = "status" in head ? head : judge(head, options);
  if ("status" in judged) {
    await writeText(link, denialText(judged));
    const { status, text, found } = judged;
    throw new Refused(`WebSocket upgrade, ${status}: ${text}${found === undefined ? "" : found}`);
  }
  const forwarded = listOf((head as RequestHead).headers, "x-forwarded-for");
  const address = clientAddress(link.address, forwarded, options.trustedProxies);
  await writeText(link, acceptanceText(judged));
  return address;
}

/** Whether a request is an upgrade that is taken, and with which sub-protocol. */
export function judge(
  head: RequestHead,
  { path, origins }: Pick<WebSocketOptions, "path" | "origins">,
): Acceptance | Denial {
  const { headers } = head;
  for (const name of SINGLE) {
    if ((headers.get(name)?.length ?? 0) > 1) return bad(`more than one ${name} header`);
  }
  const only = (name: string) => headers.get(name)?.[0];
  if (headers.has("transfer-encoding") || (only("content-length") ?? "0") !== "0") {
    return bad("an upgrade has no body");
  }
  if (head.method !== "GET") return { status: 405, text: "only GET", header: "Allow: GET" };
  if (!/^[A-Za-z0-9._~%:[\]-]+$/.test(only("host") ?? "")) return bad("no usable Host header");
  if (head.target.includes("#")) return bad("a fragment in the path");
  if (head.target.replace(/\?.*/, "") !== path) {
    return { status: 404, text: "no WebSocket at this path", found: `: ${short(head.target)}` };
  }
  if (
    only("upgrade")?.toLowerCase() !== "websocket" ||
    !listOf(headers, "connection").some((each) => each.toLowerCase() === "upgrade")
  ) {
    return { status: 426, text: "this port speaks WebSocket only", header: "Upgrade: websocket" };
  }
  if (only("sec-websocket-version") !== "13") {
    return { status: 426, text: "WebSocket version 13 only", header: "Sec-WebSocket-Version: 13" };
  }
  const key = only("sec-websocket-key") ?? "";
  // 16 bytes in base64: 22 characters, of which the last has 2 bits.
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key)) return bad("no usable Sec-WebSocket-Key header");
  const origin = only("origin");
  if (origin !== undefined && !mayConnect(origin, origins)) {
    return {
      status: 403,
      text: "web pages of this origin may not connect",
      found: `: ${short(origin)}`,
    };
  }
  const protocol = listOf(headers, "sec-websocket-protocol").find((each) =>
    PROTOCOLS.includes(each)
  );
  if (protocol === undefined) return bad('the sub-protocol "mqtt" is not offered');
  return { protocol, key };
}

function mayConnect(origin: string, origins: readonly string[]): boolean {
  return origins.includes("*") || origins.includes(origin.toLowerCase());
}

/** What the server proves with that it has read the key, RFC 6455 section 4.2.2. */
export function acceptOf(key: string): string {
  return nodeCrypto().createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
}

/** The head of the request, and nothing behind it: the client has to wait for the answer. */
async function readHead(link: Link, maximum: number): Promise<RequestHead | Denial> {
  let buffer = takeBuffer(Math.min(1024, maximum));
  let count = 0;
  for (;;) {
    const limit = Math.min(buffer.length, maximum);
    if (count === limit) {
      if (limit === maximum) return { status: 431, text: "the request is too large" };
      const larger = takeBuffer(Math.min(buffer.length * 4, maximum));
      larger.set(buffer);
      giveBuffer(buffer);
      buffer = larger;
      continue;
    }
    const more = await link.read(buffer.subarray(count, limit));
    if (more === null) throw new Refused("closed before its WebSocket upgrade");
    count += more;
    const end = endOfHead(buffer, count);
    if (end === undefined) continue;
    if (typeof end === "string") return bad(end);
    if (end < count) return bad("bytes behind the request that did not wait for its answer");
    const head = parseHead(LATIN1.decode(buffer.subarray(0, end - 4)));
    giveBuffer(buffer);
    return typeof head === "string" ? bad(head) : head;
  }
}

const LATIN1 = new TextDecoder("latin1");

function bad(text: string): Denial {
  return { status: 400, text };
}

/** Enough of what a client wrote to see what it is. */
function short(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

const WORDS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  426: "Upgrade Required",
  431: "Request Header Fields Too Large",
};

function denialText({ status, text, header }: Denial): string {
  const lines = [
    `HTTP/1.1 ${status} ${WORDS[status]}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${text.length + 1}`,
    status === 426 ? "Connection: close, Upgrade" : "Connection: close",
    ...(header === undefined ? [] : [header]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${text}\n`;
}

function acceptanceText({ protocol, key }: Acceptance): string {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${acceptOf(key)}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`;
}

async function writeText(link: Link, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await link.write(bytes.subarray(at));
}
