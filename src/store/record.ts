/**
 * The values of a store's records ⇄ bytes: compact, written by hand, each with its format's number in
 * front. What is in them and where they stand is the business of others.
 */

import type {
  ProtocolVersion,
  PublishProperties,
  QoS,
  UserProperty,
  WillPacket,
} from "../packet/packet.ts";
import type { AccessRule } from "../policy/access_rule.ts";
import type { CertificateFields, Identity } from "../policy/identity.ts";
import { rulesInJson } from "../policy/rules_in_json.ts";
import type { Message } from "../session/message.ts";
import type { Subscription } from "../session/subscription_map.ts";
import type { PendingWill, Write } from "../session/write.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";

/** The first byte of every record and segment. A change of what follows takes the next number. */
export const FORMAT = 1;

export type SessionValue = Omit<Write & { readonly type: "putSession" }, "type">;

export interface DelayedValue {
  readonly message: Message;
  readonly publishAt: number;
}

export function encodeSession(session: SessionValue): Uint8Array {
  const to = begun();
  to.text(session.clientId);
  writeIdentity(to, session.owner);
  to.varint(session.expiryInterval);
  to.float(session.expiresAt);
  const { owner, awaited = false } = session;
  if (awaited || hasCircumstances(owner)) writeCircumstances(to, owner, awaited);
  return to.slice();
}

export function decodeSession(bytes: Uint8Array): SessionValue {
  const from = opened(bytes, "a session");
  const session = {
    clientId: from.text(),
    owner: readIdentity(from),
    expiryInterval: from.varint(),
    expiresAt: from.float(),
  };
  if (from.left === 0) return session;
  const { owner, awaited } = readCircumstances(from, session.owner, session.clientId);
  from.end();
  return awaited ? { ...session, owner, awaited } : { ...session, owner };
}

export function encodeSubscription(subscription: Subscription): Uint8Array {
  const to = begun();
  const { full, filter, shareName, options, origin, unseen } = subscription;
  const identifier = options.subscriptionIdentifier;
  to.byte(
    options.qos | (options.noLocal ? 4 : 0) | (options.retainAsPublished ? 8 : 0) |
      (options.retainHandling << 4) | (shareName === undefined ? 0 : 64) |
      (identifier === undefined ? 0 : 128),
  );
  to.text(full);
  if (shareName !== undefined) {
    to.text(filter);
    to.text(shareName);
  }
  if (identifier !== undefined) to.varint(identifier);
  if (origin !== undefined || unseen) { // else it ends here, as before there were others
    to.byte((origin === undefined ? 0 : 1) | (unseen ? 2 : 0));
    if (origin !== undefined) to.text(origin);
  }
  return to.slice();
}

export function decodeSubscription(bytes: Uint8Array): Subscription {
  const from = opened(bytes, "a subscription");
  const flags = from.byte();
  const full = from.text();
  const shared = (flags & 64) !== 0;
  const filter = shared ? from.text() : full;
  const shareName = shared ? from.text() : undefined;
  const retainHandling = (flags >> 4) & 3;
  if (retainHandling === 3) throw from.wrong("Retain Handling 3");
  const subscription = {
    full,
    filter,
    shareName,
    options: {
      qos: qosOf(flags, from),
      noLocal: (flags & 4) !== 0,
      retainAsPublished: (flags & 8) !== 0,
      retainHandling: retainHandling as 0 | 1 | 2,
      subscriptionIdentifier: (flags & 128) !== 0 ? from.varint() : undefined,
    },
  };
  if (from.left === 0) return subscription;
  const more = from.byte();
  const made = (more & 1) !== 0 ? { ...subscription, origin: from.text() } : subscription;
  from.end();
  return (more & 2) !== 0 ? { ...made, unseen: true } : made;
}

export function encodeMessage(message: Message): Uint8Array {
  const to = begun(message.payload.length + 128);
  writeMessage(to, message);
  return to.slice();
}

export function decodeMessage(bytes: Uint8Array): Message {
  return readMessage(opened(bytes, "a message"));
}

export function encodeDelayed({ message, publishAt }: DelayedValue): Uint8Array {
  const to = begun(message.payload.length + 128);
  to.float(publishAt);
  writeMessage(to, message);
  return to.slice();
}

export function decodeDelayed(bytes: Uint8Array): DelayedValue {
  const from = opened(bytes, "a delayed message");
  const publishAt = from.float();
  return { message: readMessage(from), publishAt };
}

export function encodeWill({ clientId, owner, packet, publishAt }: PendingWill): Uint8Array {
  const to = begun(packet.payload.length + 128);
  to.text(clientId);
  writeIdentity(to, owner);
  to.float(publishAt);
  to.byte(
    packet.qos | (packet.retain ? 4 : 0) | (packet.properties === undefined ? 0 : 8) |
      (hasCircumstances(owner) ? 16 : 0),
  );
  if (hasCircumstances(owner)) writeCircumstances(to, owner, false);
  to.text(packet.topic);
  to.varint(packet.willDelayInterval);
  if (packet.properties !== undefined) writeProperties(to, packet.properties);
  to.raw(packet.payload);
  return to.slice();
}

export function decodeWill(bytes: Uint8Array): PendingWill {
  const from = opened(bytes, "a Will");
  const clientId = from.text();
  const proven = readIdentity(from);
  const publishAt = from.float();
  const flags = from.byte();
  const owner = (flags & 16) === 0 ? proven : readCircumstances(from, proven, clientId).owner;
  const packet: WillPacket = {
    topic: from.text(),
    qos: qosOf(flags, from),
    retain: (flags & 4) !== 0,
    willDelayInterval: from.varint(),
    properties: (flags & 8) !== 0 ? readProperties(from) : undefined,
    payload: from.raw(from.left).slice(),
  };
  return { clientId, owner, packet, publishAt };
}

export interface SettingValue {
  readonly name: string;
  readonly value: string;
}

export function encodeSetting({ name, value }: SettingValue): Uint8Array {
  const to = begun(16 + 3 * (name.length + value.length));
  to.text(name);
  to.text(value);
  return to.slice();
}

export function decodeSetting(bytes: Uint8Array): SettingValue {
  const from = opened(bytes, "a setting");
  const setting = { name: from.text(), value: from.text() };
  from.end();
  return setting;
}

/** A message, at the end of what is written: its payload takes all that follows. */
export function writeMessage(to: ByteWriter, message: Message): void {
  const { properties, expiresAt } = message;
  to.byte(
    message.qos | (message.retain ? 4 : 0) | (properties === undefined ? 0 : 8) |
      (expiresAt === Infinity ? 0 : 16),
  );
  to.varint(message.order);
  to.text(message.topic);
  to.text(message.publisher);
  if (expiresAt !== Infinity) to.float(expiresAt);
  if (properties !== undefined) writeProperties(to, properties);
  to.raw(message.payload);
}

/** The message that ends what is read; its bytes are its own. */
export function readMessage(from: ByteReader, copied = true): Message {
  const flags = from.byte();
  const order = from.varint();
  const topic = from.text();
  const publisher = from.text();
  const expiresAt = (flags & 16) !== 0 ? from.float() : Infinity;
  const properties = (flags & 8) !== 0 ? readProperties(from) : undefined;
  return {
    order,
    topic,
    payload: copied ? from.raw(from.left).slice() : from.raw(from.left),
    qos: qosOf(flags, from),
    retain: (flags & 4) !== 0,
    properties,
    expiresAt,
    publisher,
  };
}

/** A bound of the bytes that `writeMessage` takes, for all texts of any script. */
export function messageBound({ topic, publisher, payload, properties }: Message): number {
  let bound = 64 + payload.length + 3 * (topic.length + publisher.length);
  if (properties === undefined) return bound;
  bound += (properties.correlationData?.length ?? 0) +
    3 * ((properties.responseTopic?.length ?? 0) + (properties.contentType?.length ?? 0)) +
    5 * (properties.subscriptionIdentifiers?.length ?? 0);
  for (const [name, value] of properties.userProperties ?? []) {
    bound += 10 + 3 * (name.length + value.length);
  }
  return bound;
}

function writeIdentity(to: ByteWriter, { user, roles }: Identity): void {
  to.varint(roles.length * 2 + (user === undefined ? 0 : 1));
  if (user !== undefined) to.text(user);
  for (const role of roles) to.text(role);
}

function readIdentity(from: ByteReader): Identity {
  const flags = from.varint();
  const user = flags % 2 === 1 ? from.text() : undefined;
  const roles: string[] = [];
  for (let n = Math.floor(flags / 2); n > 0; n--) roles.push(from.text());
  return { user, roles };
}

/** Whether it is known on what connection the identity was proven; the broker's own has none. */
function hasCircumstances(owner: Identity): boolean {
  const { clientId, address, listener, certificate, version, rules } = owner;
  return clientId !== undefined || address !== undefined || listener !== undefined ||
    certificate !== undefined || version !== undefined || rules !== undefined;
}

/** All but the client id, which stands in the record already. */
function writeCircumstances(to: ByteWriter, owner: Identity, awaited: boolean): void {
  const { address, listener, certificate, version, rules } = owner;
  to.byte(
    (address === undefined ? 0 : 1) | (listener === undefined ? 0 : 2) |
      (certificate === undefined ? 0 : 4) | (version === undefined ? 0 : 8) | (awaited ? 16 : 0) |
      (rules === undefined ? 0 : 32),
  );
  if (version !== undefined) to.byte(version);
  if (address !== undefined) to.text(address);
  if (listener !== undefined) to.text(listener);
  if (rules !== undefined) to.text(JSON.stringify(rules));
  if (certificate === undefined) return;
  const fields = Object.entries(certificate);
  to.varint(fields.length);
  for (const [name, value] of fields) {
    to.text(name);
    const several = typeof value !== "string";
    to.varint(several ? value.length + 1 : 0);
    for (const text of several ? value : [value]) to.text(text);
  }
}

function readCircumstances(
  from: ByteReader,
  proven: Identity,
  clientId: string,
): { readonly owner: Identity; readonly awaited: boolean } {
  const { user, roles } = proven;
  const flags = from.byte();
  const version = (flags & 8) === 0 ? undefined : versionOf(from.byte(), from);
  const address = (flags & 1) === 0 ? undefined : from.text();
  const listener = (flags & 2) === 0 ? undefined : from.text();
  const rules = (flags & 32) === 0 ? undefined : readRules(from);
  const certificate = (flags & 4) === 0 ? undefined : readCertificate(from);
  const owner = { user, roles, clientId, address, listener, certificate };
  return {
    owner: {
      ...owner,
      ...(version === undefined ? {} : { version }),
      ...(rules === undefined ? {} : { rules }),
    },
    awaited: (flags & 16) !== 0,
  };
}

function versionOf(byte: number, from: ByteReader): ProtocolVersion {
  if (byte === 3 || byte === 4 || byte === 5) return byte;
  throw from.wrong(`protocol version ${byte}`);
}

/** As they were when the client brought them and they were looked at. */
function readRules(from: ByteReader): readonly AccessRule[] {
  const text = from.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw from.wrong("rules of access that are no JSON", error);
  }
  const rules = rulesInJson(value, "rules");
  if (typeof rules === "string") throw from.wrong(rules);
  return rules;
}

function readCertificate(from: ByteReader): CertificateFields {
  const fields: [string, string | readonly string[]][] = [];
  for (let n = from.varint(); n > 0; n--) {
    const name = from.text();
    const count = from.varint();
    const values: string[] = [];
    for (let left = count === 0 ? 1 : count - 1; left > 0; left--) values.push(from.text());
    fields.push([name, count === 0 ? values[0]! : values]);
  }
  return Object.fromEntries(fields);
}

function writeProperties(to: ByteWriter, properties: PublishProperties): void {
  const p = properties;
  to.byte(
    (p.payloadFormatIndicator === undefined ? 0 : 1) |
      (p.messageExpiryInterval === undefined ? 0 : 2) | (p.topicAlias === undefined ? 0 : 4) |
      (p.responseTopic === undefined ? 0 : 8) | (p.correlationData === undefined ? 0 : 16) |
      (p.userProperties === undefined ? 0 : 32) |
      (p.subscriptionIdentifiers === undefined ? 0 : 64) | (p.contentType === undefined ? 0 : 128),
  );
  if (p.payloadFormatIndicator !== undefined) to.byte(p.payloadFormatIndicator);
  if (p.messageExpiryInterval !== undefined) to.varint(p.messageExpiryInterval);
  if (p.topicAlias !== undefined) to.varint(p.topicAlias);
  if (p.responseTopic !== undefined) to.text(p.responseTopic);
  if (p.correlationData !== undefined) to.bytes(p.correlationData);
  if (p.userProperties !== undefined) {
    to.varint(p.userProperties.length);
    for (const [name, value] of p.userProperties) {
      to.text(name);
      to.text(value);
    }
  }
  if (p.subscriptionIdentifiers !== undefined) writeNumbers(to, p.subscriptionIdentifiers);
  if (p.contentType !== undefined) to.text(p.contentType);
}

function readProperties(from: ByteReader): PublishProperties {
  const flags = from.byte();
  return {
    ...((flags & 1) !== 0 && { payloadFormatIndicator: from.byte() === 0 ? 0 : 1 }),
    ...((flags & 2) !== 0 && { messageExpiryInterval: from.varint() }),
    ...((flags & 4) !== 0 && { topicAlias: from.varint() }),
    ...((flags & 8) !== 0 && { responseTopic: from.text() }),
    ...((flags & 16) !== 0 && { correlationData: from.bytes().slice() }),
    ...((flags & 32) !== 0 && { userProperties: readUserProperties(from) }),
    ...((flags & 64) !== 0 && { subscriptionIdentifiers: readNumbers(from) }),
    ...((flags & 128) !== 0 && { contentType: from.text() }),
  };
}

function readUserProperties(from: ByteReader): UserProperty[] {
  const read: UserProperty[] = [];
  for (let n = from.varint(); n > 0; n--) read.push([from.text(), from.text()]);
  return read;
}

/** How many, and each. */
export function writeNumbers(to: ByteWriter, numbers: readonly number[]): void {
  to.varint(numbers.length);
  for (const number of numbers) to.varint(number);
}

export function readNumbers(from: ByteReader): number[] {
  const read: number[] = [];
  for (let n = from.varint(); n > 0; n--) read.push(from.varint());
  return read;
}

function qosOf(flags: number, from: ByteReader): QoS {
  const qos = flags & 3;
  if (qos === 3) throw from.wrong("QoS 3");
  return qos as QoS;
}

/** Empty but for the format's number. */
export function begun(capacity = 256): ByteWriter {
  const to = new ByteWriter(capacity);
  to.byte(FORMAT);
  return to;
}

/** After the format's number, which must be one that is known. */
export function opened(bytes: Uint8Array, what: string): ByteReader {
  const from = new ByteReader(bytes, what);
  const format = from.byte();
  if (format !== FORMAT) throw from.wrong(`format ${format}, expected ${FORMAT}`);
  return from;
}
