/**
 * The client's end of one Network Connection in a row: it sends packets or raw bytes, acknowledges
 * nothing by itself, and expects. What acts (`sends`, `drops` …) is awaited and comes back when the broker
 * has nothing more to do at this time; what expects (`gets`, `isClosed` …) is not.
 */

import assert from "node:assert/strict";
import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import type { Packet, ProtocolVersion } from "../../src/packet/packet.ts";
import { MemoryLink } from "../broker/caller.ts";
import type { Wanted } from "../broker/packets.ts";
import { disconnectPacket, publishPacket, subscribePacket } from "../broker/packets.ts";
import { hex } from "../packet/bytes_of.ts";
import type { Expected, PacketOf, PacketType } from "./expected.ts";
import { difference } from "./expected.ts";
import { hexOf, show } from "./transcript.ts";
import type { Transcript } from "./transcript.ts";

/** What a peer needs of the bench that it is at. */
export interface Surroundings {
  readonly transcript: Transcript;
  /** Does something and waits until the broker is idle; nothing may be expected meanwhile. */
  act(what: () => void): Promise<void>;
  /** Counts an expectation; throws where something is under way that was not awaited. */
  expecting(): void;
}

export class Peer {
  readonly name: string;
  /** What packets are written and read as; a row may open a link in one version and speak another. */
  version: ProtocolVersion;
  readonly link: MemoryLink;
  readonly #bench: Surroundings;
  readonly #splitter = new FrameSplitter(268_435_460);
  /** All that came; those before `#taken` were taken. */
  readonly #frames: Uint8Array[] = [];
  #taken = 0;
  #left = false;
  #lastPacketId = 0;

  constructor(bench: Surroundings, name: string, version: ProtocolVersion, address: string) {
    this.#bench = bench;
    this.name = name;
    this.version = version;
    this.link = new MemoryLink(address, (bytes) => this.#hear(bytes));
  }

  // ---- what acts: await these

  /** Sends packets, bytes, or hexadecimal text, one behind the other: the broker reads each by itself. */
  sends(...what: readonly (Packet | Uint8Array | string)[]): Promise<void> {
    const pieces = what.map((each) => this.#bytesOf(each));
    return this.#bench.act(() => {
      for (const bytes of pieces) {
        this.#bench.transcript.bytes(this.name, "->", bytes, this.version);
        this.link.push(bytes);
      }
    });
  }

  /** The same in one piece: the broker has all of it in one read, or in as many as its buffer takes. */
  sendsAtOnce(...what: readonly (Packet | Uint8Array | string)[]): Promise<void> {
    const pieces = what.map((each) => this.#bytesOf(each));
    return this.#bench.act(() => {
      const whole: number[] = [];
      for (const bytes of pieces) {
        this.#bench.transcript.bytes(this.name, "->", bytes, this.version);
        for (const byte of bytes) whole.push(byte);
      }
      this.link.push(Uint8Array.from(whole));
    });
  }

  /** Sends a SUBSCRIBE and takes its SUBACK, which must grant everything; this counts for no expectation. */
  async subscribes(...wanted: readonly (Wanted | string)[]): Promise<void> {
    const packetId = ++this.#lastPacketId + 60_000;
    const filters = wanted.map((each): Wanted => typeof each === "string" ? [each, 0] : each);
    await this.sends(subscribePacket(packetId, ...filters));
    const suback = this.#next("suback");
    assert.ok(suback.type === "suback" && suback.packetId === packetId, show(suback));
    assert.ok(suback.reasonCodes.every((code) => code < 0x80), `not granted: ${show(suback)}`);
  }

  /** Sends a PUBLISH; with QoS 1 where a Packet Identifier is given and no QoS. */
  publishes(...what: Parameters<typeof publishPacket>): Promise<void> {
    return this.sends(publishPacket(...what));
  }

  /** Cuts the link without DISCONNECT. */
  drops(): Promise<void> {
    this.#left = true;
    this.#bench.transcript.note(`${this.name} cuts the link`);
    return this.#bench.act(() => this.link.end());
  }

  /** Sends DISCONNECT (normal) and ends the link. */
  async closes(): Promise<void> {
    await this.sends(disconnectPacket());
    await this.drops();
  }

  /** From now on takes nothing that is sent to it, so the broker's writes wait; or goes on. */
  stalls(stalled: boolean): Promise<void> {
    this.#bench.transcript.note(`${this.name} ${stalled ? "stops" : "goes on"} reading`);
    return this.#bench.act(() => this.link.stall(stalled));
  }

  // ---- what expects: each counts

  /** The next packet must be as given: a packet's given fields, or exactly these bytes. */
  gets<Type extends PacketType>(expected: Expected<Type>): PacketOf<Type>;
  gets(expected: Uint8Array | string): Packet;
  gets(expected: Expected<PacketType> | Uint8Array | string): Packet {
    this.#bench.expecting();
    if (typeof expected === "string" || expected instanceof Uint8Array) {
      const wanted = typeof expected === "string" ? hex(expected) : expected;
      const frame = this.#frames[this.#taken];
      const packet = this.#next(hexOf(wanted));
      const same = difference(frame, wanted, "byte") === undefined;
      assert.ok(same, `${this.name} gets other bytes: ${hexOf(frame!)}, not ${hexOf(wanted)}`);
      return packet;
    }
    const packet = this.#next(expected.type);
    const differs = difference(packet, expected);
    assert.ok(differs === undefined, `${this.name} gets ${show(packet)}: ${differs}`);
    return packet;
  }

  /** The next packets must be these, in whatever order. */
  getsInAnyOrder(...expected: readonly Expected<PacketType>[]): readonly Packet[] {
    this.#bench.expecting();
    const open = [...expected];
    return expected.map(() => {
      const packet = this.#next(open.map(({ type }) => type).join(" or "));
      const at = open.findIndex((each) => difference(packet, each) === undefined);
      assert.ok(at >= 0, `${this.name} gets ${show(packet)}, which is none of those expected`);
      open.splice(at, 1);
      return packet;
    });
  }

  /** No packet has come that was not taken yet, and the connection is still there. */
  getsNothing(): void {
    this.#bench.expecting();
    assert.ok(!this.#left, `${this.name} has ended the link itself, so this shows nothing`);
    this.#noneIsLeft();
    assert.ok(!this.link.closed, `the broker has closed the connection of ${this.name}`);
  }

  /** The broker has closed the Network Connection, and every packet before that was taken. */
  isClosed(): void {
    this.#bench.expecting();
    assert.ok(!this.#left, `${this.name} has ended the link itself, so this shows nothing`);
    this.#noneIsLeft();
    assert.ok(this.link.closed, `the broker has not closed the connection of ${this.name}`);
  }

  /** The broker has not closed the Network Connection. */
  isOpen(): void {
    this.#bench.expecting();
    assert.ok(!this.#left, `${this.name} has ended the link itself, so this shows nothing`);
    assert.ok(!this.link.closed, `the broker has closed the connection of ${this.name}`);
  }

  // ---- what only looks: expectations about it go through `at.expects`

  /** Takes all packets that have come. */
  takes(): readonly Packet[] {
    const packets: Packet[] = [];
    while (this.waiting > 0) packets.push(this.#next("anything"));
    return packets;
  }

  /** Takes the next packet; undefined where none has come. */
  takesNext(): Packet | undefined {
    return this.waiting === 0 ? undefined : this.#next("anything");
  }

  /** Takes the bytes of the next packet; undefined where none has come. */
  takesBytes(): Uint8Array | undefined {
    return this.waiting === 0 ? undefined : this.#frames[this.#taken++];
  }

  /** Packets that have come and were not taken. */
  get waiting(): number {
    return this.#frames.length - this.#taken;
  }

  #next(wanted: string): Packet {
    const frame = this.takesBytes();
    if (frame === undefined) {
      const why = this.link.closed ? "the broker has closed the connection" : "no packet has come";
      return assert.fail(`${this.name} waits in vain for ${wanted}: ${why}`);
    }
    return decode(frame, this.version);
  }

  #noneIsLeft(): void {
    const frame = this.#frames[this.#taken];
    if (frame !== undefined) assert.fail(`${this.name} gets a packet too many: ${hexOf(frame)}`);
  }

  #bytesOf(what: Packet | Uint8Array | string): Uint8Array {
    if (typeof what === "string") return hex(what);
    return what instanceof Uint8Array ? what : encode(what, this.version);
  }

  #hear(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
    for (;;) {
      const frame = this.#splitter.next()?.slice();
      if (frame === undefined) return;
      this.#frames.push(frame);
      this.#bench.transcript.bytes(this.name, "<-", frame, this.version);
    }
  }
}
