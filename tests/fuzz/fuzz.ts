/**
 * The fuzzer: recorded packets, mutated, as the bytes of a connection to a broker in this process.
 * Deterministic for a seed, but for how far it gets in a given time.
 */

import { anonymousOnly, withMethods } from "../../src/authentication/authenticator.ts";
import { Exchanges } from "../../src/authentication/exchanges.ts";
import { scramKeys } from "../../src/authentication/scram_keys.ts";
import { bytesOf } from "../../src/authentication/scram_message.ts";
import { scramSha256 } from "../../src/authentication/scram_sha_256.ts";
import { standIns } from "../../src/authentication/scram_stand_in.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Event } from "../../src/broker/event.ts";
import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import { MalformedPacket } from "../../src/packet/malformed_packet.ts";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import type { Effect } from "../../src/session/effect.ts";
import { corpus, SCRAM } from "./corpus.ts";
import { mutate, random } from "./mutate.ts";

export interface FuzzOptions {
  readonly inputs: number;
  readonly milliseconds: number;
  readonly seed: number;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly packets: number;
  readonly refused: number;
  readonly slowest: number;
  readonly found: readonly { readonly input: string; readonly reason: string }[];
}

/** Longer than this for one input is a hang. */
const SLOW = 50;
/** Inputs that share a broker: state of one may be what the next one stumbles over. */
const A_BROKER = 500;

const PEER = { address: "127.0.0.1:1", listener: "fuzz", anonymousAllowed: true };

/** Runs until the number of inputs, the time, or ten findings are reached. */
export function fuzz(options: FuzzOptions): FuzzReport {
  const next = random(options.seed);
  const recorded = corpus();
  const found: { input: string; reason: string }[] = [];
  const until = performance.now() + options.milliseconds;
  let [inputs, packets, refused, slowest] = [0, 0, 0, 0];
  let world = newWorld();
  while (inputs < options.inputs && performance.now() < until && found.length < 10) {
    if (inputs % A_BROKER === 0) world = newWorld();
    const bytes = mutate(recorded, next);
    const started = performance.now();
    try {
      const result = connection(world, bytes);
      packets += result.packets;
      if (result.refused) refused += 1;
    } catch (error) {
      const reason = error instanceof Error ? error.stack ?? error.message : String(error);
      found.push({ input: hex(bytes), reason });
      world = newWorld();
    }
    const took = performance.now() - started;
    if (took > slowest) slowest = took;
    // The first inputs pay for compilation.
    if (took > SLOW && inputs > 1_000 && repeatedlySlow(bytes)) {
      found.push({ input: hex(bytes), reason: `${took} ms` });
    }
    inputs += 1;
  }
  return { inputs, packets, refused, slowest, found };
}

/** Feeds one input, for a regression list. Throws what the broker throws. */
export function feedOnce(bytes: Uint8Array): void {
  connection(newWorld(), bytes);
}

/** A pause of the machine is no hang: three tries in a row are. */
function repeatedlySlow(bytes: Uint8Array): boolean {
  for (let i = 0; i < 3; i++) {
    const started = performance.now();
    feedOnce(bytes);
    if (performance.now() - started <= SLOW) return false;
  }
  return true;
}

interface World {
  readonly broker: Broker;
  readonly exchanges: Exchanges;
  now: number;
  id: number;
}

function newWorld(): World {
  const exchanges = new Exchanges(withMethods(anonymousOnly, [method]));
  return { broker: new Broker(defaultRules), exchanges, now: 1_000_000, id: 0 };
}

/** SCRAM-SHA-256 with the one user of the corpus, and a nonce that makes what was recorded right. */
const method = (() => {
  const salt = bytesOf(SCRAM.salt)!;
  const iterations = 4_096;
  const user = { user: "user", salt, iterations, roles: [] };
  return scramSha256({
    users: new Map([["user", { ...user, ...scramKeys(SCRAM.password, salt, iterations) }]]),
    standIn: standIns(salt, { iterations, saltLength: salt.length }),
    nonce: () => SCRAM.nonce,
  });
})();

/** One connection from its first to its last byte; then the clock moves on. */
function connection(world: World, bytes: Uint8Array): { packets: number; refused: boolean } {
  const id = ++world.id;
  const versions = new Map<number, ProtocolVersion>();
  const step = (event: Event) => perform(world, world.broker.step(event, world.now), versions);
  step({ type: "opened", connection: id, peer: PEER, entropy: new Uint8Array(16) });
  const splitter = new FrameSplitter(defaultRules.limits.maximumPacketSize);
  let packets = 0;
  let refused = false;
  try {
    splitter.push(bytes);
    for (let frame = splitter.next(); frame !== undefined; frame = splitter.next()) {
      const packet = decode(frame, versions.get(id) ?? 4);
      if (packet.type === "connect" && !versions.has(id)) versions.set(id, packet.protocolVersion);
      packets += 1;
      step({ type: "packet", connection: id, packet });
    }
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error;
    refused = true;
    const { reasonCode: reason, message: detail, version } = error;
    step({ type: "malformed", connection: id, reason, detail, version });
  }
  step({ type: "closed", connection: id, reason: "linkLost" });
  world.exchanges.forget(id);
  world.now += 977;
  step({ type: "tick" });
  return { packets, refused };
}

/** What the runtime does, with a store that has nothing and everything at once. */
function perform(
  world: World,
  effects: readonly Effect[],
  versions: ReadonlyMap<number, ProtocolVersion>,
): void {
  for (const effect of effects) {
    const step = (event: Event) => perform(world, world.broker.step(event, world.now), versions);
    switch (effect.type) {
      case "send":
        encode(effect.packet, versions.get(effect.to) ?? 4);
        break;
      case "persist":
        step({ type: "settled", persists: [effect] });
        break;
      case "load": {
        const { connection, clientId } = effect;
        const stored = { received: [], inflight: [], queued: [] };
        step({ type: "loaded", connection, clientId, stored });
        break;
      }
      case "read":
        step({ type: "read", clientId: effect.clientId, from: effect.from, queued: [] });
        break;
      case "authenticate": {
        const { connection, credentials } = effect;
        const verdict = world.exchanges.verdictOn(connection, effect.step, credentials);
        if (verdict instanceof Promise) throw new Error("a verdict that is not there at once");
        step({ type: "authenticated", connection, verdict });
      }
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
