/**
 * A message that nobody has published: what `why` asks about, as a value that the broker's own functions take.
 */

import type { Tables } from "../../broker/tables.ts";
import type { PublishProperties, QoS } from "../../packet/packet.ts";
import type { ClientId } from "../../policy/identity.ts";
import type { Message } from "../../session/message.ts";
import type { TopicName } from "../../topic/topic_name.ts";

export interface Question {
  readonly clientId: ClientId;
  /** Its name in the whole tree of topics, whatever the mount points. */
  readonly topic: TopicName;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Undefined: the broker itself. */
  readonly publisher: ClientId | undefined;
  /** Bytes. */
  readonly payloadSize: number;
  /** Bytes that its properties take in a packet; 0, or 3 at least. */
  readonly propertiesSize: number;
  /** Seconds. */
  readonly messageExpiryInterval: number | undefined;
}

/** The message, with that topic; its payload is zeros. */
export function messageIn(tables: Readonly<Tables>, question: Question, topic: TopicName): Message {
  const { qos, retain, publisher = "", payloadSize, messageExpiryInterval } = question;
  return {
    order: tables.nextOrder,
    topic,
    payload: new Uint8Array(payloadSize),
    qos,
    retain,
    properties: propertiesIn(question),
    expiresAt: messageExpiryInterval === undefined
      ? Infinity
      : tables.now + messageExpiryInterval * 1000,
    publisher,
  };
}

/** Properties of that size: Correlation Data, which has an identifier and two bytes of length. */
function propertiesIn({ propertiesSize }: Question): PublishProperties | undefined {
  if (propertiesSize === 0) return undefined;
  return { correlationData: new Uint8Array(Math.max(0, propertiesSize - 3)) };
}
