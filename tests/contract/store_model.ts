/**
 * A store as plainly as it can be said: the puts that are still in force, one for each record. Slow and
 * without any structure of its own; the oracle of the store contract.
 */

import type { ClientId } from "../../src/policy/identity.ts";
import type { Delivery, Order } from "../../src/session/message.ts";
import { messageSize } from "../../src/session/message.ts";
import type { IndexRecord, StoredSession, Write } from "../../src/session/write.ts";

type WriteOf<Type extends Write["type"]> = Write & { readonly type: Type };

export class StoreModel {
  #puts = new Map<string, Write>();
  #highest: Order = 0;

  copy(): StoreModel {
    const copy = new StoreModel();
    copy.#puts = new Map(this.#puts);
    copy.#highest = this.#highest;
    return copy;
  }

  commit(writes: readonly Write[]): void {
    for (const write of writes) this.#apply(write);
  }

  #apply(write: Write): void {
    this.#highest = Math.max(this.#highest, orderOf(write));
    const record = recordOf(write);
    const clientId = sessionOf(write);
    if (write.type === "deleteSession") {
      for (const [other, put] of this.#puts) {
        if (sessionOf(put) === write.clientId) this.#puts.delete(other);
      }
    } else if (write.type.startsWith("delete")) {
      this.#puts.delete(record);
    } else if (write.type === "putSession" || clientId === undefined || this.#has(clientId)) {
      this.#puts.set(record, write);
    }
  }

  #has(clientId: ClientId): boolean {
    return this.#puts.has(JSON.stringify(["Session", clientId]));
  }

  #all<Type extends Write["type"]>(type: Type): WriteOf<Type>[] {
    return [...this.#puts.values()].filter((put) => put.type === type) as WriteOf<Type>[];
  }

  load(clientId: ClientId, most: number): StoredSession {
    return {
      received: this.#all("putReceived").filter((put) => put.clientId === clientId)
        .map(({ packetId }) => packetId),
      inflight: this.#all("putInflight").filter((put) => put.clientId === clientId)
        .map(({ packetId, inflight }) => [packetId, inflight]),
      queued: this.read(clientId, -Infinity, most),
    };
  }

  read(clientId: ClientId, from: Order, most: number): readonly Delivery[] {
    return this.#all("putQueued").filter((put) => put.clientId === clientId)
      .map(({ delivery }) => delivery)
      .filter(({ message }) => message.order >= from)
      .sort((a, b) => a.message.order - b.message.order)
      .slice(0, most);
  }

  index(): readonly IndexRecord[] {
    return [
      ...this.#all("putSession").map((
        { clientId, owner, expiryInterval, expiresAt, awaited },
      ): IndexRecord => {
        const queue = this.read(clientId, -Infinity, Infinity);
        return {
          type: "session",
          clientId,
          owner,
          expiryInterval,
          expiresAt,
          ...(awaited ? { awaited } : {}),
          orders: queue.map(({ message }) => message.order),
          sizes: queue.map(({ message }) => messageSize(message)),
        };
      }),
      ...this.#all("putSubscription").map((
        { clientId, subscription },
      ): IndexRecord => ({ type: "subscription", clientId, subscription })),
      ...this.#all("putRetained").map((
        { message },
      ): IndexRecord => ({ type: "retained", message })),
      ...this.#all("putWill").map(({ will }): IndexRecord => ({ type: "will", will })),
      ...this.#all("putDelayed").map((
        { message, publishAt },
      ): IndexRecord => ({ type: "delayed", message, publishAt })),
      ...this.#all("putSetting").map((
        { name, value },
      ): IndexRecord => ({ type: "setting", name, value })),
      { type: "order", highest: this.#highest },
    ];
  }
}

/** The session that a record is a part of; a Will is of a client, and no part of its session. */
function sessionOf(write: Write): ClientId | undefined {
  return "clientId" in write && write.type !== "deleteWill" ? write.clientId : undefined;
}

/** Of the message that is put with it, or 0. */
function orderOf(write: Write): Order {
  switch (write.type) {
    case "putRetained":
    case "putDelayed":
      return write.message.order;
    case "putQueued":
      return write.delivery.message.order;
    case "putInflight":
      return write.inflight.delivery?.message.order ?? 0;
    default:
      return 0;
  }
}

/** The name of the record that is put or deleted. */
function recordOf(write: Write): string {
  const kind = write.type.replace(/^put|^delete/, "");
  switch (write.type) {
    case "putSession":
    case "deleteSession":
    case "deleteWill":
      return JSON.stringify([kind, write.clientId]);
    case "putWill":
      return JSON.stringify([kind, write.will.clientId]);
    case "putSubscription":
      return JSON.stringify([kind, write.clientId, write.subscription.full]);
    case "deleteSubscription":
      return JSON.stringify([kind, write.clientId, write.filter]);
    case "putReceived":
    case "deleteReceived":
    case "putInflight":
    case "deleteInflight":
      return JSON.stringify([kind, write.clientId, write.packetId]);
    case "putQueued":
      return JSON.stringify([kind, write.clientId, write.delivery.message.order]);
    case "deleteQueued":
      return JSON.stringify([kind, write.clientId, write.order]);
    case "putRetained":
      return JSON.stringify([kind, write.message.topic]);
    case "deleteRetained":
      return JSON.stringify([kind, write.topic]);
    case "putDelayed":
      return JSON.stringify([kind, write.message.order]);
    case "deleteDelayed":
      return JSON.stringify([kind, write.order]);
    case "putSetting":
    case "deleteSetting":
      return JSON.stringify([kind, write.name]);
  }
}
