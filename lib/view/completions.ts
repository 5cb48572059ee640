/** What a shell completes behind `dirigent`: from the table that parses it. Pure. */
import { choicesOf, optionsOf, type VerbSpec } from '../kit/arguments.ts'
import type { Answer } from '../kit/cli.ts'
import { Failure } from '../kit/errors.ts'
import { stateDirectoryName } from '../state/paths.ts'
import { helpVerb } from './inner-verbs.ts'
import { verbs } from './verbs.ts'

export const shells = ['bash', 'zsh'] as const

/** @param shell as somebody typed it; throws `usage` for one that there is nothing for */
export function completionsAnswer(shell: string): Answer {
  if (!shells.some((known) => known === shell))
    throw new Failure('usage', `there are no completions for ${JSON.stringify(shell.slice(0, 40))}`, {
      hint: `There are for ${shells.join(' and ')}: eval "$(dirigent help --completions bash)"`,
    })
  const script = scriptOf(shell === 'zsh')
  return { data: { script }, text: script.trimEnd().split('\n'), unbounded: true }
}

function scriptOf(zsh: boolean): string {
  const all: readonly VerbSpec[] = [...Object.values(verbs), helpVerb]
  const names = all.map(({ name }) => name).join(' ')
  return `${zsh ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_dirigent_tasks() {
  local top
  top=$(git rev-parse --path-format=absolute --git-common-dir 2>/dev/null) || return
  # Names that are no ids are left out: a worker can make any, and compgen would run what is in $(…).
  command ls "\${top%/.git}/${stateDirectoryName}/tasks" 2>/dev/null | LC_ALL=C command grep -xE '[a-z0-9][a-z0-9-]*'
}
_dirigent() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} offered=
  # bash takes --option=value apart.
  if [ "$word" = = ]; then word=; elif [ "$before" = = ]; then before=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if [ "$COMP_CWORD" -eq 1 ]; then
    offered='${names} --help --version'
  else
    case "\${COMP_WORDS[1]} $before" in
${all.flatMap(choices).join('\n')}
    *)
      case "\${COMP_WORDS[1]}:$word" in
${all.map(words).join('\n')}
      esac ;;
    esac
  fi
  # Nothing to offer is no failure: a shell with \`set -e\` would end.
  if [ -n "$offered" ]; then COMPREPLY=($(compgen -W "$offered" -- "$word" || :)); fi
}
complete -o default -F _dirigent dirigent
`
}

/** What may stand behind an option that has a closed list; behind any other that has a value, a file may. */
function choices(verb: VerbSpec): string[] {
  return Object.entries(optionsOf(verb))
    .filter(([, { type }]) => type === 'string')
    .map(([name, option]) => `    '${verb.name} --${name}') offered='${choicesOf(option).join(' ')}' ;;`)
}

function words(verb: VerbSpec): string {
  const options = Object.keys(optionsOf(verb)).map((name) => `--${name}`)
  const positional = Object.keys(verb.name === 'help' ? verbs : (verb.actions ?? {})).join(' ')
  // An id is no file: where there is none of that beginning, bash is not to offer files.
  const offered = /^\[?id/.test(verb.positionals)
    ? `offered=$(_dirigent_tasks || :); compopt +o default 2>/dev/null || :`
    : `offered='${positional}'`
  return `      ${verb.name}:-*) offered='${options.join(' ')}' ;;\n      ${verb.name}:*) ${offered} ;;`
}
