/**
 * Acknowledgements of one kind in a row, folded into the session at once. MQTT 5.0 sections 3.4 to 3.7.
 *
 * It knows what nearly all of them are: each ends, or carries on, what is inflight and was sent on this connection.
 * Whatever else there is among them, they are taken one by one by `onPuback` and its like, of which this is the sum.
 */

import type { AcknowledgementRun } from "../packet/acknowledgement_run.ts";
import type { Demand } from "./effect.ts";
import * as ids from "./packet_id_map.ts";
import type { Inflight, Session } from "./session.ts";
import { isStored, sizeUnder } from "./session.ts";
import type { Given, Step } from "./step.ts";
import { durably, NOTHING, step, written } from "./step.ts";
import type { Write } from "./write.ts";

/** The step of all of them together; undefined where one wants a look of its own. */
export function onAcknowledgements(
  session: Session,
  run: AcknowledgementRun,
  given: Given,
): Step<Session, Demand> | undefined {
  switch (run.type) {
    case "puback":
    case "pubcomp":
      return settleAll(session, run, run.type);
    case "pubrec":
      return releaseAll(session, run, given);
    case "pubrel":
      return completeAll(session, run, given);
  }
}

/** PUBACK and PUBCOMP: the Packet Identifiers are free, and the send quota has them back. */
function settleAll(
  session: Session,
  run: AcknowledgementRun,
  awaiting: Inflight["awaiting"],
): Step<Session, Demand> | undefined {
  const size = sizeAwaiting(session, run, awaiting);
  const inflight = size < 0 ? undefined : ids.removeAll(session.inflight, run.packetIds, run.inRow);
  if (inflight === undefined) return undefined;
  const { packetIds, inRow } = run;
  const { clientId } = session;
  const next: Session = {
    ...session,
    inflight,
    sendQuota: session.sendQuota + packetIds.length,
    sentBytes: session.sentBytes - size,
  };
  return written(
    next,
    clientId,
    isStored(session) ? [{ type: "deleteInflightAll", clientId, packetIds, inRow }] : NOTHING,
  );
}

/** PUBREC: the messages are let go and PUBREL is owed, in the order in which they came [MQTT-4.6.0-4]. */
function releaseAll(
  session: Session,
  run: AcknowledgementRun,
  { connection, now }: Given,
): Step<Session, Demand> | undefined {
  const size = sizeAwaiting(session, run, "pubrec");
  const others = size < 0 ? undefined : ids.removeAll(session.inflight, run.packetIds, run.inRow);
  if (others === undefined) return undefined;
  const { packetIds } = run;
  const { clientId, nextSequence } = session;
  const released = new Array<Inflight>(packetIds.length);
  const writes: Write[] = [];
  for (let i = 0; i < packetIds.length; i++) {
    const inflight = {
      awaiting: "pubcomp",
      delivery: undefined,
      sequence: nextSequence + i,
      sentAt: now,
    } as const;
    released[i] = inflight;
    if (isStored(session)) {
      writes.push({ type: "putInflight", clientId, packetId: packetIds[i]!, inflight });
    }
  }
  const next: Session = {
    ...session,
    inflight: ids.setAll(others, packetIds, released),
    nextSequence: nextSequence + packetIds.length,
    sentBytes: session.sentBytes - size,
  };
  const answer = { type: "acknowledge", to: connection, packet: "pubrel", packetIds } as const;
  return step(next, durably(clientId, writes, answer));
}

/** PUBREL: the Packet Identifiers are let go, answered with PUBCOMP [MQTT-4.3.3-11]. */
function completeAll(
  session: Session,
  run: AcknowledgementRun,
  { connection }: Given,
): Step<Session, Demand> | undefined {
  const received = ids.removeAll(session.received, run.packetIds, run.inRow);
  if (received === undefined) return undefined;
  const { packetIds } = run;
  const { clientId } = session;
  const writes: Write[] = [];
  if (isStored(session)) {
    for (let i = 0; i < packetIds.length; i++) {
      writes.push({ type: "deleteReceived", clientId, packetId: packetIds[i]! });
    }
  }
  const answer = { type: "acknowledge", to: connection, packet: "pubcomp", packetIds } as const;
  return step(
    { ...session, received },
    durably(clientId, writes.length === 0 ? NOTHING : writes, answer),
  );
}

/** Bytes of the messages, each of which awaits that packet on this connection; -1 where one does not. */
function sizeAwaiting(
  { inflight, resending }: Session,
  { packetIds, inRow }: AcknowledgementRun,
  awaiting: Inflight["awaiting"],
): number {
  if (resending.length > 0) return -1;
  let size = 0;
  for (let i = 0; i < packetIds.length;) {
    const packetId = packetIds[i]!;
    const entry = ids.get(inflight, packetId);
    if (entry === undefined || entry.awaiting !== awaiting) return -1;
    // Of a run that was sent as one, what was answered before is not under it any more.
    const count = inRow && "run" in entry
      ? ids.spanOf(inflight, packetId, packetIds.length - i, entry)
      : 1;
    size += sizeUnder(packetId, entry, count);
    i += count;
  }
  return size;
}
