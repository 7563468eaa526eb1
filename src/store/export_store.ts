/**
 * Everything in a store as lines of the export format (`json_lines.ts`), through the interface that every
 * driver implements. Nothing may be written to the store meanwhile.
 *
 * In memory it has the client ids and three numbers a queued message, and some messages at a time.
 */

import type { ClientId } from "../policy/identity.ts";
import type { Delivery, Message, Order } from "../session/message.ts";
import type { Line } from "./json_lines.ts";
import { headerText, lineText } from "./json_lines.ts";
import type { Store } from "./store.ts";

/** Queued messages that are read at once, and their bytes. */
const MOST_AT_ONCE = 512;
const MOST_BYTES = 8 << 20;

/** The queue of a session, as the index tells it. */
interface QueueOf {
  readonly clientId: ClientId;
  readonly orders: readonly Order[];
  readonly sizes: readonly number[];
}

/** The lines of an export, each with its line feed. Throws a StoreError. */
export async function* exportLines(store: Store): AsyncGenerator<string> {
  let records = 0;
  const text = (line: Line) => {
    records += 1;
    return lineText(line);
  };
  yield headerText();
  const queues: QueueOf[] = [];
  let highest: Order = 0;
  for await (const record of store.index()) {
    switch (record.type) {
      case "setting":
        yield text({ type: "putSetting", name: record.name, value: record.value });
        break;
      case "session": {
        const { clientId, owner, expiryInterval, expiresAt, awaited, orders, sizes } = record;
        queues.push({ clientId, orders, sizes });
        yield text({ type: "putSession", clientId, owner, expiryInterval, expiresAt, awaited });
        break;
      }
      case "subscription": {
        const { clientId, subscription } = record;
        yield text({ type: "putSubscription", clientId, subscription });
        break;
      }
      case "retained":
        yield text({ type: "putRetained", message: record.message });
        break;
      case "will":
        yield text({ type: "putWill", will: record.will });
        break;
      case "delayed": {
        const { message, publishAt } = record;
        yield text({ type: "putDelayed", message, publishAt });
        break;
      }
      case "order":
        highest = record.highest;
    }
  }
  for (const { clientId } of queues) {
    const { received, inflight } = await store.load(clientId, 0);
    for (const packetId of [...received].sort((a, b) => a - b)) {
      yield text({ type: "putReceived", clientId, packetId });
    }
    for (const [packetId, entry] of [...inflight].sort(([a], [b]) => a - b)) {
      yield text({ type: "putInflight", clientId, packetId, inflight: entry });
    }
  }
  let last: Message | undefined;
  for await (const { clientId, delivery } of queuedOf(store, queues)) {
    // What stands for the message before must be the same message, not only its order.
    const same = last !== undefined && isSame(delivery.message, last);
    const message = same ? delivery.message.order : delivery.message;
    yield text({ type: "putQueued", clientId, delivery: { ...delivery, message } });
    last = delivery.message;
  }
  yield text({ type: "order", highest });
  yield lineText({ type: "end", records });
}

/** All queued messages by order, and of one order by session. */
async function* queuedOf(
  store: Store,
  queues: readonly QueueOf[],
): AsyncGenerator<{ readonly clientId: ClientId; readonly delivery: Delivery }> {
  const total = queues.reduce((sum, { orders }) => sum + orders.length, 0);
  const orders = new Float64Array(total);
  const sizes = new Float64Array(total);
  const sessions = new Uint32Array(total);
  let filled = 0;
  for (let session = 0; session < queues.length; session++) {
    const queue = queues[session]!;
    for (let at = 0; at < queue.orders.length; at++) {
      orders[filled] = queue.orders[at]!;
      sizes[filled] = queue.sizes[at]!;
      sessions[filled++] = session;
    }
  }
  const rows = new Uint32Array(total).map((_, row) => row)
    .sort((a, b) => orders[a]! - orders[b]! || sessions[a]! - sessions[b]!);
  for (let from = 0; from < total;) {
    let bytes = 0;
    let to = from;
    /** Of each session its first order here, and how many it has. */
    const wanted = new Map<number, { readonly from: Order; most: number }>();
    while (to < total && to - from < MOST_AT_ONCE && (to === from || bytes < MOST_BYTES)) {
      const row = rows[to++]!;
      bytes += sizes[row]!;
      const of = wanted.get(sessions[row]!);
      if (of === undefined) wanted.set(sessions[row]!, { from: orders[row]!, most: 1 });
      else of.most += 1;
    }
    const read = new Map<number, Delivery[]>();
    for (const [session, { from, most }] of wanted) {
      read.set(session, [...await store.read(queues[session]!.clientId, from, most)].reverse());
    }
    for (; from < to; from++) {
      const session = sessions[rows[from]!]!;
      const delivery = read.get(session)!.pop();
      const { clientId } = queues[session]!;
      if (delivery === undefined || delivery.message.order !== orders[rows[from]!]) {
        throw new Error(`the queue of ${JSON.stringify(clientId)} is not what the index says`);
      }
      yield { clientId, delivery };
    }
  }
}

/** Whether two messages are the same one, which several sessions queue. */
function isSame(a: Message, b: Message): boolean {
  if (a === b) return true;
  if (a.order !== b.order || a.topic !== b.topic || a.payload.length !== b.payload.length) {
    return false;
  }
  const alike = a.qos === b.qos && a.retain === b.retain && a.expiresAt === b.expiresAt &&
    a.publisher === b.publisher && a.payload.every((byte, at) => byte === b.payload[at]);
  return alike && JSON.stringify(a.properties, asList) === JSON.stringify(b.properties, asList);
}

function asList(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value;
}
