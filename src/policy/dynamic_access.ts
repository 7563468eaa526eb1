/**
 * Rules of access that change while the broker runs, as roles with ACLs: what `permits` asks of them. They are
 * kept and changed by service/dynamic_security/, which nothing here knows. Pure.
 */

import type { Action } from "./access_rule.ts";
import type { Decision } from "./compiled_rule.ts";
import type { Identity } from "./identity.ts";
import type { Rules } from "./rules.ts";

/** Another object whenever an answer may be another one. */
export interface DynamicAccess {
  /**
   * `at` of the answer is the place of the ACL that decided, or -1 where none did and a default holds.
   *
   * @param topic for subscribe and unsubscribe a good filter without `$share/{ShareName}/`
   * @param full the same with it; absent: there is none
   */
  decide(
    identity: Identity,
    action: Action | "unsubscribe",
    topic: string,
    full?: string,
  ): Decision;
}

/** The rules with other dynamic ones, on every listener; the same where they are the same. */
export function withDynamicAccess(rules: Rules, dynamic: DynamicAccess | undefined): Rules {
  if (rules.dynamic === dynamic) return rules;
  const listeners = new Map<string, Rules>();
  const changed: Rules = { ...rules, dynamic, listeners };
  for (const [name, here] of rules.listeners) listeners.set(name, { ...here, dynamic, listeners });
  return changed;
}
