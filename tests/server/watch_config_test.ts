/** Files that decide about the configuration: told of when they are another text, and at rest. */

import assert from "node:assert/strict";
import { watchConfig } from "../../src/server/watch_config.ts";
import { within } from "../end_to_end/within.ts";

/** A watched file, and how often a change of it was told. */
async function withFile(
  text: string,
  work: (file: {
    readonly path: string;
    readonly write: (text: string) => Promise<void>;
    /** Resolves when it has been told that often in all. */
    readonly told: (times: number) => Promise<void>;
    readonly count: () => number;
  }) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "dunlin-watch-" });
  await Deno.writeTextFile(path, text);
  let count = 0;
  let onTold = () => {};
  const stop = watchConfig(new Map([[path, text]]), () => {
    count += 1;
    onTold();
  });
  try {
    await work({
      path,
      write: (text) => Deno.writeTextFile(path, text),
      told: (times) =>
        within(
          new Promise((resolve) => {
            onTold = () => count >= times && resolve();
            onTold();
          }),
          "a change to be told",
        ),
      count: () => count,
    });
  } finally {
    stop();
    await Deno.remove(path).catch(() => {});
  }
}

Deno.test("watchConfig() tells once of a change, and of the next one", async () => {
  await withFile("{}", async ({ write, told, count }) => {
    await write('{ "sysInterval": 1 }');
    await told(1);
    await write('{ "sysInterval": 2 }');
    await told(2);
    assert.equal(count(), 2);
  });
});

Deno.test("watchConfig() tells of a file that is put in the place of the watched one", async () => {
  await withFile("{}", async ({ path, told }) => {
    await Deno.writeTextFile(`${path}.new`, "{ }");
    await Deno.rename(`${path}.new`, path);
    await told(1);
  });
});

Deno.test("watchConfig() tells of a change between the reading and the watch", async () => {
  const path = await Deno.makeTempFile({ prefix: "dunlin-watch-" });
  await Deno.writeTextFile(path, "new");
  const changed = Promise.withResolvers<void>();
  const stop = watchConfig(new Map([[path, "old"]]), changed.resolve);
  await within(changed.promise, "the change to be told");
  stop();
  await Deno.remove(path);
});

Deno.test("watchConfig() tells of nothing when a file is written anew with the same text, or is empty in between", async () => {
  await withFile("{}", async ({ path, write, told, count }) => {
    await write("");
    await write("{}");
    // A file of its own that changes shows that there were looks at it since.
    const other = await Deno.makeTempFile({ prefix: "dunlin-watch-" });
    const changed = Promise.withResolvers<void>();
    const stop = watchConfig(new Map([[path, "{}"], [other, ""]]), changed.resolve);
    await Deno.writeTextFile(other, "x");
    await within(changed.promise, "the other file to be told of");
    stop();
    await Deno.remove(other);
    assert.equal(count(), 0);
    await write("{ }");
    await told(1);
  });
});
