/**
 * The table of issue 5: what is measured, as arguments of mqload, and the figures of it with the floor below
 * which the issue is not done and the aim, where the fastest C++ broker stands.
 */

import type { Figure, Measured } from "./figure.ts";
import { field } from "./figure.ts";

export interface Scenario {
  readonly name: string;
  /** The broker it needs. */
  readonly broker: "plain" | "long queues" | "bundle";
  /** Arguments of the load generator, a list for each load; `quick`: sizes for a first look. */
  readonly loads: (quick: boolean) => readonly (readonly string[])[];
  /** Its loads take `--duration`. */
  readonly timed: boolean;
  /** Takes so long that it is run a third as often. */
  readonly long: boolean;
  readonly figures: readonly Figure[];
}

const ofResult = (name: string, at = 0) => ({ results }: Measured) => field(results[at], name);

/** Messages a second, and those for a second of the broker's processor. */
const messages = (floor: number, aim: number): Figure => ({
  name: "",
  unit: "messages/s",
  of: ofResult("msgs_s"),
  perProcessor: ({ results }) => field(results[0], "msgs_s") / field(results[0], "broker_cpu"),
  held: "ratio",
  better: "more",
  floor,
  aim,
});

const less = (name: string, unit: string, held: Figure["held"], floor: number, aim: number) => ({
  name,
  unit,
  held,
  better: "less" as const,
  floor,
  aim,
});

const flow = (name: string, options: string, floor: number, aim: number): Scenario => ({
  name,
  broker: "plain",
  loads: () => [options.split(" ")],
  timed: true,
  long: false,
  figures: [messages(floor, aim)],
});

const latency = (qos: 0 | 1): Scenario => ({
  name: `latency QoS ${qos}, 8,000/s`,
  broker: "plain",
  loads: () => [`--mode pairs --pubs 200 --rate 8000 --qos ${qos}`.split(" ")],
  timed: true,
  long: false,
  figures: [
    { ...less("p50", "us", "ratio", 1.5, 1), of: ofResult("p50_us") },
    { ...less("p99", "us", "ratio", 2, 1), of: ofResult("p99_us") },
  ],
});

/** What a store of `count` messages says of its filling. */
const stored = (floor: number, aim: number): Figure => ({
  name: "stored",
  unit: "messages/s",
  of: ofResult("stored_s"),
  perProcessor: ({ results }) => field(results[0], "count") / field(results[0], "store_cpu_s"),
  held: "ratio",
  better: "more",
  floor,
  aim,
});

export const scenarios: readonly Scenario[] = [
  flow("pairs QoS 0, batches, 3.1.1", "--mode pairs --pubs 50 --qos 0", 6, 15),
  flow("pairs QoS 0, batches, 5.0", "--mode pairs --pubs 50 --qos 0 --version 5", 6, 15),
  flow("pairs QoS 0, one a write", "--mode pairs --pubs 50 --qos 0 --batch 1", 1.2, 1.9),
  flow("pairs QoS 0, 1 KiB", "--mode pairs --pubs 50 --qos 0 --payload 1024", 3, 7),
  // A window that fits outboxMaximum: above it QoS 0 is dropped, by design.
  flow("pairs QoS 0, 64 KiB", "--mode pairs --pubs 50 --payload 65536 --window 50", 1, 1.5),
  flow("pairs QoS 1", "--mode pairs --pubs 100 --qos 1 --inflight 20", 3, 10),
  flow("pairs QoS 2", "--mode pairs --pubs 100 --qos 2 --inflight 20", 3, 12.5),
  flow("fanout QoS 0, 100", "--mode fanout --subs 100 --qos 0", 8, 25),
  flow("fanout QoS 0, 1,000", "--mode fanout --subs 1000 --qos 0", 8, 30),
  flow("fanout QoS 1, 100", "--mode fanout --subs 100 --qos 1", 4, 13),
  flow("fanin QoS 0, 100", "--mode fanin --pubs 100 --qos 0", 3, 6.5),
  flow("shared QoS 0", "--mode shared --qos 0", 4, 11),
  flow("shared QoS 1", "--mode shared --qos 1", 3, 9),
  latency(0),
  latency(1),
  {
    name: "connect storm",
    broker: "plain",
    loads: (quick) => [["--mode", "connect", "--clients", quick ? "1000" : "5000", "--hold", "0"]],
    timed: false,
    long: false,
    figures: [{
      name: "",
      unit: "connects/s",
      of: ofResult("connects_s"),
      perProcessor: ({ results }) =>
        field(results[0], "connects_s") / field(results[0], "broker_cpu"),
      held: "ratio",
      better: "more",
      floor: 0.35,
      aim: 0.5,
    }],
  },
  {
    name: "wildsubs, 1 M",
    broker: "plain",
    loads: (quick) =>
      [quick ? 1_000 : 10_000, 10].map((filters) =>
        `--mode wildsubs --clients 100 --filters ${filters} --setup 600`.split(" ")
      ),
    timed: true,
    long: true,
    figures: [
      messages(1.5, 3),
      {
        name: "against 1 k",
        unit: "times",
        of: ({ results }) => field(results[0], "msgs_s") / field(results[1], "msgs_s"),
        perProcessor: ({ results: [many, few] }) =>
          field(many, "msgs_s") / field(many, "broker_cpu") /
          (field(few, "msgs_s") / field(few, "broker_cpu")),
        held: "itself",
        better: "more",
        floor: 0.5,
        aim: 0.9,
      },
      {
        ...less("memory", "B/subscription", "itself", 1_000, 400),
        of: ofResult("bytes_per_subscription"),
      },
    ],
  },
  {
    name: "retained, 1 M",
    broker: "plain",
    loads: (quick) => [
      `--mode retained --count ${quick ? 100_000 : 1_000_000} --setup 600 --no-cleanup`.split(" "),
    ],
    timed: false,
    long: true,
    figures: [
      { ...messages(1, 3), name: "#" },
      stored(1, 3),
      { ...less("memory", "B/topic", "itself", 700, 400), of: ofResult("bytes_per_message") },
    ],
  },
  {
    name: "offline QoS 1, 100 k",
    broker: "long queues",
    loads: (quick) => [
      `--mode offline --qos 1 --count ${quick ? 10_000 : 100_000} --setup 600`.split(" "),
    ],
    timed: false,
    long: false,
    figures: [stored(1, 2), { ...messages(1, 3), name: "drained" }],
  },
  {
    name: "connections at rest",
    broker: "plain",
    loads: (quick) => [["--mode", "connect", "--clients", quick ? "1000" : "5000", "--hold", "5"]],
    timed: false,
    long: true,
    figures: [{
      ...less("memory", "B/connection", "itself", 10_240, 5_120),
      of: ofResult("bytes_per_connection"),
    }],
  },
  {
    name: "program at rest, bundle",
    broker: "bundle",
    loads: () => [],
    timed: false,
    long: false,
    figures: [
      {
        ...less("memory", "MB", "itself", 70, 50),
        of: ({ resident }) => resident / 1e6,
      },
      { ...less("start", "ms", "itself", 300, 150), of: ({ started }) => started },
    ],
  },
];
