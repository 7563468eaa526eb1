/**
 * The HTTP server of administration: requests of a bounded number, size and duration, handed to an app.
 *
 * On node:http and not `Deno.serve`, which can bound neither the number of connections nor the time until a
 * request is there: seen with 2.9.6, a connection that says nothing stays open for ever. It knows no route.
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { joined } from "../packet/joined.ts";

export interface AdminOptions {
  readonly address: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Connections at once; for one more than that none is answered. */
  readonly connections: number;
  /** Milliseconds until a request has come in whole, and that a connection may be idle. */
  readonly timeout: number;
  /** Bytes of the body of a request. */
  readonly requestSize: number;
  /** What answers a request from that address, `127.0.0.1:50123`. */
  readonly fetch: (request: Request, address: string) => Response | Promise<Response>;
  /** Told of what keeps a request from being answered, or a connection from being taken, and is not the client's. */
  readonly failed: (error: unknown, address: string) => void;
}

export interface AdminServer {
  /** `127.0.0.1:9883`. */
  readonly address: string;
  /** Resolves when it listens no more and no connection is open. */
  close(): Promise<void>;
}

/** Bytes of all headers of a request. */
const HEADERS = 16_384;

/** Listens; rejects where that is not possible. */
export function serveAdmin(options: AdminOptions): Promise<AdminServer> {
  const { address, port, connections, timeout } = options;
  let underWay = 0;
  const server = createServer({
    maxHeaderSize: HEADERS,
    connectionsCheckingInterval: Math.min(1_000, timeout),
  }, (request, response) => {
    // Whoever sends the next request before the answer is one who could send any number.
    if (underWay >= connections) return void response.destroy();
    underWay += 1;
    answer(options, request, response).catch((error) => {
      response.destroy();
      if (request.complete) options.failed(error, peerOf(request)); // else the client has gone
    }).finally(() => underWay -= 1);
  });
  server.maxConnections = connections;
  server.headersTimeout = timeout;
  server.requestTimeout = timeout;
  server.keepAliveTimeout = timeout;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      server.on("error", (error) => options.failed(error, "")); // of accepting: whoever asked asks again
      resolve({ address: addressOf(server), close: () => close(server) });
    });
  });
}

function addressOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo;
  return placed(address, port);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(
  options: AdminOptions,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const response = await responseTo(options, incoming);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const headers: Record<string, string> = { "content-length": `${bytes.length}` };
  for (const [name, value] of response.headers) headers[name] = value;
  outgoing.writeHead(response.status, headers);
  await writtenOut(outgoing, incoming.method === "HEAD" ? undefined : bytes, options.timeout);
}

async function responseTo(options: AdminOptions, incoming: IncomingMessage): Promise<Response> {
  const body = await bodyOf(incoming, options.requestSize);
  if (body === undefined) return refusal(413, "requestTooLarge", "the request is too large");
  if (NOT_ASKED.has(incoming.method ?? "")) {
    return refusal(501, "badRequest", "expected GET or POST");
  }
  return await options.fetch(requestOf(incoming, body), peerOf(incoming));
}

/** Methods that no `Request` can have. */
const NOT_ASKED: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

function refusal(status: number, reason: string, detail: string): Response {
  return new Response(JSON.stringify({ ok: false, error: { reason, detail } }), {
    status,
    headers: { connection: "close", "content-type": "application/json" },
  });
}

/** Sends the rest of an answer. Whoever does not take it within the time is not served any longer. */
function writtenOut(
  outgoing: ServerResponse,
  bytes: Uint8Array | undefined,
  timeout: number,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => outgoing.destroy(), timeout);
    const ended = () => {
      clearTimeout(timer);
      resolve();
    };
    outgoing.once("finish", ended);
    outgoing.once("close", ended);
    outgoing.end(bytes);
  });
}

function peerOf({ socket: { remoteAddress = "", remotePort = 0 } }: IncomingMessage): string {
  return placed(remoteAddress, remotePort);
}

function placed(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The whole body; undefined where it is larger. */
async function bodyOf(
  incoming: IncomingMessage,
  most: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > most) return undefined;
    chunks.push(chunk);
  }
  return joined(chunks);
}

function requestOf(incoming: IncomingMessage, body: Uint8Array<ArrayBuffer>): Request {
  const { method = "GET", headers } = incoming;
  const known = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string") known.set(name, value);
    else for (const each of value ?? []) known.append(name, each);
  }
  // Only the path is the request's: a URL made of its Host could be anything.
  const path = incoming.url?.startsWith("/") ? incoming.url : "/";
  return new Request(new URL(`http://admin${path}`), {
    method,
    headers: known,
    ...method === "GET" || method === "HEAD" ? {} : { body },
  });
}
