/** Packets of a client in pieces of hexadecimal, for both versions: what no encoder would write. */

import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Version } from "./cases.ts";

/** Properties in 5.0, and nothing in 3.1.1. */
export function props(version: Version, ...properties: string[]): string {
  return version === 5 ? p(...properties) : "";
}

/** What is not given is as in a plain CONNECT with Clean Start 1. */
export interface ConnectPieces {
  readonly name?: string;
  readonly level?: string;
  readonly flags?: string;
  readonly properties?: string;
  readonly payload?: string;
}

/** A CONNECT. */
export function connect(version: Version, pieces: ConnectPieces = {}): Uint8Array {
  return frame(
    0x10,
    pieces.name ?? s("MQTT"),
    pieces.level ?? `0${version}`,
    pieces.flags ?? "02",
    "0000",
    pieces.properties ?? props(version),
    pieces.payload ?? s("first"),
  );
}

/** A CONNECT with a Will. */
export function withWill(
  version: Version,
  { flags = "06", properties = props(version), topic = s("will") }: {
    readonly flags?: string;
    readonly properties?: string;
    readonly topic?: string;
  } = {},
): Uint8Array {
  return connect(version, { flags, payload: s("first") + properties + topic + s("gone") });
}

/** A PUBLISH with the topic of these bytes, its length included; QoS 0. */
export function publish(version: Version, topic: string, ...properties: string[]): Uint8Array {
  return frame(0x30, topic, props(version, ...properties), "78");
}

/** A SUBSCRIBE of packet id 1 with these filters and options. */
export function subscribe(version: Version, ...filters: string[]): Uint8Array {
  return frame(0x82, "0001", props(version), ...filters);
}

/** An UNSUBSCRIBE of packet id 1 with these filters. */
export function unsubscribe(version: Version, ...filters: string[]): Uint8Array {
  return frame(0xa2, "0001", props(version), ...filters);
}

/** Content in hexadecimal behind its two bytes of length: a string of whatever bytes. */
export function sized(content: string): string {
  const length = content.replaceAll(/\s/g, "").length / 2;
  return length.toString(16).padStart(4, "0") + content;
}

/** A packet of a client that is right as it is. */
export interface Good {
  readonly name: string;
  /** The first byte. */
  readonly first: number;
  /** What follows the Remaining Length. */
  readonly body: string;
  /** Bytes of the body after which it may end as well; a PUBLISH may end in its payload. */
  readonly endsAt: readonly number[];
  /** Bytes after which its end is a Protocol Error in 5.0, and not malformed. */
  readonly empties?: readonly number[];
}

/** One packet of each kind that a client may send once it is let in, but for DISCONNECT and AUTH. */
export function goodPackets(version: Version): readonly Good[] {
  const none = props(version);
  const acknowledgement = version === 5 ? "0009 00 00" : "0009";
  const short = version === 5 ? [2, 3] : [];
  const head = version === 5 ? 3 : 2;
  return [
    {
      name: "PUBLISH QoS 0",
      first: 0x30,
      body: s("t") + none + "7878",
      endsAt: [head + 1, head + 2],
    },
    {
      name: "PUBLISH QoS 1",
      first: 0x32,
      body: s("t") + "0001" + none + "78",
      endsAt: [head + 3],
    },
    {
      name: "PUBLISH QoS 2",
      first: 0x34,
      body: s("t") + "0001" + none + "78",
      endsAt: [head + 3],
    },
    { name: "PUBACK", first: 0x40, body: acknowledgement, endsAt: short },
    { name: "PUBREC", first: 0x50, body: acknowledgement, endsAt: short },
    { name: "PUBREL", first: 0x62, body: acknowledgement, endsAt: short },
    { name: "PUBCOMP", first: 0x70, body: acknowledgement, endsAt: short },
    {
      name: "SUBSCRIBE",
      first: 0x82,
      body: "0001" + none + s("a") + "00" + s("b") + "01",
      endsAt: [head + 4],
      empties: [head],
    },
    {
      name: "UNSUBSCRIBE",
      first: 0xa2,
      body: "0001" + none + s("a") + s("b"),
      endsAt: [head + 3],
      empties: [head],
    },
    { name: "PINGREQ", first: 0xc0, body: "", endsAt: [] },
  ];
}
