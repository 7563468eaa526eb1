/**
 * One link from its first byte to its last: bytes to frames to packets to events. One read is one turn.
 */

import { acknowledgementRun, mayBeginRun } from "../packet/acknowledgement_run.ts";
import { decode } from "../packet/decode.ts";
import { PacketType } from "../packet/fixed_header.ts";
import { FrameSplitter } from "../packet/frame_splitter.ts";
import { MalformedPacket } from "../packet/malformed_packet.ts";
import { numberedRun } from "../packet/numbered_run.ts";
import type { ProtocolVersion } from "../packet/packet.ts";
import { publishRun } from "../packet/publish_run.ts";
import { Reason } from "../packet/reason_code.ts";
import { RETAINED, retainedRun } from "../packet/retained_run.ts";
import type { ConnectionId, Peer } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import type { OutboxLimits } from "../transport/outbox.ts";
import { giveBuffer, isHeld, takeBuffer } from "../transport/buffer_pool.ts";
import { Outbox } from "../transport/outbox.ts";
import type { Link } from "../transport/transport.ts";
import { Refused } from "../transport/transport.ts";
import type { FairTurns } from "./fair_turns.ts";
import { MUCH } from "./fair_turns.ts";
import type { Runtime, Wire } from "./runtime.ts";

/** Bytes of the first read buffer: an idle connection, which sends PINGREQ, needs no more. */
const FIRST_READ = 256;
/**
 * Times `readBuffer`: what is read at once of large packets. 50 publishers of 64 KiB messages: three of them in one read
 * and one write are 1.25 times as many for a second of processor as one by one; twice as much at once gains no more.
 */
const LARGEST_READ = 4;
/** Bytes before a payload, as a rule: one as large as what is read at once is to come whole, too. */
const HEADERS = 1 << 10;
/** Bytes of a large packet, which is most of what a link costs. */
const LARGE = 1 << 14;
/** Bytes of a PINGREQ or two acknowledgements: after that nothing large is expected. */
const LITTLE = 8;

/** Where packets are completed that more than one read brings: it is used again like what is read into. */
const POOL = { take: takeBuffer, give: giveBuffer };

/** What serving a link needs besides the link. */
export interface Serving {
  readonly runtime: Runtime;
  readonly limits: Limits;
  readonly outboxLimits: OutboxLimits;
  readonly entropy: () => Uint8Array;
  /** Has those who read much give way to others; absent, they read on as long as there is something. */
  readonly turns?: FairTurns;
}

/** Serves the link until either side ends it. Rejects for a defect of ours only, with the link closed. */
export async function serveLink(
  serving: Serving,
  link: Link,
  id: ConnectionId,
  peer: Peer,
): Promise<void> {
  const { runtime, limits, turns } = serving;
  const splitter = new FrameSplitter(limits.maximumPacketSize, POOL);
  const wire = openWire(serving, link, id, peer, splitter);
  let buffer = takeBuffer(FIRST_READ);
  // More is there most likely: it asks for its turn before it reads, and what it reads then is dealt with at once.
  let ahead = false;
  try {
    for (;;) {
      let count: number | null;
      if (ahead) {
        const { length } = buffer;
        const turn = turns!.again(length);
        if (turn !== undefined) {
          giveBuffer(buffer); // to whoever is next, as long as the processor has it at hand
          await turn;
          if (wire.gone) return;
          buffer = takeBuffer(length);
        }
      }
      const asked = turns?.number;
      const room = roomIn(buffer, splitter);
      try { // here and not in a function: one frame that waits less is 0.5 KB less for each idle connection
        count = await link.read(room);
      } catch (error) {
        // The other side has reset the link, we have closed it, or the transport has found what it refuses.
        if (error instanceof Refused) refuse(runtime, id, error.reason);
        return; // a read may be under way still: the buffer is not given back
      }
      if (count === null) return giveBuffer(buffer);
      runtime.measures.traffic.received.bytes += count;
      if (turns !== undefined) {
        const atOnce = turns.number === asked;
        const turn = ahead && atOnce ? undefined : turns.spent(count);
        if (turn !== undefined) await turn;
        ahead = atOnce && count >= MUCH;
      }
      splitter.push(buffer, count);
      for (;;) {
        const isMqtt = feedFrames(runtime, splitter, id, wire) &&
          (wire.version !== undefined || mayBeConnect(runtime, splitter, id, wire));
        const stopped = wire.paused; // before the last frame, though the end of the turn may end the pause
        if (stopped) runtime.letPass();
        runtime.endTurnSoon(count);
        if (!isMqtt || wire.gone) return giveBuffer(buffer);
        if (wire.paused) await new Promise<void>((resolve) => wire.onResume = resolve);
        else if (!stopped) break;
      }
      buffer = nextBuffer(buffer, count === room.length, count, limits.readBuffer, splitter);
    }
  } finally {
    runtime.detach(id);
    runtime.feed({ type: "closed", connection: id, reason: "linkLost" });
    runtime.endTurn();
    wire.outbox.end();
    // It holds a file descriptor as long as it is written to.
    if (!wire.outbox.closed) await wire.outbox.whenClosed();
    runtime.ended(wire.outbox);
  }
}

/** Bytes that are not even what the transport is made of. */
function refuse(runtime: Runtime, id: ConnectionId, detail: string): void {
  const reason = Reason.malformedPacket;
  runtime.feed({ type: "malformed", connection: id, reason, detail, version: undefined });
}

/** Makes the link known to runtime and broker. */
function openWire(
  { runtime, outboxLimits, entropy }: Serving,
  link: Link,
  id: number,
  peer: Peer,
  splitter: FrameSplitter,
): Wire {
  const outbox = new Outbox(link, outboxLimits, (state) => {
    if (state === "failed") {
      runtime.detach(id);
      runtime.feed({ type: "closed", connection: id, reason: "linkLost" });
    } else {
      runtime.feed({ type: state, connection: id });
    }
    runtime.endTurn();
  }, runtime.wrote);
  const wire: Wire = {
    outbox,
    splitter,
    version: undefined,
    paused: false,
    singly: false,
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
): boolean {
  const { received } = runtime.measures.traffic;
  try {
    while (!wire.paused) {
      if (!splitter.advance()) return true;
      const { bytes, from, to } = splitter;
      const answers = mayBeginRun(bytes[from]!)
        ? acknowledgementRun(bytes, from, splitter.end)
        : undefined;
      if (answers !== undefined) {
        const { length } = answers.packetIds;
        splitter.passOver(from + length * 4);
        received.packets[bytes[from]!]! += length;
        runtime.feed({ type: "acknowledged", connection: id, run: answers });
        continue;
      }
      const version = wire.version ?? 4;
      const retained = bytes[from] === RETAINED && !wire.singly
        ? runAt(retainedRun, splitter, version)
        : undefined;
      if (retained !== undefined) {
        received.packets[RETAINED]! += retained.count;
        received.payload[0]! += retained.payload;
        runtime.feed({ type: "retained", connection: id, run: retained });
        continue;
      }
      const packet = decode(bytes, version, from, to);
      if (packet.type === "publish") {
        const run = packet.qos === 0 && !wire.singly
          ? runAt(publishRun, splitter, version)
          : undefined;
        if (run !== undefined) {
          received.packets[bytes[from]!]! += run.count;
          received.payload[0]! += run.payload;
          runtime.feed({ type: "run", connection: id, first: packet, run });
          continue;
        }
        const numbered = packet.qos > 0 && !wire.singly
          ? runAt(numberedRun, splitter, version)
          : undefined;
        if (numbered !== undefined) {
          received.packets[bytes[from]!]! += numbered.packetIds.length;
          received.payload[packet.qos]! += numbered.payload;
          runtime.feed({ type: "numbered", connection: id, first: packet, run: numbered });
          continue;
        }
        received.payload[packet.qos]! += packet.payload.length;
      } else if (packet.type === "connect") wire.version ??= packet.protocolVersion;
      received.packets[bytes[from]!]! += 1;
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

/** What `find` takes for a run that the packet begins which the splitter has come to, passed over. */
function runAt<Run extends { readonly bytes: Uint8Array }>(
  find: (
    bytes: Uint8Array,
    from: number,
    to: number,
    end: number,
    version: ProtocolVersion,
    most: number,
  ) => Run | undefined,
  splitter: FrameSplitter,
  version: ProtocolVersion,
): Run | undefined {
  const { bytes, from, to, end, maximumPacketSize } = splitter;
  const run = find(bytes, from, to, end, version, maximumPacketSize);
  if (run !== undefined) splitter.passOver(from + run.bytes.length);
  return run;
}

/**
 * Whether what is there of the first packet may become a CONNECT: whoever speaks something else, and announces
 * much of it, is not listened to any longer [MQTT-3.1.0-1].
 */
function mayBeConnect(
  runtime: Runtime,
  splitter: FrameSplitter,
  id: ConnectionId,
  wire: Wire,
): boolean {
  const { firstByte } = splitter;
  if (firstByte === undefined || firstByte === CONNECT || wire.gone) return true;
  const found = `0x${firstByte.toString(16).padStart(2, "0")}`;
  const detail = `it begins with the byte ${found}, a CONNECT with 0x10`;
  const reason = Reason.protocolError;
  runtime.feed({ type: "malformed", connection: id, reason, detail, version: undefined });
  return false;
}

/** The first byte of a CONNECT: its packet type, and flags that are all 0. */
const CONNECT = PacketType.connect << 4;

/** What is to be read next into the buffer: of large packets whole ones. */
function roomIn(buffer: Uint8Array<ArrayBuffer>, splitter: FrameSplitter): Uint8Array<ArrayBuffer> {
  const size = splitter.readSize(buffer.length);
  return size === buffer.length ? buffer : buffer.subarray(0, size);
}

/** Larger when it was filled, small again when little comes; another one while what was read is being written. */
function nextBuffer(
  buffer: Uint8Array<ArrayBuffer>,
  filled: boolean,
  count: number,
  maximum: number,
  splitter: FrameSplitter,
): Uint8Array<ArrayBuffer> {
  let size = buffer.length;
  const packet = splitter.to - splitter.from;
  const most = LARGEST_READ * maximum;
  if (packet >= LARGE && packet <= most + HEADERS) size = Math.max(packet, filled ? most : maximum);
  else if (filled && count < maximum) size = Math.min(maximum, count * 4);
  else if (size > FIRST_READ && count <= LITTLE) size = FIRST_READ;
  return size === buffer.length && !isHeld(buffer) ? buffer : another(buffer, size);
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
