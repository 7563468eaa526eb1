/**
 * Ranges of IP addresses as `10.0.0.0/8` and `2001:db8::/32`, RFC 4632 section 3.1 and RFC 4291 section
 * 2.3: which proxies are trusted, which addresses a rule is about. Pure; resolves no names.
 */

import type { IpAddress } from "./ip_address.ts";
import { hostOf, parseAddress } from "./ip_address.ts";

/** The addresses of one family whose first `bits` bits are those of `words`. */
export interface Cidr {
  readonly family: 4 | 6;
  /** One word for IPv4, four for IPv6; what lies behind the prefix is 0. */
  readonly words: readonly number[];
  /** 0 to 32, or 0 to 128. */
  readonly bits: number;
}

/** Reads a range, or one address, which is the range of itself; else a text that says what is wrong. */
export function parseCidr(text: string): Cidr | string {
  const [host = "", prefix, more] = text.split("/");
  const address = more === undefined ? parseAddress(host) : undefined;
  if (address === undefined) {
    return `"${text}" is no range of IP addresses such as "10.0.0.0/8" or "2001:db8::/32"`;
  }
  const { family, words } = address;
  // `::ffff:10.0.0.0/104` counts its prefix from the front of the IPv6 address.
  const offset = family === 4 && host.includes(":") ? 96 : 0;
  const width = words.length * 32;
  if (prefix === undefined) return { family, words, bits: width };
  const bits = /^(?:0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) - offset : -1;
  if (bits < 0 || bits > width) {
    return `"${text}": the prefix length is a number from ${offset} to ${offset + width}`;
  }
  if (words.some((word, at) => (word & ~maskOf(bits - at * 32)) !== 0)) {
    return `"${text}" has bits set behind its prefix of ${prefix}; write the first address of the ` +
      `range, or the address alone`;
  }
  return { family, words, bits };
}

/**
 * Whether an address lies in the range: bare, or as links write it, `10.1.2.3:50123` or `[::1]:50123`.
 * False for what holds no address, such as the path of a Unix socket; `::/0` holds no IPv4 address.
 */
export function contains(cidr: Cidr, address: string): boolean {
  const host = hostOf(address);
  const found = host === undefined ? undefined : parseAddress(host);
  return found !== undefined && containsParsed(cidr, found);
}

/** The same of an address that has been read already, for whoever asks about many ranges. */
export function containsParsed(cidr: Cidr, found: IpAddress): boolean {
  if (found.family !== cidr.family) return false;
  const { words, bits } = cidr;
  for (let at = 0; at < words.length; at++) {
    if (((words[at]! ^ found.words[at]!) & maskOf(bits - at * 32)) !== 0) return false;
  }
  return true;
}

/** The range as text, in a form that `parseCidr` reads. */
export function formatCidr({ family, words, bits }: Cidr): string {
  if (family === 4) {
    const word = words[0]!;
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}/${bits}`;
  }
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const text = groups.map((group) => group.toString(16)).join(":");
  return `${text}/${bits}`;
}

/** A word with its first `bits` bits set: none for 0 and below, all for 32 and above. */
function maskOf(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
}
