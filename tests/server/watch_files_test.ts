/** When files are said to have changed. */

import { watchFiles } from "../../src/server/watch_files.ts";
import { within } from "../end_to_end/within.ts";

const changes: readonly [title: string, change: (path: string) => Promise<void>][] = [
  ["it is written", (path) => Deno.writeTextFile(path, "new")],
  ["it is removed", (path) => Deno.remove(path)],
  ["another takes its name", async (path) => {
    await Deno.writeTextFile(`${path}.new`, "old");
    await Deno.rename(`${path}.new`, path);
  }],
  ["its link leads elsewhere", async (path) => {
    await Deno.writeTextFile(`${path}.other`, "old");
    await Deno.remove(path);
    await Deno.symlink(`${path}.other`, path);
  }],
];

async function withFile(test: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-watch-" });
  const path = `${directory}/file`;
  await Deno.writeTextFile(path, "old");
  await Deno.utime(path, 1, 1);
  try {
    await test(path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const [title, change] of changes) {
  Deno.test(`watchFiles() tells of a file when ${title}`, () =>
    withFile(async (path) => {
      let stop = () => {};
      const told = new Promise<void>((resolve) => stop = watchFiles([path], 10, resolve));
      await change(path);
      // The timer of a watch does not keep a program alive; this one does.
      const alive = setInterval(() => {}, 10);
      await within(told, "the change").finally(() => clearInterval(alive));
      stop();
    }));
}

Deno.test("watchFiles() tells of a file that comes when it was missing", () =>
  withFile(async (path) => {
    let stop = () => {};
    const told = new Promise<void>((resolve) => stop = watchFiles([`${path}.later`], 10, resolve));
    await Deno.writeTextFile(`${path}.later`, "now");
    const alive = setInterval(() => {}, 10);
    await within(told, "the file").finally(() => clearInterval(alive));
    stop();
  }));
