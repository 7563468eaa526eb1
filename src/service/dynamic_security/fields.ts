/**
 * The fields of a command, read with the words for what is wrong with them that Mosquitto's tools know. Pure.
 */

import type { Acl, AclType, Ranked } from "./state.ts";
import { aclsWith, aclTypes, rankedWith } from "./state.ts";
import { parseTopicFilter } from "../../topic/topic_filter.ts";

/** A command as it came: a JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** What is wrong, in words for the response. */
export interface Wrong {
  readonly error: string;
}

/** Characters of a name, and of a text for people. */
const LONGEST_NAME = 256;
const LONGEST_TEXT = 4_096;

/** Entries of a list of one command. */
const MOST_ENTRIES = 1_000;

/** Levels of an ACL's topic. */
const TOPIC_LEVELS = 128;

/** Whether it is that. */
export function isWrong(value: unknown): value is Wrong {
  return typeof value === "object" && value !== null && "error" in value;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Where a command names a client, a group or a role. */
export type NameKey = "username" | "groupname" | "rolename";

/** A name that has to be there: 1 to 256 well-formed characters. */
export function nameIn(fields: Fields, key: NameKey): string | Wrong {
  const value = fields[key];
  if (typeof value !== "string" || value === "") return { error: `Invalid/missing ${key}` };
  if (!value.isWellFormed() || value.includes("\0")) {
    return { error: `${WORDS[key]} not valid UTF-8` };
  }
  if (value.length > LONGEST_NAME) {
    return { error: `Invalid/missing ${key}: more than ${LONGEST_NAME} characters` };
  }
  return value;
}

const WORDS: Readonly<Record<NameKey, string>> = {
  username: "Username",
  groupname: "Group name",
  rolename: "Role name",
};

/** A text that may be there; undefined: it is not. */
export function textIn(
  fields: Fields,
  key: "textname" | "textdescription" | "clientid",
  words: string = key,
): string | undefined | Wrong {
  const value = fields[key];
  if (value === undefined) return undefined;
  if (typeof value !== "string" || !value.isWellFormed() || value.includes("\0")) {
    return { error: `Invalid/missing ${words}` };
  }
  if (value.length > LONGEST_TEXT) {
    return { error: `Invalid/missing ${words}: more than ${LONGEST_TEXT} characters` };
  }
  return value;
}

/** The texts for people that a command gives; undefined: not given. */
export function textsIn(
  fields: Fields,
): { readonly textName?: string; readonly textDescription?: string } | Wrong {
  const textName = textIn(fields, "textname");
  if (isWrong(textName)) return textName;
  const textDescription = textIn(fields, "textdescription");
  if (isWrong(textDescription)) return textDescription;
  return {
    ...(textName === undefined ? {} : { textName }),
    ...(textDescription === undefined ? {} : { textDescription }),
  };
}

/** Whether a role takes wildcards away from who has it; without the key nothing is said. */
export function wildcardsIn({ allowwildcardsubs }: Fields): { noWildcards?: boolean } | Wrong {
  if (allowwildcardsubs === undefined) return {};
  if (typeof allowwildcardsubs === "boolean") return { noWildcards: !allowwildcardsubs };
  return { error: "Invalid/missing allowwildcardsubs" };
}

/** A whole number, or what stands for one that is not there. */
export function numberIn(fields: Fields, key: string, otherwise: number): number {
  const value = fields[key];
  if (typeof value !== "number" || !Number.isFinite(value)) return otherwise;
  return Math.max(-2147483648, Math.min(2147483647, Math.trunc(value)));
}

/** What a list of roles, groups or clients comes to; entries without a name are left out, or wrong. */
export function rankedIn(
  fields: Fields,
  list: "roles" | "groups" | "clients",
  key: NameKey,
  unnamed: "wrong" | "ignored",
): readonly Ranked[] | undefined | Wrong {
  const value = fields[list];
  if (value === undefined) return undefined;
  const wrong = { error: `'${list}' not an array or missing/invalid ${key}` };
  if (!Array.isArray(value)) return unnamed === "wrong" ? wrong : undefined;
  if (value.length > MOST_ENTRIES) {
    return { error: `'${list}' has more than ${MOST_ENTRIES} entries` };
  }
  let ranked: readonly Ranked[] = [];
  for (const entry of value) {
    const name = isObject(entry) ? nameIn(entry, key) : wrong;
    if (isWrong(name)) {
      if (unnamed === "wrong") return wrong;
      continue;
    }
    if (ranked.some((one) => one.name === name)) continue; // the first holds
    ranked = rankedWith(ranked, { name, priority: numberIn(entry as Fields, "priority", -1) });
  }
  return ranked;
}

/** The type of an ACL, in whatever case it is written. */
export function aclTypeIn(fields: Fields): AclType | Wrong {
  const { acltype } = fields;
  if (typeof acltype !== "string") return { error: "Invalid/missing acltype" };
  const lower = acltype.toLowerCase();
  return aclTypes.find((type) => type.toLowerCase() === lower) ?? { error: "Unknown acltype" };
}

/** The topic of an ACL. */
export function aclTopicIn(fields: Fields): string | Wrong {
  const { topic } = fields;
  if (typeof topic !== "string") return { error: "Invalid/missing topic" };
  if (!topic.isWellFormed()) return { error: "Topic not valid UTF-8" };
  // Of shared subscriptions too: `$share/+/a/#` is about those of every group.
  const [levels, text] = topic.startsWith("$share")
    ? [TOPIC_LEVELS + 1, `x/${topic}`]
    : [TOPIC_LEVELS, topic];
  if (typeof parseTopicFilter(text, levels) === "string") {
    return { error: "Invalid ACL topic" };
  }
  return topic;
}

/** An ACL; what is not said to be allowed is denied. */
export function aclIn(fields: Fields): Acl | Wrong {
  const type = aclTypeIn(fields);
  if (isWrong(type)) return type;
  const topic = aclTopicIn(fields);
  if (isWrong(topic)) return topic;
  return { type, topic, priority: numberIn(fields, "priority", 0), allow: fields.allow === true };
}

/** The ACLs of a role; undefined: none are given. Of two about the same the first holds. */
export function aclsIn(fields: Fields): readonly Acl[] | undefined | Wrong {
  const { acls } = fields;
  if (acls === undefined) return undefined;
  if (!Array.isArray(acls)) return { error: "'acls' not an array" };
  if (acls.length > MOST_ENTRIES) return { error: `'acls' has more than ${MOST_ENTRIES} entries` };
  let list: readonly Acl[] = [];
  for (const entry of acls) {
    const acl = isObject(entry) ? aclIn(entry) : { error: "'acls' has an entry that is no object" };
    if (isWrong(acl)) return acl;
    if (!list.some(({ type, topic }) => type === acl.type && topic === acl.topic)) {
      list = aclsWith(list, acl);
    }
  }
  return list;
}
