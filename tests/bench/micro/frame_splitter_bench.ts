/** `deno bench tests/bench/micro`: chunks of a link to frames. Section 2.1.4 of MQTT 5.0. */

import { encode } from "../../../src/packet/encode.ts";
import { FrameSplitter } from "../../../src/packet/frame_splitter.ts";

/** PUBLISH packets of 64 bytes of payload, so many that a chunk of 64 KiB is nearly full. */
const FRAMES = 700;
const frame = encode({
  type: "publish",
  topic: "plant/7/temperature",
  payload: new Uint8Array(64),
  qos: 0,
  retain: false,
  dup: false,
  packetId: 0,
  properties: undefined,
}, 4).slice();
const chunk = new Uint8Array(FRAMES * frame.length);
for (let at = 0; at < FRAMES; at++) chunk.set(frame, at * frame.length);

for (const size of [chunk.length, 1_460, 100]) {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < chunk.length; at += size) pieces.push(chunk.subarray(at, at + size));
  Deno.bench(`${FRAMES} frames in chunks of ${size} bytes`, { group: "splitter" }, () => {
    const splitter = new FrameSplitter(1_048_576);
    let count = 0;
    for (const piece of pieces) {
      splitter.push(piece);
      while (splitter.next() !== undefined) count += 1;
    }
    if (count !== FRAMES) throw new Error(`${count} of ${FRAMES} frames`);
  });
}
