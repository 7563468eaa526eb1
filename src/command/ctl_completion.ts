/**
 * Scripts that complete `dunlin ctl` in a shell, made of the tree of commands. They ask no broker.
 */

import type { Command } from "commander";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = typeof shells[number];

/** A place in the tree, and what may come next there. */
interface Place {
  /** `sessions kick`; empty at the top. */
  readonly path: string;
  readonly words: readonly { readonly name: string; readonly help: string }[];
  readonly options: readonly { readonly long: string; readonly help: string }[];
}

/** The script, for `eval "$(dunlin ctl completion bash)"` or a file of completions. */
export function completionScript(shell: Shell, ctl: Command): string {
  const places = placesOf(ctl, "");
  if (shell === "fish") return fish(places);
  const script = bash(places);
  return shell === "bash" ? script : `#compdef dunlin
autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
${script}`;
}

function placesOf(command: Command, path: string): Place[] {
  const here: Place = {
    path,
    words: command.commands.map((each) => ({ name: each.name(), help: each.summary() })),
    options: command.options.map(({ long, description }) => ({
      long: long!,
      help: description,
    })),
  };
  return [
    here,
    ...command.commands.flatMap((each) => placesOf(each, `${path} ${each.name()}`.trim())),
  ];
}

/** The deepest places first, as what an option is given stands behind them. */
function bash(places: readonly Place[]): string {
  const cases = places.toSorted((a, b) => b.path.length - a.path.length).map((place) => {
    const words = [
      ...place.words.map(({ name }) => name),
      ...place.options.map(({ long }) => long),
      ...place.path === "" ? [] : places[0]!.options.map(({ long }) => long),
    ];
    return `    "ctl ${place.path}${place.path === "" ? "" : " "}"*) words="${words.join(" ")}" ;;`;
  });
  return `_dunlin() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ "$word" == -* ]] || path+="$word "
  done
  case "$path" in
${cases.join("\n")}
    "") words="ctl" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _dunlin dunlin
`;
}

function fish(places: readonly Place[]): string {
  const seen = (words: readonly string[]) =>
    words.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
  const lines = places.flatMap(({ path, words, options }) => {
    const condition = seen(["ctl", ...path.split(" ").filter((word) => word !== "")]);
    const names = words.map(({ name }) => name).join(" ");
    return [
      ...words.map(({ name, help }) => {
        const rest = `${condition}; and not __fish_seen_subcommand_from ${names}`;
        return `complete -c dunlin -f -n '${rest}' -a ${name} -d '${quoted(help)}'`;
      }),
      ...options.map(({ long, help }) =>
        `complete -c dunlin -n '${condition}' -l ${long.slice(2)} -d '${quoted(help)}'`
      ),
    ];
  });
  return `complete -c dunlin -f -n __fish_use_subcommand -a ctl -d 'manage a broker'
${lines.join("\n")}
`;
}

/** Within single quotes of fish. */
function quoted(text: string): string {
  return text.replace(/[\\']/g, "\\$&");
}
