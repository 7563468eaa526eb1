/** How many descriptors there are: under the limit, at it, and that none is kept. */

import assert from "node:assert/strict";
import { availableDescriptors } from "../../src/server/descriptors.ts";

const self = new URL(import.meta.url).pathname;

function openNow(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test({
  name: "availableDescriptors() returns what is wanted and keeps none open when there are enough",
  ignore: Deno.build.os !== "linux",
  fn() {
    const before = openNow();
    assert.equal(availableDescriptors(self, 50), 50);
    assert.equal(openNow(), before);
  },
});

Deno.test("availableDescriptors() returns what is wanted when the file cannot be opened", () => {
  assert.equal(availableDescriptors("/no/such/file", 50), 50);
});

Deno.test({
  name: "availableDescriptors() returns how many are left when the limit of the process is lower",
  ignore: Deno.build.os === "windows",
  async fn() {
    const module = new URL("../../src/server/descriptors.ts", import.meta.url);
    const script = `import { availableDescriptors } from ${JSON.stringify(module.href)};` +
      `console.log(availableDescriptors(${JSON.stringify(self)}, 1000));`;
    const { stdout, success } = await new Deno.Command("sh", {
      args: ["-c", 'ulimit -n 150 && exec "$0" eval "$1"', Deno.execPath(), script],
      stderr: "inherit",
    }).output();
    assert.ok(success);
    const left = Number(new TextDecoder().decode(stdout));
    assert.ok(left > 50 && left < 150, `${left} of 150`);
  },
});
