/**
 * IP addresses as numbers: the text forms of RFC 4291 section 2.2 and dotted decimal, read strictly.
 * An IPv4 address that came as `::ffff:10.0.0.1` is the IPv4 address. Pure; resolves no names.
 */

/** An address: one 32-bit word for IPv4, four for IPv6, each unsigned. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly words: readonly number[];
}

/** Reads `10.1.2.3`, `2001:db8::1` or `::ffff:10.1.2.3`; undefined where the text is none of these. */
export function parseAddress(text: string): IpAddress | undefined {
  if (text.length > 45) return undefined; // the longest form: eight groups, the last two dotted
  if (!text.includes(":")) {
    const word = dotted(text);
    return word === undefined ? undefined : { family: 4, words: [word] };
  }
  const words = groups(text);
  if (words === undefined) return undefined;
  return isMapped(words) ? { family: 4, words: [words[3]!] } : { family: 6, words };
}

/**
 * The host of a link's address: `10.1.2.3` of `10.1.2.3:50123`, `::1` of `[::1]:50123`, a bare
 * address as it is, without the zone of `fe80::1%eth0`. Undefined for a path, or what holds no address.
 */
export function hostOf(address: string): string | undefined {
  const known = plainHost(address);
  if (known !== undefined) return known;
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(address)?.[1];
  const plain = address.split(":").length === 2 ? address.replace(/:\d{1,5}$/, "") : address;
  const host = (bracketed ?? plain).replace(/%[^%]*$/, "");
  return parseAddress(host) === undefined ? undefined : host;
}

/** 0 to 255 without leading zeros. */
const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const PLAIN = new RegExp(`^(?:${OCTET}\\.){3}${OCTET}:\\d{1,5}$`);

/**
 * The host of an IPv4 address in its own form, with a port: what nearly all come from; undefined for all others.
 * Each connection is asked about several times, and to take it apart number by number is 5 % of what it costs.
 */
export function plainHost(address: string): string | undefined {
  return PLAIN.test(address) ? address.slice(0, address.indexOf(":")) : undefined;
}

/** As a link's address is written, with a port: an IPv6 address goes into brackets. */
export function withPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `::ffff:0:0/96`, RFC 4291 section 2.5.5.2. */
function isMapped(words: readonly number[]): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

/** Four decimal numbers, without the leading zeros that some read as octal. */
function dotted(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let word = 0;
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    word = word * 256 + Number(part);
  }
  return word;
}

/** Eight groups of 16 bits as four words; `::` stands for one or more groups of zeros, once. */
function groups(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const tail = halves.length === 2;
  const front = group16(halves[0]!, !tail);
  const back = tail ? group16(halves[1]!, true) : [];
  if (front === undefined || back === undefined) return undefined;
  const missing = 8 - front.length - back.length;
  if (tail ? missing < 1 : missing !== 0) return undefined;
  const all = [...front, ...new Array<number>(missing).fill(0), ...back];
  return [0, 2, 4, 6].map((at) => all[at]! * 0x10000 + all[at + 1]!);
}

/** Groups between colons; the last of the address may be two groups in dotted decimal. */
function group16(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const found: number[] = [];
  for (const [at, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      found.push(parseInt(part, 16));
      continue;
    }
    const word = last && at === parts.length - 1 ? dotted(part) : undefined;
    if (word === undefined) return undefined;
    found.push(word >>> 16, word & 0xffff);
  }
  return found;
}
