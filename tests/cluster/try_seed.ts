/**
 * One seed of the cluster: fast-check draws a scenario from it, and another smaller one as long as it still fails.
 */

import fc from "fast-check";
import type { Outcome } from "./run.ts";
import { run } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { scenario } from "./scenario.ts";

export interface Tried {
  readonly seed: number;
  readonly first: Outcome;
  /** Undefined where nothing is wrong. */
  readonly failure:
    | { readonly path: string; readonly scenario: Scenario; readonly outcome: Outcome }
    | undefined;
}

/** Runs the scenario of a seed; a failing one is shrunk, in no more than so many tries. */
export async function trySeed(seed: number, shrinks = 150, path?: string): Promise<Tried> {
  let first: Outcome | undefined;
  let runs = 0;
  const property = fc.asyncProperty(scenario, async (drawn) => {
    if (++runs > shrinks + 1) return true;
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
  const outcome = await run(smallest);
  return {
    seed,
    first: first!,
    failure: { path: result.counterexamplePath!, scenario: smallest, outcome },
  };
}

/** A failure as lines to read. */
export function describeFailure({ seed, failure }: Tried, lines = 120): string {
  if (failure === undefined) return `seed ${seed}: nothing is wrong`;
  const { path, scenario, outcome } = failure;
  const { rules: { limits, ...others }, profiles, actions: _, ...rest } = scenario;
  return [
    `seed ${seed} path "${path}"`,
    ...outcome.violations.slice(0, 5).map((text) => `  wrong: ${text.slice(0, 1_500)}`),
    `  ${JSON.stringify(rest)}`,
    `  rules ${others.queuePolicy} queueQos0 ${others.queueQos0}`,
    `  limits ${
      JSON.stringify({
        receiveMaximum: limits.receiveMaximum,
        sendWindow: limits.sendWindow,
        queuedMessagesPerSession: limits.queuedMessagesPerSession,
        queuedMessages: limits.queuedMessages,
        queueHead: limits.queueHead,
        outboxCongested: limits.outboxCongested,
        pendingWrites: limits.pendingWrites,
        pendingBytes: limits.pendingBytes,
        retryInterval: limits.retryInterval,
        messageRate: limits.messageRate,
      })
    }`,
    ...profiles.map((profile, at) => `  c${at} ${JSON.stringify(profile)}`),
    ...outcome.log.slice(-lines).map((line) => `    ${line}`),
  ].join("\n");
}
