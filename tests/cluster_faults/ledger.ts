/**
 * What happened in a run with faults, as the clients saw it: all of them are in one process and share one
 * clock, so "before" and "after" mean something. The judge reads it; the clients write it.
 */

import type { QoS } from "../../src/packet/packet.ts";

/** One PUBLISH that left its publisher. */
export interface Send {
  readonly at: number;
  readonly connection: number;
  readonly packetId: number;
  readonly dup: boolean;
}

/** An Application Message that a client published, or asked for as its Will. */
export interface Publication {
  readonly id: number;
  readonly publisher: string;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly will: boolean;
  /** Milliseconds, as all instants here; Infinity: not yet. */
  firstSentAt: number;
  readonly sends: Send[];
  /** PUBACK or PUBREC came, and it was no refusal. */
  acknowledgedAt: number;
  refused: boolean;
}

/** A PUBLISH that came to a client and is no copy that QoS 2 tells apart. */
export interface Receipt {
  readonly publication: Publication;
  readonly at: number;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetId: number;
  readonly connection: number;
  /** Counts the sessions of its client. */
  readonly session: number;
}

export interface SubscriptionRecord {
  readonly client: string;
  /** As sent, `$share/…` included. */
  readonly full: string;
  /** What topics are matched against. */
  readonly filter: string;
  readonly shared: boolean;
  readonly qos: QoS;
  readonly session: number;
  /** The session ends with this connection; undefined: it is kept. */
  readonly connection: number | undefined;
  /** SUBACK came. */
  confirmedAt: number;
  /** UNSUBSCRIBE left, or the session was known to have ended. */
  endSentAt: number;
}

export type Ending =
  /** The client closed without a word. */
  | "dropped"
  /** The client heard nothing any more and gave up. */
  | "silent"
  /** The link ended, or the broker closed it. */
  | "lost"
  /** DISCONNECT 0x00 left. */
  | "disconnected"
  /** DISCONNECT 0x04 left. */
  | "disconnectedWithWill"
  /** The client opened another one while this was open. */
  | "takenOver";

/** A Network Connection, from its CONNECT on. */
export interface ConnectionRecord {
  readonly serial: number;
  readonly client: string;
  readonly node: number;
  /** Counts the processes of the node. */
  readonly run: number;
  readonly cleanStart: boolean;
  readonly dialledAt: number;
  connackAt: number;
  sessionPresent: boolean;
  endedAt: number;
  ending: Ending | undefined;
  /** Reason Code of the broker's DISCONNECT. */
  told: number | undefined;
  /** When the last packet of the broker came while the client listened to it. */
  heardAt: number;
  /** After the client's DISCONNECT the broker closed the link, or its process ended; Infinity: it did not. */
  closedAt: number;
  /** The CONNACK was a refusal. */
  refused: boolean;
}

/** The Will of one connection. */
export interface WillRecord {
  readonly publication: Publication;
  readonly connection: ConnectionRecord;
  /** Milliseconds. */
  readonly delay: number;
}

/** A life of a node. */
export interface NodeRun {
  readonly node: number;
  readonly run: number;
  readonly startedAt: number;
  endedAt: number;
  /** It found that the others had given it up: exit status 4, see `src/cluster/fenced.ts`. */
  fenced: boolean;
}

/** Something that was done to the system, or that it did, in words. */
export interface Happening {
  readonly at: number;
  readonly what: string;
}

export interface Violation {
  /** What finds it. */
  readonly kind: string;
  readonly text: string;
  readonly publication?: Publication | undefined;
  /** Another one that it has to do with. */
  readonly other?: Publication | undefined;
  readonly client?: string | undefined;
  readonly at?: number | undefined;
}

export class Ledger {
  readonly publications: Publication[] = [];
  readonly receipts = new Map<string, Receipt[]>();
  readonly subscriptions: SubscriptionRecord[] = [];
  readonly connections: ConnectionRecord[] = [];
  readonly wills: WillRecord[] = [];
  readonly nodeRuns: NodeRun[] = [];
  readonly happenings: Happening[] = [];
  /** What a client saw that the standard forbids. */
  readonly violations: Violation[] = [];
  /** Counts of what is worth telling and is no violation. */
  readonly counts = new Map<string, number>();

  constructor(readonly now: () => number) {}

  publication(
    what: Pick<Publication, "publisher" | "topic" | "qos" | "retain" | "will">,
  ): Publication {
    const publication: Publication = {
      ...what,
      id: this.publications.length,
      firstSentAt: Infinity,
      sends: [],
      acknowledgedAt: Infinity,
      refused: false,
    };
    this.publications.push(publication);
    return publication;
  }

  connection(client: string, node: number, run: number, cleanStart: boolean): ConnectionRecord {
    const connection: ConnectionRecord = {
      serial: this.connections.length,
      client,
      node,
      run,
      cleanStart,
      dialledAt: this.now(),
      connackAt: Infinity,
      sessionPresent: false,
      endedAt: Infinity,
      ending: undefined,
      told: undefined,
      heardAt: this.now(),
      closedAt: Infinity,
      refused: false,
    };
    this.connections.push(connection);
    return connection;
  }

  receiptsOf(client: string): Receipt[] {
    let list = this.receipts.get(client);
    if (list === undefined) this.receipts.set(client, list = []);
    return list;
  }

  happened(what: string): void {
    this.happenings.push({ at: this.now(), what });
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  violation(kind: string, text: string, client?: string, publication?: Publication): void {
    this.violations.push({ kind, text, client, publication, at: this.now() });
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Bytes of a payload: the number, then a pattern that only this one has. */
const SIZE = 64;

/** Its bytes. */
export function payloadOf({ id }: Publication): Uint8Array {
  const head = encoder.encode(`${id}:`);
  const payload = new Uint8Array(SIZE);
  payload.set(head);
  for (let i = head.length; i < SIZE; i++) payload[i] = (id * 31 + i * 7) & 0xff;
  return payload;
}

/** The publication that a payload belongs to; undefined where a byte of it is wrong. */
export function publicationOf(ledger: Ledger, payload: Uint8Array): Publication | undefined {
  const end = payload.indexOf(0x3a);
  if (end < 1) return undefined;
  const found = ledger.publications[Number(decoder.decode(payload.subarray(0, end)))];
  if (found === undefined || payload.length !== SIZE) return undefined;
  const expected = payloadOf(found);
  return expected.every((byte, at) => byte === payload[at]) ? found : undefined;
}
