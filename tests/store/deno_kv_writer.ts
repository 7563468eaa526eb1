/**
 * A program that writes to a store and tells each commit that is durable, to be killed by a test:
 * `deno_kv_writer.ts PATH FIRST`. Order n has a payload of n % 1,000 bytes.
 */

import { DenoKvStore } from "../../src/store/deno_kv_store.ts";
import { delivery, inflight, message, putQueued, putSession } from "../contract/store_values.ts";

const [path, first] = Deno.args;
const store = await DenoKvStore.open(path!);
for (let order = Number(first);; order += 300) {
  const many = Array.from({ length: 300 }, (_, n) => {
    const at = order + n;
    return putQueued("panel", delivery(message(at, { payload: new Uint8Array(at % 1_000) })));
  });
  const last = { packetId: 7, inflight: inflight(delivery(message(2 ** 40 + order)), 1) };
  await store.commit([
    putSession("panel"),
    ...many,
    { type: "putInflight", clientId: "panel", ...last },
  ]);
  console.log(order + 299);
}
