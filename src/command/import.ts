/**
 * `dunlin import FILE`: a mosquitto.conf, with the files that it names, as a configuration of ours.
 *
 * What has no counterpart is told on standard error, line by line. It starts nothing and changes nothing of
 * what it reads.
 */

import { formatProblem, loadConfig } from "../server/config.ts";
import { system } from "../server/config_system.ts";
import { importMosquitto } from "../server/import_mosquitto.ts";
import { noteText } from "../server/mosquitto_note.ts";

/** What `dunlin import` takes from the command line. */
export interface ImportOptions {
  /** The file to write, which must not be there yet; without it, standard output. */
  readonly output?: string;
}

/**
 * Prints the configuration, or writes it.
 *
 * @returns the exit status: 0, or 1 where there is no result or it cannot be written
 */
export function importConf(file: string, { output }: ImportOptions): number {
  const { config, notes } = importMosquitto(file, {
    readFile: system.readFile,
    listFiles: (path) =>
      [...Deno.readDirSync(path)].filter(({ isDirectory }) => !isDirectory).map(({ name }) => name),
  });
  for (const note of notes) console.error(noteText(note));
  if (config === undefined) {
    console.error(`dunlin import: ${file} has errors, and so there is no result`);
    return 1;
  }
  const text = `${JSON.stringify(config, null, 2)}\n`;
  const { problems } = loadConfig({ ...system, text });
  for (const problem of problems) console.error(formatProblem(problem, output));
  if (output === undefined) {
    console.log(text.trimEnd());
    return 0;
  }
  try {
    Deno.writeTextFileSync(output, text, { createNew: true, mode: 0o600 });
    return 0;
  } catch (error) {
    const reason = error instanceof Deno.errors.AlreadyExists
      ? "it is there already; name another file"
      : String(error);
    console.error(`dunlin import: ${output} cannot be written: ${reason}`);
    return 1;
  }
}
