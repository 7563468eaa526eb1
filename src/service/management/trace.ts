/**
 * `trace`: follows a client, a topic or an address for a while, and tells the asker of each packet and of what
 * becomes of it. Nothing else of the broker gets slower by more than its limits allow.
 */

import * as z from "zod";
import { permits } from "../../policy/permits.ts";
import { followProblem } from "../trace/followed.ts";
import type { Followed } from "../trace/trace_start.ts";
import { command, refuse, text } from "./command.ts";

const TOPIC = "$CONTROL/dunlin/v1/trace";
/** Who may have payloads shown may make a request to this. */
const PAYLOADS = `${TOPIC}/payloads`;

export const trace = command({
  name: "trace",
  help: "follows a client, a topic or an address: each packet, drop and refusal, told to the asker",
  changes: true,
  example: { clientId: "pump-7", seconds: 30 },
  shape: {
    clientId: text.optional().describe("The client to follow, present or to come."),
    topic: text.optional().describe("Or: a Topic Filter, as it is without mount points."),
    address: text.optional().describe("Or: an address, or a range such as 10.0.0.0/8."),
    seconds: z.int().min(1).default(60).describe("How long; traceSeconds at most."),
    most: z.int().min(1).default(10_000).describe("Events after which it ends."),
    payload: z.int().min(0).default(0).describe(
      `Bytes of each payload to show, for who may also ask ${PAYLOADS}.`,
    ),
  },
  run({ clientId, topic, address, seconds, most, payload }, { view, request, dryRun }) {
    const { limits } = view.broker.rules;
    const { traces } = view.world;
    const chosen: readonly Followed[] = [
      ...(clientId === undefined ? [] : [{ clientId }]),
      ...(topic === undefined ? [] : [{ topic }]),
      ...(address === undefined ? [] : [{ address }]),
    ];
    const [followed] = chosen;
    if (followed === undefined || chosen.length > 1) {
      return refuse("badRequest", "expected one of clientId, topic and address");
    }
    const problem = followProblem(followed, limits.topicLevels);
    if (problem !== undefined) return refuse("badRequest", problem);
    for (
      const [name, value, limit] of [
        ["seconds", seconds, "traceSeconds"],
        ["most", most, "traceEvents"],
        ["payload", payload, "tracePayload"],
      ] as const
    ) {
      if (value > limits[limit]) {
        return refuse(
          "limit",
          `${name}: found ${value}, the limit ${limit} allows ${limits[limit]}`,
        );
      }
    }
    if (payload > 0) {
      const decision = permits(view.broker.rules, request.identity, "publish", PAYLOADS);
      if (!decision.permitted) return refuse("notPermitted", `payload: ${decision.rule}`);
    }
    if (traces.running.length >= limits.traces) {
      return refuse("limit", `the limit traces allows ${limits.traces} at once`);
    }
    const { sender, identity: { user } } = request;
    if (sender === undefined) {
      return refuse("unavailable", "a trace is told over MQTT: ask for it over MQTT");
    }
    const id = traces.begun + 1;
    const to = sender.responseTopic || `${TOPIC}/${id}`;
    const where = dryRun ? { id: null, to: null } : { id, to };
    const data = { ...where, ...followed, seconds, most, payload };
    return {
      data,
      instructions: [{
        type: "trace",
        start: {
          id,
          followed,
          seconds,
          most,
          payload,
          topic: `${TOPIC}/${id}`,
          needs: payload > 0 ? [TOPIC, PAYLOADS] : [TOPIC],
          sender,
          by: { user, clientId: request.clientId },
        },
      }],
    };
  },
});
