/**
 * What attempts from the same place are counted by: an IPv4 address, and of an IPv6 address its first 64
 * bits, since whoever has one of them has them all (RFC 6177). Pure.
 */

import { formatCidr } from "./cidr.ts";
import { hostOf, parseAddress, plainHost } from "./ip_address.ts";

/**
 * `10.1.2.3` for `10.1.2.3:50123` and `[::ffff:10.1.2.3]:50123`; `2001:db8:0:1:0:0:0:0/64` for
 * `[2001:db8:0:1::5]:50123` and for itself. Undefined for what holds no address: the path of a Unix
 * socket is nobody's in particular.
 */
export function placeOf(address: string): string | undefined {
  const plain = plainHost(address);
  if (plain !== undefined) return plain;
  const host = hostOf(address.replace(/\/64$/, ""));
  const parsed = host === undefined ? undefined : parseAddress(host);
  if (parsed === undefined) return undefined;
  if (parsed.family === 4) return formatCidr({ ...parsed, bits: 32 }).replace(/\/32$/, "");
  const [first, second] = parsed.words;
  return formatCidr({ family: 6, words: [first!, second!, 0, 0], bits: 64 });
}
