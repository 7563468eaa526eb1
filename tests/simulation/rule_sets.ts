/**
 * Rules of auto-subscribe that a run may be under, each with what it comes to told a second time: what a
 * client that obeyed them would subscribe to by hand.
 */

import type { QoS, SubscriptionOptions } from "../../src/packet/packet.ts";
import type { AutoSubscribeRule } from "../../src/policy/auto_subscribe_rule.ts";
import type { Client } from "./client.ts";

/** A subscription that a rule makes. */
export interface Wanted {
  readonly full: string;
  readonly options: SubscriptionOptions;
  readonly rule: string;
  readonly pinned: boolean;
}

export interface RuleSet {
  readonly rules: readonly AutoSubscribeRule[];
  /** Of a client that has been here, or of one of which only the name is known. */
  readonly wants: (clientId: string, client: Client | undefined) => readonly Wanted[];
}

function want(
  rule: string,
  full: string,
  qos: QoS,
  rest: Partial<SubscriptionOptions> = {},
  pinned = false,
): Wanted {
  const options = {
    qos,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 1 as const,
    subscriptionIdentifier: undefined,
    ...rest,
  };
  return { full, options, rule, pinned };
}

/** Clients of a name that the rules provision: the second one never comes. */
export const PROVISIONED = ["c0", "c9"] as const;

/** Scenarios name them by their place: new ones are added at the end. Most are about the same filters. */
export const RULE_SETS: readonly RuleSet[] = [
  { rules: [], wants: () => [] },
  {
    rules: [{ name: "a", filters: [{ filter: "a/#", qos: 1 }] }],
    wants: () => [want("a", "a/#", 1)],
  },
  {
    rules: [
      { name: "a", filters: [{ filter: "a/#", qos: 2, retainHandling: 0 }] },
      { name: "p", pinned: true, filters: [{ filter: "b", qos: 1 }, { filter: "a/#", qos: 0 }] },
    ],
    wants: () => [want("a", "a/#", 2, { retainHandling: 0 }), want("p", "b", 1, {}, true)],
  },
  {
    rules: [
      {
        name: "ann",
        who: { user: "a*" },
        filters: [{ filter: "+/b", qos: 2 }, { filter: "$share/g/s/#", qos: 1 }],
      },
      {
        name: "five",
        who: { version: "5.0" },
        filters: [{ filter: "a/b", qos: 1, noLocal: true, subscriptionIdentifier: 7 }],
      },
    ],
    wants: (clientId, client) => [
      ...(client !== undefined && /[02468]$/.test(clientId)
        ? [want("ann", "+/b", 2), want("ann", "$share/g/s/#", 1)]
        : []),
      ...(client?.profile.version === 5
        ? [want("five", "a/b", 1, { noLocal: true, subscriptionIdentifier: 7 })]
        : []),
    ],
  },
  {
    rules: [{
      name: "cap",
      who: { clientId: "c{n}", not: { clientId: "c3" } },
      filters: [
        "clients/${n}/${clientid}",
        { filter: "b/#", qos: 2, retainHandling: 2 },
        "x/${username}",
      ],
    }],
    wants: (clientId, client) =>
      clientId === "c3" ? [] : [
        want("cap", `clients/${clientId.slice(1)}/${clientId}`, 0),
        want("cap", "b/#", 2, { retainHandling: 2 }),
        ...(client !== undefined && /[02468]$/.test(clientId) ? [want("cap", "x/ann", 0)] : []),
      ],
  },
  {
    rules: [{
      name: "fleet",
      provision: { clientIds: PROVISIONED, expiryInterval: 2_000_000 },
      filters: [{ filter: "a/+", qos: 1 }],
    }],
    wants: (clientId) =>
      (PROVISIONED as readonly string[]).includes(clientId) ? [want("fleet", "a/+", 1)] : [],
  },
  {
    rules: [{ name: "a", pinned: true, filters: ["a/#", { filter: "$share/h/s/1", qos: 2 }] }],
    wants: () => [want("a", "a/#", 0, {}, true), want("a", "$share/h/s/1", 2, {}, true)],
  },
];
