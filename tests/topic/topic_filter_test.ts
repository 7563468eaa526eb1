import assert from "node:assert/strict";
import { hasWildcard, parseTopicFilter } from "../../src/topic/topic_filter.ts";

const LEVELS = 8;

const good: [full: string, filter: string, shareName: string | undefined, wildcard: boolean][] = [
  // The examples of section 4.7.1.
  ["sport/tennis/player1/#", "sport/tennis/player1/#", undefined, true],
  ["#", "#", undefined, true],
  ["sport/tennis/#", "sport/tennis/#", undefined, true],
  ["sport/tennis/+", "sport/tennis/+", undefined, true],
  ["sport/+", "sport/+", undefined, true],
  ["+", "+", undefined, true],
  ["+/tennis/#", "+/tennis/#", undefined, true],
  ["sport/+/player1", "sport/+/player1", undefined, true],
  ["+/+", "+/+", undefined, true],
  ["/+", "/+", undefined, true],
  // Sections 4.7.2 and 4.7.3.
  ["$SYS/#", "$SYS/#", undefined, true],
  ["$SYS/monitor/+", "$SYS/monitor/+", undefined, true],
  ["/", "/", undefined, false],
  ["Accounts payable", "Accounts payable", undefined, false],
  ["a/b/c/d/e/f/g/h", "a/b/c/d/e/f/g/h", undefined, false],
  // The examples of section 4.8.2 and what lies near them.
  ["$share/consumer1/sport/tennis/+", "sport/tennis/+", "consumer1", true],
  ["$share/consumer2/sport/tennis/+", "sport/tennis/+", "consumer2", true],
  ["$share/consumer1/sport/#", "sport/#", "consumer1", true],
  ["$share/consumer1/finance/#", "finance/#", "consumer1", true],
  ["$share/consumer1//finance", "/finance", "consumer1", false],
  ["$share/g//", "/", "g", false],
  ["$share/$g/$SYS/#", "$SYS/#", "$g", true],
  ["$share/g/a/b/c/d/e/f/g/h", "a/b/c/d/e/f/g/h", "g", false],
  ["$shared/g/a", "$shared/g/a", undefined, false],
  ["$share2", "$share2", undefined, false],
  ["$Share/g/a", "$Share/g/a", undefined, false],
  ["/$share/g/a", "/$share/g/a", undefined, false],
];

for (const [full, filter, shareName, wildcard] of good) {
  Deno.test(`parseTopicFilter() takes ${JSON.stringify(full)} apart when it is good`, () => {
    assert.deepEqual(parseTopicFilter(full, LEVELS), { full, filter, shareName, wildcard });
  });
}

const bad: [full: string, words: RegExp, id: string][] = [
  ["", /empty/, "[MQTT-4.7.3-1]"],
  ["sport/tennis#", /# does not fill its level/, "[MQTT-4.7.1-2]"],
  ["sport/tennis/#/ranking", /# is not the last/, "[MQTT-4.7.1-2]"],
  ["#/", /# is not the last/, "[MQTT-4.7.1-2]"],
  ["##", /# is not the last/, "[MQTT-4.7.1-2]"],
  ["#a", /# is not the last/, "[MQTT-4.7.1-2]"],
  ["+#", /# does not fill its level/, "[MQTT-4.7.1-2]"],
  ["sport+", /\+ does not fill its level/, "[MQTT-4.7.1-3]"],
  ["+sport", /\+ does not fill its level/, "[MQTT-4.7.1-3]"],
  ["a/b+/c", /\+ does not fill its level/, "[MQTT-4.7.1-3]"],
  ["a/+b/c", /\+ does not fill its level/, "[MQTT-4.7.1-3]"],
  ["a/+/++", /\+ does not fill its level/, "[MQTT-4.7.1-3]"],
  ["a\0", /U\+0000/, "[MQTT-4.7.3-2]"],
  ["x".repeat(65_536), /bytes/, "[MQTT-4.7.3-3]"],
  ["a/b/c/d/e/f/g/h/#", /9 levels/, "the limit on levels"],
  ["$share", /\$share\/\{ShareName\}/, "[MQTT-4.8.2-1]"],
  ["$share/", /names its group/, "[MQTT-4.8.2-1]"],
  ["$share//a", /names its group/, "[MQTT-4.8.2-1]"],
  ["$share/#", /ShareName "#"/, "[MQTT-4.8.2-2]"],
  ["$share/+/a", /ShareName "\+"/, "[MQTT-4.8.2-2]"],
  ["$share/g+/a", /ShareName "g\+"/, "[MQTT-4.8.2-2]"],
  ["$share/g", /after its ShareName/, "[MQTT-4.8.2-2]"],
  ["$share/g/", /after its ShareName/, "[MQTT-4.8.2-2]"],
  ["$share/g/a#", /# does not fill its level/, "[MQTT-4.7.1-2]"],
  ["$share/g\0/a", /U\+0000/, "[MQTT-4.7.3-2]"],
  [`$share/g/${"x".repeat(65_530)}`, /65539 bytes/, "[MQTT-4.7.3-3] $share/g/ included"],
  ["$share/g/a/b/c/d/e/f/g/h/i", /9 levels/, "the limit on levels"],
];

for (const [full, words, id] of bad) {
  const shown = full.length <= 40 ? JSON.stringify(full) : `${full.length} units`;
  Deno.test(`parseTopicFilter() says ${words} when the filter is ${shown}: ${id}`, () => {
    const problem = parseTopicFilter(full, LEVELS);
    assert.ok(typeof problem === "string", "a problem in words");
    assert.match(problem, words);
  });
}

Deno.test("hasWildcard() tells + and # from other characters when they stand anywhere", () => {
  assert.deepEqual(["a/b", "", "+", "a/#", "a/+/b"].map(hasWildcard), [
    false,
    false,
    true,
    true,
    true,
  ]);
});
