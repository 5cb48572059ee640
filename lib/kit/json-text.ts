/**
 * Changes one list of texts in a JSON file that is somebody's own: what stands around it, indentation, ends of lines and
 * the spelling of numbers included, stays to the byte. The text must have been parsed before: it is not checked here.
 */

interface Entry {
  /** Of a member of an object; null in a list. */
  readonly key: string | null
  readonly from: number
  /** Where the value begins. */
  readonly value: number
  readonly to: number
}

/** Adds at the end of the list behind these keys; what of the way there is missing is made. */
export function addTexts(json: string, keys: readonly string[], texts: readonly string[]): string {
  let at = begin(json)
  for (const [depth, key] of keys.entries()) {
    const found = entriesOf(json, at).findLast((entry) => entry.key === key)
    if (!found) {
      const missing = keys.slice(depth + 1).reduceRight<unknown>((inner, name) => ({ [name]: inner }), texts)
      return insert(json, at, [`${JSON.stringify(key)}: ${written(json, at, missing)}`])
    }
    at = found.value
  }
  const items = texts.map((text) => JSON.stringify(text))
  return insert(json, at, items)
}

/** Takes these out of the list behind the keys; the list itself stays. */
export function takeTexts(json: string, keys: readonly string[], texts: readonly string[]): string {
  const at = find(json, keys)
  if (at === undefined) return json
  return remove(json, at, ({ value, to }) => texts.includes(JSON.parse(json.slice(value, to))))
}

/** Takes out what the last of the keys names. */
export function takeMember(json: string, keys: readonly string[]): string {
  const at = find(json, keys.slice(0, -1))
  return at === undefined ? json : remove(json, at, ({ key }) => key === keys.at(-1))
}

function find(json: string, keys: readonly string[]): number | undefined {
  let at: number | undefined = begin(json)
  for (const key of keys) {
    if (at === undefined) return undefined
    at = entriesOf(json, at).findLast((entry) => entry.key === key)?.value
  }
  return at
}

function insert(json: string, at: number, items: readonly string[]): string {
  const entries = entriesOf(json, at)
  const last = entries.at(-1)
  if (last) {
    const second = entries[1]
    const between = second ? second.from - json.lastIndexOf(',', second.from) - 1 : 0
    const gap = second
      ? json.slice(second.from - between, second.from)
      : json.slice(at + 1, entries[0]?.from) || ' '
    return splice(json, last.to, last.to, items.map((item) => `,${gap}${item}`).join(''))
  }
  const { newline, unit } = styleOf(json)
  const end = skip(json, at) - 1
  if (newline === '') return splice(json, at + 1, end, items.join(', '))
  const here = indentAt(json, at)
  const lines = items.map((item) => `${newline}${here}${unit}${item}`).join(',')
  return splice(json, at + 1, end, `${lines}${newline}${here}`)
}

function remove(json: string, at: number, which: (entry: Entry) => boolean): string {
  const entries = entriesOf(json, at)
  const going = entries.map(which)
  if (!going.includes(true)) return json
  if (!going.includes(false)) return splice(json, at + 1, skip(json, at) - 1, '')
  const firstKept = going.indexOf(false)
  let changed = json
  for (let n = entries.length - 1; n >= 0; n--) {
    const [entry, before, after] = [entries[n], entries[n - 1], entries[n + 1]]
    if (!going[n] || !entry) continue
    // With the comma that is before it, or after what has nothing before it.
    if (n > firstKept && before) changed = splice(changed, before.to, entry.to, '')
    else if (after) changed = splice(changed, entry.from, after.from, '')
  }
  return changed
}

/** A new value, laid out as the file is. */
function written(json: string, at: number, value: unknown): string {
  const { newline, unit } = styleOf(json)
  // Only between values is there an end of a line: within a text it is escaped.
  if (newline === '')
    return JSON.stringify(value, null, 1)
      .replace(/(?<=[[{])\n */g, '')
      .replace(/\n *(?=[\]}])/g, '')
      .replace(/\n */g, ' ')
  return JSON.stringify(value, null, unit).replaceAll('\n', `${newline}${indentAt(json, at)}${unit}`)
}

/** How it breaks its lines (not at all: '') and what it indents by. */
function styleOf(json: string): { readonly newline: string; readonly unit: string } {
  const text = json.slice(begin(json)).trim()
  const newline = json.includes('\r\n') ? '\r\n' : '\n'
  const unit = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
  return { unit, newline: text.includes('\n') || /^\{\s*\}$/.test(text) ? newline : '' }
}

/** The white space that the line begins with. */
const indentAt = (json: string, at: number): string =>
  /^[ \t]*/.exec(json.slice(json.lastIndexOf('\n', at) + 1))?.[0] ?? ''

/** What the object or list at this place holds. */
function entriesOf(json: string, at: number): Entry[] {
  const entries: Entry[] = []
  const isObject = json[at] === '{'
  for (let n = space(json, at + 1); json[n] !== '}' && json[n] !== ']'; n = space(json, n)) {
    const from = n
    let key: string | null = null
    if (isObject) {
      n = skip(json, n)
      key = JSON.parse(json.slice(from, n))
      n = space(json, space(json, n) + 1)
    }
    const value = n
    n = skip(json, n)
    entries.push({ key, from, value, to: n })
    n = space(json, n)
    if (json[n] === ',') n += 1
  }
  return entries
}

/** Behind the value that begins here. Not by recursion: how deep it goes is somebody else's choice. */
function skip(json: string, at: number): number {
  const token = /"(?:[^"\\]+|\\.)*"|[[\]{}]|[^\s,:"[\]{}]+/y
  let depth = 0
  let n = at
  do {
    token.lastIndex = n
    const [found = ''] = token.exec(json) ?? []
    if (found === '') n += 1
    else n += found.length
    if (found === '{' || found === '[') depth += 1
    if (found === '}' || found === ']') depth -= 1
  } while (depth > 0 && n < json.length)
  return n
}

/** Behind the white space that begins here. */
function space(json: string, at: number): number {
  let n = at
  while (/\s/.test(json[n] ?? '')) n += 1
  return n
}

/** Where the JSON begins, after the mark that some editors put first. */
const begin = (json: string): number => space(json, 0)

const splice = (text: string, from: number, to: number, by: string): string =>
  text.slice(0, from) + by + text.slice(to)
