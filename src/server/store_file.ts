/**
 * The files of the store in the data directory, and how one database takes the place of another: the
 * new one is built beside the old one, gets its last name but one when it is complete, and only then is
 * the old one renamed. So whatever a crash interrupts is taken back or finished at the next start.
 */

/** The database; SQLite keeps its log beside it. */
const FILE = "state.kv";
const SIDES = ["-wal", "-shm"];

export interface StoreFile {
  readonly path: string;
  /** Where a database that is to take its place is built. */
  readonly building: string;
}

/** The store's file in a data directory. */
export function storeFile(directory: string): StoreFile {
  return { path: `${directory}/${FILE}`, building: `${directory}/${FILE}.new` };
}

/** Whether the database is there. */
export function storeExists({ path }: StoreFile): boolean {
  return exists(path);
}

/** Finishes or takes back what a crash interrupted; the directory must be held. */
export function settleFiles(file: StoreFile): void {
  removeBuilding(file);
  if (exists(complete(file))) finish(file, "replaced");
}

/** Takes away what was being built. */
export function removeBuilding({ building }: StoreFile): void {
  for (const side of ["", ...SIDES]) removeIfThere(building + side);
}

/**
 * Puts the database that was built, and closed, in the place of the one that is there.
 *
 * @param word what became of the old one, for its name: `damaged`, `replaced`
 * @returns the new path of the old one; undefined when there was none
 */
export function replace(file: StoreFile, word: string): string | undefined {
  const [log] = SIDES.map((side) => file.building + side);
  if (exists(log!) && Deno.statSync(log!).size > 0) {
    throw new Error(`${log} is not empty: the new store was not closed`);
  }
  // Whoever only read it leaves empty ones behind.
  for (const side of SIDES) removeIfThere(file.building + side);
  Deno.renameSync(file.building, complete(file));
  return finish(file, word);
}

/** Renames the database and its log, with a word and the date; the new path. */
export function setAside({ path }: StoreFile, word: string): string {
  const aside = `${path}.${word}-${new Date().toISOString().replaceAll(":", "")}`;
  for (const side of ["", ...SIDES]) {
    if (exists(path + side)) Deno.renameSync(path + side, aside + side);
  }
  return aside;
}

/** Notes that the store was found damaged while it was in use: the next start looks at all of it. */
export function markDamaged(file: StoreFile, reason: string): void {
  Deno.writeTextFileSync(mark(file), reason);
}

/** What the note says; undefined when there is none. */
export function damageMark(file: StoreFile): string | undefined {
  try {
    return Deno.readTextFileSync(mark(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Takes the note away. */
export function clearMark(file: StoreFile): void {
  removeIfThere(mark(file));
}

/** Where the note is. */
export function mark({ path }: StoreFile): string {
  return `${path}.damage`;
}

function complete({ path }: StoreFile): string {
  return `${path}.next`;
}

function finish(file: StoreFile, word: string): string | undefined {
  // A log without its database is one that a crash left behind, and must not be worked into the new.
  const old = ["", ...SIDES].some((side) => exists(file.path + side));
  const aside = old ? setAside(file, word) : undefined;
  Deno.renameSync(complete(file), file.path);
  return aside;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function removeIfThere(path: string): void {
  if (exists(path)) Deno.removeSync(path);
}
