/** Debian's paho against the real program, in all three versions. */

import assert from "node:assert/strict";
import { sharedBroker } from "./broker_process.ts";
import { startPaho } from "./client_process.ts";
import { RawClient } from "./raw.ts";
import { toolTest } from "./tools.ts";

const broker = sharedBroker();

for (const version of [3, 4, 5] as const) {
  toolTest(
    ["paho"],
    `paho sends and gets QoS 0, 1 and 2 when its version is ${version}`,
    async () => {
      const { port } = broker();
      const name = `paho-${version}`;
      const count = 30;
      const paho = startPaho(
        port,
        version,
        name,
        `paho/${version}/#`,
        `paho/${version}/own`,
        count,
      );
      await paho.out.find((line) => line === "ready", "SUBACK at paho");
      await paho.out.count(1 + count, "paho");
      const other = await RawClient.connect(broker(), 5, `to-${name}`);
      await other.publish(`paho/${version}/other`, "end", { qos: 1 });
      await other.expect("puback");
      await other.disconnect();
      const lines = await paho.done();
      assert.equal(lines.at(-1), `1 paho/${version}/other end`);
      const own = lines.slice(1, -1);
      for (const qos of [0, 1, 2]) {
        assert.deepEqual(
          own.filter((line) => line.startsWith(`${qos} `)),
          Array.from(
            { length: count / 3 },
            (_, at) => `${qos} paho/${version}/own ${name} ${3 * at + qos}`,
          ),
        );
      }
      assert.equal(own.length, count);
    },
  );
}
