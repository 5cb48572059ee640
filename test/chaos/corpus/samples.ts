/** From a zod schema: a record with every field filled, and all the ways in which one field can be wrong. */
import type * as z from 'zod/mini'

type Path = readonly (string | number)[]

/** What is tried in place of every field; those that the schema accepts there are left out. */
const wrongValues: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  1e308,
  '',
  'x',
  '\u0000\u001b[31m\u202e',
  'x'.repeat(70_000),
  [],
  [null],
  {},
  { version: 1 },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'),
]

// The schemas are looked into, which zod's types do not describe for all of them at once.
interface Definition {
  readonly type: string
  readonly shape?: Readonly<Record<string, z.ZodMiniType>>
  readonly innerType?: z.ZodMiniType
  readonly element?: z.ZodMiniType
  readonly entries?: Readonly<Record<string, string>>
  readonly values?: readonly unknown[]
}
const definitionOf = (schema: z.ZodMiniType) => schema._zod.def as unknown as Definition

/** A value that the schema accepts, with nothing left out that may be left out, and nothing null. */
export function sample(schema: z.ZodMiniType): unknown {
  const { type, shape = {}, innerType, element, entries = {}, values = [] } = definitionOf(schema)
  if (type === 'object')
    return Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, sample(field)]))
  if (innerType) return sample(innerType)
  if (type === 'array' && element) return [sample(element)]
  if (type === 'record') return {}
  if (type === 'enum') return Object.values(entries)[0]
  if (type === 'literal') return values[0]
  const plain = ['2026-02-03T04:05:06.789Z', 1, 2000, 20_000, true, 'x', 'https://example.org'].find(
    (value) => schema.safeParse(value).success,
  )
  if (plain === undefined) throw new Error(`there is no sample of a ${type}`)
  return plain
}

export interface Wrong {
  readonly how: string
  readonly value: unknown
}

/** Copies of a good record, each with one thing about it that the schema refuses. */
export function wrongRecords(schema: z.ZodMiniType, good: unknown): Wrong[] {
  const all = pathsOf(good).flatMap((path) => [
    ...wrongValues.map((value) => ({
      how: `${path.join('.')} is ${brief(value)}`,
      value: withAt(good, path, value),
    })),
    { how: `without ${path.join('.')}`, value: withAt(good, path, undefined) },
    { how: `an unknown field in ${path.join('.')}`, value: withAt(good, [...path, 'unknown_field'], 1) },
  ])
  return all.filter(({ value }) => !schema.safeParse(value).success)
}

const brief = (value: unknown) => JSON.stringify(value)?.slice(0, 24) ?? 'nothing'

function pathsOf(value: unknown): Path[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => {
    const key = Array.isArray(value) ? Number(name) : name
    return [[key], ...pathsOf(inner).map((path) => [key, ...path])]
  })
}

/** A copy in which the value at `path` is another one, or missing; a path that leads through no object is ignored. */
function withAt(whole: unknown, path: Path, value: unknown): unknown {
  const copy = structuredClone(whole)
  const parents = path.slice(0, -1)
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  const parent = parents.reduce((at: any, key) => at?.[key], copy)
  const last = path.at(-1)
  if (typeof parent !== 'object' || parent === null || last === undefined) return copy
  if (value === undefined) delete parent[last]
  else parent[last] = value
  return copy
}
