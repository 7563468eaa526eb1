/**
 * What attempts from the same place are counted by: an IPv4 address, and of an IPv6 address its first 64
 * bits, since whoever has one of them has them all (RFC 6177). Pure.
 */

import { formatCidr } from "./cidr.ts";
import { hostOf, parseAddress } from "./ip_address.ts";

/** 0 to 255 without leading zeros. */
const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";

/**
 * `10.1.2.3` for `10.1.2.3:50123` and `[::ffff:10.1.2.3]:50123`; `2001:db8:0:1:0:0:0:0/64` for
 * `[2001:db8:0:1::5]:50123` and for itself. Undefined for what holds no address: the path of a Unix
 * socket is nobody's in particular.
 */
export function placeOf(address: string): string | undefined {
  const plain = PLAIN.exec(address);
  if (plain !== null) return plain[1];
  const host = hostOf(address.replace(/\/64$/, ""));
  const parsed = host === undefined ? undefined : parseAddress(host);
  if (parsed === undefined) return undefined;
  if (parsed.family === 4) return formatCidr({ ...parsed, bits: 32 }).replace(/\/32$/, "");
  const [first, second] = parsed.words;
  return formatCidr({ family: 6, words: [first!, second!, 0, 0], bits: 64 });
}

/**
 * An IPv4 address in its own form, with a port: what nearly all come from. Each connection is asked about several
 * times, and to take it apart and write it again is 5 % of what a connection costs.
 */
const PLAIN = new RegExp(`^((?:${OCTET}\\.){3}${OCTET}):\\d{1,5}$`);
