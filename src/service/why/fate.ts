/**
 * What becomes of a message, in a word of the closed lists and in a sentence.
 */

import type { DropReason, FateReason } from "../../session/reason_words.ts";
import { dropReasons, fateReasons } from "../../session/reason_words.ts";

/** `missed`: it was not meant for the client; `refused`: its publisher is told that it may not or cannot. */
export type Outcome = "sent" | "waits" | "dropped" | "missed" | "refused";

export interface Fate {
  readonly outcome: Outcome;
  /** Of `dropReasons` or `fateReasons`; what is refused has the name of a Reason Code of the standard. */
  readonly reason: string;
  readonly words: string;
}

/** It goes on its way, now or later, or was not meant for the client. */
export function fate(outcome: "sent" | "waits" | "missed", reason: FateReason, more = ""): Fate {
  return { outcome, reason, words: sentence(fateReasons[reason], more) };
}

/** It is lost for the client. */
export function drop(reason: DropReason, more = ""): Fate {
  return { outcome: "dropped", reason, words: sentence(dropReasons[reason], more) };
}

/** Its publisher is told, where its version of MQTT can tell it. */
export function refusal(reason: string, words: string): Fate {
  return { outcome: "refused", reason, words };
}

function sentence(words: string, more: string): string {
  return more === "" ? words : `${words} (${more})`;
}

const ORDER: readonly Outcome[] = ["sent", "waits", "dropped", "missed", "refused"];

/** The one that is best for the client; undefined of none. */
export function best<F extends Fate>(fates: readonly F[]): F | undefined {
  return fates.toSorted((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome))[0];
}
