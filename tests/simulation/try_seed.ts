/**
 * One seed: fast-check draws a scenario from it, and another smaller one as long as it still fails.
 */

import fc from "fast-check";
import type { Outcome } from "./run.ts";
import { run } from "./run.ts";
import type { Saved } from "./saved.ts";
import type { Scenario } from "./scenario.ts";
import { scenario } from "./scenario.ts";

export interface Tried {
  readonly seed: number;
  readonly first: Outcome;
  /** Undefined where nothing is wrong. */
  readonly failure:
    | {
      readonly path: string;
      readonly scenario: Scenario;
      readonly outcome: Outcome;
    }
    | undefined;
}

/** Smaller scenarios that are tried at most. */
const SHRINKS = 100;

/**
 * Runs the scenario of a seed; a failing one is shrunk. `path` replays what was shrunk before, and
 * shrinks no further.
 */
export async function trySeed(seed: number, path?: string): Promise<Tried> {
  let first: Outcome | undefined;
  let runs = 0;
  const property = fc.asyncProperty(scenario, async (drawn) => {
    if (++runs > SHRINKS) return true;
    const outcome = await run(drawn);
    first ??= outcome;
    return outcome.violations.length === 0;
  });
  const result = await fc.check(property, {
    seed,
    numRuns: 1,
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  });
  if (!result.failed) return { seed, first: first!, failure: undefined };
  const [smallest] = result.counterexample!;
  return {
    seed,
    first: first!,
    failure: {
      path: result.counterexamplePath!,
      scenario: smallest,
      outcome: await run(smallest),
    },
  };
}

/** Runs a scenario that was saved. */
export async function tryScenario({ seed, path, scenario }: Saved): Promise<Tried> {
  const outcome = await run(scenario);
  const failed = outcome.violations.length > 0;
  return { seed, first: outcome, failure: failed ? { path, scenario, outcome } : undefined };
}

/** A failure as lines to read. */
export function describeFailure({ seed, failure }: Tried): string {
  if (failure === undefined) return `seed ${seed}: nothing is wrong`;
  const { path, scenario, outcome } = failure;
  const { rules, ruleSet, weather, latency, hiccups, profiles } = scenario;
  const { limits, ...others } = rules;
  return [
    `seed ${seed} path "${path}"`,
    ...outcome.violations.slice(0, 5).map((text) => `  wrong: ${text}`),
    `  weather ${JSON.stringify(weather)} latency ${latency} hiccups ${hiccups} ` +
    `seed ${scenario.seed}`,
    `  rules ${JSON.stringify(others)}, of auto-subscribe ${ruleSet}`,
    `  limits ${
      JSON.stringify({
        receiveMaximum: limits.receiveMaximum,
        sendWindow: limits.sendWindow,
        queuedMessagesPerSession: limits.queuedMessagesPerSession,
        queuedMessages: limits.queuedMessages,
        queueHead: limits.queueHead,
        retainedPerTurn: limits.retainedPerTurn,
        outboxCongested: limits.outboxCongested,
        pendingWrites: limits.pendingWrites,
        pendingBytes: limits.pendingBytes,
        retryInterval: limits.retryInterval,
      })
    }`,
    ...profiles.map((profile, at) => `  c${at} ${JSON.stringify(profile)}`),
    ...outcome.log.slice(-80).map((line) => `    ${line}`),
  ].join("\n");
}
