/**
 * Topic Aliases that a client sets. MQTT 5.0 section 3.3.2.3.4.
 */

import type { Publish } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import type { Passage, Refusal } from "./guard.ts";

/** Puts the topic in the place of its alias, or remembers what a new alias stands for. */
export function topicAlias(
  passage: Passage<Publish>,
): Passage<Publish> | Refusal {
  const { connection, packet } = passage;
  const alias = packet.properties?.topicAlias;
  if (alias === undefined) {
    return packet.topic === ""
      ? {
        reason: Reason.protocolError,
        answer: "disconnect",
        detail: "PUBLISH without a topic and without a Topic Alias",
        connection,
      }
      : passage;
  }
  const { topicAliasMaximum } = connection.announced;
  if (alias === 0 || alias > topicAliasMaximum) { // [MQTT-3.3.2-8] [MQTT-3.3.2-9]
    return {
      reason: Reason.topicAliasInvalid,
      answer: "disconnect",
      detail: `Topic Alias ${alias}; allowed are 1 to ${topicAliasMaximum}`,
      connection,
    };
  }
  if (packet.topic === "") {
    const topic = connection.aliases.get(alias);
    if (topic !== undefined) return { connection, packet: { ...packet, topic } };
    return {
      reason: Reason.protocolError,
      answer: "disconnect",
      detail: `Topic Alias ${alias} stands for no topic on this connection`,
      connection,
    };
  }
  if (connection.aliases.get(alias) === packet.topic) return passage;
  const aliases = new Map(connection.aliases).set(alias, packet.topic);
  return { connection: { ...connection, aliases }, packet };
}
