/**
 * `retained/get`: one retained message with its payload.
 */

import { command, refuse, text } from "./command.ts";
import { shownPayload } from "./payload.ts";
import { messageRow } from "./rows.ts";

export const retainedGet = command({
  name: "retained/get",
  help: "shows the retained message of a topic, with its payload and properties",
  changes: false,
  example: { topic: "plant/1/state" },
  shape: { topic: text.describe("The Topic Name.") },
  run({ topic }, { view: { broker } }) {
    const message = broker.retained.get(topic);
    if (message === undefined) {
      return refuse("notFound", `nothing is retained for the topic ${JSON.stringify(topic)}`);
    }
    const { contentType, responseTopic, userProperties } = message.properties ?? {};
    return {
      data: {
        message: {
          ...messageRow(message),
          ...shownPayload(message.payload),
          contentType: contentType ?? null,
          responseTopic: responseTopic ?? null,
          userProperties: userProperties ?? [],
        },
      },
    };
  },
});
