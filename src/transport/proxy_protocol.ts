/**
 * The PROXY protocol in front of any listener: trusted proxies say whose connection it is, and every
 * connection has to say it. The header is read to its last byte and no further, so what follows (TLS, an
 * upgrade, MQTT) is read from the same link. No MQTT here.
 */

import type { Cidr } from "../policy/cidr.ts";
import { contains } from "../policy/cidr.ts";
import type { Source } from "./proxy_header.ts";
import { LINE_MAXIMUM, parseBinary, parseLine, restOf, SIGNATURE } from "./proxy_header.ts";
import type { Link, Listener } from "./transport.ts";
import { Refused, withStep } from "./transport.ts";

export interface ProxyOptions {
  /** The addresses of the proxies; `socket`: whoever may open the Unix socket is one. */
  readonly trusted: readonly Cidr[] | "socket";
  /** Bytes of a header of version 2 at most, its extensions included. */
  readonly maximumHeader: number;
}

/** A listener whose links have the addresses that trusted proxies name. */
export function proxyProtocolOver(listener: Listener, options: ProxyOptions): Listener {
  return withStep(listener, async (link) => {
    const source = await readSource(link, options);
    return source === "own" ? link : new NamedLink(link, source.address);
  });
}

/**
 * Reads the header.
 *
 * @throws Refused where the link is not a trusted proxy's, or does not begin with a whole header
 */
export async function readSource(link: Link, options: ProxyOptions): Promise<Source> {
  const { trusted, maximumHeader } = options;
  if (trusted !== "socket" && !trusted.some((cidr) => contains(cidr, link.address))) {
    throw new Refused("PROXY: the address is not one of proxyProtocol.trusted");
  }
  const buffer = new Uint8Array(LINE_MAXIMUM);
  await readExactly(link, buffer, 0, SIGNATURE.length); // no line is shorter either
  const source = SIGNATURE.every((byte, at) => byte === buffer[at])
    ? await readBinary(link, buffer, maximumHeader)
    : await readLine(link, buffer);
  if (typeof source === "string" && source !== "own") throw new Refused(`PROXY: ${source}`);
  return source as Source;
}

/** Version 1: the end of the line is found without reading beyond it. */
async function readLine(link: Link, buffer: Uint8Array<ArrayBuffer>): Promise<Source | string> {
  const start = "PROXY ";
  for (let at = 0; at < start.length; at++) {
    if (buffer[at] !== start.charCodeAt(at)) return "no header where one is due";
  }
  let end = SIGNATURE.length;
  while (buffer[end - 1] !== 0x0a) {
    // A line feed follows a carriage return; before one, two bytes at least are to come.
    const more = buffer[end - 1] === 0x0d ? 1 : 2;
    if (end + more > LINE_MAXIMUM) return "a malformed PROXY header: a line without an end";
    await readExactly(link, buffer, end, more);
    end += more;
  }
  return parseLine(String.fromCharCode(...buffer.subarray(0, end)));
}

async function readBinary(
  link: Link,
  buffer: Uint8Array<ArrayBuffer>,
  maximum: number,
): Promise<Source | string> {
  await readExactly(link, buffer, 12, 4);
  const size = restOf(buffer);
  if (typeof size === "string") return size;
  if (16 + size > maximum) return `a header of ${16 + size} bytes; ${maximum} are taken`;
  const rest = new Uint8Array(size);
  await readExactly(link, rest, 0, size);
  return parseBinary(buffer, rest);
}

async function readExactly(
  link: Link,
  into: Uint8Array<ArrayBuffer>,
  from: number,
  size: number,
): Promise<void> {
  for (let at = from; at < from + size;) {
    const count = await link.read(into.subarray(at, from + size));
    if (count === null) throw new Refused("PROXY: closed within the header");
    at += count;
  }
}

/** A link with the address of the client behind the proxy. */
class NamedLink implements Link {
  readonly address: string;
  readonly #link: Link;

  constructor(link: Link, address: string) {
    this.#link = link;
    this.address = address;
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#link.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#link.write(bytes);
  }

  close(): void {
    this.#link.close();
  }
}
