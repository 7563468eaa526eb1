/**
 * `queues/inspect`: what waits for a client, in the order in which it will get it.
 *
 * Of a stored session the store is read, so what came this very moment may be missing.
 */

import * as z from "zod";
import * as fifo from "../../session/fifo.ts";
import type { Delivery } from "../../session/message.ts";
import { messageSize } from "../../session/message.ts";
import { queueLength } from "../../session/queue.ts";
import { isStored } from "../../session/session.ts";
import { clientId, command, isRefused, refuse } from "./command.ts";
import { findClient } from "./find_client.ts";
import { pageShape } from "./page.ts";
import { shownPayload } from "./payload.ts";
import { messageRow } from "./rows.ts";

export const queuesInspect = command({
  name: "queues/inspect",
  help: "lists the messages that wait for a client, the oldest first",
  changes: false,
  example: { clientId: "pump-7", limit: 10 },
  shape: {
    clientId,
    payloads: z.boolean().default(false).describe("With the payloads."),
    limit: pageShape.limit,
    after: z.int().min(0).optional().describe("`next` of the page before."),
  },
  run({ clientId, payloads, limit, after }, { view }) {
    const client = findClient(view, clientId);
    if (isRefused(client)) return client;
    const { here, session } = client;
    const wanted = Math.min(limit, view.broker.rules.limits.managementPage);
    const from = after === undefined ? 0 : after + 1;
    const pageOf = (all: readonly Delivery[]) => {
      const page = all.slice(0, wanted);
      const more = all.length > page.length;
      // Of a session that nobody has only the store knows: it has said all, or a part.
      const whole = after === undefined && !more ? all : undefined;
      return {
        data: {
          clientId,
          queued: here ? queueLength(session.queue) : whole?.length ?? null,
          bytes: here ? session.queue.bytes : whole === undefined ? null : sizeOf(whole),
          messages: page.map(({ message, qos, retain, group }) => ({
            order: message.order,
            ...messageRow(message),
            qos,
            retain,
            group: group ?? null,
            ...(payloads ? shownPayload(message.payload) : {}),
          })),
          next: more ? page.at(-1)!.message.order : null,
        },
      };
    };
    if (!isStored(session)) {
      const head = fifo.toArray(session.queue.head).filter(({ message }) => message.order >= from);
      return pageOf(head);
    }
    return {
      task: { type: "readQueue", clientId, from, most: wanted + 1 },
      then: (result) =>
        result.type === "queue"
          ? pageOf(result.queued)
          : refuse("failed", "the queue was not read"),
    };
  },
});

function sizeOf(all: readonly Delivery[]): number {
  return all.reduce((sum, { message }) => sum + messageSize(message), 0);
}
