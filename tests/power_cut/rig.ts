/**
 * The power-cut rig: the real program with the Deno KV store, `kill -9` at random moments, restart, and
 * in the end a count of what was acknowledged against what came. A process that is killed leaves the
 * kernel's buffers alone, so this shows the order of commits and acknowledgements, not the disk's cache.
 */

import { startArguments } from "../end_to_end/broker_process.ts";
import { RawClient, text } from "../end_to_end/raw.ts";
import { freePort } from "../free_port.ts";
import { Publisher, Subscriber } from "./actors.ts";

export interface PowerCutReport {
  readonly cycles: number;
  readonly acknowledged: number;
  readonly received: number;
  readonly duplicatesAtQos1: number;
  /** Milliseconds from start to the first accepted connection: median and largest. */
  readonly startMedian: number;
  readonly startLargest: number;
  /** In words; none is what is wanted. */
  readonly violations: readonly string[];
}

/** Runs so many cycles of start, traffic, kill; then one to the end. */
export async function powerCut(cycles: number, chance: () => number): Promise<PowerCutReport> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-power-cut-" });
  const port = freePort();
  const publishers = [1, 2, 1, 2].map((qos, at) => new Publisher(`pump${at}`, qos as 1 | 2));
  const subscriber = new Subscriber("panel", "cut/#");
  const starts: number[] = [];
  try {
    const first = await startBroker(directory, port, starts);
    await subscriber.run(port, () => true); // nothing is acknowledged before it subscribes
    first.kill("SIGKILL");
    await first.status;
    for (let cycle = 0; cycle < cycles; cycle++) {
      const broker = await startBroker(directory, port, starts);
      const ended = traffic(publishers, subscriber, port, () => false);
      // Every other life ends at any moment, the rest not before there was traffic, however slow the machine.
      if (cycle % 2 === 0) await traffics(publishers, 30);
      await pass(30 + chance() * 500);
      broker.kill("SIGKILL");
      await broker.status;
      await ended;
    }
    const broker = await startBroker(directory, port, starts);
    for (const publisher of publishers) publisher.finishing = true;
    const complete = () =>
      publishers.every((publisher) => publisher.done && missing(publisher, subscriber) === 0);
    await Promise.race([
      traffic(publishers, subscriber, port, complete),
      new Promise((resolve) => setTimeout(resolve, 20_000)),
    ]);
    const violations = [
      ...publishers.flatMap((publisher) => judge(publisher, subscriber)),
      ...await judgeRetained(publishers, port),
    ];
    broker.kill("SIGTERM");
    await broker.status;
    starts.sort((a, b) => a - b);
    return {
      cycles,
      acknowledged: acknowledgedBy(publishers),
      received: [...subscriber.got.values()].reduce((sum, { length }) => sum + length, 0),
      duplicatesAtQos1: publishers.filter(({ qos }) => qos === 1)
        .reduce((sum, publisher) => sum + duplicates(publisher, subscriber), 0),
      startMedian: Math.round(starts[starts.length >> 1]!),
      startLargest: Math.round(starts.at(-1)!),
      violations,
    };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function pass(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Resolves when that many more messages have been acknowledged, or after 10 s. */
async function traffics(publishers: readonly Publisher[], count: number): Promise<void> {
  const wanted = acknowledgedBy(publishers) + count;
  const end = performance.now() + 10_000;
  while (acknowledgedBy(publishers) < wanted && performance.now() < end) await pass(5);
}

function acknowledgedBy(publishers: readonly Publisher[]): number {
  return publishers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
}

/** All actors on one life of the broker; resolves when all their connections have ended. */
async function traffic(
  publishers: readonly Publisher[],
  subscriber: Subscriber,
  port: number,
  complete: () => boolean,
): Promise<void> {
  await Promise.allSettled([
    subscriber.run(port, complete),
    ...publishers.map((publisher) => publisher.run(port)),
  ]);
}

function got(publisher: Publisher, subscriber: Subscriber): readonly number[] {
  return subscriber.got.get(publisher.topic) ?? [];
}

/** Acknowledged numbers of its own topic that have not come. */
function missing(publisher: Publisher, subscriber: Subscriber): number {
  const come = new Set(got(publisher, subscriber));
  let count = 0;
  for (const number of publisher.acknowledged) {
    if (number % 7 !== 0 && !come.has(number)) count += 1;
  }
  return count;
}

function duplicates(publisher: Publisher, subscriber: Subscriber): number {
  const numbers = got(publisher, subscriber);
  return numbers.length - new Set(numbers).size;
}

function judge(publisher: Publisher, subscriber: Subscriber): string[] {
  const { clientId, qos } = publisher;
  const violations: string[] = [];
  if (!publisher.done) violations.push(`${clientId} was not acknowledged everything in the end`);
  const lost = missing(publisher, subscriber);
  if (lost > 0) violations.push(`${lost} acknowledged messages of ${clientId} were lost`);
  const twice = duplicates(publisher, subscriber);
  if (qos === 2 && twice > 0) violations.push(`${twice} QoS 2 messages of ${clientId} came twice`);
  let highest = 0;
  for (const number of new Set(got(publisher, subscriber))) {
    if (number < highest) violations.push(`${number} of ${clientId} came after ${highest}`);
    highest = Math.max(highest, number);
  }
  return violations;
}

/** Retained is what was acknowledged last, or something later that was under way. */
async function judgeRetained(publishers: readonly Publisher[], port: number): Promise<string[]> {
  const violations: string[] = [];
  const client = await RawClient.connect({ port }, 4, "judge");
  for (const { clientId, retainedTopic, retained } of publishers) {
    if (retained === 0) continue;
    await client.subscribe(retainedTopic, 0);
    const { payload } = await client.expect("publish");
    if (Number(text(payload)) < retained) {
      violations.push(`retained of ${clientId} is ${text(payload)}, acknowledged was ${retained}`);
    }
  }
  client.close();
  return violations;
}

async function startBroker(
  directory: string,
  port: number,
  starts: number[],
): Promise<Deno.ChildProcess> {
  const config = `${directory}/dunlin.json`;
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      store: "denoKv",
      data: `${directory}/data`,
      log: { level: "error" },
      listeners: [{ type: "tcp", port }],
      limits: { queuedMessagesPerSession: 1_000_000, queuedBytesPerSession: 1_000_000_000 },
    }),
  );
  const began = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: [...startArguments(), "--config", config],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch {
      if (performance.now() - began > 20_000) throw new Error("the broker does not start");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  starts.push(performance.now() - began);
  return child;
}
