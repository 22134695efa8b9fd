import type { Command } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** One command as a shell must know it: the words that lead to it, and what may follow. */
interface Entry {
  /** `vm run`; empty for the program itself. */
  readonly path: string;
  readonly summary: string;
  readonly commands: readonly string[];
  readonly options: readonly {
    readonly flag: string;
    readonly description: string;
    readonly takesFile: boolean;
    readonly takesAddress: boolean;
  }[];
  readonly takesAddresses: boolean;
  readonly choices: readonly string[];
}

const listAddresses = 'ls /sys/bus/pci/devices 2>/dev/null';

/** Generated from the commands themselves, so that it can't fall behind them. */
export function completionScript(program: Command, shell: Shell): string {
  const entries = [...entriesOf(program, '')];
  if (shell === 'bash') return bash(entries);
  return shell === 'zsh' ? zsh(entries) : fish(entries);
}

function* entriesOf(command: Command, path: string): Generator<Entry> {
  const commands = command.commands.filter((sub) => sub.name() !== 'help');
  yield {
    path,
    summary: command.summary(),
    commands: commands.map((sub) => sub.name()),
    options: [...command.options, { long: '--help', description: 'help', flags: '' }].flatMap((option) =>
      option.long === undefined || option.long === null
        ? []
        : [
            {
              flag: option.long,
              description: option.description,
              takesFile: /<(?:FILE|DIR)>/.test(option.flags),
              takesAddress: option.flags.includes('BDF'),
            },
          ],
    ),
    takesAddresses: command.registeredArguments.some((argument) => argument.name() === 'BDF'),
    choices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
  };
  for (const sub of commands) yield* entriesOf(sub, `${path} ${sub.name()}`.trim());
}

function bash(entries: readonly Entry[]): string {
  const cases = entries.map((entry) => {
    const words = [...entry.commands, ...entry.choices, ...entry.options.map((option) => option.flag)].join(' ');
    const addresses = entry.takesAddresses ? ` $(${listAddresses})` : '';
    return `    '${entry.path}') words="${words}${addresses}" ;;`;
  });
  const paths = entries.filter((entry) => entry.path !== '').map((entry) => `'${entry.path}'`);
  const fileFlags = flagsOf(entries, (option) => option.takesFile);
  const addressFlags = flagsOf(entries, (option) => option.takesAddress);
  return `# bash completion for dda
_dda() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
    ${paths.join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$previous" in
${fileFlags.length > 0 ? `    ${fileFlags.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;\n` : ''}${
  addressFlags.length > 0
    ? `    ${addressFlags.join('|')}) COMPREPLY=($(compgen -W "$(${listAddresses})" -- "$current")); return ;;\n`
    : ''
}    --) ;;
  esac
  case "$path" in
${cases.join('\n')}
  esac
  # An address holds colons, at which bash breaks words: complete the part behind the last one.
  local prefix=""
  if [[ "$current" == *:* || ( "$COMP_WORDBREAKS" == *:* && "\${COMP_LINE:0:COMP_POINT}" == *[^\\ ]:* ) ]]; then
    local whole="\${COMP_LINE:0:COMP_POINT}"; whole="\${whole##* }"; prefix="\${whole%"\${whole##*:}"}"; current="$whole"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
}
complete -F _dda dda
`;
}

function zsh(entries: readonly Entry[]): string {
  const cases = entries.map((entry) => {
    const options = entry.options.map((option) => `'${option.flag}:${quote(option.description)}'`);
    const commands = entry.commands.map((name) => {
      const sub = entries.find((candidate) => candidate.path === `${entry.path} ${name}`.trim());
      return `'${name}:${quote(sub?.summary ?? '')}'`;
    });
    const choices = entry.choices.map((choice) => `'${choice}'`);
    const words = `words_here=(${[...commands, ...choices, ...options].join(' ')})`;
    const addresses = entry.takesAddresses ? `; addresses=(\${(f)"$(${listAddresses})"})` : '';
    return `    '${entry.path}') ${words}${addresses} ;;`;
  });
  const paths = entries.filter((entry) => entry.path !== '').map((entry) => `'${entry.path}'`);
  const fileFlags = flagsOf(entries, (option) => option.takesFile);
  const addressFlags = flagsOf(entries, (option) => option.takesAddress);
  return `#compdef dda
_dda() {
  local path_here="" word
  local -a words_here addresses
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${path_here:+$path_here }$word" in
    ${paths.join('|')}) path_here="\${path_here:+$path_here }$word" ;;
    esac
  done
  case "\${words[CURRENT-1]}" in
${fileFlags.length > 0 ? `    ${fileFlags.join('|')}) _files; return ;;\n` : ''}${
  addressFlags.length > 0 ? `    ${addressFlags.join('|')}) compadd -- \${(f)"$(${listAddresses})"}; return ;;\n` : ''
}    --) ;;
  esac
  case "$path_here" in
${cases.join('\n')}
  esac
  _describe 'dda' words_here
  (( \${#addresses} )) && compadd -- $addresses
}
_dda "$@"
`;
}

function fish(entries: readonly Entry[]): string {
  const lines = ['# fish completion for dda', 'complete -c dda -f'];
  for (const entry of entries) {
    const words = entry.path.split(' ').filter((word) => word !== '');
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
    const unseen = entry.commands.length > 0 ? [`not __fish_seen_subcommand_from ${entry.commands.join(' ')}`] : [];
    const conditions = [...seen, ...unseen].join('; and ');
    const when = conditions === '' ? '' : ` -n '${conditions}'`;
    for (const name of entry.commands) {
      const sub = entries.find((candidate) => candidate.path === `${entry.path} ${name}`.trim());
      lines.push(`complete -c dda${when} -a ${name} -d '${quote(sub?.summary ?? '')}'`);
    }
    for (const choice of entry.choices) lines.push(`complete -c dda${when} -a ${choice}`);
    if (entry.takesAddresses) lines.push(`complete -c dda${when} -a '(${listAddresses})'`);
    for (const option of entry.options) {
      const value = option.takesFile ? ' -r -F' : option.takesAddress ? ` -x -a '(${listAddresses})'` : '';
      lines.push(`complete -c dda${when} -l ${option.flag.slice(2)}${value} -d '${quote(option.description)}'`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function flagsOf(entries: readonly Entry[], wanted: (option: Entry['options'][number]) => boolean): string[] {
  return [...new Set(entries.flatMap((entry) => entry.options.filter(wanted).map((option) => option.flag)))];
}

function quote(text: string): string {
  return text.replaceAll("'", '').replaceAll(':', '');
}
