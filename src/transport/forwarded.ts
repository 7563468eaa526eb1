/**
 * Who is behind proxies: the address that `X-Forwarded-For` names, as far as those who wrote it are
 * trusted. Each proxy puts the address that it was reached from behind what it was sent. Pure.
 */

import type { Cidr } from "../policy/cidr.ts";
import { contains } from "../policy/cidr.ts";
import { hostOf } from "../policy/ip_address.ts";

/**
 * The last address, read from the end, that no trusted proxy has: what stands before it may be made up.
 *
 * @param address of the other end of the link
 * @param forwarded the elements of all `X-Forwarded-For` lines in their order
 */
export function clientAddress(
  address: string,
  forwarded: readonly string[],
  trusted: readonly Cidr[],
): string {
  let known = address;
  for (let at = forwarded.length - 1; at >= 0; at--) {
    if (!trusted.some((cidr) => contains(cidr, known))) break;
    if (hostOf(forwarded[at]!) === undefined) break; // "unknown", or no address at all
    known = forwarded[at]!;
  }
  return known;
}
