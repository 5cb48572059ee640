/**
 * The texts that workers are told, each of them a file (`skill/prompts/`) that a person may edit: which there are, what
 * is filled in, and what an edit must not be. What others wrote is never filled in: it stands below a text, within
 * bounds of its own. Pure.
 */
import { clean, oneLine } from '../kit/text.ts'
import { closed, size } from './fit.ts'

/** Name of its file → its placeholders. When each is told: `skill/prompts/README.md`. */
export const texts = {
  worker: [],
  plan: [],
  lessons: [],
  task: ['title'],
  'spec-changed': ['path'],
  commits: [],
  checkpoint: [],
  failure: [],
  'earlier-messages': [],
  messages: [],
  'go-on': [],
  refined: ['title'],
  mail: [],
  uncommitted: [],
  stalled: ['standstill', 'grace'],
  'outside-paths': ['paths', 'files'],
  'plans-outside-paths': ['paths', 'files'],
  'no-checkpoint': ['time'],
  'off-topic': [],
  aside: [],
  house: [],
} as const satisfies Record<string, readonly string[]>

export type TextName = keyof typeof texts
export const textNames = Object.keys(texts) as TextName[]

type Values<N extends TextName> = { readonly [placeholder in (typeof texts)[N][number]]: string }
type Filling<N extends TextName> = (typeof texts)[N] extends readonly [] ? [] : [values: Values<N>]

/** A text as it is told. */
export type Say = <N extends TextName>(name: N, ...filling: Filling<N>) => string

/** @param read gives a text as it is in its file; asked once for each, when it is needed */
export function sayer(read: (name: TextName) => string): Say {
  const known = new Map<TextName, string>()
  return (name: TextName, ...[values]: readonly Readonly<Record<string, string>>[]) => {
    const text = known.get(name) ?? clean(read(name)).trim()
    known.set(name, text)
    // What stands below it must not become part of its code block.
    return closed(filled(text, values ?? {}))
  }
}

const placeholder = /\{\{\s*([\w-]+)\s*\}\}/g

/** In one go: what a value says in braces stays as it is. */
const filled = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(
    placeholder,
    (whole, name: string) => (Object.hasOwn(values, name) ? values[name] : undefined) ?? whole,
  )

/** Bytes. The contract is never cut, so two parts of it leave most of the smallest prompt to what it is for. */
const most = 1024
const shareOfContract = 6

/** @param maxBytes of a prompt */
export const mostOf = (name: TextName, maxBytes: number): number =>
  name === 'worker' || name === 'plan' ? Math.floor(maxBytes / shareOfContract) : most

export interface Flaw {
  readonly line: number
  readonly what: string
}

/** Why a text of this name cannot be told; null when it can. */
export function flawOf(name: TextName, text: string, limit: number): Flaw | null {
  const told = clean(text)
  if (told.trim() === '') return { line: 1, what: 'there is no text' }
  if (size(text) > limit) return { line: 1, what: `it is ${size(text)} bytes, and at most ${limit} are told` }
  const known: readonly string[] = texts[name]
  const seen = new Set<string>()
  for (const found of told.matchAll(placeholder)) {
    const [, asked = ''] = found
    const whole = oneLine(found[0], 80)
    const line = told.slice(0, found.index).split('\n').length
    if (!known.includes(asked)) return { line, what: `nothing is filled in for ${whole}` }
    // Values are bounded, and so is what is told when each is told once.
    if (seen.has(asked)) return { line, what: `${whole} is there twice` }
    seen.add(asked)
  }
  return null
}

/** What can be filled in, for somebody who has to mend one. */
export function placeholdersOf(name: TextName): string {
  const known = texts[name].map((one) => `{{${one}}}`)
  return known.length === 0 ? 'It has no placeholders.' : `Its placeholders: ${known.join(', ')}.`
}
