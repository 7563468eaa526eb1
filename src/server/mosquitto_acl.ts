/**
 * The lines of a Mosquitto acl_file as values. mosquitto.conf(5), `acl_file`. A line that Mosquitto would not
 * start with is an error: it may have been meant to deny something.
 */

import { parseTopicFilter } from "../topic/topic_filter.ts";
import type { Note, Place } from "./mosquitto_note.ts";
import { linesOf } from "./mosquitto_source.ts";

export type AclAccess = "read" | "write" | "readwrite" | "deny";

/** A line about topics. */
export interface AclLine extends Place {
  /** `pattern` is about everybody, `user` about that user, `anonymous` about clients without a name. */
  readonly about: "pattern" | "anonymous" | { readonly user: string };
  readonly access: AclAccess;
  /** A Topic Filter; of a pattern with %c and %u. */
  readonly topic: string;
}

const ACCESSES: readonly string[] = ["read", "write", "readwrite", "deny"];

/** Reads all lines; faults are errors among the notes. */
export function parseAclFile(text: string, file: string, notes: Note[]): AclLine[] {
  let user: string | undefined;
  return linesOf(text).flatMap(([content, line]): AclLine[] => {
    const fault = (directive: string, found: string, expected: string): [] => {
      const text = `found ${found}; expected ${expected}`;
      notes.push({ file, line, kind: "error", directive, text });
      return [];
    };
    const [, keyword, rest] = /^(\S+) *(.*)$/.exec(content)!;
    if (keyword === "user") {
      if (rest === "") return fault("user", "no name", "a user name behind it");
      user = rest!;
      return [];
    }
    if (keyword !== "topic" && keyword !== "pattern") {
      return fault(keyword!, "an unknown word", "topic, pattern or user");
    }
    if (rest === "") return fault(keyword, "no topic", "[read|write|readwrite|deny] and a topic");
    const [, first, behind] = /^([^ ]+) *(.*)$/.exec(rest!)!;
    const access = behind === "" ? "readwrite" : first!;
    const topic = behind === "" ? first! : behind!;
    if (!ACCESSES.includes(access)) {
      return fault(keyword, JSON.stringify(access), "read, write, readwrite or deny");
    }
    const parsed = parseTopicFilter(topic, Infinity);
    if (typeof parsed === "string") {
      return fault(keyword, JSON.stringify(topic), `a Topic Filter, but ${parsed}`);
    }
    const about = keyword === "pattern" ? keyword : user === undefined ? "anonymous" : { user };
    return [{ about, access: access as AclAccess, topic, file, line }];
  });
}
