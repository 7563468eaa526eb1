/**
 * What nodes of a cluster send each other for their administrators, as JSON: questions, answers, and what is told
 * of traces. The shapes stand here; server/ask_nodes.ts says how they travel. Pure.
 *
 * A node of another version may send what this one does not know: that is let go of.
 */

import * as z from "zod";
import { refusalReasons } from "../service.ts";

/** Characters of a text at most: a page of a list of long client identifiers is some hundred thousand. */
export const LONGEST = 16_777_216;

const reason = z.enum(Object.keys(refusalReasons) as [keyof typeof refusalReasons]);
const note = z.discriminatedUnion("type", [
  z.object({
    v: z.literal(1),
    type: z.literal("ask"),
    from: z.string(),
    ticket: z.int(),
    until: z.number(),
    topic: z.string(),
    payload: z.string(),
    by: z.object({
      user: z.string().optional(),
      roles: z.array(z.string()),
      clientId: z.string(),
      address: z.string(),
      listener: z.string(),
      via: z.enum(["mqtt", "http"]),
    }),
  }),
  z.object({
    v: z.literal(1),
    type: z.literal("answer"),
    from: z.string(),
    ticket: z.int(),
    reply: z.union([
      z.object({ ok: z.literal(true), data: z.record(z.string(), z.unknown()) }),
      z.object({ ok: z.literal(false), error: z.object({ reason, detail: z.string() }) }),
    ]),
  }),
  z.object({
    v: z.literal(1),
    type: z.literal("tell"),
    from: z.string(),
    about: z.string(),
    what: z.unknown(),
  }),
]);
export type NodeNote = z.output<typeof note>;

/** What the text says, or what is wrong with it. */
export function nodeNoteIn(text: string): NodeNote | string {
  if (text.length > LONGEST) return `too long: ${text.length} characters`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "no JSON";
  }
  const result = note.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  return `not understood by this version: ${issue!.path.join(".")}: ${issue!.message}`;
}

const text = z.string().max(65_535);
const followed = z.union([
  z.strictObject({ clientId: text }),
  z.strictObject({ topic: text }),
  z.strictObject({ address: text }),
]);
const traceNote = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("begin"),
    id: z.int(),
    followed,
    seconds: z.number(),
    most: z.number(),
    payload: z.number(),
  }),
  z.object({
    type: z.literal("lines"),
    id: z.int(),
    lines: z.array(z.string()),
    /** Events in them, and events that were left out, since the last time. */
    events: z.int().min(0),
    omitted: z.int().min(0),
  }),
  z.object({ type: z.literal("end"), id: z.int() }),
]);

export type TraceNote = z.output<typeof traceNote>;

/** What another node tells of a trace; undefined for what this version does not know. */
export function traceNoteIn(what: unknown): TraceNote | undefined {
  return traceNote.safeParse(what).data;
}
