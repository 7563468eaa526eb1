import assert from "node:assert/strict";
import { levelEndIn, read, Spelling } from "../../src/topic/spelling.ts";

const NAMES = [
  ...["", "a", "a/b", "ä/ö", "日/本", "😀/x", "\ufeffa", "/", `${"x".repeat(47)}ä`],
  ...[
    "x".repeat(48),
    "x".repeat(49),
    `${"x".repeat(49)}日`,
    "日".repeat(21_845),
    "y".repeat(65_535),
  ],
];

Deno.test("Spelling.spell() writes what TextEncoder makes of a name, and read() reads it again", () => {
  const spelling = new Spelling();
  for (const name of [...NAMES, ...NAMES]) {
    const size = spelling.spell(name);
    assert.deepEqual(spelling.bytes.slice(0, size), new TextEncoder().encode(name));
    assert.equal(read(spelling.bytes, 0, size), name);
    if (size > 0) assert.equal(read(spelling.bytes, size, size), "", "nothing of it");
  }
});

Deno.test("levelEndIn() gives the next slash, or where the name ends", () => {
  const bytes = new TextEncoder().encode("x/ab//c");
  assert.deepEqual([2, 5, 6].map((from) => levelEndIn(bytes, from, 7)), [4, 5, 7]);
  assert.equal(levelEndIn(bytes, 2, 3), 3, "it looks no further than the name goes");
});
