/**
 * Shared subscriptions with members on several nodes of a cluster: which node gets a message. Each node has its
 * own part of the queue, and what waits in a part goes to where members are connected.
 * MQTT 5.0 section 4.8.2; section 8 of the architecture.
 */

import type { NodeId } from "../policy/identity.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
import * as fifo from "../session/fifo.ts";
import type { Message } from "../session/message.ts";
import { shiftHead } from "../session/queue.ts";
import { isStored } from "../session/session.ts";
import type { FannedOut } from "./fanned_out.ts";
import { kept, pushed } from "./fanned_out.ts";
import type { Group, Member, Tables } from "./tables.ts";
import { observeDrop, replaceSession, sendable } from "./tables.ts";

/** Which other node is to have the next message; undefined: this one. */
export function nodeFor({ cluster }: Tables, group: Group): NodeId | undefined {
  let here = 0;
  for (const member of group.members) if (sendable(member.client)) here += 1;
  if (here > 0 && cluster!.localFirst) return undefined;
  let all = here;
  for (const count of group.elsewhere.values()) all += count;
  group.turn = (group.turn + 1) % all;
  let at = group.turn - here;
  if (at < 0) return undefined;
  for (const [node, count] of group.elsewhere) {
    at -= count;
    if (at < 0) return node;
  }
  return undefined;
}

/** Gives it a message; which of its members gets that is its business. */
export function shareWith(
  tables: Tables,
  group: Group,
  node: NodeId,
  message: Message,
  result: FannedOut,
): void {
  const full = group.key.slice(1);
  if (message.qos === 0) {
    tables.out.push({ type: "cast", nodes: [node], message, group: full });
    return;
  }
  const write = { type: "share", node, group: full, message: kept(result, message) } as const;
  result.writes = pushed<AnyWrite>(result.writes, write);
}

/** What waits here for want of a member goes to where some are connected; the rest of it is read, and follows. */
export function moveOn(tables: Tables, group: Group, writes: AnyWrite[]): void {
  const { clientId } = group.session;
  for (;;) {
    const { queue } = group.session;
    const first = fifo.peek(queue.head);
    if (first === undefined) return;
    replaceSession(tables, group, { ...group.session, queue: shiftHead(queue) });
    const { message } = first;
    if (isStored(group.session)) {
      writes.push({ type: "deleteQueued", clientId, order: message.order });
    }
    if (message.expiresAt <= tables.now) {
      observeDrop(tables, group.key, message.topic, "expired");
      continue;
    }
    const node = nodeFor(tables, group)!;
    writes.push({ type: "share", node, group: group.key.slice(1), message });
  }
}

/** Whether the member is connected here, congested or not. */
export function isConnected({ client }: Member): boolean {
  return client.live !== undefined;
}
