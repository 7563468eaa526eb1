/**
 * The section `autoSubscribe` of the configuration: its shape, and what no single key can break. What the
 * rules mean is the business of src/policy/.
 */

import * as z from "zod";
import type { QoS } from "../packet/packet.ts";
import type { AutoSubscribeRule } from "../policy/auto_subscribe_rule.ts";
import { autoSubscribeProblems } from "../policy/auto_subscribe_problems.ts";
import { limitTable } from "../policy/limit_table.ts";
import type { Limits } from "../policy/limits.ts";
import { who } from "./config_access.ts";
import { isGood } from "./config_access_rules.ts";
import { foundText } from "./config_problem.ts";
import type { Breach } from "./config_rules.ts";

const filterText = z.string().min(1).max(65_535).describe(
  "A Topic Filter, also $share/{group}/{filter}, with ${clientid}, ${username}, ${address}, " +
    "${listener}, ${role}, ${cert.cn} or a part that a {…} of who keeps.",
);

const filter = z.strictObject({
  filter: filterText,
  qos: (z.int().min(0).max(2) as unknown as z.ZodType<QoS>).optional().describe(
    "The QoS of the subscription. Default: 0.",
  ),
  noLocal: z.boolean().optional().describe(
    "Whether the client does not get what it publishes itself. Default: false.",
  ),
  retainAsPublished: z.boolean().optional().describe(
    "Whether messages keep their RETAIN flag. Default: false.",
  ),
  retainHandling: (z.int().min(0).max(2) as unknown as z.ZodType<0 | 1 | 2>).optional().describe(
    "When retained messages come: 0 at every connect, 1 when the subscription is new, 2 never. " +
      "Default: 1.",
  ),
  subscriptionIdentifier: z.int().min(1).max(268_435_455).optional().describe(
    "The Subscription Identifier that messages have for 5.0 clients. Default: none.",
  ),
});

const provision = z.strictObject({
  clientIds: z.array(z.string().min(1).max(65_535)).min(1)
    .max(limitTable.provisionedSessions.max).describe("The client identifiers, word for word."),
  user: z.string().min(1).max(65_535).optional().describe(
    "The user that the sessions belong to. Default: the first client that is let in with the client " +
      "identifier.",
  ),
  listener: z.string().min(1).max(64).optional().describe(
    "The name of the listener that they will connect to, whose mount point they have. Default: none.",
  ),
  expiryInterval: z.int().min(1).max(limitTable.maximumSessionExpiryInterval.max).optional()
    .describe(
      "In seconds: how long a session waits for its client. Default: persistentSessionExpiryInterval.",
    ),
}).describe(
  "Makes sessions of clients that were never here, so that what is published before they come waits for " +
    "them. In the place of who.",
);

export const autoSubscribeRuleSchema: z.ZodType<AutoSubscribeRule> = z.strictObject({
  name: z.string().min(1).max(64).describe("The origin that its subscriptions are listed with."),
  who: who.optional().describe(
    "Whom it is about; a {name} in a pattern keeps what it matches, as plant-{line}-*. Default: everyone.",
  ),
  provision: provision.optional(),
  pinned: z.boolean().optional().describe(
    "Whether an UNSUBSCRIBE leaves its subscriptions in force. Default: false.",
  ),
  filters: z.array(z.union([filterText, filter])).min(1)
    .max(limitTable.autoSubscribeFilters.max).describe("What its clients are subscribed to."),
});

export const autoSubscribeSchema: z.ZodType<readonly AutoSubscribeRule[]> = z.array(
  autoSubscribeRuleSchema,
).max(limitTable.autoSubscribeRules.max);

/**
 * All that is wrong with the section `autoSubscribe`.
 *
 * @param isWrong whether the value at a path is already known to be not allowed
 * @param limit what the section `limits` comes to; undefined where it is wrong itself
 * @param knowsUsers whether clients can prove who they are
 */
export function brokenAutoSubscribe(
  written: unknown,
  isWrong: (path: string) => boolean,
  limit: (name: keyof Limits) => number | undefined,
  knowsUsers: boolean,
): Breach[] {
  if (!Array.isArray(written) || written.length === 0) return [];
  const path = "autoSubscribe";
  const rules = written.map((one, at) => {
    const usable = isGood(one, `${path}[${at}]`, isWrong) &&
      autoSubscribeRuleSchema.safeParse(one).success;
    return usable ? one as AutoSubscribeRule : undefined;
  });
  const problems = autoSubscribeProblems(rules, {
    autoSubscribeRules: limit("autoSubscribeRules") ?? Infinity,
    autoSubscribeFilters: limit("autoSubscribeFilters") ?? Infinity,
    provisionedSessions: limit("provisionedSessions") ?? Infinity,
  });
  const breaches = problems.map(({ key, found, expected }): Breach => ({
    path: `${path}${key}`,
    found: "words" in found ? found.words : foundText(found.value),
    expected,
    severity: "error",
  }));
  if (!knowsUsers) return breaches;
  for (const [at, one] of rules.entries()) {
    if (one?.provision === undefined || one.provision.user !== undefined) continue;
    breaches.push({
      path: `${path}[${at}].provision.user`,
      found:
        "nothing, so that the first client that is let in with a client identifier has its session",
      expected: "the user that the clients prove to be",
      severity: "warning",
    });
  }
  return breaches;
}
