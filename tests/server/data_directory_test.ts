import assert from "node:assert/strict";
import { holdDataDirectory } from "../../src/server/data_directory.ts";

Deno.test("holdDataDirectory() makes the directory and refuses a second holder until released", async () => {
  const parent = await Deno.makeTempDir();
  const path = `${parent}/a/b`;
  const held = holdDataDirectory(path);
  assert.ok(Deno.statSync(path).isDirectory);
  assert.throws(() => holdDataDirectory(path), /in use by another process.*--data/);
  held.release();
  holdDataDirectory(path).release();
  await Deno.remove(parent, { recursive: true });
});

Deno.test("holdDataDirectory() throws when a file has that name", async () => {
  const path = await Deno.makeTempFile();
  assert.throws(() => holdDataDirectory(path));
  await Deno.remove(path);
});
