/**
 * Shell text → the simple commands in it, wherever they stand: in lists, subshells, loops and substitutions.
 * It knows quotes, operators, comments, redirections and here-documents. It does not expand anything: a word
 * keeps `$name` as it is, and what only exists when the script runs is not seen. Pure; never throws; linear.
 */
export interface Command {
  readonly words: string[]
  /** What it reads from a here-document or a here-string; null without one. */
  input: string | null
}

/** Deeper brackets are read as if they were not there. */
const deepest = 100
/** Words in front of a command that are not its name. */
const reserved = new Set(['if', 'then', 'elif', 'else', 'while', 'until', 'do', '{', '!', 'time', 'coproc'])

/** One word that every shell reads as exactly this text. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** The same, as somebody would type it: with quotes only where they are needed. */
export const typed = (text: string): string => (/^[\w./:@%+,-]+$/.test(text) ? text : quoted(text))

export function commandsOf(script: string): readonly Command[] {
  const reader = new Reader(script)
  reader.list('', 0)
  return reader.commands
}

interface HereDocument {
  readonly delimiter: string
  readonly stripTabs: boolean
  readonly command: Command
}

class Reader {
  readonly commands: Command[] = []
  readonly #text: string
  #at = 0
  #waiting: HereDocument[] = []
  #lastLines: Map<string, number> | null = null

  constructor(text: string) {
    this.#text = text
  }

  /** Reads commands up to an unquoted `end` (and past it), or to the end of the text. */
  list(end: string, depth: number): void {
    let command: Command = { words: [], input: null }
    let word: string | null = null
    /** What the next word is, when it is no word of the command. */
    let role: 'target' | 'delimiter' | 'tabbed delimiter' | 'input' | null = null
    const add = (text: string) => {
      word = (word ?? '') + text
    }
    const endWord = () => {
      if (word === null) return
      if (role === null) command.words.push(word)
      else if (role === 'input') command.input = word
      else if (role !== 'target')
        this.#waiting.push({ delimiter: word, stripTabs: role === 'tabbed delimiter', command })
      word = role = null
    }
    const endCommand = () => {
      endWord()
      role = null
      const { words } = command
      let first = 0
      while (first < words.length && reserved.has(words[first] ?? '')) first += 1
      // function name { command
      if (words[first] === 'function') first += words[first + 2] === '{' ? 3 : 2
      if (first > 0) words.splice(0, first)
      if (words.length > 0) this.commands.push(command)
      command = { words: [], input: null }
    }
    const nested = (skip: number, close: string) => {
      this.#at += skip
      if (depth < deepest) this.list(close, depth + 1)
    }
    while (this.#at < this.#text.length) {
      const c = this.#text[this.#at] ?? ''
      const next = this.#text[this.#at + 1] ?? ''
      if (c === end) {
        this.#at += 1
        break
      }
      if (c === '\n') {
        endCommand()
        this.#at += 1
        this.#readHereDocuments()
      } else if (c === ' ' || c === '\t' || c === '\r') {
        endWord()
        this.#at += 1
      } else if (c === '&' && next === '>') {
        endWord()
        this.#at += 1
      } else if (c === ';' || c === '|' || c === '&' || c === ')') {
        endCommand()
        this.#at += 1
      } else if (c === '(') {
        endCommand()
        nested(1, ')')
      } else if (c === '#' && word === null) {
        const newline = this.#text.indexOf('\n', this.#at)
        this.#at = newline === -1 ? this.#text.length : newline
      } else if (c === '\\') {
        if (next !== '\n') add(next)
        this.#at += 2
      } else if (c === "'") {
        this.#at += 1
        add(this.#upTo("'"))
      } else if (c === '"') {
        add(this.#doubleQuoted(depth))
      } else if (c === '`') {
        add('')
        nested(1, '`')
      } else if (c === '$' && next === '(') {
        add('$')
        nested(2, ')')
      } else if (c === '$' && next === "'") {
        add(this.#dollarQuoted())
      } else if (c === '<' || c === '>') {
        // A number in front is the descriptor, not a word.
        if (word !== null && /^\d{1,4}$/.test(word)) word = null
        endWord()
        if (next === '(') nested(2, ')')
        else role = this.#redirection()
      } else {
        add(c)
        this.#at += 1
      }
    }
    endCommand()
  }

  /** After `<` or `>`: what the next word will be. */
  #redirection(): 'target' | 'delimiter' | 'tabbed delimiter' | 'input' {
    for (const [operator, role] of [
      ['<<<', 'input'],
      ['<<-', 'tabbed delimiter'],
      ['<<', 'delimiter'],
      ['<&', 'target'],
      ['<>', 'target'],
      ['>>', 'target'],
      ['>&', 'target'],
      ['>|', 'target'],
    ] as const) {
      if (!this.#text.startsWith(operator, this.#at)) continue
      this.#at += operator.length
      return role
    }
    this.#at += 1
    return 'target'
  }

  #doubleQuoted(depth: number): string {
    let text = ''
    this.#at += 1
    while (this.#at < this.#text.length) {
      const c = this.#text[this.#at] ?? ''
      const next = this.#text[this.#at + 1] ?? ''
      if (c === '"') {
        this.#at += 1
        break
      }
      const substitution = c === '`' ? 1 : c === '$' && next === '(' ? 2 : 0
      if (substitution > 0 && depth < deepest) {
        text += '$'
        this.#at += substitution
        this.list(c === '`' ? '`' : ')', depth + 1)
      } else if (c === '\\' && /[$`"\\\n]/.test(next)) {
        if (next !== '\n') text += next
        this.#at += 2
      } else {
        text += c
        this.#at += 1
      }
    }
    return text
  }

  /** `$'…'`: of its escapes only those that matter for finding words. */
  #dollarQuoted(): string {
    const quoted = /\$'((?:[^'\\]|\\[\s\S])*)'?/y
    quoted.lastIndex = this.#at
    const inner = quoted.exec(this.#text)?.[1] ?? ''
    this.#at = Math.max(quoted.lastIndex, this.#at + 2)
    return inner.replace(/\\([\s\S])/g, (_, c: string) => ({ n: '\n', t: '\t' })[c] ?? c)
  }

  #upTo(close: string): string {
    const found = this.#text.indexOf(close, this.#at)
    const stop = found === -1 ? this.#text.length : found
    const text = this.#text.slice(this.#at, stop)
    this.#at = stop + 1
    return text
  }

  #readHereDocuments(): void {
    for (const { delimiter, stripTabs, command } of this.#waiting) {
      // `1<<2` is no here-document, and nothing would end it.
      if ((this.#linesFromBehind().get(delimiter) ?? -1) < this.#at) continue
      const from = this.#at
      let to = from
      while (this.#at < this.#text.length) {
        to = this.#at
        const line = this.#upTo('\n')
        if ((stripTabs ? withoutTabs(line) : line) === delimiter) break
        to = this.#at
      }
      command.input = this.#text.slice(from, to)
    }
    this.#waiting = []
  }

  /** Where each line (without its leading tabs) stands for the last time. */
  #linesFromBehind(): ReadonlyMap<string, number> {
    if (this.#lastLines) return this.#lastLines
    const lines = new Map<string, number>()
    let at = 0
    for (const line of this.#text.split('\n')) {
      lines.set(withoutTabs(line), at)
      at += line.length + 1
    }
    this.#lastLines = lines
    return lines
  }
}

function withoutTabs(line: string): string {
  return line.replace(/^\t+/, '')
}
