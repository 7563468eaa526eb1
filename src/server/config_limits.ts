/**
 * The section `limitsFor` of the configuration: its shape, and what no single key can break. What it means
 * is in src/policy/client_limits.ts.
 */

import * as z from "zod";
import { ruleProblems } from "../policy/access_problem.ts";
import type { ClientLimit, LimitsFor } from "../policy/client_limits.ts";
import { clientLimitNames } from "../policy/client_limits.ts";
import type { Limits } from "../policy/limits.ts";
import { who } from "./config_access.ts";
import { isGood } from "./config_access_rules.ts";
import { ownLimitSchema } from "./config_limit.ts";
import { foundText } from "./config_problem.ts";
import type { Breach } from "./config_rules.ts";

/** Entries at most: one list is looked through for each CONNECT. */
const mostEntries = 1_000;

const limits = z.strictObject(
  Object.fromEntries(clientLimitNames.map((name) => [name, ownLimitSchema(name)])) as Record<
    ClientLimit,
    z.ZodOptional<z.ZodInt>
  >,
).describe("Limits in the place of those of its listener and of the broker.");

export const limitsForSchema: z.ZodType<readonly LimitsFor[]> = z.array(z.strictObject({
  who: who.optional().describe("Whom it is about. Default: everyone."),
  limits,
})).max(mostEntries);

type Fields = Readonly<Record<string, unknown>>;

/**
 * All that is wrong with the section `limitsFor`.
 *
 * @param isWrong whether the value at a path is already known to be not allowed
 * @param limit what the section `limits` comes to; undefined where it is wrong itself
 */
export function brokenLimitsFor(
  written: unknown,
  isWrong: (path: string) => boolean,
  limit: (name: keyof Limits) => number | undefined,
): Breach[] {
  if (!Array.isArray(written)) return [];
  const forAll = written.findIndex((entry) =>
    typeof entry === "object" && entry !== null && entry.who === undefined
  );
  return written.flatMap((entry, at): Breach[] => {
    const path = `limitsFor[${at}]`;
    if (!isGood(entry, path, isWrong)) return [];
    const { who, limits } = entry as LimitsFor;
    const breaches = ruleProblems({ permission: "allow", who }).map(
      ({ key, found, expected }): Breach => ({
        path: `${path}${key}`,
        found: "words" in found ? found.words : foundText(found.value),
        expected,
        severity: "error",
      }),
    );
    for (const [smaller, greater] of QUEUES) {
      const low = limits?.[smaller], high = limit(greater);
      if (low === undefined || high === undefined || low <= high) continue;
      const expected = `at most limits.${greater}, which is ${high}`;
      const found = String(low);
      breaches.push({ path: `${path}.limits.${smaller}`, found, expected, severity: "error" });
    }
    if (forAll >= 0 && forAll < at) {
      breaches.push({
        path,
        found: "an entry that is about nobody",
        expected: `an entry before limitsFor[${forAll}], which has no who and is about everyone`,
        severity: "warning",
      });
    }
    return breaches;
  });
}

const QUEUES = [
  ["queuedMessagesPerSession", "queuedMessages"],
  ["queuedBytesPerSession", "queuedBytes"],
  ["retainedMessagesPerClient", "retainedMessages"],
  ["retainedBytesPerClient", "retainedBytes"],
] as const;

/** Limits that say nothing where none of those behind them is set to more than 0 anywhere. */
const NEED: readonly (readonly [keyof Limits, readonly (keyof Limits)[]])[] = [
  ["messageBurst", ["messageRate"]],
  ["byteBurst", ["byteRate"]],
  ["listenerMessageBurst", ["listenerMessageRate"]],
  ["listenerByteBurst", ["listenerByteRate"]],
  ["rateGrace", ["messageRate", "byteRate"]],
];

/**
 * Warnings about limits that have no effect.
 *
 * @param places the sections of limits, with their paths
 */
export function idleLimits(places: readonly (readonly [path: string, limits: Fields])[]): Breach[] {
  const isSet = (limits: Fields, name: string) =>
    typeof limits[name] === "number" && limits[name] > 0;
  return NEED.flatMap(([name, needed]) => {
    const place = places.find(([, limits]) => isSet(limits, name));
    if (place === undefined) return [];
    if (places.some(([, limits]) => needed.some((other) => isSet(limits, other)))) return [];
    return [{
      path: `${place[0]}.${name}`,
      found: `${place[1][name]}, which has no effect`,
      expected: `${needed.join(" or ")} above 0, or no ${name}`,
      severity: "warning",
    }];
  });
}
