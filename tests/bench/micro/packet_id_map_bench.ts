/** `deno bench tests/bench/micro`: Packet Identifiers in flight. Section 2.2.1 of MQTT 5.0. */

import type { PacketIdMap } from "../../../src/session/packet_id_map.ts";
import {
  emptyPacketIdMap,
  firstFree,
  get,
  remove,
  set,
} from "../../../src/session/packet_id_map.ts";

for (const window of [1, 20, 256, 65_000]) {
  let map: PacketIdMap<number> = emptyPacketIdMap();
  for (let id = 1; id <= window; id++) map = set(map, id, id);
  let oldest = 1;
  let newest = window;
  Deno.bench(`the window moves on by one, ${window} in flight`, { group: "move" }, () => {
    map = remove(map, oldest);
    oldest = oldest % 65_535 + 1;
    newest = firstFree(map, newest % 65_535 + 1);
    map = set(map, newest, newest);
  });
  Deno.bench(`get, ${window} in flight`, { group: "get" }, () => {
    if (get(map, newest) === undefined) throw new Error(`${newest} is not there`);
  });
}
