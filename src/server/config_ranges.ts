/**
 * The ranges of IP addresses in the configuration of listeners: each has to be one.
 */

import { parseCidr } from "../policy/cidr.ts";
import type { Breach } from "./config_rules.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with the ranges of one listener. */
export function brokenRanges(
  listener: Fields,
  index: number,
  isWrong: (path: string) => boolean,
): Breach[] {
  const here = `listeners[${index}]`;
  const proxy = listener["proxyProtocol"];
  const trusted = typeof proxy === "object" && proxy !== null
    ? (proxy as Fields)["trusted"]
    : undefined;
  return [
    ...brokenIn(`${here}.proxyProtocol.trusted`, trusted, isWrong),
    ...brokenIn(`${here}.trustedProxies`, listener["trustedProxies"], isWrong),
  ];
}

function brokenIn(path: string, ranges: unknown, isWrong: (path: string) => boolean): Breach[] {
  if (!Array.isArray(ranges)) return [];
  return ranges.flatMap((range, at): Breach[] => {
    const where = `${path}[${at}]`;
    if (typeof range !== "string" || isWrong(where)) return [];
    const problem = parseCidr(range);
    if (typeof problem !== "string") return [];
    const expected = `a range of IP addresses such as "10.0.0.0/8" or "2001:db8::1": ${problem}`;
    return [{ path: where, found: JSON.stringify(range), expected, severity: "error" }];
  });
}
