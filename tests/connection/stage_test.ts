import assert from "node:assert/strict";
import type { Stage } from "../../src/connection/stage.ts";
import { stageRefuses } from "../../src/connection/stage.ts";
import type { Packet } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";

const CONNECTED: readonly Stage[] = ["connected", "reauthenticating"];

/** For each packet, the stages at which a client may send it; the normative statement. */
const table: Readonly<Record<Packet["type"], readonly [readonly Stage[], string]>> = {
  connect: [["awaitingConnect"], "[MQTT-3.1.0-1] [MQTT-3.1.0-2]"],
  connack: [[], "(section 2.1.2)"],
  publish: [CONNECTED, "(section 3.1.4)"],
  puback: [CONNECTED, "(section 3.1.4)"],
  pubrec: [CONNECTED, "(section 3.1.4)"],
  pubrel: [CONNECTED, "(section 3.1.4)"],
  pubcomp: [CONNECTED, "(section 3.1.4)"],
  subscribe: [CONNECTED, "(section 3.1.4)"],
  suback: [[], "(section 2.1.2)"],
  unsubscribe: [CONNECTED, "(section 3.1.4)"],
  unsuback: [[], "(section 2.1.2)"],
  pingreq: [CONNECTED, "(section 3.1.4)"],
  pingresp: [[], "(section 2.1.2)"],
  disconnect: [["authenticating", ...CONNECTED], "(section 3.14)"],
  auth: [["authenticating", ...CONNECTED], "[MQTT-3.1.2-30]"],
};

const STAGES: readonly Stage[] = ["awaitingConnect", "authenticating", "loading", ...CONNECTED];

for (const [type, [stages, statement]] of Object.entries(table)) {
  for (const stage of STAGES) {
    const allowed = stages.includes(stage);
    Deno.test(`stageRefuses() ${allowed ? "lets" : "refuses"} ${type} when the stage is ${stage} ${statement}`, () => {
      assert.equal(
        stageRefuses(stage, type as Packet["type"]),
        allowed ? undefined : Reason.protocolError,
      );
    });
  }
}
