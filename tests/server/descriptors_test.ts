/** How many descriptors there are: under the limit, at it, and that none is kept. */

import assert from "node:assert/strict";
import { availableDescriptors, DescriptorRoom } from "../../src/server/descriptors.ts";

const self = new URL(import.meta.url).pathname;

/** How often this file is open: other files of tests open and close others meanwhile. */
function openNow(): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === self;
    } catch {
      return false; // closed since it was listed
    }
  }).length;
}

Deno.test({
  name: "availableDescriptors() returns what is wanted and keeps none open when there are enough",
  ignore: Deno.build.os !== "linux",
  fn() {
    assert.equal(availableDescriptors(self, 50), 50);
    assert.equal(openNow(), 0);
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

Deno.test("DescriptorRoom.has() says yes up to what is wanted, and no beyond it", () => {
  const room = new DescriptorRoom(self, 5, 3, () => assert.fail("there are enough"));
  assert.deepEqual([0, 4, 5, 6].map((open) => room.has(open)), [true, true, false, false]);
});

Deno.test({
  name:
    "DescriptorRoom.has() says no before the last descriptor is taken, also when that is found late",
  ignore: Deno.build.os === "windows",
  async fn() {
    const module = new URL("../../src/server/descriptors.ts", import.meta.url);
    const script = `import { DescriptorRoom } from ${JSON.stringify(module.href)};
      const fewer = [];
      const path = ${JSON.stringify(self)};
      const room = new DescriptorRoom(path, 5000, 20, (most) => fewer.push(most));
      const told = fewer.length;
      const files = [];
      while (room.has(files.length)) files.push(Deno.openSync(path));
      console.log(JSON.stringify({ told, fewer, open: files.length, most: room.most }));
      for (let spare = 0; spare < 15; spare++) Deno.openSync(path);`;
    const { stdout, success } = await new Deno.Command("sh", {
      args: ["-c", 'ulimit -n 1500 && exec "$0" eval "$1"', Deno.execPath(), script],
      stderr: "inherit",
    }).output();
    assert.ok(success, "the reserve was not left");
    const { told, fewer, open, most } = JSON.parse(new TextDecoder().decode(stdout));
    assert.equal(told, 0, "the first step is not so large that it finds the limit");
    assert.deepEqual(fewer, [most]);
    assert.equal(open, most);
    assert.ok(open > 1_300 && open < 1_480, `${open} of 1500`);
  },
});

const ROOMS = [
  ["the null device", "when everything may be read", "--allow-read", "/no/such/file"],
  ["the file", "when nothing else may be read", `--allow-read=${self}`, self],
] as const;

for (const [what, when, permission, path] of ROOMS) {
  Deno.test({
    name: `DescriptorRoom.has() finds the limit by opening ${what} ${when}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const module = new URL("../../src/server/descriptors.ts", import.meta.url);
      const script = await Deno.makeTempFile({ suffix: ".ts" });
      await Deno.writeTextFile(
        script,
        `import { DescriptorRoom } from ${JSON.stringify(module.href)};
        const room = new DescriptorRoom(${JSON.stringify(path)}, 1000, 20, () => {});
        room.has(400); // as if so many were open: it tries as many again
        console.log(room.most);`,
      );
      try {
        const { stdout, success } = await new Deno.Command("sh", {
          args: ["-c", 'ulimit -n 250 && exec "$@"', "sh"].concat(
            [Deno.execPath(), "run", "--no-prompt", permission, script],
          ),
          stderr: "inherit",
        }).output();
        assert.ok(success);
        const most = Number(new TextDecoder().decode(stdout));
        assert.ok(most > 400 && most < 400 + 250 - 20, `${most} of 1000`);
      } finally {
        await Deno.remove(script);
      }
    },
  });
}

Deno.test("DescriptorRoom.change() has as many as are wanted from then on, open ones included", () => {
  const room = new DescriptorRoom(self, 5, 3, () => assert.fail("there are enough"));
  room.change(8, 3);
  assert.deepEqual([[4, 7, 8].map((open) => room.has(open)), room.most], [
    [true, true, false],
    8,
  ]);
  room.change(2, 1);
  assert.deepEqual([[1, 2, 7].map((open) => room.has(open)), room.most], [
    [true, false, false],
    2,
  ]);
});
