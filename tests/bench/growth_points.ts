/**
 * The tables that `growth.ts` fills and what it then measures, in one process with the broker. Nothing here may
 * depend on the clock but the processor's.
 */

import { joined } from "../../src/packet/joined.ts";
import process from "node:process";
import { encode } from "../../src/packet/encode.ts";
import type { Publish } from "../../src/packet/packet.ts";
import type { BenchLink, Workload } from "./in_process.ts";
import { idle, prepare, request } from "./in_process.ts";
import { plainPublish } from "../packets.ts";

/** Of one message, or of what else is named. */
export interface Cost {
  readonly what: string;
  readonly nanoseconds: number;
  /** Allocated by a message in a round; of what is named, those that it goes on holding. */
  readonly bytes: number;
}

export interface Growth {
  readonly name: string;
  readonly sizes: readonly number[];
  /** A message is as much more work as the size says; otherwise it is the same work at every size. */
  readonly workGrows: boolean;
  measure(size: number): Promise<readonly Cost[]>;
}

const ROUNDS = 7;
/** Filters in one SUBSCRIBE, and of one session: within the default limits. */
const IN_ONE = 2_000;
const OF_ONE = 20_000;

const pairs: Workload = {
  name: "growth",
  version: 4,
  qos: 0,
  pairs: 50,
  subscribers: 1,
  batch: 50,
  payload: 64,
};

export const growths: readonly Growth[] = [
  {
    name: "subscriptions",
    sizes: [1_000, 10_000, 100_000, 1_000_000],
    workGrows: false,
    async measure(size) {
      const world = await prepare(pairs);
      const links: BenchLink[] = [];
      const packets: Uint8Array[] = [];
      for (let at = 0; at < size; at += IN_ONE) {
        packets.push(subscribe(at, Math.min(IN_ONE, size - at)));
        if (at % OF_ONE === 0) links.push(await world.open(`panel-${at}`));
      }
      const filling = await kept("subscribing, each filter", size, async () => {
        for (let at = 0; at < packets.length; at++) {
          await links[Math.floor(at * IN_ONE / OF_ONE)]!.sends(packets[at]!);
          await idle();
        }
      });
      const pump = await world.open("pump");
      const had = () => links.reduce((sum, { publishes }) => sum + publishes, 0);
      const first = had();
      let number = 0;
      const unseen = Array.from({ length: ROUNDS + 2 }, () =>
        publishes(2_000, () => {
          const at = (number += 7_919) % size;
          return { topic: nameOf(at, number) };
        }));
      const fresh = await least("message, topic not seen before", 2_000, async (at) => {
        await pump.sends(unseen[at]!);
        await idle();
      });
      exactly(had() - first, 2_000 * (ROUNDS + 2));
      return [filling, await round("message, topics seen before", world, 2_500), fresh];
    },
  },
  {
    name: "connections",
    sizes: [10, 100, 1_000, 15_000],
    workGrows: false,
    async measure(size) {
      let world: Awaited<ReturnType<typeof prepare>> | undefined;
      const work = { ...pairs, pairs: size / 2, batch: 20 };
      const opening = await kept("connecting, each", size, async () => {
        world = await prepare(work);
      });
      return [opening, await round("message", world!, work.pairs * work.batch)];
    },
  },
  {
    name: "payload",
    sizes: [16, 256, 4_096, 65_536, 261_120],
    workGrows: true,
    async measure(payload) {
      return [await round("message", await prepare({ ...pairs, batch: 1, payload }), 50)];
    },
  },
  {
    name: "payload QoS 1",
    sizes: [16, 256, 4_096, 65_536, 261_120],
    workGrows: true,
    async measure(payload) {
      return [await round("message", await prepare({ ...pairs, qos: 1, batch: 1, payload }), 50)];
    },
  },
  {
    name: "sessions",
    sizes: [100, 1_000, 10_000, 90_000],
    workGrows: false,
    async measure(size) {
      const work: Workload = { ...pairs, qos: 1, batch: 20 };
      const world = await prepare(work);
      const absent = await kept("a session that comes and goes", size, async () => {
        for (let at = 0; at < size; at++) {
          const link = await world.open(`absent-${at}`, { cleanStart: false });
          await link.sends(subscribe(at, 1));
          await link.sends(new Uint8Array([0xe0, 0]));
          if (at % 100 === 0) await idle();
        }
        await idle();
      });
      const pump = await world.open("pump");
      let number = 0;
      const packets = Array.from({ length: ROUNDS + 2 }, () =>
        publishes(500, () => {
          const at = number++ % size;
          return { topic: nameOf(at, 0), qos: 1, packetId: 1 + number % 200 };
        }));
      const queued = await least("message into a stored queue", 500, async (at) => {
        await pump.sends(packets[at]!);
        await idle();
      });
      return [absent, await round("message, QoS 1", world, 1_000), queued];
    },
  },
  {
    name: "retained",
    sizes: [1_000, 10_000, 100_000, 1_000_000],
    workGrows: false,
    async measure(size) {
      const world = await prepare(pairs);
      const pump = await world.open("pump");
      const packets: Uint8Array[] = [];
      for (let at = 0; at < size; at += 1_000) {
        let number = at;
        packets.push(publishes(Math.min(1_000, size - at), () => ({
          topic: nameOf(number++, 0),
          retain: true,
        })));
      }
      const store = async () => {
        for (const bytes of packets) {
          await pump.sends(bytes);
          await idle();
        }
      };
      const storing = await kept("retaining, each new topic", size, store);
      const again = await kept("retaining, each known topic", size, store);
      const messages = await round("message, topics seen before", world, 2_500);
      const panel = await world.open("panel");
      const reading = await kept("retained to a new #, each", size, async () => {
        await panel.sends(encode({
          type: "subscribe",
          packetId: 1,
          subscriptions: [request("growth/#", 0)],
          userProperties: undefined,
        }, 4));
        for (let at = 0; panel.publishes < size && at < size; at++) {
          world.tick();
          await idle();
        }
        exactly(panel.publishes, size);
      });
      return [storing, again, messages, reading];
    },
  },
];

/** What a round of the workload costs a message; all of them must arrive. */
async function round(
  what: string,
  world: Awaited<ReturnType<typeof prepare>>,
  messages: number,
): Promise<Cost> {
  const before = world.received();
  const rounds = Math.max(1, Math.ceil(5_000 / messages));
  const result = await least(what, messages * rounds, async () => {
    for (let at = 0; at < rounds; at++) await world.round();
  });
  exactly(world.received() - before, messages * rounds * (ROUNDS + 2));
  return result;
}

/** The least that it costs, of several times; twice before to warm up, and nothing
 * collected in between: after a collection of a large heap, allocations sweep it for a while. `work` is told how often it ran. */
async function least(
  what: string,
  count: number,
  work: (at: number) => Promise<void>,
): Promise<Cost> {
  collect();
  await work(0);
  await work(1);
  let best: Cost | undefined;
  for (let at = 2; at < ROUNDS + 2; at++) {
    const found = await cost(what, count, () => work(at));
    if (best === undefined || found.nanoseconds < best.nanoseconds) best = found;
  }
  return best!;
}

/** What is done once, with the memory that it leaves in use. */
function kept(what: string, count: number, work: () => Promise<void>): Promise<Cost> {
  collect();
  return cost(what, count, work, collect);
}

async function cost(
  what: string,
  count: number,
  work: () => Promise<void>,
  after = () => {},
): Promise<Cost> {
  const heap = process.memoryUsage().heapUsed;
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  after();
  const bytes = process.memoryUsage().heapUsed - heap;
  return { what, nanoseconds: (user + system) * 1_000 / count, bytes: bytes / count };
}

function collect(): void {
  (globalThis as unknown as { gc(): void }).gc();
}

/**
 * A filter that matches the names of the same number and no others. No level may look like a number: JavaScript
 * engines find such a key by its value, and then numbers at equal distances crowd in a few places of a Map.
 */
function filterOf(at: number): string {
  return `growth/g${at % 1_000}/+/n${at}/#`;
}

function nameOf(at: number, rest: number): string {
  return `growth/g${at % 1_000}/pump/n${at}/r${rest}`;
}

function subscribe(from: number, count: number): Uint8Array {
  return encode({
    type: "subscribe",
    packetId: 1,
    subscriptions: Array.from(
      { length: count },
      (_, at) => request(filterOf(from + at), 1),
    ),
    userProperties: undefined,
  }, 4);
}

function publishes(count: number, next: () => Partial<Publish>): Uint8Array {
  const frames = Array.from(
    { length: count },
    () => encode(plainPublish("", new Uint8Array(64), next()), 4).slice(),
  );
  return joined(frames);
}

function exactly(found: number, expected: number): void {
  if (found !== expected) throw new Error(`${found} messages came, expected ${expected}`);
}
