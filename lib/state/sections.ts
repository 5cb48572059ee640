/**
 * A spec for several tasks, taken apart: what stands before the first `## Task` heading is for all of them, each
 * section is one. Headings inside code fences and comments are not meant. Pure; the whole of it is good, or
 * `bad-spec` names the line.
 */
import { Failure } from '../kit/errors.ts'
import { idPattern } from './paths.ts'
import { type Front, front } from './schema/spec.ts'
import { idFrom, parseSpec, partsOf, type Spec } from './spec.ts'

export const mostSections = 50

/** One section, with nothing of what holds for all. */
export interface Section {
  /** Given in the heading, or made from the title. */
  readonly id: string
  readonly title: string
  readonly front: Front
  readonly body: string
}

export interface Sections {
  /** Front matter of the file. */
  readonly front: Front
  /** The text before the first section. */
  readonly context: string
  /** None: it is a spec for one task. */
  readonly sections: readonly Section[]
}

export async function readSections(bytes: Buffer, file: string): Promise<Sections> {
  const parts = await partsOf(bytes, file)
  const lines = parts.body.split('\n')
  const at = headingsIn(lines, { file, line: parts.bodyLine })
  if (at.length > mostSections)
    throw bad(`${file} has ${at.length} sections; at most ${mostSections} tasks are made of one file`)
  const sections: Section[] = []
  for (const [n, from] of at.entries()) {
    const where = { file, line: parts.bodyLine + from }
    const section = await readSection(lines.slice(from, at[n + 1]), where)
    const first = sections.findIndex(({ id }) => id === section.id)
    if (first !== -1)
      throw bad(
        `${file}:${where.line}: ${section.id} is the id of section ${first + 1} already`,
        'Give each an id of its own: ## Task ID: TITLE',
      )
    sections.push(section)
  }
  return { front: parts.front, context: lines.slice(0, at[0]).join('\n').trim(), sections }
}

/** What a section and its file say together. Lists of needs and tags are added to, all else is replaced. */
export function together(file: Front, { title, front }: Pick<Section, 'title' | 'front'>): Front {
  const union = (name: 'needs' | 'tags') => {
    const all = [...new Set([...(file[name] ?? []), ...(front[name] ?? [])])]
    return all.length > 0 ? { [name]: all } : {}
  }
  return { ...file, title, ...front, ...union('needs'), ...union('tags') }
}

/** The body of a section's task: what is for all comes first. */
export function bodyOfSection(context: string, { title, body }: Pick<Section, 'title' | 'body'>): string {
  return context === '' ? body : `${context}\n\n## Your part: ${title}\n\n${body}`.trim()
}

/** A spec as a file of its own. The same every time, which is how a task that is there already is recognised. */
export async function composeSpec(front: Front, body: string, file: string): Promise<Spec> {
  const fields = Object.entries(front)
    .filter(([, value]) => value !== undefined)
    // YAML reads JSON.
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  return await parseSpec(Buffer.from(`---\n${fields.join('\n')}\n---\n${body}\n`), file)
}

/** The tasks that a spec with sections is for; `bad-spec` when it has none. */
export async function splitSpec(bytes: Buffer, file: string): Promise<{ id: string; spec: Spec }[]> {
  const { front, context, sections } = await readSections(bytes, file)
  if (sections.length === 0)
    throw bad(
      `${file} has no section to make a task of`,
      'Head each with ## Task: TITLE or ## Task ID: TITLE.',
    )
  const made: { id: string; spec: Spec }[] = []
  for (const section of sections) {
    const name = `${file}, task ${section.id}`
    const spec = await composeSpec(together(front, section), bodyOfSection(context, section), name)
    made.push({ id: section.id, spec })
  }
  return made
}

interface Where {
  readonly file: string
  readonly line: number
}

/** `## Task: …`, `## Task add-parser: …`, and what looks as if it was to be one. */
const heading = /^ {0,3}##[ \t]+task(?=[ \t:]|$)/i
const fence = /^ {0,3}(`{3,}|~{3,})([^\n]*)$/

/** Numbers of the lines, from 0. */
function headingsIn(lines: readonly string[], where: Where): number[] {
  const found: number[] = []
  /** What ends the block that we are in, and the line where it began. */
  let block: { ends: (line: string) => boolean; began: number; what: string } | null = null
  for (const [n, line] of lines.entries()) {
    if (block) {
      if (block.ends(line)) block = null
      continue
    }
    const opens = blockAt(line)
    if (opens) block = { ...opens, began: n }
    else if (heading.test(line)) found.push(n)
  }
  if (block && found.length > 0)
    throw bad(
      `${where.file}:${where.line + block.began}: ${block.what} is never closed, so no task after it would be seen`,
      'Close it.',
    )
  return found
}

function blockAt(line: string): { ends: (line: string) => boolean; what: string } | null {
  const ends = fenceAt(line)
  if (ends) return { ends, what: 'a code fence' }
  const comment = /^ {0,3}<!--/.exec(line)
  const closed = comment && line.slice(comment[0].length).includes('-->')
  return comment && !closed ? { ends: (later) => later.includes('-->'), what: 'a comment' } : null
}

/** What closes the fence that a line opens; null when it opens none. */
function fenceAt(line: string): ((line: string) => boolean) | null {
  const [, marks = '', info = ''] = fence.exec(line) ?? []
  if (marks === '' || (marks.startsWith('`') && info.includes('`'))) return null
  return (later) => {
    const closing = later.trim()
    return (
      closing.length >= marks.length &&
      /^ {0,3}\S/.test(later) &&
      closing === marks.charAt(0).repeat(closing.length)
    )
  }
}

async function readSection(lines: readonly string[], where: Where): Promise<Section> {
  const { label, title } = readHeading(lines[0] ?? '', where)
  const rest = lines.slice(1)
  const own = frontLines(rest)
  const line = where.line + 1 + (own?.from ?? 0)
  const { parseYaml } = await import('./yaml.ts')
  const parsed = own ? parseYaml(own.yaml, front, { file: where.file, code: 'bad-spec', line }) : {}
  return {
    id: label ?? idOf(parsed.title ?? title, where),
    title: parsed.title ?? title,
    front: parsed,
    body: rest
      .slice(own?.to ?? 0)
      .join('\n')
      .trim(),
  }
}

/** A number before the colon counts the sections and names nothing. */
function readHeading(line: string, where: Where): { label: string | null; title: string } {
  const at = `${where.file}:${where.line}`
  const hint = 'A section is headed ## Task: TITLE or ## Task ID: TITLE.'
  if (line.length > 400) throw bad(`${at}: this heading is longer than 400 characters`, hint)
  const rest = line.replace(heading, '')
  const colon = rest.indexOf(':')
  const label = rest.slice(0, colon).trim()
  const title = rest
    .slice(colon + 1)
    .trim()
    .replace(/(?:^|[ \t])#+$/, '')
    .trim()
  if (colon === -1 || title === '') throw bad(`${at}: ${JSON.stringify(line.trim())} has no title`, hint)
  if (label === '' || /^\d+$/.test(label)) return { label: null, title }
  if (idPattern.test(label)) return { label, title }
  throw bad(
    `${at}: ${JSON.stringify(label)} is not a task id`,
    'An id has lower-case letters, digits and dashes, begins with a letter or digit, and has at most 63 characters.',
  )
}

function idOf(title: string, where: Where): string {
  const id = idFrom(title)
  if (id !== '') return id
  throw bad(`${where.file}:${where.line}: no id can be made from this title`, 'Give one: ## Task ID: TITLE')
}

/** The fenced yaml block that a section begins with. */
function frontLines(lines: readonly string[]): { yaml: string; from: number; to: number } | null {
  const first = lines.findIndex((line) => line.trim() !== '')
  const opening = lines[first] ?? ''
  const ends = fenceAt(opening)
  if (!ends || !/^ {0,3}[`~]+[ \t]*ya?ml[ \t]*$/i.test(opening)) return null
  const last = lines.findIndex((line, n) => n > first && ends(line))
  // headingsIn has seen that it is closed.
  return { yaml: lines.slice(first + 1, last).join('\n'), from: first + 1, to: last + 1 }
}

function bad(message: string, hint = 'Split it into several files.'): Failure {
  return new Failure('bad-spec', message, { hint })
}
