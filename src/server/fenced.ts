/** The name of the error that says that the other nodes of a cluster have declared this one dead. */
export const FENCED = "Fenced";
