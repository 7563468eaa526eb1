/**
 * The conformance harness: a table of rows, each of which holds the broker to a normative statement of the
 * standard over real bytes, or says why no test of a server can.
 *
 *     export const connect311: readonly Row[] = [
 *       holds("3.1.1", "MQTT-3.1.0-2", "a second CONNECT closes the connection", async (at) => {
 *         const pump = await at.client("pump");
 *         await pump.sends(connectPacket("pump", { protocolVersion: 4 }));
 *         pump.isClosed();
 *       }),
 *     ];
 *
 * Makers of packets are in tests/broker/packets.ts; makers of bytes (`hex`, `s`, `p`, `frame`) in
 * tests/packet/bytes_of.ts.
 */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { Bench } from "./bench.ts";

/** The version of the standard that a statement is of. */
export type Standard = "3.1.1" | "5.0";

export type Body = (at: Bench) => void | Promise<void>;

/** A test that holds the broker to one statement, or to several that are the same behaviour. */
export interface Held {
  readonly type: "held";
  readonly standard: Standard;
  readonly ids: readonly string[];
  /** What is shown, in words. */
  readonly what: string;
  readonly body: Body;
}

/** A statement that no test of a server shows. */
export interface Excused {
  readonly type: "excused";
  readonly standard: Standard;
  readonly ids: readonly string[];
  readonly reason: string;
}

export type Row = Held | Excused;

/** A row that holds the broker to a statement. */
export function holds(
  standard: Standard,
  ids: string | readonly string[],
  what: string,
  body: Body,
): Held {
  return { type: "held", standard, ids: typeof ids === "string" ? [ids] : ids, what, body };
}

/** A row for a statement that binds only clients, or cannot be shown on a server. */
export function excuse(
  standard: Standard,
  ids: string | readonly string[],
  reason: string,
): Excused {
  return { type: "excused", standard, ids: typeof ids === "string" ? [ids] : ids, reason };
}

/** `3.1.1 [MQTT-3.1.0-2] a second CONNECT closes the connection`. */
export function nameOf({ standard, ids, what }: Held): string {
  return `${standard} ${ids.map((id) => `[${id}]`).join(" ")} ${what}`;
}

/** Runs a row. Throws with the transcript where it does not hold, or where it expects nothing. */
export async function run(row: Held): Promise<void> {
  const version: ProtocolVersion = row.standard === "5.0" ? 5 : 4;
  const at = new Bench(version);
  try {
    await row.body(at);
    assert.ok(at.expectations > 0, "the row asserts nothing about its statement");
    await at.clear();
  } catch (error) {
    await at.clear().catch(() => {});
    const words = error instanceof Error ? error.stack ?? error.message : String(error);
    throw new Error(`${nameOf(row)}\n${words}\nTranscript:\n${at.transcript.text}`);
  }
}
