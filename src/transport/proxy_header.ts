/**
 * The header that a proxy puts before the first byte of a connection, to say whose it is: versions 1 (a
 * line of text) and 2 (binary) of the PROXY protocol, https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt.
 * Pure: what the bytes say. Addresses only; the extensions (TLVs) behind them are skipped.
 */

import { parseAddress, withPort } from "../policy/ip_address.ts";

/** What begins a header of version 2, section 2.2. */
export const SIGNATURE: Uint8Array = Uint8Array.of(
  0x0d,
  0x0a,
  0x0d,
  0x0a,
  0x00,
  0x0d,
  0x0a,
  0x51,
  0x55,
  0x49,
  0x54,
  0x0a, // deno-fmt-ignore
);

/** Bytes of a line of version 1 at most, with its end: section 2.1. */
export const LINE_MAXIMUM = 107;

/** The client's address and port; `own` where the connection is the proxy's own. */
export type Source = { readonly address: string } | "own";

const MALFORMED = "a malformed PROXY header";

/** Reads a line of version 1, with its CR LF. A text says what is wrong. */
export function parseLine(line: string): Source | string {
  if (/^PROXY UNKNOWN(?: [ -~]*)?\r\n$/.test(line)) return "own";
  const fields = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})\r\n$/.exec(line);
  if (fields === null) return MALFORMED;
  const [, family, source, destination, port, destinationPort] = fields;
  const both = [source!, destination!];
  const written = (text: string) => text.includes(":") ? "6" : "4";
  if (both.some((each) => parseAddress(each) === undefined || written(each) !== family)) {
    return `${MALFORMED}: no two addresses of TCP${family}`;
  }
  if ([port!, destinationPort!].some((each) => !/^(?:0|[1-9]\d*)$/.test(each) || +each > 65_535)) {
    return `${MALFORMED}: no two ports`;
  }
  return { address: withPort(source!, Number(port)) };
}

/** Bytes behind the first 16 of a header of version 2; a text says what is wrong with these. */
export function restOf(fixed: Uint8Array): number | string {
  if (fixed[12]! >>> 4 !== 2) return `${MALFORMED}: version ${fixed[12]! >>> 4}`;
  if ((fixed[12]! & 15) > 1) return `${MALFORMED}: the command ${fixed[12]! & 15}`;
  return fixed[14]! * 256 + fixed[15]!;
}

/** Reads a header of version 2 from its first 16 bytes and what follows them. A text says what is wrong. */
export function parseBinary(fixed: Uint8Array, rest: Uint8Array): Source | string {
  if ((fixed[12]! & 15) === 0) return "own"; // LOCAL: a health check, and the rest is to be skipped
  const [family, transport] = [fixed[13]! >>> 4, fixed[13]! & 15];
  if (family > 3 || transport > 2) return `${MALFORMED}: the address family 0x${hex(fixed[13]!)}`;
  if (family === 0 || transport === 0) return "own"; // UNSPEC: the proxy does not say
  if (transport !== 1) return `${MALFORMED}: no stream`;
  const size = [0, 12, 36, 216][family]!;
  if (rest.length < size) return `${MALFORMED}: ${rest.length} bytes where ${size} are due`;
  if (family === 3) return "own"; // a Unix socket has no address to tell clients apart by
  if (!wholeExtensions(rest.subarray(size))) return `${MALFORMED}: an extension is cut off`;
  if (family === 1) {
    return { address: withPort(rest.subarray(0, 4).join("."), rest[8]! * 256 + rest[9]!) };
  }
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push((rest[at]! * 256 + rest[at + 1]!).toString(16));
  return { address: withPort(shortened(groups), rest[32]! * 256 + rest[33]!) };
}

/** Type, length in two bytes, value: section 2.2.7. */
function wholeExtensions(bytes: Uint8Array): boolean {
  let at = 0;
  while (at + 3 <= bytes.length) at += 3 + bytes[at + 1]! * 256 + bytes[at + 2]!;
  return at === bytes.length;
}

/** With `::` for the longest run of zeros, as RFC 5952 asks for; `::ffff:` goes off an IPv4 address. */
function shortened(groups: readonly string[]): string {
  const all = groups.join(":");
  const mapped = /^0:0:0:0:0:ffff:([^:]+):([^:]+)$/.exec(all);
  if (mapped !== null) {
    const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)];
    return [high >>> 8, high & 255, low >>> 8, low & 255].join(".");
  }
  const runs = [...all.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].map(([run]) => run);
  const longest = runs.reduce((best, run) => zeros(run) > zeros(best) ? run : best, "");
  if (longest === "") return all;
  const at = all.indexOf(longest);
  const before = all.slice(0, at);
  const after = all.slice(at + longest.length).replace(/^:/, "");
  return `${before}::${after}`;
}

function zeros(run: string): number {
  return run.split("0").length - 1;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
