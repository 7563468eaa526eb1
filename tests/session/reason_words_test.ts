import assert from "node:assert/strict";
import {
  closeReasons,
  dropReasons,
  fateReasons,
  sessionEnds,
  turnAwayReasons,
} from "../../src/session/reason_words.ts";

const root = new URL("../../", import.meta.url).pathname;
const lists: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["dropReasons", dropReasons],
  ["closeReasons", closeReasons],
  ["turnAwayReasons", turnAwayReasons],
  ["sessionEnds", sessionEnds],
  ["fateReasons", fateReasons],
];

/** All of src but the list itself. */
function source(directory: string): string {
  let text = "";
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) text += source(path);
    else if (name.endsWith(".ts") && name !== "reason_words.ts") {
      text += Deno.readTextFileSync(path);
    }
  }
  return text;
}

const code = source(`${root}src`);
const readme = Deno.readTextFileSync(`${root}README.md`).replace(/\s+/g, " ");

for (const [list, words] of lists) {
  for (const [word, sentence] of Object.entries(words)) {
    Deno.test(`the reason ${word} of ${list} is given somewhere, and explained in README.md`, () => {
      const isGiven = code.includes(`"${word}"`) || code.includes(`.${word} +=`);
      assert.ok(isGiven, `no code gives the reason "${word}": take it out of ${list}`);
      assert.match(sentence, /^(?:[a-z]|QoS|CONNECT|DISCONNECT|PROXY).*[^.]$/);
      const line = `- \`${word}\`: ${sentence}`;
      assert.ok(readme.includes(line), `README.md, Reasons, lacks the line:\n${line}`);
    });
  }
}
