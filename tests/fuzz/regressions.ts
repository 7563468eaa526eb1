/**
 * Inputs that once showed a defect: regressions.json, replayed on every run. An input is written as
 * hexadecimal with blanks, in which `61*65535` is a byte or more that is repeated.
 */

import { hex } from "../packet/bytes_of.ts";
import list from "./regressions.json" with { type: "json" };
import { World } from "./world.ts";

export interface Regression {
  /** What the input showed, and since when it does not. */
  readonly found: string;
  /** The key of the RULES under which it did. */
  readonly rules: string;
  /** Connections, one after the other: what each sends. */
  readonly connections: readonly string[];
}

export const regressions: readonly Regression[] = list;

/** Sends what is recorded, in one piece and in several. Throws what the broker throws. */
export async function replay({ rules, connections }: Regression): Promise<void> {
  for (const most of [Infinity, 1_000]) {
    const world = new World(rules);
    for (const input of connections) await world.takes(expanded(input), most);
    await world.ends();
  }
}

/** The bytes of an input as it is written down. */
export function expanded(input: string): Uint8Array {
  const parts = input.trim().split(/\s+/).map((part) => {
    const [digits, times] = part.split("*");
    return digits!.repeat(Number(times ?? 1));
  });
  return hex(parts.join(""));
}
