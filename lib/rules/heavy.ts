/**
 * Is a command heavy, so that it has to take its turn? Two judges with one rule: the shims (`bin/worker/shim`
 * does in sh what `isHeavy` does here, and a test compares them) and the hook, which sees whole scripts.
 * What cannot be known before the script runs (`$TOOL test`, a script's own commands) is missed. Pure.
 */
import { type Command, commandsOf } from './shell.ts'

/** Program → heavy sub-commands: `build.shim` of the configuration. */
export type HeavyPrograms = Readonly<Record<string, readonly string[]>>

/** `shim`: heavy, and the shims see it. `hidden`: heavy, and at least one of it passes the shims by. */
export type Weight = 'light' | 'shim' | 'hidden'

/** Asked for in front, these end at once. */
const questions = ['--version', '--help', '-h']
/** What watches for changes never ends, and would keep the turn for ever. */
const watching = ['--watch', '--watchAll']

/** @param entries the sub-commands listed for the program */
export function isHeavy(entries: readonly string[], args: readonly string[]): boolean {
  if (questions.includes(args[0] ?? '')) return false
  const excluded = entries.filter((entry) => entry.startsWith('!')).map((entry) => entry.slice(1))
  if (args.some((word) => [...watching, ...excluded].some((pattern) => fits(pattern, word)))) return false
  return entries.some((entry) => !entry.startsWith('!') && leadsTo(entry.split(' '), args))
}

/** Do these words come first, in this order? Options are passed over, and so may be the word after one: its value. */
function leadsTo(wanted: readonly string[], args: readonly string[]): boolean {
  if (wanted[0] === '*' && wanted.length === 1) return true
  let found = 0
  let maybeValue = false
  for (const word of args) {
    if (fits(wanted[found] ?? '', word)) {
      found += 1
      maybeValue = false
      if (found === wanted.length) return true
    } else if (/^[-+]/.test(word)) maybeValue = !/^\+|=/.test(word)
    else if (maybeValue) maybeValue = false
    else return false
  }
  return false
}

function fits(pattern: string, word: string): boolean {
  return pattern.endsWith('*') ? word.startsWith(pattern.slice(0, -1)) : word === pattern
}

/** Programs that start another: how many words of their own stand before its name, options not counted. */
const wrappers = new Map(
  Object.entries({
    ...{ env: 0, timeout: 1, gtimeout: 1, time: 0, nice: 0, ionice: 0, nohup: 0, setsid: 0, stdbuf: 0 },
    ...{ sudo: 0, doas: 0, exec: 0, command: 0, builtin: 0, xargs: 0, parallel: 0, unbuffer: 0, taskset: 1 },
    ...{
      flock: 1,
      strace: 0,
      ltrace: 0,
      perf: 1,
      valgrind: 0,
      watch: 0,
      'xvfb-run': 0,
      caffeinate: 0,
      chrt: 1,
    },
    ...{ 'systemd-run': 0, unshare: 0, chroot: 1, firejail: 0, catchsegv: 0, hyperfine: 0, script: 0, su: 1 },
  }),
)
/** These start what follows with a PATH of their own. */
const ownPath = new Set(['sudo', 'doas', 'su', 'chroot', 'systemd-run'])
const shells = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'mksh', 'fish'])
/** After these, the shell's PATH may be another. */
const pathChangers = new Set([
  'source',
  '.',
  'nvm',
  'fnm',
  'pyenv',
  'rbenv',
  'conda',
  'mise',
  'asdf',
  'workon',
])
const assignment = /^[A-Za-z_]\w*\+?=/
const deepest = 8
/** So many words that may be the value of an option may each be the program. */
const mostDoubts = 8
/** So many words of one command are looked at as programs: nobody writes more, and time stays linear. */
const mostPlaces = 50

/** @param hasShim is there a shim for this program in the worker's PATH? */
export function weigh(
  script: string,
  programs: HeavyPrograms,
  hasShim: (program: string) => boolean,
): Weight {
  let weight: Weight = 'light'
  /** Characters that may still be read: scripts within scripts must not multiply. */
  let left = 4 * script.length
  /** @param hidden the shims are not in front of PATH there */
  const read = (text: string, hidden: boolean, depth: number): void => {
    left -= text.length
    if (depth > deepest || left < 0 || weight === 'hidden') return
    const commands = commandsOf(text)
    const changed = hidden || commands.some(({ words }) => changesPath(words))
    for (const command of commands) look(command, changed, depth)
  }
  const look = ({ words, input }: Command, hidden: boolean, depth: number): void => {
    const seen = new Set<number>()
    const todo: (readonly [at: number, hidden: boolean])[] = [[0, hidden]]
    for (let next = todo.pop(); next && weight !== 'hidden' && seen.size < mostPlaces; next = todo.pop()) {
      const at = skipAssignments(words, next[0])
      const word = words[at]
      if (word === undefined || seen.has(at)) continue
      seen.add(at)
      const program = word.slice(word.lastIndexOf('/') + 1)
      const away = next[1] || ownPath.has(program)
      if (Object.hasOwn(programs, program) && isHeavy(programs[program] ?? [], words.slice(at + 1))) {
        weight = away || word.includes('/') || !hasShim(program) ? 'hidden' : 'shim'
      } else if (shells.has(program)) {
        const inner = shellScript(words, at + 1)
        if (inner.script !== null) read(inner.script, away || inner.login, depth + 1)
        else if (input !== null) read(input, away || inner.login, depth + 1)
      } else if (program === 'eval') {
        read(words.slice(at + 1).join(' '), away, depth + 1)
      } else if (program === 'find') {
        for (const [n, option] of words.entries())
          if (n > at && /^-(?:exec|execdir|ok|okdir)$/.test(option)) todo.push([n + 1, away])
      } else if (wrappers.has(program)) {
        const inner = behindWrapper(words, at + 1, wrappers.get(program) ?? 0)
        if (program === 'command' && inner.options.some((option) => /^-[vV]+$/.test(option))) continue
        const cleared = inner.options.some((option) => /^(?:-i|-|-p|--ignore-environment|-S.*)$/.test(option))
        for (const n of inner.candidates) todo.push([n, away || cleared])
        for (const text of inner.scripts) read(text, away || cleared, depth + 1)
      }
    }
  }
  read(script, false, 0)
  return weight
}

function skipAssignments(words: readonly string[], from: number): number {
  let at = from
  while (assignment.test(words[at] ?? '')) at += 1
  return at
}

function changesPath(words: readonly string[]): boolean {
  const at = skipAssignments(words, 0)
  if (pathChangers.has(words[at] ?? '')) return true
  // In front of a command, alone, or as a word of `export` and `env`.
  const from = ['export', 'declare', 'typeset', 'local', 'env', 'sudo'].includes(words[at] ?? '')
    ? words
    : words.slice(0, at)
  return from.some((word) => /^PATH\+?=/.test(word))
}

/** The text that a shell is given with `-c`, and whether it reads the profile first, which resets PATH. */
function shellScript(words: readonly string[], from: number): { script: string | null; login: boolean } {
  let login = false
  let given = false
  for (let at = from; at < words.length; at++) {
    const word = words[at] ?? ''
    if (!/^[-+]./.test(word)) return { script: given ? word : null, login }
    if (word === '--login' || /^-[a-z]*[li]/i.test(word)) login = true
    if (/^-[a-zA-Z]*c/.test(word)) given = true
    if (/^(?:[-+][a-zA-Z]*[oO]|--rcfile|--init-file)$/.test(word)) at += 1
  }
  return { script: null, login }
}

/**
 * Where the program that a wrapper starts may stand. The word after an option is its value or is not: that is
 * not known here, so both are looked at.
 */
function behindWrapper(words: readonly string[], from: number, own: number) {
  const options: string[] = []
  const candidates: number[] = []
  const scripts: string[] = []
  let doubts = 0
  let passed = 0
  for (let at = from; at < words.length && passed <= own + doubts && doubts < mostDoubts; at++) {
    const word = words[at] ?? ''
    const before = at > from ? (words[at - 1] ?? '') : ''
    if (word.startsWith('-')) options.push(word)
    else if (!assignment.test(word)) {
      const doubtful = before.startsWith('-') && before !== '--' && !before.includes('=')
      if (/^-(?:[a-zA-Z]*c|S|-command|-split-string)$/.test(before)) scripts.push(word)
      if (doubtful) doubts += 1
      if (passed >= own) candidates.push(at)
      passed += 1
    }
  }
  return { options, candidates, scripts }
}
