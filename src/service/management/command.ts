/**
 * What a command of management is: its name, what it takes as a zod schema, words for people, and a pure
 * function from that and what can be seen to a result. The frame around it (management_service.ts) knows
 * topics, JSON, `dryRun`, refusals and the log of audit, so that a command is only what is its own.
 */

import * as z from "zod";
import type { Event } from "../../broker/event.ts";
import { utf8Size } from "../../packet/utf8.ts";
import type { Instant, NodeId } from "../../policy/identity.ts";
import type {
  Instruction,
  RefusalReason,
  Refused,
  Request,
  SettingChange,
  Task,
  TaskResult,
  View,
} from "../service.ts";
import type { ManagementState } from "./state.ts";

/** What a command may look at beside its input. */
export interface At {
  readonly state: ManagementState;
  readonly view: View;
  readonly request: Request;
  readonly now: Instant;
  /** In a cluster: nodes that have said themselves what they have, so that it need not be guessed here. */
  readonly answered?: ReadonlySet<NodeId>;
  /** Nothing will be done; only commands with a task have to ask. */
  readonly dryRun: boolean;
}

/** What came of a command; `dryRun` takes all of it but the data away. */
export interface Done {
  /** A JSON object for the reply: of a command that changes something, what it has changed. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly state?: ManagementState;
  readonly events?: readonly Event[];
  readonly settings?: readonly SettingChange[];
  readonly instructions?: readonly Instruction[];
}

/** What takes time first. With `dryRun` it is done too: a task that changes something has to be told. */
export interface Later {
  readonly task: Task;
  then(result: TaskResult, at: At): Result;
}

export type Result = Done | Later | Refused;

export interface Command {
  /** The levels behind the prefix: `sessions/kick`. */
  readonly name: string;
  /** One sentence without a full stop: `lists the sessions`. */
  readonly help: string;
  /** It changes something: the others are for reading. */
  readonly changes: boolean;
  /** What it takes, `dryRun` included. For JSON Schema and OpenAPI too. */
  readonly input: z.ZodObject;
  /** An input that shows how it is used. */
  readonly example: Readonly<Record<string, unknown>>;
  run(input: unknown, at: At): Result;
}

/** A command whose `run` is given what its shape says. */
export function command<Shape extends z.ZodRawShape>(
  { shape, run, ...rest }: Omit<Command, "input" | "run"> & {
    readonly shape: Shape;
    run(input: z.output<z.ZodObject<Shape>>, at: At): Result;
  },
): Command {
  const input = z.strictObject({
    ...shape,
    dryRun: z.boolean().default(false).describe("Only say what would be done."),
  });
  return { ...rest, input, run: run as Command["run"] };
}

/** A refusal. */
export function refuse(reason: RefusalReason, detail: string): Refused {
  return { reason, detail };
}

export function isRefused(result: object): result is Refused {
  return "reason" in result && "detail" in result;
}

/** A text that a packet can carry, section 1.5.4: in a store, too, another one would come back as something else. */
export const anyText = z.string().max(65_535).refine(
  (value) => value.isWellFormed() && !value.includes("\0") && utf8Size(value) <= 65_535,
  "expected at most 65,535 bytes of UTF-8 without U+0000",
);
/** Client identifiers, filters and the like, as they come from whoever asks. */
export const text = anyText.min(1);
export const clientId = text.describe("The client identifier.");
