import assert from "node:assert/strict";
import { topicNameProblem } from "../../src/topic/topic_name.ts";

const LEVELS = 8;

const good: [name: string, why: string][] = [
  ["sport/tennis/player1", "4.7.1.1"],
  ["sport/tennis/player1/ranking", "4.7.1.1"],
  ["/finance", "4.7.3: a leading / makes an empty level"],
  ["finance/", "a trailing / makes an empty level"],
  ["/", "4.7.3: a name of only / is valid"],
  ["//", "only empty levels"],
  ["ACCOUNTS", "4.7.3: case matters"],
  ["Accounts payable", "4.7.3: a space is a character like others"],
  ["$SYS/monitor/Clients", "4.7.2"],
  ["$share/group/name", "a name is never shared"],
  ["\ufeff/\ufffd/é/水/💧", "1.5.4: any character but U+0000"],
  ["a/b/c/d/e/f/g/h", "as many levels as allowed"],
  ["x".repeat(65_535), "[MQTT-4.7.3-3] exactly the most bytes"],
  ["💧".repeat(16_383), "65,532 bytes in 32,766 units"],
];

for (const [name, why] of good) {
  Deno.test(`topicNameProblem() finds none when the name is ${brief(name)}: ${why}`, () => {
    assert.equal(topicNameProblem(name, LEVELS), undefined);
  });
}

const bad: [name: string, words: RegExp, why: string][] = [
  ["", /empty/, "[MQTT-4.7.3-1]"],
  ["sport/#", /wildcard/, "[MQTT-4.7.1-1]"],
  ["sport/+/player1", /wildcard/, "[MQTT-4.7.1-1]"],
  ["sport#", /wildcard/, "[MQTT-4.7.1-1]"],
  ["a+b", /wildcard/, "[MQTT-4.7.1-1]"],
  ["a\0b", /U\+0000/, "[MQTT-4.7.3-2]"],
  ["\0", /U\+0000/, "[MQTT-4.7.3-2]"],
  ["x".repeat(65_536), /65536 bytes.* 65535/, "[MQTT-4.7.3-3]"],
  ["é".repeat(32_768), /65536 bytes/, "[MQTT-4.7.3-3] two bytes a character"],
  ["水".repeat(21_846), /65538 bytes/, "[MQTT-4.7.3-3] three bytes a character"],
  ["💧".repeat(16_384), /65536 bytes/, "[MQTT-4.7.3-3] four bytes a character"],
  ["a/b/c/d/e/f/g/h/i", /9 levels.* 8 /, "a level too many"],
  ["////////", /9 levels/, "empty levels count"],
];

for (const [name, words, why] of bad) {
  Deno.test(`topicNameProblem() says ${words} when the name is ${brief(name)}: ${why}`, () => {
    assert.match(topicNameProblem(name, LEVELS) ?? "no problem", words);
  });
}

Deno.test("topicNameProblem() counts bytes as TextEncoder does when the text is well formed", () => {
  for (
    const character of ["\x01", "\x7f", "\x80", "\u07ff", "\u0800", "\uffff", "𐀀", "\u{10ffff}"]
  ) {
    const bytes = new TextEncoder().encode(character).length;
    const most = Math.floor(65_535 / bytes);
    assert.equal(topicNameProblem(character.repeat(most), LEVELS), undefined);
    assert.match(topicNameProblem(character.repeat(most + 1), LEVELS) ?? "no problem", /bytes/);
  }
});

function brief(text: string): string {
  return text.length <= 40 ? JSON.stringify(text) : `${text.length} units of ${text.slice(0, 2)}`;
}
