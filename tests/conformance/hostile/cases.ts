/**
 * The table of hostile input, shared by both versions: bytes in, what goes out. Each subject of
 * sections 1.5, 2, 3 and 4 is a list of cases; a row of the conformance table runs all cases of one subject
 * in one version. MQTT 5.0 section 4.13; MQTT 3.1.1 section 4.8.
 */

import assert from "node:assert/strict";
import { willOf } from "../../broker/packets.ts";
import { hex } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import type { Peer } from "../peer.ts";
import { hexOf } from "../transcript.ts";

/** The versions of the table. */
export type Version = 4 | 5;

export type Bytes = Uint8Array | string;

/**
 * What goes out. A number ends the connection: in 5.0 with that Reason Code, in DISCONNECT or, where the client
 * is not let in yet, in CONNACK; in 3.1.1 without a word. `closed` does so in 5.0 as well, `welcome` is
 * CONNACK 0. Bytes are exactly the packets that come, and the connection goes on, or ends.
 */
export type Answer =
  | number
  | "closed"
  | "welcome"
  | { readonly gets: string }
  | { readonly getsLast: string };

export interface Case {
  readonly what: string;
  readonly bytes: Bytes;
  readonly answer: Answer;
  /** Whether these are the first bytes of the connection; else the client was let in before. */
  readonly first?: boolean;
}

/** The cases of a subject, in one version. */
export interface Subject {
  readonly what: string;
  readonly cases: (version: Version) => readonly Case[];
}

/** Runs the cases, each on a connection of its own. Throws with the name of the one that does not hold. */
export async function runCases(at: Bench, subject: Subject): Promise<void> {
  const version: Version = at.version === 5 ? 5 : 4;
  const cases = subject.cases(version);
  assert.ok(cases.length > 0, `${subject.what}: no case`);
  // Who keeps to the standard notices nothing of it all but the Wills of those who do not.
  const bystander = await at.client("bystander");
  await bystander.subscribes("$will/#");
  for (const each of cases) {
    const will = willOf("$will/hostile", each.what);
    const peer = each.first === true ? await at.open() : await at.client("hostile", { will });
    await peer.sends(each.bytes);
    const problem = differs(peer, each, version);
    at.expects(problem === undefined, `${each.what}: ${problem}`);
    if (!peer.link.closed) await peer.drops();
    if (each.first === true) continue;
    const [came, more] = bystander.takes();
    const payload = came?.type === "publish" ? new TextDecoder().decode(came.payload) : undefined;
    at.expects(payload === each.what && more === undefined, `${each.what}: no Will, or another`);
  }
  await bystander.sends("c0 00");
  bystander.gets("d0 00");
}

/** What is other than the case says, in words. */
function differs(peer: Peer, { answer, first }: Case, version: Version): string | undefined {
  const came: Uint8Array[] = [];
  for (let bytes = peer.takesBytes(); bytes !== undefined; bytes = peer.takesBytes()) {
    came.push(bytes);
  }
  const { closed } = peer.link;
  const found = `${came.map(hexOf).join(" ") || "nothing"}, ${closed ? "closed" : "open"}`;
  const holds = (same: boolean, ends: boolean, wanted: string) =>
    same && closed === ends ? undefined : `${found}; not ${wanted}, ${ends ? "closed" : "open"}`;
  if (typeof answer === "object") {
    const ends = "getsLast" in answer;
    const wanted = hexOf(hex(ends ? answer.getsLast : answer.gets));
    return holds(came.map(hexOf).join(" ") === wanted, ends, wanted || "nothing");
  }
  const codes = came.map((bytes) => reasonCodeOf(bytes, first === true));
  if (answer === "welcome") return holds(codes.length === 1 && codes[0] === 0, false, "CONNACK 0");
  if (answer === "closed" || version === 4) return holds(came.length === 0, true, "nothing");
  const right = codes.length === 1 && codes[0] === answer;
  return holds(right, true, `the Reason Code 0x${answer.toString(16)}`);
}

/** The Reason Code of a CONNACK, for a client that is not let in, or else of a DISCONNECT. */
function reasonCodeOf(bytes: Uint8Array, first: boolean): number | undefined {
  let at = 1;
  while (bytes[at]! > 0x7f) at += 1;
  if (first) return bytes[0] === 0x20 && bytes[at + 1] === 0 ? bytes[at + 2] : undefined;
  return bytes[0] === 0xe0 ? bytes[at + 1] ?? 0 : undefined;
}
