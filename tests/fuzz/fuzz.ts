/**
 * The fuzzer: recorded and generated packets, mutated, as the bytes of connections to a broker in this
 * process. Deterministic for a seed, but for how far it gets in a given time: the inputs of a world depend on
 * the seed and its number alone.
 */

import { corpus } from "./corpus.ts";
import { HeapLevels } from "./heap_levels.ts";
import { mutate, random } from "./mutate.ts";
import { RULES, World } from "./world.ts";

export interface FuzzOptions {
  readonly inputs: number;
  readonly milliseconds: number;
  readonly seed: number;
  /** The number of the first world; 0 unless one is to be looked at again. */
  readonly world?: number;
  /** Told of the counts from time to time. */
  readonly progress?: (report: FuzzReport) => void;
}

/** What was found, and all that is needed to find it again. */
export interface Finding {
  readonly reason: string;
  readonly world: number;
  readonly rules: string;
  /** The last input, which need not be the one that did it. */
  readonly input: string;
}

export interface FuzzReport {
  readonly seed: number;
  readonly inputs: number;
  /** Inputs that were let in. */
  readonly connected: number;
  /** Inputs that ended in bytes that are no packet. */
  readonly malformed: number;
  /** Packets that the broker sent, each of which was read again. */
  readonly sent: number;
  /** Milliseconds of the processor that the slowest input took at most, and which that was. */
  readonly slowest: number;
  readonly slowestWas: string;
  /** Inputs above 50 ms by the clock: a pause of the machine or of the collector, unless found. */
  readonly pauses: number;
  /** Megabytes that the heap held after a collection, at times spread over the run. */
  readonly heap: readonly number[];
  readonly found: readonly Finding[];
}

/** Longer than this for one input is a hang, in milliseconds. */
const SLOW = 50;
/** Inputs between two looks at the processor's clock, which cost as much as an input. */
const A_BASE = 10;
/** Inputs that share a broker: state of one may be what the next one stumbles over. */
const A_WORLD = 500;
/** Worlds between two looks at the heap. */
const A_LOOK = 20;
/** Megabytes above the lowest level of the first half of the run: more is memory that is kept. */
const RISE = 8;
/** Worlds between two calls of `progress`. */
const A_REPORT = 100;
const MOST_FINDINGS = 10;

/** Runs until the number of inputs, the time, or ten findings are reached. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { seed, progress } = options;
  const recorded = corpus(seed);
  const rules = Object.keys(RULES);
  const found: Finding[] = [];
  const levels = new HeapLevels();
  const until = performance.now() + options.milliseconds;
  let [inputs, connected, malformed, sent, slowest, pauses] = [0, 0, 0, 0, 0, 0];
  let slowestWas = "";
  const report = (): FuzzReport => {
    const heap = levels.megabytes;
    return {
      seed,
      inputs,
      connected,
      malformed,
      sent,
      slowest,
      slowestWas,
      pauses,
      heap,
      found,
    };
  };
  for (let number = options.world ?? 0; inputs < options.inputs; number++) {
    if (performance.now() >= until || found.length >= MOST_FINDINGS) break;
    const next = random(seed * 1_000_003 + number);
    const under = rules[number % rules.length]!;
    const world = new World(under);
    let bytes: Uint8Array = new Uint8Array();
    let base = 0;
    const find = (reason: string) =>
      found.push({ reason, world: number, rules: under, input: hexOf(bytes) });
    try {
      for (let i = 0; i < A_WORLD && inputs < options.inputs; i++) {
        bytes = mutate(recorded, next);
        const most = next(3) === 0 ? 1 + next(64) : bytes.length;
        if (i % A_BASE === 0) base = processor();
        const started = performance.now();
        await world.takes(bytes, most);
        const elapsed = performance.now() - started;
        if (elapsed > SLOW) {
          pauses += 1;
          if (await stillSlow(under, bytes, most)) find("it takes too long");
        }
        // The first inputs pay for compilation.
        if (inputs > A_WORLD && elapsed > slowest) {
          const took = Math.min(elapsed, processor() - base);
          if (took > slowest) {
            slowest = took;
            slowestWas =
              `input ${i} of world ${number}: ${bytes.length} bytes in pieces of ${most}`;
          }
        }
        inputs += 1;
      }
      await world.ends();
    } catch (error) {
      find(error instanceof Error ? error.stack ?? error.message : String(error));
    }
    sent += world.sent;
    connected += world.connected;
    malformed += world.malformed;
    if (number % A_LOOK === A_LOOK - 1) levels.look();
    if (number % A_REPORT === A_REPORT - 1) progress?.(report());
  }
  if (levels.rise > RISE) {
    const reason = `the heap rises to ${levels.megabytes.at(-1)} MB`;
    found.push({ reason, world: options.world ?? 0, rules: "all", input: "" });
  }
  return report();
}

/** The collector at work is no hang: three tries in a row in a world of their own are. */
async function stillSlow(rules: string, bytes: Uint8Array, most: number): Promise<boolean> {
  for (let i = 0; i < 3; i++) {
    const world = new World(rules);
    const before = processor();
    await world.takes(bytes, most);
    if (processor() - before <= SLOW) return false;
  }
  return true;
}

/** Milliseconds that this process has had of the processor. */
function processor(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
