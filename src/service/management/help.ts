/**
 * `help`: the commands there are, or one with what it takes.
 */

import * as z from "zod";
import type { Command } from "./command.ts";
import { command, refuse } from "./command.ts";

/** @param commands all but this one, asked for when it runs */
export function helpOn(commands: () => ReadonlyMap<string, Command>): Command {
  return command({
    name: "help",
    help: "lists the commands, or shows one with what it takes",
    changes: false,
    example: { command: "sessions/kick" },
    shape: {
      command: z.string().max(100).optional().describe("Only this one, with its JSON Schema."),
    },
    run({ command: name }) {
      if (name === undefined) {
        return {
          data: {
            commands: Array.from(
              commands().values(),
              ({ name, help, changes }) => ({ name, help, changes }),
            ),
          },
        };
      }
      const found = commands().get(name);
      if (found === undefined) {
        return refuse("notFound", `there is no command ${JSON.stringify(name)}`);
      }
      const { help, changes, example, input } = found;
      const schema = z.toJSONSchema(input, { io: "input" });
      return { data: { name, help, changes, example, input: schema } };
    },
  });
}
