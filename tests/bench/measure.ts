/** Runs a scenario against a broker: a broker started anew for each of its loads. */

import type { Broker } from "./brokers.ts";
import {
  bundle,
  commanded,
  dunlin,
  dunlinBundled,
  dunlinLongQueues,
  mosquitto,
  mosquittoLongQueues,
} from "./brokers.ts";
import type { Measured } from "./figure.ts";
import type { Generator } from "./load.ts";
import { load } from "./load.ts";
import { residentBytes } from "./process.ts";
import type { Scenario } from "./scenarios.ts";

export interface Run {
  readonly generator: Generator;
  readonly quick: boolean;
  /** `--duration` of a load. */
  readonly seconds: string;
}

/** Milliseconds after which a program with nothing to do is at rest: V8 tidies up what its start has left. */
const REST = 15_000;

/** How a scenario's broker is started: ours or the peer. */
export type Make = (scenario: Scenario) => Promise<Broker>;

/** dunlin as a scenario needs it. The bundle is made once. */
export function ours(): Make {
  let program: Promise<string> | undefined;
  return async ({ broker }) => {
    if (broker === "bundle") return dunlinBundled(await (program ??= bundle()));
    return await (broker === "plain" ? dunlin() : dunlinLongQueues());
  };
}

/** Debian's mosquitto, or what the command starts, whatever the scenario needs. */
export function peer(command: string | undefined): Make {
  return ({ broker }) => {
    if (command !== undefined) return commanded(command);
    return broker === "long queues" ? mosquittoLongQueues() : mosquitto();
  };
}

/** All loads of a scenario, and the verdicts of the load generator that are not `exact`. */
export async function measure(
  scenario: Scenario,
  make: Make,
  run: Run,
): Promise<{ readonly measured: Measured; readonly verdicts: readonly string[] }> {
  const results: Record<string, unknown>[] = [];
  const verdicts: string[] = [];
  let started = NaN;
  let resident = NaN;
  const loads = scenario.loads(run.quick);
  for (const args of loads) {
    await withBroker(() => make(scenario), async (broker) => {
      started = broker.started;
      const result = await load(run.generator, broker, [
        ...args,
        ...(scenario.timed ? ["--duration", run.seconds] : []),
      ]);
      if (result["ok"] !== true) throw new Error(`${broker.name}: ${result["error"]}`);
      results.push(result);
      if (result["verdict"] !== "exact") verdicts.push(`${broker.name} ${result["verdict"]}`);
    });
  }
  if (loads.length === 0) {
    await withBroker(() => make(scenario), async (broker) => {
      started = broker.started;
      await new Promise((resolve) => setTimeout(resolve, REST));
      resident = residentBytes(broker.pid);
    });
  }
  return { measured: { results, started, resident }, verdicts };
}

async function withBroker(
  make: () => Promise<Broker>,
  use: (broker: Broker) => Promise<void>,
): Promise<void> {
  const broker = await make();
  try {
    await use(broker);
  } finally {
    await broker.stop();
  }
}
