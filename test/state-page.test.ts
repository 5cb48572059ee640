/**
 * skill/reference/state.md against the schemas and the paths, both ways. Seen to fail: a field taken out of
 * the page; a row for a field that does not exist; a new field in lib/state/schema/status.ts; a word less in
 * the row of `state`; a schema without a section; a new name in lib/state/paths.ts; a row for a file that
 * nobody makes.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { statePaths } from '../lib/state/paths.ts'
import { exit, refs, result, stop, told } from '../lib/state/schema/attempt.ts'
import { config } from '../lib/state/schema/config.ts'
import { event } from '../lib/state/schema/event.ts'
import { lessonFront } from '../lib/state/schema/lesson.ts'
import { lockFamily, ticketNote } from '../lib/state/schema/locks.ts'
import { messageFront } from '../lib/state/schema/message.ts'
import { front } from '../lib/state/schema/spec.ts'
import { status } from '../lib/state/schema/status.ts'
import { coolDown, escalations, outage, usageLine, vitals } from '../lib/state/schema/supervision.ts'
import { witness } from '../lib/state/schema/witness.ts'
import { root } from './support/sandbox.ts'

const page = readFileSync(join(root, 'skill', 'reference', 'state.md'), 'utf8')

// biome-ignore lint/suspicious/noExplicitAny: schemas are walked by their definitions
type Schema = any

/** Heading of the page → the schema that its table describes. */
const documented: Readonly<Record<string, Schema>> = {
  '`status.json`': status,
  '`spec.md`': front,
  '`config.yaml`': config,
  '`events.jsonl` and `log/events.jsonl`': event,
  '`refs.json`': refs,
  '`messages.json`': told,
  'Front matter of a lesson': lessonFront,
  'Front matter of a message': messageFront,
  '`exit.json`': exit,
  '`builds.jsonl`': witness,
  '`result.json`': result,
  '`stop.json`': stop,
  '`cool-down.json`': coolDown,
  '`usage/<day>.jsonl`': usageLine,
  '`vitals.json`': vitals,
  '`locks/escalations.json`': escalations,
  '`locks/outage.json`': outage,
  '`locks/family.json`': lockFamily,
  '`<n>.ticket`': ticketNote,
}

for (const [heading, schema] of Object.entries(documented)) {
  const { fields, words } = describe(schema)

  it(`documents every field of ${heading}, and no other`, () => {
    expect(rows(heading).map(({ name }) => name)).toEqual(fields)
  })

  // The words of a failure are explained once, in status.json.
  const own = Object.entries(words).filter(
    ([field]) => heading === '`status.json`' || !['failure.class', 'providers.*.class'].includes(field),
  )
  if (own.length > 0)
    it(`names every word that a field of ${heading} can have`, () => {
      const missing = own.flatMap(([field, all]) => {
        const text = rows(heading).find(({ name }) => name === field)?.text ?? ''
        return all.filter((word) => !text.includes(`\`${word}\``)).map((word) => `${field}: ${word}`)
      })
      // The states before and after are those of status.json.
      expect(missing.filter((word) => !/^(?:from|to): /.test(word))).toEqual([])
    })
}

it('has a section for every schema that a file or a line is read with', async () => {
  const whole: Schema[] = []
  for (const name of readdirSync(join(root, 'lib', 'state', 'schema'))) {
    const module = await import(join(root, 'lib', 'state', 'schema', name))
    whole.push(...Object.values(module).filter(isObject))
  }
  const parts = whole.flatMap((schema) => Object.values<Schema>(schema._zod.def.shape).flatMap(inside))
  const files = whole.filter((schema) => !parts.includes(schema))
  expect(files.length).toBeGreaterThan(6)
  expect(
    files
      .filter((schema) => !Object.values(documented).includes(schema))
      .map((schema) => describe(schema).fields),
  ).toEqual([])
})

it('lists every path that lib/state/paths.ts makes, and no other', () => {
  const listed = rows('Files').map(({ name }) => name)
  expect([...new Set(listed)].sort()).toEqual(madePaths().sort())
  expect(listed.length).toBe(new Set(listed).size)
})

it('says for every file what it is and whether it is committed', () => {
  const unclear = rows('Files').filter(
    ({ cells }) => cells[1] === '' || !['yes', 'no', 'partly', 'on its branch'].includes(cells[3] ?? ''),
  )
  expect(unclear).toEqual([])
})

interface Row {
  readonly name: string
  readonly cells: readonly string[]
  readonly text: string
}

/** Rows of the first table below a heading. */
function rows(heading: string): Row[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`))
  if (!section) throw new Error(`state.md has no section ${heading}`)
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const cells = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
      return { name: (cells[0] ?? '').replaceAll('`', ''), cells, text: line }
    })
}

/** Every field by its path (`a.b`, `list[].c`) in the schema's order, and the words of those that have a closed list. */
function describe(schema: Schema): { fields: string[]; words: Record<string, string[]> } {
  const fields: string[] = []
  const words: Record<string, string[]> = {}
  const walk = (prefix: string, type: Schema): void => {
    const { def } = unwrap(type)._zod
    if (def.type === 'enum') words[prefix] = Object.values<string>(def.entries)
    if (def.type === 'literal' && typeof def.values[0] === 'string') words[prefix] = def.values
    if (def.type === 'array') walk(`${prefix}[]`, def.element)
    if (def.type === 'record') walk(`${prefix}.*`, def.valueType)
    for (const [name, child] of Object.entries(def.shape ?? {})) {
      const path = prefix === '' ? name : `${prefix}.${name}`
      fields.push(path)
      walk(path, child)
    }
  }
  walk('', schema)
  return { fields, words }
}

function unwrap(type: Schema): Schema {
  const { def } = type._zod
  return ['nullable', 'optional', 'default'].includes(def.type) ? unwrap(def.innerType) : type
}

/** The object schemas within a type, itself included. */
function inside(type: Schema): Schema[] {
  const bare = unwrap(type)
  const { def } = bare._zod
  if (def.type === 'array') return inside(def.element)
  if (def.type === 'record') return inside(def.valueType)
  return def.type === 'object' ? [bare, ...Object.values<Schema>(def.shape).flatMap(inside)] : []
}

function isObject(value: Schema): boolean {
  return value?._zod?.def?.type === 'object'
}

/** Every path below the state directory, with the variable parts in angle brackets. */
function madePaths(): string[] {
  const paths = statePaths('/r')
  const below = (path: string) => path.slice(paths.root.length + 1) || '.'
  const task = paths.task('<id>')
  const attempt = task.attempt(0)
  const called = {
    lesson: paths.lesson('<name>'),
    worktree: paths.worktree('<id>'),
    shimSet: paths.shimSet('<hash>').directory,
    task: task.directory,
    archived: paths.archived('<yyyy-mm>', '<id>').directory,
    fetched: paths.fetched('base').replace(/base$/, '<base>'),
    usageOf: paths.usageOf('<day>'),
    oldSpec: task.oldSpec(0).replace('spec-0', 'spec-<n>'),
    oldCheckpoint: task.oldCheckpoint(0).replace('-0.md', '-<n>.md'),
    stale: task.stale(0, '<what>', 0).replace('-0.json', '-<n>.json'),
    attempt: attempt.directory,
    hooked: attempt.hooked('<hook>'),
  }
  const functions = [paths, task, attempt].flatMap((group) =>
    Object.entries(group)
      .filter(([, value]) => typeof value === 'function')
      .map(([name]) => name),
  )
  expect(functions.sort()).toEqual(Object.keys(called).sort())
  const fixed = [paths, task, attempt].flatMap((group) =>
    Object.entries(group)
      .filter(([name, value]) => typeof value === 'string' && name !== 'repo')
      .map(([, value]) => String(value)),
  )
  return [
    ...new Set(
      [...fixed, ...Object.values(called)].map((path) => below(path).replace('attempt-000', 'attempt-<nnn>')),
    ),
  ]
}
