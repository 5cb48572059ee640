/**
 * A light look into somebody's config.toml: which tables and simple values it has. It knows section
 * headers, dotted and quoted keys and one-line values. It does not know values over several lines, nor
 * what is inside an inline table; the program itself reads the file properly.
 */
export interface TomlEntry {
  path: string[]
  /** What stands behind the equals sign, a plain string without its quotes; empty for a section header. */
  value: string
}

export function scanToml(text: string): TomlEntry[] {
  const entries: TomlEntry[] = []
  let section: string[] = []
  for (const line of withoutBlocks(text).split('\n')) {
    const header = /^\s*\[\[?(.+?)\]\]?\s*(?:#.*)?$/.exec(line)
    if (header?.[1] !== undefined) {
      const keys = readKeys(header[1])
      if (keys !== null && keys.rest === '') {
        section = keys.path
        entries.push({ path: section, value: '' })
      }
      continue
    }
    const keys = readKeys(line)
    if (keys?.rest.startsWith('=')) {
      entries.push({ path: [...section, ...keys.path], value: plain(keys.rest.slice(1).trim()) })
    }
  }
  return entries
}

/** The value at a path, or undefined. */
export function valueAt(entries: TomlEntry[], ...path: string[]): string | undefined {
  return entries.find((entry) => entry.value !== '' && same(entry.path, path))?.value
}

/** The names directly below a table, each once. */
export function namesBelow(entries: TomlEntry[], table: string): string[] {
  const names = entries.filter(({ path }) => path[0] === table).map(({ path }) => path[1])
  return [...new Set(names.filter((name) => name !== undefined))]
}

function same(path: string[], wanted: string[]): boolean {
  return path.length === wanted.length && wanted.every((key, index) => path[index] === key)
}

/** Text blocks may hold anything, lines that look like headers too; a comment may hold three quotes. */
function withoutBlocks(text: string): string {
  return text.replace(/^\s*#.*$/gm, '').replace(/"""[\s\S]*?"""|'''[\s\S]*?'''/g, '""')
}

function readKeys(text: string): { path: string[]; rest: string } | null {
  const path: string[] = []
  const key = /\s*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(\.?)/y
  for (;;) {
    const match = key.exec(text)
    if (match === null) return null
    path.push(match[1] ?? match[3] ?? (match[2] ?? '').replace(/\\(["\\])/g, '$1'))
    if (match[4] === '') return { path, rest: text.slice(key.lastIndex) }
  }
}

function plain(value: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"|^'([^']*)'/.exec(value)
  return quoted ? (quoted[1] ?? quoted[2] ?? '') : value.replace(/\s*#.*$/, '')
}
