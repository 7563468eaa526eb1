import { openJournal } from "./journal_store.ts";
import { storeContract } from "./store_contract.ts";

storeContract("JournalStore", () => Promise.resolve(openJournal(() => false)));

let turn = 0;
storeContract(
  "JournalStore, with every other cut commit on the disk,",
  () => Promise.resolve(openJournal(() => ++turn % 2 === 0)),
);
