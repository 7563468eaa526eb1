/**
 * What a guard takes and gives: the pipeline of a packet is a list of them.
 */

import type { Packet } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import type { Rules } from "../policy/rules.ts";
import type { Connection } from "./connection.ts";

/** A packet on its way through the guards, with the connection as they leave it. */
export interface Passage<P extends Packet> {
  readonly connection: Connection;
  readonly packet: P;
}

/** The end of that way. */
export interface Refusal {
  readonly reason: ReasonCode;
  /** `acknowledge`: in the packet's acknowledgement, or silently where it has none. */
  readonly answer: "acknowledge" | "disconnect";
  /** For the log, and the Reason String unless `told` is there. */
  readonly detail: string;
  /** For the Reason String, where the detail is not for the client. */
  readonly told?: string;
  readonly connection: Connection;
}

/** Returns the passage that it was given where it changes nothing. */
export type Guard<P extends Packet> = (
  passage: Passage<P>,
  rules: Rules,
) => Passage<P> | Refusal;

/** Whether a guard, or what else may refuse, refused. */
export function isRefusal<T extends object>(result: T | Refusal): result is Refusal {
  return "reason" in result && "answer" in result;
}
