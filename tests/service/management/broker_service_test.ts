import assert from "node:assert/strict";
import { Asker, atControlDesk } from "../control_desk.ts";

const TOPIC = "$CONTROL/broker/v1";

Deno.test("$CONTROL/broker/v1 answers each command in its place, with its correlationData", async () => {
  await atControlDesk({}, async ({ desk, audit }) => {
    const asker = await Asker.connect(desk);
    assert.deepEqual(
      await asker.askService(TOPIC, {
        commands: [
          { command: "listListeners", correlationData: "1" },
          { command: "nothing", correlationData: "2" },
          { command: "listPlugins" },
        ],
      }),
      {
        responses: [
          {
            command: "listListeners",
            data: {
              listeners: [{
                port: 1883,
                protocol: "mqtt",
                "bind-address": "127.0.0.1",
                tls: false,
              }],
            },
            correlationData: "1",
          },
          { command: "nothing", error: "Unknown command", correlationData: "2" },
          {
            command: "listPlugins",
            data: {
              plugins: [
                {
                  name: "dunlin",
                  version: "test",
                  "control-endpoints": ["$CONTROL/dunlin/v1"],
                },
                {
                  name: "broker",
                  version: "test",
                  "control-endpoints": ["$CONTROL/broker/v1"],
                },
              ],
            },
          },
        ],
      },
    );
    assert.equal(audit.length, 3);
  });
});

for (
  const [what, input] of [["is no JSON", undefined], ["has no commands", { command: "x" }]] as const
) {
  Deno.test(`$CONTROL/broker/v1 answers with an error when the payload ${what}`, async () => {
    await atControlDesk({}, async ({ desk }) => {
      const asker = await Asker.connect(desk);
      const { responses: [response] } = await asker.askService(TOPIC, input) as {
        responses: { error: string }[];
      };
      assert.ok(response!.error.length > 0);
    });
  });
}
