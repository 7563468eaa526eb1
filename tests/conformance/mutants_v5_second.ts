/**
 * Breaches of MQTT 5.0, sections 3.4 to 3.14 and 4, of one line each: the rows of every id that stands with
 * one must notice it. `from` stands once in its file.
 */

import type { Mutation } from "./mutants.ts";

export const mutationsSecond: readonly Mutation[] = [
  // 3.4 to 3.7: acknowledgements
  {
    ids: ["MQTT-3.4.2-1", "MQTT-3.5.2-1"],
    file: "src/packet/acknowledgement.ts",
    from: "    case Reason.payloadFormatInvalid:\n",
    to: "    case Reason.packetTooLarge:\n",
  },
  {
    ids: ["MQTT-3.4.2-1", "MQTT-3.5.2-1"],
    file: "src/packet/acknowledgement.ts",
    from: "    case Reason.payloadFormatInvalid:\n",
    to: "    case Reason.payloadFormatInvalid:\n    case Reason.packetIdentifierNotFound:\n",
  },
  {
    ids: ["MQTT-3.4.2-2", "MQTT-3.5.2-2"],
    file: "src/broker/on_packet.ts",
    from: "{ reasonString: (told ?? detail).slice(0, 200) }",
    to: "{ reasonString: told ?? detail }",
  },
  {
    ids: ["MQTT-3.4.2-2", "MQTT-3.5.2-2", "MQTT-3.14.2-3"],
    file: "src/connection/on_connect.ts",
    from: "const ROOM_FOR_REASONS = 1024;",
    to: "const ROOM_FOR_REASONS = 0;",
  },
  {
    ids: ["MQTT-3.4.2-3", "MQTT-3.5.2-3"],
    file: "src/broker/on_packet.ts",
    from: "{ reasonString: (told ?? detail).slice(0, 200) }",
    to: '{ reasonString: detail, userProperties: [["a", "b"]] }',
  },
  {
    ids: ["MQTT-3.6.1-1"],
    file: "src/packet/acknowledgement.ts",
    from: "if (flags !== (FIRST_BYTE[type] & 0x0f)) {",
    to: "if (flags > (FIRST_BYTE[type] & 0x0f)) {",
  },
  {
    ids: ["MQTT-3.6.2-1", "MQTT-3.7.2-1"],
    file: "src/packet/acknowledgement.ts",
    from: "return code === Reason.success || code === Reason.packetIdentifierNotFound;",
    to: "return code <= Reason.packetIdentifierNotFound;",
  },
  {
    ids: ["MQTT-3.6.2-1", "MQTT-4.3.3-3"],
    file: "src/session/on_pubrec.ts",
    from: "pubrel(given.connection, packetId, Reason.packetIdentifierNotFound)",
    to: "pubrel(given.connection, packetId, Reason.success)",
  },
  {
    ids: ["MQTT-3.6.2-2", "MQTT-3.6.2-3"],
    file: "src/session/on_pubrec.ts",
    from: 'packet: { type: "pubrel", packetId, reasonCode, properties: undefined },',
    to:
      'packet: { type: "pubrel", packetId, reasonCode, properties: { reasonString: "as asked" } },',
  },
  {
    ids: ["MQTT-3.7.2-1", "MQTT-4.3.3-11"],
    file: "src/session/on_pubrel.ts",
    from: "reasonCode: known ? Reason.success : Reason.packetIdentifierNotFound,",
    to: "reasonCode: Reason.success,",
  },

  // 3.8 and 3.9: SUBSCRIBE
  {
    ids: ["MQTT-3.8.1-1", "MQTT-3.10.1-1", "MQTT-3.14.1-1"],
    file: "src/packet/strict.ts",
    from: "malformed(`${owner} has the flags",
    to: "protocolError(`${owner} has the flags",
  },
  {
    ids: ["MQTT-3.8.3-1", "MQTT-3.10.3-1"],
    file: "src/packet/utf8.ts",
    from: "{ fatal: true, ignoreBOM: true }",
    to: "{ fatal: false, ignoreBOM: true }",
  },
  {
    ids: ["MQTT-3.8.3-2", "MQTT-3.10.3-2"],
    file: "src/packet/strict.ts",
    from: "if (version === 5) protocolError(message);",
    to: "if (version === 3) protocolError(message);",
  },
  {
    ids: ["MQTT-3.8.3-3"],
    file: "src/broker/plan.ts",
    from: "filter(({ noLocal }) => !noLocal)",
    to: "filter(({ qos }) => qos < 3)",
  },
  {
    ids: ["MQTT-3.8.3-3"],
    file: "src/broker/retained_stream.ts",
    from: "if (options.noLocal && message.publisher === client.clientId) return undefined;",
    to: "",
  },
  {
    ids: ["MQTT-3.8.3-4"],
    file: "src/packet/strict.ts",
    from: 'filter.startsWith("$share/")',
    to: 'filter.startsWith("$shared/")',
  },
  {
    ids: ["MQTT-3.8.3-5"],
    file: "src/packet/strict.ts",
    from: 'malformed("Subscription Options use reserved bits',
    to: 'protocolError("Subscription Options use reserved bits',
  },
  {
    ids: ["MQTT-3.8.4-1"],
    file: "src/broker/retained_stream.ts",
    from: "if (live.subacks > 0) {",
    to: "if (live.subacks > 9) {",
  },
  {
    ids: ["MQTT-3.8.4-2"],
    file: "src/session/on_subscribe.ts",
    from: "packetId: packet.packetId,",
    to: "packetId: packet.packetId & 0xff,",
  },
  {
    ids: ["MQTT-3.8.4-3"],
    file: "src/topic/filter_row.ts",
    from: "    row.value = value;\n",
    to: "",
  },
  {
    ids: ["MQTT-3.8.4-4"],
    file: "src/broker/subscribe.ts",
    from: "retainHandling === 0 || retainHandling === 1 && !existed",
    to: "retainHandling < 2 && !existed",
  },
  {
    ids: ["MQTT-3.8.4-4", "MQTT-3.8.4-5"],
    file: "src/broker/subscribe.ts",
    from: "retainHandling === 0 || retainHandling === 1 && !existed",
    to: "retainHandling < 2",
  },
  {
    ids: ["MQTT-3.8.4-5", "MQTT-3.8.4-6", "MQTT-3.9.3-1"],
    file: "src/session/on_subscribe.ts",
    from: "reasonCodes.push(wanted.reasonCode);",
    to: "reasonCodes.push(wanted.reasonCode, wanted.reasonCode);",
  },
  {
    ids: ["MQTT-3.8.4-7"],
    file: "src/session/on_subscribe.ts",
    from: "reasonCodes.push(wanted.options.qos);",
    to: "reasonCodes.push(Math.min(1, wanted.options.qos));",
  },
  {
    ids: ["MQTT-3.8.4-8"],
    file: "src/broker/fan_out.ts",
    from: "target.qos < message.qos ? target.qos : message.qos;",
    to: "message.qos;",
  },
  {
    ids: ["MQTT-3.8.4-8"],
    file: "src/broker/retained_stream.ts",
    from: "options.qos < message.qos ? options.qos : message.qos;",
    to: "message.qos;",
  },
  {
    ids: ["MQTT-3.9.2-1", "MQTT-3.9.2-2"],
    file: "src/session/on_subscribe.ts",
    from: "        reasonCodes,\n        properties: undefined,",
    to: '        reasonCodes,\n        properties: { reasonString: "granted" },',
  },
  {
    ids: ["MQTT-3.9.3-1"],
    file: "src/packet/control_packet.ts",
    from: "granted: granted as number[] },",
    to: "granted: [...granted].reverse() },",
  },
  {
    ids: ["MQTT-3.9.3-2"],
    file: "src/session/on_subscribe.ts",
    from: 'reasonCode: Reason.quotaExceeded, detail: "more filters',
    to: 'reasonCode: Reason.packetTooLarge, detail: "more filters',
  },

  // 3.10 and 3.11: UNSUBSCRIBE
  {
    ids: ["MQTT-3.10.4-1"],
    file: "src/session/on_unsubscribe.ts",
    from: "const subscription = subscriptionOf(subscriptions, full);",
    to: "const subscription = subscriptionOf(subscriptions, full.trim());",
  },
  {
    ids: ["MQTT-3.10.4-1"],
    file: "src/session/on_unsubscribe.ts",
    from:
      'if (rule === undefined) {\n      writes.push({ type: "deleteSubscription", clientId, filter: full });',
    to: "if (rule === undefined) {",
  },
  {
    ids: ["MQTT-3.10.4-2"],
    file: "src/broker/subscribe.ts",
    from: "tables.tree.remove(subscription.filter, client.clientId);",
    to: "",
  },
  {
    ids: ["MQTT-3.10.4-3"],
    file: "src/session/on_unsubscribe.ts",
    from: "changes ? { ...session, subscriptions } : session",
    to: "{ ...session, subscriptions, inflight: session.received as never }",
  },
  {
    ids: ["MQTT-3.10.4-4", "MQTT-3.10.4-5"],
    file: "src/session/on_unsubscribe.ts",
    from: "  let { subscriptions } = session;\n",
    to:
      "  let { subscriptions } = session;\n  if (subscriptions.size === 0) return step(session);\n",
  },
  {
    ids: ["MQTT-3.10.4-5"],
    file: "src/packet/control_packet.ts",
    from: '{ cmd: "unsuback", messageId: packet.packetId,',
    to: '{ cmd: "unsuback", messageId: packet.packetId & 0x7fff,',
  },
  {
    ids: ["MQTT-3.10.4-6", "MQTT-3.11.3-1"],
    file: "src/session/on_unsubscribe.ts",
    from: "      reasonCodes.push(Reason.topicFilterInvalid);\n      continue;",
    to: "      reasonCodes.push(Reason.topicFilterInvalid);\n      break;",
  },
  {
    ids: ["MQTT-3.11.2-1", "MQTT-3.11.2-2"],
    file: "src/packet/control_packet.ts",
    from: 'return withProperties(frame, 2, packet.properties, "unsuback", version);',
    to: 'return withProperties(frame, 2, { userProperties: [["a", "b"]] }, "unsuback", version);',
  },
  {
    ids: ["MQTT-3.11.3-2"],
    file: "src/session/on_unsubscribe.ts",
    from: "reasonCodes.push(Reason.noSubscriptionExisted);",
    to: "reasonCodes.push(Reason.noMatchingSubscribers);",
  },

  // 3.12 and 3.14: PINGREQ and DISCONNECT
  {
    ids: ["MQTT-3.12.4-1", "MQTT-4.9.0-3"],
    file: "src/broker/on_packet.ts",
    from: 'tables.out.push({ type: "send", to: live.id, packet: { type: "pingresp" } });',
    to:
      'if (live.client!.session.sendQuota > 0) tables.out.push({ type: "send", to: live.id, packet: { type: "pingresp" } });',
  },
  {
    ids: ["MQTT-3.14.0-1"],
    file: "src/broker/close.ts",
    from: "if (version === 5 && live.ready) {",
    to: "if (version === 5) {",
  },
  {
    ids: ["MQTT-3.14.2-1"],
    file: "src/broker/broker.ts",
    from:
      "const reason = event.version === undefined ? event.reason : Reason.protocolError;\n    return closeLive(",
    to: "const reason = event.reason;\n    return closeLive(",
  },
  {
    ids: ["MQTT-3.14.2-2"],
    file: "src/broker/close.ts",
    from: "{ reasonString: told.slice(0, 200) }",
    to: "{ reasonString: told.slice(0, 200), sessionExpiryInterval: 0 }",
  },
  {
    ids: ["MQTT-3.14.2-3"],
    file: "src/broker/close.ts",
    from: "{ reasonString: told.slice(0, 200) }",
    to: "{ reasonString: told }",
  },
  {
    ids: ["MQTT-3.14.2-4"],
    file: "src/broker/close.ts",
    from: "{ reasonString: told.slice(0, 200) }",
    to: '{ reasonString: told.slice(0, 200), userProperties: [["a", "b"]] }',
  },
  {
    ids: ["MQTT-3.14.4-1"],
    file: "src/broker/close.ts",
    from: "tables.out.push(close);",
    to: 'tables.out.push({ type: "send", to: live.id, packet: { type: "pingresp" } }, close);',
  },
  {
    ids: ["MQTT-3.14.4-2", "MQTT-4.13.1-1", "MQTT-4.13.2-1"],
    file: "src/broker/close.ts",
    from: "tables.out.push(close);",
    to: "",
  },
  {
    ids: ["MQTT-3.14.4-3"],
    file: "src/broker/close.ts",
    from:
      'if (reason === "clientDisconnected" && client?.live === live && client.will !== undefined) {',
    to: 'if (reason === "kicked" && client?.live === live && client.will !== undefined) {',
  },

  // 4.1: Session State
  {
    ids: ["MQTT-4.1.0-1"],
    file: "src/broker/expire.ts",
    from: "return schedule(tables, deadline, tables.now + 1000);",
    to: "",
  },
  {
    ids: ["MQTT-4.1.0-2"],
    file: "src/connection/on_connect.ts",
    from: "now + expiryInterval * 1000;",
    to: "now + expiryInterval * 1001;",
  },
  {
    ids: ["MQTT-4.1.0-2"],
    file: "src/connection/on_connect.ts",
    from: "now + expiryInterval * 1000;",
    to: "now + expiryInterval * 999;",
  },

  // 4.3: Quality of Service
  {
    ids: ["MQTT-4.3.1-1"],
    file: "src/broker/cast.ts",
    from: "publishOf(deliveryTo(message, shape, 0), 0, false, tables.now)",
    to: "publishOf(deliveryTo(message, shape, 0), 0, true, tables.now)",
  },
  {
    ids: ["MQTT-4.3.2-1", "MQTT-4.3.3-1"],
    file: "src/session/deliver.ts",
    from: "const packetId = ids.firstFree(inflight, nextPacketId);",
    to: "const packetId = nextPacketId;",
  },
  {
    ids: ["MQTT-4.3.2-2", "MQTT-4.3.3-2"],
    file: "src/broker/frames.ts",
    from: "const frame = encodePublish(publishOf(delivery, 0, false, now), version);",
    to: "const frame = encodePublish(publishOf(delivery, 0, true, now), version);",
  },
  {
    ids: ["MQTT-4.3.2-2", "MQTT-4.3.3-2"],
    file: "src/broker/frames.ts",
    from: "const frame = encodePublish(publishOf(delivery, 0, false, now), version);",
    to: "const frame = encodePublish(publishOf(delivery, 0, true, now), version);",
  },
  {
    ids: ["MQTT-4.3.2-3"],
    file: "src/session/on_pubrec.ts",
    from:
      'if (inflight.awaiting === "puback") return outOfTurn(session, pubrec, inflight.awaiting);',
    to: "",
  },
  {
    ids: ["MQTT-4.3.3-3", "MQTT-4.13.1-1"],
    file: "src/session/on_puback.ts",
    from:
      'if (inflight.awaiting !== "puback") return outOfTurn(session, puback, inflight.awaiting);',
    to: "",
  },
  {
    ids: ["MQTT-4.3.2-4"],
    file: "src/broker/route.ts",
    from: "ask(tables, durably(of, kept, answer, ...then));",
    to: "tables.out.push(answer); ask(tables, durably(of, kept, ...then));",
  },
  {
    ids: ["MQTT-4.3.2-5"],
    file: "src/session/on_publish.ts",
    from: "if (known && qos === 2) {",
    to: "if (known && qos === 2 || qos === 1 && publish.dup) {",
  },
  {
    ids: ["MQTT-4.3.3-4", "MQTT-4.4.0-2", "MQTT-3.5.2-1"],
    file: "src/session/on_pubrec.ts",
    from: "if (pubrec.reasonCode >= 0x80) {",
    to: "if (pubrec.reasonCode > 0x80) {",
  },
  {
    ids: ["MQTT-4.3.3-5", "MQTT-4.4.0-1"],
    file: "src/session/replenish.ts",
    from: "    outbound.push({ delivery, packetId, dup: delivery !== undefined });",
    to: "    if (delivery !== undefined) outbound.push({ delivery, packetId, dup: true });",
  },
  {
    ids: ["MQTT-4.3.3-6"],
    file: "src/session/on_pubrec.ts",
    from: "    delivery: undefined,\n",
    to: "    delivery: inflight.delivery,\n",
  },
  {
    ids: ["MQTT-4.3.3-7"],
    file: "src/session/replenish.ts",
    from: "    outbound.push({ delivery, packetId, dup: delivery !== undefined });",
    to:
      "    if (!((delivery?.message.expiresAt ?? Infinity) <= now)) outbound.push({ delivery, packetId, dup: delivery !== undefined });",
  },
  {
    ids: ["MQTT-4.3.3-10"],
    file: "src/session/on_publish.ts",
    from: 'acknowledge("pubrec", packetId, Reason.success);',
    to: 'acknowledge("pubrec", packetId, Reason.noMatchingSubscribers);',
  },
  {
    ids: ["MQTT-4.3.3-8"],
    file: "src/session/on_publish.ts",
    from: 'receipt: acknowledge("pubrec", packetId, Reason.success),',
    to: 'receipt: acknowledge("pubrec", packetId & 0xff, Reason.success),',
  },
  {
    ids: ["MQTT-4.3.3-9"],
    file: "src/broker/route.ts",
    from: "const received = ids.remove(client.session.received, packetId);",
    to: "const received = client.session.received;",
  },
  {
    ids: ["MQTT-4.3.3-10"],
    file: "src/session/on_publish.ts",
    from: "if (known && qos === 2) {",
    to: "if (known && qos === 2 && publish.dup) {",
  },
  {
    ids: ["MQTT-4.3.3-10"],
    file: "src/session/on_publish.ts",
    from: '? [{ type: "putReceived", clientId: session.clientId, packetId }]',
    to: "? []",
  },
  {
    ids: ["MQTT-4.3.3-11", "MQTT-4.3.3-12"],
    file: "src/session/on_pubrel.ts",
    from: "known ? { ...session, received: ids.remove(session.received, packetId) } : session,",
    to: "session,",
  },

  // 4.4 to 4.6: retry, receipt and order
  {
    ids: ["MQTT-4.4.0-1"],
    file: "src/broker/schedule.ts",
    from: "if (retryInterval > 0 && live.connection.version !== 5) {",
    to: "if (retryInterval > 0) {",
  },
  {
    ids: ["MQTT-4.4.0-2", "MQTT-4.8.2-6", "MQTT-3.4.2-1"],
    file: "src/session/on_puback.ts",
    from: "  const settled = settle(session, puback.packetId);",
    to:
      "  if (puback.reasonCode >= 0x80) return stay(session);\n  const settled = settle(session, puback.packetId);",
  },
  {
    ids: ["MQTT-4.5.0-1"],
    file: "src/broker/fan_out.ts",
    from: "for (let i = 0; i < targets.length; i++) {",
    to: "for (let i = 0; i < targets.length && i < 5; i++) {",
  },
  {
    ids: ["MQTT-4.6.0-5"],
    file: "src/session/resume.ts",
    from: "a.sequence - b.sequence",
    to: "b.sequence - a.sequence",
  },
  {
    ids: ["MQTT-4.6.0-5", "MQTT-4.6.0-6"],
    file: "src/session/queue.ts",
    from: "head: fifo.push(front.head, delivery), bytes };",
    to: "head: fifo.pushFront(front.head, delivery), bytes };",
  },

  // 4.7: Topic Names and Topic Filters
  {
    ids: ["MQTT-4.7.0-1"],
    file: "src/packet/topic_cache.ts",
    from: 'if (topic.includes("+") || topic.includes("#")) {',
    to: 'if (topic.includes("+")) {',
  },
  {
    ids: ["MQTT-4.7.0-1"],
    file: "src/packet/property_reader.ts",
    from: 'if (topic.includes("+") || topic.includes("#")) {',
    to: 'if (topic.includes("#")) {',
  },
  {
    ids: ["MQTT-4.7.1-1"],
    file: "src/topic/topic_filter.ts",
    from: 'if (hash > 0 && filter[hash - 1] !== "/")',
    to: 'if (hash > 9 && filter[hash - 1] !== "/")',
  },
  {
    ids: ["MQTT-4.7.1-2"],
    file: "src/topic/topic_filter.ts",
    from: "if (!before || !after)",
    to: "if (!before && !after)",
  },
  {
    ids: ["MQTT-4.7.2-1"],
    file: "src/topic/wildcard_tree.ts",
    from: "if (topic.charCodeAt(0) !== DOLLAR) return",
    to: "if (topic.charCodeAt(0) !== DOLLAR || topic.length > 3) return",
  },
  {
    ids: ["MQTT-4.7.2-1"],
    file: "src/topic/retained_search.ts",
    from: "return sizeOf(memory, node) > 0 && byteAt(memory, node, 0) === DOLLAR;",
    to: 'return textOf(memory, node) === "$SYS";',
  },
  {
    ids: ["MQTT-4.7.3-1"],
    file: "src/packet/strict.ts",
    from: 'if (filter === "") malformed(',
    to: 'if (filter === "\\0") malformed(',
  },
  {
    ids: ["MQTT-4.7.3-2"],
    file: "src/packet/utf8.ts",
    from: 'if (text.includes("\\0")) malformed(',
    to: 'if (text === "\\0") malformed(',
  },
  {
    ids: ["MQTT-4.7.3-3"],
    file: "src/topic/topic_name.ts",
    from: "if (bytes > maximumBytes) {",
    to: "if (bytes >= maximumBytes) {",
  },
  {
    ids: ["MQTT-4.7.3-4"],
    file: "src/topic/topic_filter.ts",
    from: "return problem ?? { full, filter: full, shareName",
    to: "return problem ?? { full, filter: full.normalize(), shareName",
  },

  // 4.8: Shared Subscriptions
  {
    ids: ["MQTT-4.8.2-1"],
    file: "src/topic/topic_filter.ts",
    from: 'if (shareName === "") {',
    to: 'if (shareName === " ") {',
  },
  {
    ids: ["MQTT-4.8.2-2"],
    file: "src/topic/topic_filter.ts",
    from: "if (hasWildcard(shareName)) {",
    to: 'if (shareName.includes("#")) {',
  },
  {
    ids: ["MQTT-4.8.2-3"],
    file: "src/broker/shared.ts",
    from: "return options.qos < qos ? options.qos : qos;",
    to: "return qos;",
  },
  {
    ids: ["MQTT-4.8.2-4", "MQTT-4.8.2-5"],
    file: "src/broker/shared_stored.ts",
    from: 'awaiting === "puback" && delivery?.group === group.key',
    to: 'awaiting !== "pubcomp" && delivery?.group === group.key',
  },

  // 4.9 and 4.13: flow control and errors
  {
    ids: ["MQTT-4.9.0-1"],
    file: "src/connection/on_connect.ts",
    from: "Math.min(receiveMaximumOf(connect), limits.sendWindow)",
    to: "limits.sendWindow",
  },
  {
    ids: ["MQTT-4.9.0-2"],
    file: "src/session/deliver.ts",
    from: "sendQuota: session.sendQuota - 1,",
    to: "sendQuota: session.sendQuota,",
  },
  {
    ids: ["MQTT-4.9.0-2"],
    file: "src/session/settle.ts",
    from: "session.sendQuota : session.sendQuota + 1,",
    to: "session.sendQuota : session.sendQuota + 2,",
  },
  {
    ids: ["MQTT-4.13.1-1", "MQTT-3.12.4-1"],
    file: "src/connection/stage.ts",
    from: '"unsuback", "pingresp"]',
    to: '"unsuback"]',
  },
  {
    ids: ["MQTT-4.13.2-1"],
    file: "src/broker/admit.ts",
    from: "  dropLink(tables, live, why, reason, detail);",
    to: "  if (reason < 0x80) dropLink(tables, live, why, reason, detail);",
  },

  // Subtler ones of all these sections
  {
    ids: ["MQTT-3.9.3-2"],
    file: "src/session/on_subscribe.ts",
    from: "if (given.version === 5 && ids.has(session.received, packet.packetId)) {",
    to: "if (given.version === 9 as never) {",
  },
  {
    ids: ["MQTT-3.14.2-2"],
    file: "src/broker/on_packet.ts",
    from: "if (client.session.expiryInterval === 0) { // [MQTT-3.14.2-2]",
    to: "if (client.session.expiryInterval === -1) { // [MQTT-3.14.2-2]",
  },
  {
    ids: ["MQTT-4.1.0-2"],
    file: "src/broker/end_session.ts",
    from: "unindex(tables, client, allSubscriptions(session.subscriptions));",
    to: "",
  },
  {
    ids: ["MQTT-4.1.0-2"],
    file: "src/broker/recover.ts",
    from: "const until = Math.min(record.expiresAt, expiresAt(tables.now, expiryInterval));",
    to: "const until = expiresAt(tables.now, expiryInterval);",
  },
  {
    ids: ["MQTT-4.3.2-3"],
    file: "src/session/settle.ts",
    from: '? [{ type: "deleteInflight", clientId: session.clientId, packetId }]',
    to: "? []",
  },
  {
    ids: ["MQTT-4.3.2-3", "MQTT-4.3.3-3"],
    file: "src/session/deliver.ts",
    from: '? [{ type: "putInflight", clientId: session.clientId, packetId, inflight }]',
    to: "? []",
  },
  {
    ids: ["MQTT-4.3.3-5", "MQTT-4.3.3-6"],
    file: "src/session/on_pubrec.ts",
    from: '? [{ type: "putInflight", clientId, packetId, inflight: released }]',
    to: "? []",
  },
  {
    ids: ["MQTT-4.3.3-12"],
    file: "src/session/on_pubrel.ts",
    from:
      'known && isStored(session) ? [{ type: "deleteReceived", clientId, packetId }] : NOTHING,',
    to: "NOTHING,",
  },
  {
    ids: ["MQTT-4.9.0-1"],
    file: "src/session/replenish.ts",
    from: "count < resending.length && sent < sendQuota &&",
    to: "count < resending.length &&",
  },
  {
    ids: ["MQTT-4.9.0-2"],
    file: "src/session/replenish.ts",
    from: "sendQuota: sendQuota - sent,",
    to: "sendQuota,",
  },
  {
    ids: ["MQTT-4.9.0-2"],
    file: "src/broker/retained_stream.ts",
    from: "left > 0 && hasWindow(client.session, tables.rules.limits) &&",
    to: "",
  },
  {
    ids: ["MQTT-4.9.0-2"],
    file: "src/broker/shared.ts",
    from: "return hasWindow(session, rules.limits) && session.resending.length === 0 &&",
    to: "return session.resending.length === 0 &&",
  },
  {
    ids: ["MQTT-4.9.0-2"],
    file: "src/session/on_publish.ts",
    from: ">= given.announced.receiveMaximum",
    to: "> given.announced.receiveMaximum",
  },
  {
    ids: ["MQTT-4.4.0-1"],
    file: "src/session/replenish.ts",
    from: "packetId, dup: delivery !== undefined });",
    to: "packetId, dup: false });",
  },
  {
    ids: ["MQTT-4.3.1-1"],
    file: "src/broker/outgoing.ts",
    from: "const effect = sendDelivery(tables, live, delivery, 0, false);",
    to: "const effect = sendDelivery(tables, live, delivery, 0, true);",
  },
  {
    ids: ["MQTT-4.3.2-2"],
    file: "src/broker/fan_out.ts",
    from: "sendDelivery(tables, live, delivery, packetId, false)",
    to: "sendDelivery(tables, live, delivery, packetId, true)",
  },
  {
    ids: ["MQTT-4.3.2-2"],
    file: "src/session/replenish.ts",
    from: "outbound.push({ delivery, packetId, dup: false });",
    to: "outbound.push({ delivery, packetId, dup: true });",
  },
  {
    ids: ["MQTT-4.3.2-2"],
    file: "src/broker/retained_stream.ts",
    from: "sendDelivery(tables, client.live!, delivery, packetId, false)",
    to: "sendDelivery(tables, client.live!, delivery, packetId, true)",
  },
  {
    ids: ["MQTT-4.3.2-2", "MQTT-4.3.3-2"],
    file: "src/broker/shared.ts",
    from: "sendDelivery(tables, live, delivery, delivered.packetId, false)",
    to: "sendDelivery(tables, live, delivery, delivered.packetId, true)",
  },
  {
    ids: ["MQTT-4.3.2-1"],
    file: "src/broker/retained_stream.ts",
    from: "const packetId = ids.firstFree(client.session.inflight, client.session.nextPacketId);",
    to: "const packetId = client.session.nextPacketId;",
  },
  {
    ids: ["MQTT-4.3.2-1"],
    file: "src/session/replenish.ts",
    from: "const packetId = ids.firstFree(inflight, nextPacketId);",
    to: "const packetId = nextPacketId;",
  },
  {
    ids: ["MQTT-4.6.0-5"],
    file: "src/session/deliver.ts",
    from: "if (resending.length > 0 || queueLength(queue) > 0) return undefined;",
    to: "if (resending.length > 0) return undefined;",
  },
  {
    ids: ["MQTT-4.6.0-5"],
    file: "src/session/queue.ts",
    from: "if (!toTail && tailLength(queue) === 0) {",
    to: "if (!toTail) {",
  },
  {
    ids: ["MQTT-4.8.2-6"],
    file: "src/session/on_pubrec.ts",
    from: "if (pubrec.reasonCode >= 0x80) {",
    to: "if (pubrec.reasonCode >= 0x84) {",
  },
  {
    ids: ["MQTT-4.8.2-6"],
    file: "src/broker/close.ts",
    from: "  giveBack(tables, client);\n",
    to: "",
  },
  {
    ids: ["MQTT-3.14.0-1"],
    file: "src/broker/broker.ts",
    from: 'dropLink(tables, live, "malformedPacket", event.reason, event.detail);',
    to:
      'closeLive(tables, { ...live, ready: true, connection: { ...live.connection, version: 5 } }, "malformedPacket", event.reason, event.detail);',
  },
  {
    ids: ["MQTT-4.3.3-13"],
    file: "src/session/on_publish.ts",
    from: "const known = ids.has(session.received, packetId);",
    to:
      "const known = ids.has(session.received, packetId) && !((ids.get(session.received, packetId) ?? 0) + 1000 < given.now);",
  },
  {
    ids: ["MQTT-3.10.4-2"],
    file: "src/broker/shared.ts",
    from: "group.members.splice(at, 1);",
    to: "",
  },
  {
    ids: ["MQTT-4.5.0-1"],
    file: "src/session/deliver.ts",
    from: 'if (stored) writes.push({ type: "putQueued", clientId: session.clientId, delivery });',
    to: "",
  },
  {
    ids: ["MQTT-4.2-1"],
    file: "src/packet/frame_splitter.ts",
    from: "if (missing > 0 && this.#take(missing, length) < missing) return false;",
    to: "if (missing > 0) this.#take(missing, length);",
  },
  {
    ids: ["MQTT-4.7.1-1"],
    file: "src/topic/rest_matches.ts",
    from: "if (first === HASH) return true;",
    to: "if (first === HASH) return nameAt <= name.length;",
  },
  {
    ids: ["MQTT-4.7.1-2"],
    file: "src/topic/rest_matches.ts",
    from: "nameAt = levelEnd(name, nameAt) + 1;",
    to: "nameAt = Math.max(nameAt + 2, levelEnd(name, nameAt) + 1);",
  },
  {
    ids: ["MQTT-3.14.4-3"],
    file: "src/broker/on_packet.ts",
    from: "const reason = packet.reasonCode === Reason.normalDisconnection",
    to: "const reason = packet.reasonCode <= Reason.disconnectWithWillMessage",
  },
  {
    ids: ["MQTT-3.10.4-3"],
    file: "src/broker/subscribe.ts",
    from: "  if (client.streams.length === 0) return;\n",
    to: "  client.session = { ...client.session, inflight: client.session.received as never };\n",
  },
  {
    ids: ["MQTT-4.1.0-2"],
    file: "src/broker/end_session.ts",
    from: 'durably(clientId, [{ type: "deleteSession", clientId }])',
    to: "durably(clientId, [])",
  },
  {
    ids: ["MQTT-4.9.0-2"],
    file: "src/session/settle.ts",
    from: "sendQuota: waiting ? session.sendQuota : session.sendQuota + 1,",
    to: "sendQuota: session.sendQuota + 1,",
  },
  {
    ids: ["MQTT-4.3.3-4"],
    file: "src/session/on_pubrec.ts",
    from: "return step(session, durably(session.clientId, NOTHING, answer));",
    to: "return step(session);",
  },
  {
    ids: ["MQTT-3.8.4-5"],
    file: "src/session/on_subscribe.ts",
    from: "withSubscription(withoutUnsubscribed(subscriptions, wanted.full), wanted)",
    to: "withSubscription(withoutUnsubscribed(session.subscriptions, wanted.full), wanted)",
  },
  {
    ids: ["MQTT-3.10.4-6"],
    file: "src/session/on_unsubscribe.ts",
    from: "subscriptions = withoutSubscription(subscriptions, full);",
    to: "",
  },
  {
    ids: ["MQTT-4.3.3-7"],
    file: "src/session/message.ts",
    from: "Math.max(0, Math.ceil((message.expiresAt - now) / 1000))",
    to: "Math.ceil((message.expiresAt - now) / 1000)",
  },
  {
    ids: ["MQTT-4.13.1-1"],
    file: "src/session/on_unsubscribe.ts",
    from: "if (given.version === 5 && ids.has(session.received, packet.packetId)) {",
    to: "if (false) {",
  },
  {
    ids: ["MQTT-4.13.1-1"],
    file: "src/packet/property_reader.ts",
    from: "if (value < row.least || value > row.most) {",
    to: "if (value > row.most) {",
  },
  {
    ids: ["MQTT-4.13.1-1", "MQTT-2.2.2-1"],
    file: "src/packet/property.ts",
    from: 'rule(0x1c, "serverReference", "string", ["connack", "disconnect"]),',
    to: 'rule(0x1c, "serverReference", "string", ["connack", "disconnect", "auth"]),',
  },
  {
    ids: ["MQTT-4.13.1-1"],
    file: "src/packet/connect_reader.ts",
    from: "if (remaining(reader) !== 0) malformed(`connect has",
    to: "if (false) malformed(`connect has",
  },
];
