/**
 * One link from its first byte to its last: bytes to frames to packets to events. One read is one turn.
 */

import { decode } from "../packet/decode.ts";
import { FrameSplitter } from "../packet/frame_splitter.ts";
import { MalformedPacket } from "../packet/malformed_packet.ts";
import { publishRun } from "../packet/publish_run.ts";
import { Reason } from "../packet/reason_code.ts";
import type { ConnectionId, Peer } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import type { OutboxLimits } from "../transport/outbox.ts";
import { giveBuffer, takeBuffer } from "../transport/buffer_pool.ts";
import { Outbox } from "../transport/outbox.ts";
import type { Link } from "../transport/transport.ts";
import { Refused } from "../transport/transport.ts";
import type { Runtime, Wire } from "./runtime.ts";

/** Bytes of the first read buffer: an idle connection, which sends PINGREQ, needs no more. */
const FIRST_READ = 256;

/** Where packets are completed that more than one read brings: it is used again like what is read into. */
const POOL = { take: takeBuffer, give: giveBuffer };

/** What serving a link needs besides the link. */
export interface Serving {
  readonly runtime: Runtime;
  readonly limits: Limits;
  readonly outboxLimits: OutboxLimits;
  readonly entropy: () => Uint8Array;
}

/** Serves the link until either side ends it. Rejects for a defect of ours only, with the link closed. */
export async function serveLink(
  serving: Serving,
  link: Link,
  id: ConnectionId,
  peer: Peer,
): Promise<void> {
  const { runtime, limits } = serving;
  const wire = openWire(serving, link, id, peer);
  const splitter = new FrameSplitter(limits.maximumPacketSize, POOL);
  let buffer = takeBuffer(FIRST_READ);
  try {
    for (;;) {
      const count = await read(link, buffer);
      if (count === undefined) return; // a read may be under way still: the buffer is not given back
      if (typeof count === "string") return refuse(runtime, id, count);
      if (count === null) return giveBuffer(buffer);
      splitter.push(buffer.subarray(0, count));
      for (;;) {
        const isMqtt = feedFrames(runtime, splitter, id, wire, limits.maximumPacketSize);
        runtime.endTurnSoon(count);
        if (!isMqtt || wire.gone) return giveBuffer(buffer);
        if (!wire.paused) break;
        await new Promise<void>((resolve) => wire.onResume = resolve);
      }
      buffer = nextBuffer(buffer, count, limits.readBuffer);
    }
  } finally {
    runtime.detach(id);
    runtime.feed({ type: "closed", connection: id, reason: "linkLost" });
    runtime.endTurn();
    wire.outbox.end();
    await wire.outbox.whenClosed(); // it holds a file descriptor as long as it is written to
  }
}

/**
 * Null at the end; undefined where the other side has reset the link or we have closed it; a text where
 * the transport has found something that it refuses.
 */
async function read(
  link: Link,
  into: Uint8Array<ArrayBuffer>,
): Promise<number | null | undefined | string> {
  try {
    return await link.read(into);
  } catch (error) {
    return error instanceof Refused ? error.reason : undefined;
  }
}

/** Bytes that are not even what the transport is made of. */
function refuse(runtime: Runtime, id: ConnectionId, detail: string): void {
  const reason = Reason.malformedPacket;
  runtime.feed({ type: "malformed", connection: id, reason, detail, version: undefined });
}

/** Makes the link known to runtime and broker. */
function openWire({ runtime, outboxLimits, entropy }: Serving, link: Link, id: number, peer: Peer) {
  const outbox = new Outbox(link, outboxLimits, (state) => {
    if (state === "failed") {
      runtime.detach(id);
      runtime.feed({ type: "closed", connection: id, reason: "linkLost" });
    } else {
      runtime.feed({ type: state, connection: id });
    }
    // A flush tells of congestion within the turn that it ends; all else comes by itself.
    if (state !== "congested") runtime.endTurn();
  });
  const wire: Wire = {
    outbox,
    version: undefined,
    paused: false,
    touched: false,
    gone: false,
    onResume: undefined,
  };
  runtime.attach(id, wire);
  runtime.feed({ type: "opened", connection: id, peer, entropy: entropy() });
  runtime.endTurn();
  return wire;
}

/** Feeds whole frames until there is none or reading is paused; false where the bytes are no MQTT. */
function feedFrames(
  runtime: Runtime,
  splitter: FrameSplitter,
  id: ConnectionId,
  wire: Wire,
  largest: number,
): boolean {
  try {
    while (!wire.paused) {
      if (!splitter.advance()) return true;
      const { bytes, from, to, end } = splitter;
      const version = wire.version ?? 4;
      const packet = decode(bytes, version, from, to);
      if (packet.type === "publish" && packet.qos === 0) {
        const run = publishRun(bytes, from, to, end, version, largest);
        if (run !== undefined) {
          splitter.passOver(from + run.bytes.length);
          runtime.feed({ type: "run", connection: id, first: packet, run });
          continue;
        }
      }
      if (packet.type === "connect") wire.version ??= packet.protocolVersion;
      runtime.feed({ type: "packet", connection: id, packet });
    }
    return true;
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error;
    if (error.version !== undefined) wire.version ??= error.version;
    runtime.feed({
      type: "malformed",
      connection: id,
      reason: error.reasonCode,
      detail: error.message,
      version: error.version,
    });
    return false;
  }
}

/** Larger when it was filled, small again when little comes. */
function nextBuffer(
  buffer: Uint8Array<ArrayBuffer>,
  count: number,
  maximum: number,
): Uint8Array<ArrayBuffer> {
  if (count === buffer.length && count < maximum) {
    return another(buffer, Math.min(maximum, count * 4));
  }
  if (buffer.length > FIRST_READ && count <= FIRST_READ / 4) return another(buffer, FIRST_READ);
  return buffer;
}

function another(buffer: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  giveBuffer(buffer);
  return takeBuffer(size);
}

/** The outbox's part of the limits. */
export function outboxLimitsOf(limits: Limits): OutboxLimits {
  return {
    congested: limits.outboxCongested,
    drained: limits.outboxDrained,
    maximum: limits.outboxMaximum,
    linger: limits.shutdownTimeout * 1000,
  };
}
