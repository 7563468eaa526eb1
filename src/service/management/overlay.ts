/**
 * The rules of the configuration with what management lays over them: its access and auto-subscribe rules in
 * front of the others, its limits in the place of theirs. Pure.
 *
 * A listener's own limit stays: it was set for that listener in particular.
 */

import { AccessList } from "../../policy/access_list.ts";
import { compileAutoSubscribe } from "../../policy/auto_subscribe.ts";
import type { Limits } from "../../policy/limits.ts";
import type { Rules } from "../../policy/rules.ts";
import type { ManagementState } from "./state.ts";

type Laid = Pick<ManagementState, "access" | "autoSubscribe" | "limits">;

/** The last answer for a configuration: other rules are work for every session, so they must be others. */
const last = new WeakMap<Rules, Laid & { readonly rules: Rules }>();

/** The same object where nothing is laid over, or what is laid over is the same as the last time. */
export function overlaid(state: ManagementState, configured: Rules): Rules {
  const { access, autoSubscribe, limits } = state;
  if (access.length + autoSubscribe.length + limits.size === 0) return configured;
  const before = last.get(configured);
  if (
    before?.access === access && before.autoSubscribe === autoSubscribe && before.limits === limits
  ) return before.rules;
  const rules = lay(state, configured);
  last.set(configured, { access, autoSubscribe, limits, rules });
  return rules;
}

function lay({ access, autoSubscribe, limits }: Laid, configured: Rules): Rules {
  const changed: Partial<Rules> = {
    ...(access.length === 0 ? {} : {
      access: new AccessList([
        ...access.map(({ rule }) => rule),
        ...configured.access.rules,
      ], access.length),
    }),
    ...(autoSubscribe.length === 0 ? {} : {
      autoSubscribe: compileAutoSubscribe([
        ...autoSubscribe.map(({ rule }) => rule),
        ...configured.autoSubscribe.rules,
      ]),
    }),
  };
  const all = withLimits(configured.limits, configured.limits, limits);
  const listeners = new Map<string, Rules>();
  for (const [name, rules] of configured.listeners) {
    const own = withLimits(rules.limits, configured.limits, limits);
    listeners.set(name, { ...rules, ...changed, limits: own, listeners });
  }
  return { ...configured, ...changed, limits: all, listeners };
}

function withLimits(
  own: Limits,
  general: Limits,
  laid: ManagementState["limits"],
): Limits {
  const limits: Record<string, number> = { ...own };
  for (const [name, value] of laid) if (own[name] === general[name]) limits[name] = value;
  return limits as unknown as Limits;
}
