/**
 * `Write` for many messages of one session at once: a store that can keep a run as one is told of it as one. To
 * every other store it is what `singles` makes of it, record by record.
 */

import type { PacketId, ProtocolVersion } from "../packet/packet.ts";
import { publishesOf } from "../packet/publish_run.ts";
import type { ClientId } from "../policy/identity.ts";
import type { AnyWrite } from "./cluster_write.ts";
import type { DeliveryRun } from "./delivery_run.ts";
import { deliveriesOf, orderAt, runLength } from "./delivery_run.ts";
import type { Message, Order } from "./message.ts";
import { messageOf, owned } from "./message.ts";
import type { InflightRun } from "./session.ts";
import { inflightUnder } from "./session.ts";

export type RunWrite =
  /** As many `putQueued`. */
  | { readonly type: "putQueuedRun"; readonly clientId: ClientId; readonly run: DeliveryRun }
  /** It goes from the queue into flight: as many `deleteQueued`, each with its `putInflight`. */
  | { readonly type: "sendQueuedRun"; readonly clientId: ClientId; readonly inflight: InflightRun }
  /** As many `deleteInflight`. */
  | {
    readonly type: "deleteInflightAll";
    readonly clientId: ClientId;
    readonly packetIds: readonly PacketId[];
    /** Each is one more than the one before it. */
    readonly inRow: boolean;
  }
  | RetainedRunWrite;

/** As many `putRetained`, of messages that never expire. */
export interface RetainedRunWrite {
  readonly type: "putRetainedRun";
  readonly publisher: ClientId;
  /** Of the first message; each has one more than the one before it. */
  readonly order: Order;
  /** Their PUBLISH packets, which may be kept. */
  readonly bytes: Uint8Array;
  readonly version: ProtocolVersion;
  readonly count: number;
  /** Bytes of the payloads. */
  readonly payload: number;
}

/** What a persist may hold. */
export type PersistedWrite = AnyWrite | RunWrite;

/** The same record by record; the same array where there is no run. */
export function singles(writes: readonly PersistedWrite[]): readonly AnyWrite[] {
  if (!writes.some(isRunWrite)) return writes as readonly AnyWrite[];
  const all: AnyWrite[] = [];
  for (const write of writes) {
    if (isRunWrite(write)) pushSingles(write, all);
    else all.push(write);
  }
  return all;
}

/** How many records they are. */
export function countOf(writes: readonly PersistedWrite[]): number {
  let count = writes.length;
  for (let i = 0; i < writes.length; i++) {
    const write = writes[i]!;
    if (write.type === "putQueuedRun") count += runLength(write.run) - 1;
    else if (write.type === "sendQueuedRun") count += 2 * runLength(write.inflight.run) - 1;
    else if (write.type === "deleteInflightAll") count += write.packetIds.length - 1;
    else if (write.type === "putRetainedRun") count += write.count - 1;
  }
  return count;
}

function isRunWrite(write: PersistedWrite): write is RunWrite {
  const { type } = write;
  return type === "putQueuedRun" || type === "sendQueuedRun" || type === "deleteInflightAll" ||
    type === "putRetainedRun";
}

function pushSingles(write: RunWrite, all: AnyWrite[]): void {
  if (write.type === "putRetainedRun") {
    for (const message of retainedOf(write)) all.push({ type: "putRetained", message });
    return;
  }
  const { clientId } = write;
  switch (write.type) {
    case "putQueuedRun":
      for (const delivery of deliveriesOf(write.run)) {
        all.push({ type: "putQueued", clientId, delivery });
      }
      return;
    case "sendQueuedRun": {
      const { inflight } = write;
      for (let i = 0; i < runLength(inflight.run); i++) {
        const packetId = inflight.firstPacketId + i;
        all.push({ type: "deleteQueued", clientId, order: orderAt(inflight.run, i) });
        all.push({
          type: "putInflight",
          clientId,
          packetId,
          inflight: inflightUnder(packetId, inflight),
        });
      }
      return;
    }
    case "deleteInflightAll":
      for (const packetId of write.packetIds) {
        all.push({ type: "deleteInflight", clientId, packetId });
      }
  }
}

/** The messages of a run, each with bytes of its own. */
export function* retainedOf(
  { publisher, order, bytes, version }: RetainedRunWrite,
): Generator<Message> {
  let next = order;
  for (const publish of publishesOf({ bytes }, version)) {
    yield owned(messageOf(publish, next++, publisher, 0));
  }
}
