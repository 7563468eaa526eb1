/** The history of a message or a client around an instant, for whoever has to find out why. Pure. */

import type { ConnectionRecord, Ledger, Publication, Violation } from "./ledger.ts";

/** Milliseconds around what happened to a message. */
const AROUND = 8_000;
/** Lines of one history. */
const MOST = 80;

interface Line {
  readonly at: number;
  readonly text: string;
}

/** What a violation is about, one line each, oldest first; instants are seconds of the run. */
export function historyOf(ledger: Ledger, violation: Violation): readonly string[] {
  const { publication, client } = violation;
  const lines: Line[] = [];
  const say = (at: number, text: string) => {
    if (at !== Infinity) lines.push({ at, text });
  };
  for (const each of [publication, violation.other]) {
    if (each !== undefined) tellOf(ledger, each, each === publication ? "" : ` (#${each.id})`, say);
  }
  const will = ledger.wills.find((each) => each.publication === publication);
  if (will !== undefined) lines.push(...ofConnection(will.connection));
  const instants = lines.map(({ at }) => at);
  const middle = violation.at === undefined || violation.at === Infinity
    ? instants
    : [violation.at];
  const from = Math.min(...instants, ...middle) - AROUND;
  const to = Math.max(...instants, ...middle) + AROUND;
  for (const connection of ledger.connections) {
    if (connection.client !== client && connection.client !== publication?.publisher) continue;
    if (connection.endedAt >= from && connection.dialledAt <= to) {
      lines.push(...ofConnection(connection));
    }
  }
  for (const record of ledger.subscriptions) {
    if (record.client !== client) continue;
    say(record.confirmedAt, `${client} subscribed to ${record.full}`);
    say(record.endSentAt, `${client} gave up ${record.full}`);
  }
  for (const { at, what } of ledger.happenings) if (at >= from && at <= to) say(at, `*** ${what}`);
  const seen = new Set<string>();
  return lines.sort((a, b) => a.at - b.at)
    .map(({ at, text }) => `${(at / 1000).toFixed(3).padStart(9)} ${text}`)
    .filter((line) => !seen.has(line) && seen.add(line)).slice(0, MOST);
}

/** Sends, acknowledgement and receipts. */
function tellOf(
  ledger: Ledger,
  { sends, publisher, acknowledgedAt, id }: Publication,
  which: string,
  say: (at: number, text: string) => void,
): void {
  const by = (serial: number) => place(ledger.connections[serial]!);
  for (const { at, connection, packetId, dup } of sends) {
    say(at, `${publisher} -> ${by(connection)} PUBLISH ${packetId}${dup ? " DUP" : ""}${which}`);
  }
  say(acknowledgedAt, `${publisher} <- acknowledged${which}`);
  for (const [receiver, receipts] of ledger.receipts) {
    for (const { publication, dup, retain, at, connection, packetId, qos } of receipts) {
      if (publication.id !== id) continue;
      const flags = `${dup ? " DUP" : ""}${retain ? " RETAIN" : ""}${which}`;
      say(at, `${receiver} <- ${by(connection)} PUBLISH ${packetId}, QoS ${qos}${flags}`);
    }
  }
}

function place({ serial, node, run }: ConnectionRecord): string {
  return `node ${node} run ${run} (connection ${serial})`;
}

function ofConnection(connection: ConnectionRecord): Line[] {
  const { client, dialledAt, connackAt, endedAt, ending, told, sessionPresent } = connection;
  const lines = [{ at: dialledAt, text: `${client} CONNECT to ${place(connection)}` }];
  if (connackAt !== Infinity) {
    const text = `${client} CONNACK of ${place(connection)}, Session Present ${sessionPresent}`;
    lines.push({ at: connackAt, text });
  }
  if (endedAt !== Infinity) {
    const why = told === undefined ? "" : `, told 0x${told.toString(16)}`;
    lines.push({ at: endedAt, text: `${client} ${place(connection)} ended: ${ending}${why}` });
  }
  return lines;
}

/** All that clients did and saw, a line each. */
export function everything(ledger: Ledger): string {
  const lines: Line[] = ledger.connections.flatMap((connection) => ofConnection(connection));
  for (const { at, what } of ledger.happenings) lines.push({ at, text: `*** ${what}` });
  for (const { client, full, confirmedAt, endSentAt } of ledger.subscriptions) {
    if (confirmedAt !== Infinity) lines.push({ at: confirmedAt, text: `${client} has ${full}` });
    if (endSentAt !== Infinity) lines.push({ at: endSentAt, text: `${client} ends ${full}` });
  }
  for (const { id, publisher, topic, qos, sends, acknowledgedAt } of ledger.publications) {
    for (const { at, connection, packetId } of sends) {
      const text = `${publisher} #${id} ${topic} q${qos} as ${packetId} on ${connection}`;
      lines.push({ at, text });
    }
    if (acknowledgedAt !== Infinity) {
      lines.push({ at: acknowledgedAt, text: `#${id} acknowledged` });
    }
  }
  for (const [client, receipts] of ledger.receipts) {
    for (const { publication, at, qos, dup, packetId, connection } of receipts) {
      const text = `${client} got #${publication.id} q${qos}${dup ? " DUP" : ""} as ${packetId}`;
      lines.push({ at, text: `${text} on ${connection}` });
    }
  }
  return lines.sort((a, b) => a.at - b.at)
    .map(({ at, text }) => `${(at / 1000).toFixed(3).padStart(9)} ${text}`).join("\n");
}
