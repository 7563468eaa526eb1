/**
 * The store contract on Deno KV: on a disk that dies amid the commits of a commit, and in a file.
 */

import { DenoKvStore } from "../../src/store/deno_kv_store.ts";
import type { Opened } from "../contract/store_trial.ts";
import { storeContract } from "../contract/store_contract.ts";
import { KvDisk } from "./kv_disk.ts";

/** Commits of the disk that a commit of the store gets through before the power goes, in turn. */
let turn = 0;

/** On a disk in memory; a crash leaves what the disk has taken. */
async function openOnDisk(): Promise<Opened> {
  const disk = await KvDisk.make();
  const open = () => DenoKvStore.open("a disk", { openKv: disk.openKv });
  return {
    store: closing(await open(), () => disk.close()),
    crash: async () => {
      // Lets a commit that is under way get somewhere.
      disk.commitsLeft = turn++ % 7;
      for (let n = 0; n < 3; n++) await disk.keys(["i"]);
      disk.cutPower();
      return closing(await open(), () => disk.close());
    },
  };
}

/** In a file, opened again. */
async function openFile(): Promise<Opened> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-kv-" });
  const path = `${directory}/store.db`;
  let running = await DenoKvStore.open(path);
  const remove = () => Deno.remove(directory, { recursive: true });
  return {
    store: closing(running, remove),
    crash: async () => {
      // Past `closing`: the directory stays.
      await DenoKvStore.prototype.close.call(running);
      running = await DenoKvStore.open(path);
      return closing(running, remove);
    },
  };
}

/** The same store; what is under it ends with it. */
function closing(store: DenoKvStore, end: () => void | Promise<void>): DenoKvStore {
  const close = store.close.bind(store);
  store.close = async () => {
    await close();
    await end();
  };
  return store;
}

storeContract("DenoKvStore, on a disk in memory,", openOnDisk);
storeContract("DenoKvStore, in a file,", openFile);
