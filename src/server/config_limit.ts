/**
 * The schema of one limit, from the table of limits: for the section `limits`, for those of a listener and for
 * `limitsFor`.
 *
 * There are 160 of them, so each is made in as few steps as zod has: `z.int().min().max().describe()` copies at
 * every step and keeps what it copied, 8.1 KB a limit in place of 5.5 KB, and 0.6 MB for all of them.
 */

import * as z from "zod";
import { limitTable } from "../policy/limit_table.ts";
import type { Limits } from "../policy/limits.ts";

const wholeNumbers = new Map<keyof Limits, z.ZodInt>();

/** What a limit may be; the same schema wherever it stands. */
function wholeNumber(name: keyof Limits): z.ZodInt {
  const made = wholeNumbers.get(name);
  if (made !== undefined) return made;
  const { min, max } = limitTable[name];
  const schema = z.int().check(z.gte(min), z.lte(max));
  wholeNumbers.set(name, schema);
  return schema;
}

function descriptionOf(name: keyof Limits): { readonly description: string } {
  const { unit, reason } = limitTable[name];
  return { description: `In ${unit}: ${reason}.` };
}

/** The limit with its default. */
export function limitSchema(name: keyof Limits): z.ZodDefault<z.ZodInt> {
  return z._default(wholeNumber(name), limitTable[name].default)
    .register(z.globalRegistry, descriptionOf(name));
}

/** The limit where it is another one for some: absent, it is what it is for all. */
export function ownLimitSchema(name: keyof Limits): z.ZodOptional<z.ZodInt> {
  return z.optional(wholeNumber(name)).register(z.globalRegistry, descriptionOf(name));
}
