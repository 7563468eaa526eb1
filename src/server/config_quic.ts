/**
 * What the configuration says of MQTT over QUIC, and the rules around it: it is switched on by a key of its
 * own, as the API under it may change with any version of Deno, and that API needs a flag.
 */

import * as z from "zod";
import { quicAvailable } from "../transport/quic.ts";
import type { Breach } from "./config_rules.ts";

type Fields = Readonly<Record<string, unknown>>;

export const unstableSchema = z.array(z.enum(["quic"])).max(10).default([]).describe(
  "What is on trial and may change or go: quic, for listeners of type quic. Default: nothing.",
);

/** Which of TCP, UDP and Unix sockets a listener of that type listens on: each has its own ports. */
export function socketOf(type: unknown): "tcp" | "udp" | "unix" {
  return type === "unix" ? "unix" : type === "quic" ? "udp" : "tcp";
}

/** Listeners of type quic that cannot be. */
export function brokenQuic(
  file: Fields,
  listeners: readonly Fields[],
  isWrong: (path: string) => boolean,
  available: () => boolean = quicAvailable,
): Breach[] {
  const { unstable } = file;
  const isOn = Array.isArray(unstable) && unstable.includes("quic");
  return listeners.flatMap(({ type }, at): Breach[] => {
    const path = `listeners[${at}].type`;
    if (type !== "quic" || isWrong(path)) return [];
    if (!isOn && !isWrong("unstable")) {
      const expected = '"unstable": ["quic"] too, as it may change or go; or another type';
      return [{ path, found: '"quic" without "unstable"', expected, severity: "error" }];
    }
    if (available()) return [];
    const found = '"quic", which this Deno cannot serve as it was started';
    const expected =
      "deno run --unstable-net (or --unstable-net for deno compile); or another type";
    return [{ path, found, expected, severity: "error" }];
  });
}
