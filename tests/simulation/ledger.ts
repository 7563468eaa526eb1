/**
 * What happened, as an onlooker who sees everything writes it down: publications, what became of them,
 * who received what, who subscribed when. The checkers read it; nobody else does.
 */

import type { QoS, SubscriptionOptions } from "../../src/packet/packet.ts";

/** What finds out that something is wrong. */
export type Checker =
  /** What an acknowledgement speaks of is on the disk when it comes. */
  | "durable"
  /** Acknowledged means delivered: QoS 1 and 2 at least once, to all that asked for it. */
  | "delivered"
  /** The same for a group. */
  | "shared"
  /** QoS 2 exactly once, the others no more often than sent. */
  | "once"
  | "order"
  /** Nobody gets what was not asked for, nor too soon. */
  | "asked"
  /** Refused means that it reaches nobody. */
  | "refused"
  /** QoS 0 flows while the disk is full. */
  | "flow"
  | "retained"
  | "wills"
  | "packetIds"
  | "receiveMaximum"
  | "packetSize"
  /** Nothing after DISCONNECT, or into a link that is closed. */
  | "afterClose"
  /** All else that a strict client does not take. */
  | "protocol"
  | "expiry"
  /** Memory is the fold of what was committed. */
  | "fold"
  | "totals"
  /** In the end nobody owes anything. */
  | "idle"
  /** When all have gone nothing is left. */
  | "left"
  /** Sessions have what rules of auto-subscribe and their clients make of them. */
  | "byHand"
  /** Nothing throws. */
  | "broken";

/** No checker. */
export const NONE: ReadonlySet<Checker> = new Set();

/** An Application Message that a client published, or asked for as its Will. */
export interface Publication {
  readonly id: number;
  readonly publisher: string;
  /** Where it is to arrive: without `$delayed/…`. */
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Empty payload: clears what is retained. */
  readonly clears: boolean;
  readonly will: boolean;
  /** Seconds; 0: at once. */
  readonly delay: number;
  /** Seconds; Infinity: never. */
  readonly expiry: number;
  /** Bytes of payload. */
  readonly size: number;
  firstSentAt: number;
  /** How often it left; a retransmission of QoS 2 counts as none. */
  sent: number;
  /** PUBACK or PUBREC came, and it was no refusal. */
  acknowledgedAt: number;
  /** PUBACK or PUBREC came, and it was a refusal. */
  refused: boolean;
  /** From here on the broker cannot come to process it any more. */
  settledAt: number;
}

/** A PUBLISH that came to a client, and was not a copy that QoS 2 tells apart. */
export interface Receipt {
  readonly publication: Publication;
  readonly at: number;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Counts the sessions of its client. */
  readonly session: number;
}

/** A subscription of a client, as far as the client knows. */
export interface SubscriptionRecord {
  /** With `$share/…`. */
  readonly full: string;
  /** What topics are matched against. */
  readonly filter: string;
  readonly shared: boolean;
  readonly options: SubscriptionOptions;
  readonly session: number;
  /** Of the client's requests: which SUBSCRIBE. */
  readonly serial: number;
  readonly sentAt: number;
  confirmedAt: number;
  /** UNSUBSCRIBE, or a SUBSCRIBE in its place, was sent. */
  endSentAt: number;
  /** That was acknowledged, or the session is known to have ended. */
  endConfirmedAt: number;
}

/** The Will of one Network Connection. */
export interface WillRecord {
  readonly publication: Publication;
  readonly clientId: string;
  readonly delay: number;
  /** The broker has let the connection in, as its facts say. */
  state: "offered" | "armed" | "waiting" | "fired" | "withheld";
  /** CONNACK came: it is durable. */
  confirmed: boolean;
  dueAt: number;
  changedAt: number;
  /** A crash came so soon after a change that both outcomes are right. */
  uncertain: boolean;
}

export class Ledger {
  readonly publications: Publication[] = [];
  readonly receipts = new Map<string, Receipt[]>();
  readonly subscriptions = new Map<string, SubscriptionRecord[]>();
  readonly made = new Map<string, SubscriptionRecord[]>();
  readonly wills: WillRecord[] = [];
  /** Messages dropped with a reason, by client id or group key. */
  readonly dropped = new Map<string, number>();
  /** Clients of which a session has ended, as the broker says. */
  readonly ended = new Set<string>();
  crashes = 0;
  faults = 0;
  /** Refusals for want of room. */
  refusals = 0;
  readonly violations: string[] = [];
  /** Checkers that have found something. */
  readonly found = new Set<Checker>();
  readonly #muted: ReadonlySet<Checker>;
  /** From when on the disk may have kept nothing of what the broker did before it went down, to when it was up. */
  readonly #downs: { readonly from: number; to: number }[] = [];
  readonly #sends = new Map<string, Publication[]>();

  /** @param muted checkers that are not listened to */
  constructor(muted: ReadonlySet<Checker> = NONE) {
    this.#muted = muted;
  }

  isMuted(checker: Checker): boolean {
    return this.#muted.has(checker);
  }

  violation(checker: Checker, text: string): void {
    if (this.#muted.has(checker)) return;
    this.found.add(checker);
    this.violations.push(`[${checker}] ${text}`);
  }

  /** The broker goes down, and forgets what it has done from that instant on; or it is up again. */
  down(from: number): void {
    this.#downs.push({ from, to: Infinity });
  }
  up(now: number): void {
    const last = this.#downs.at(-1);
    if (last !== undefined) last.to = Math.min(last.to, now);
  }

  /** When the broker came to what was due then, for good: where it was down or has forgotten it, as it started. */
  attendedAt(due: number): number {
    return this.#downs.reduce((at, { from, to }) => from <= at && at < to ? to : at, due);
  }

  publication(
    what: Pick<
      Publication,
      "publisher" | "topic" | "qos" | "retain" | "clears" | "will" | "delay" | "expiry" | "size"
    >,
  ): Publication {
    const publication: Publication = {
      ...what,
      id: this.publications.length,
      firstSentAt: Infinity,
      sent: 0,
      acknowledgedAt: Infinity,
      refused: false,
      settledAt: Infinity,
    };
    this.publications.push(publication);
    return publication;
  }

  /** A PUBLISH leaves its publisher, for the first time or again. */
  sending(publication: Publication): void {
    this.sendsLike(publication).push(publication);
  }

  /** Every PUBLISH of this publisher, topic and QoS in the order in which they left. */
  sendsLike({ publisher, topic, qos }: Publication): Publication[] {
    return entry(this.#sends, `${publisher} ${topic} ${qos}`);
  }

  /** How often it left, whatever its QoS. */
  timesSent(publication: Publication): number {
    return this.sendsLike(publication).filter((each) => each === publication).length;
  }

  receiptsOf(clientId: string): Receipt[] {
    return entry(this.receipts, clientId);
  }

  subscriptionsOf(clientId: string): SubscriptionRecord[] {
    return entry(this.subscriptions, clientId);
  }

  /** Of a client, what rules of auto-subscribe have made. */
  madeFor(clientId: string): SubscriptionRecord[] {
    return entry(this.made, clientId);
  }

  /** Of a client, whoever has made them. */
  allSubscriptionsOf(clientId: string): readonly SubscriptionRecord[] {
    const made = this.made.get(clientId);
    const own = this.subscriptionsOf(clientId);
    return made === undefined ? own : [...own, ...made];
  }

  drop(clientId: string, count: number): void {
    this.dropped.set(clientId, (this.dropped.get(clientId) ?? 0) + count);
  }
}

function entry<T>(map: Map<string, T[]>, key: string): T[] {
  let list = map.get(key);
  if (list === undefined) map.set(key, list = []);
  return list;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Its bytes: the id, then a pattern that only this id has. */
export function payloadOf({ id, size, clears }: Publication): Uint8Array {
  if (clears) return new Uint8Array(0);
  const head = encoder.encode(`${id}:`);
  const payload = new Uint8Array(Math.max(size, head.length));
  payload.set(head);
  for (let i = head.length; i < payload.length; i++) payload[i] = (id * 31 + i * 7) & 0xff;
  return payload;
}

/** The publication that a payload belongs to; undefined where a byte of it is wrong. */
export function publicationOf(ledger: Ledger, payload: Uint8Array): Publication | undefined {
  const end = payload.indexOf(0x3a);
  if (end < 1) return undefined;
  const found = ledger.publications[Number(decoder.decode(payload.subarray(0, end)))];
  if (found === undefined) return undefined;
  const expected = payloadOf(found);
  if (expected.length !== payload.length) return undefined;
  return expected.every((byte, at) => byte === payload[at]) ? found : undefined;
}
