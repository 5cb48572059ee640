/**
 * Does a worker keep to its spec? Plain comparisons and no model: which files it touched, whether it writes down where
 * it is, which files its plans name, whether its words are the spec's. They find the coarse cases and are wrong now
 * and then, so what follows is a message and nothing else. Pure.
 */
import { duration, head, oneLine } from '../kit/text.ts'
import { outsidePaths } from './reach.ts'
import type { Say } from './texts.ts'

export interface Course {
  readonly title: string
  /** The spec without its front matter. */
  readonly body: string
  readonly paths: readonly string[]
  /** What the worker has changed so far. */
  readonly touched: readonly string[]
  /** Null when there is none. */
  readonly checkpoint: { readonly text: string; readonly ofThisAttempt: boolean } | null
  /** How long the attempt has run, and how long one may without a checkpoint; ms. */
  readonly age: number
  readonly every: number
}

export interface Finding {
  /** What it is about: the same is said once. */
  readonly key: string
  /** For the trail. */
  readonly short: string
  /** For the worker. */
  readonly text: string
}

export function driftOf(course: Course, say: Say): Finding[] {
  return [
    outside(course, say),
    plansOutside(course, say),
    withoutCheckpoint(course, say),
    aboutSomethingElse(course, say),
  ].filter((finding) => finding !== null)
}

function outside({ touched, paths }: Course, say: Say): Finding | null {
  const files = outsidePaths(touched, paths)
  if (files.length === 0) return null
  return {
    key: `outside ${files.join('\0')}`,
    short: `changed outside its paths: ${listed(files, 5)}`,
    text: say('outside-paths', { paths: listed(paths, 20), files: listed(files, 20) }),
  }
}

/** Of what is done already, `outside` speaks. */
function plansOutside({ checkpoint, paths, touched }: Course, say: Say): Finding | null {
  if (!checkpoint?.ofThisAttempt) return null
  const named = outsidePaths(filesIn(planOf(checkpoint.text)), paths).filter(
    (file) => !touched.includes(file),
  )
  if (named.length === 0) return null
  return {
    key: `plans ${named.join('\0')}`,
    short: `its checkpoint names files outside its paths: ${listed(named, 5)}`,
    text: say('plans-outside-paths', { paths: listed(paths, 20), files: listed(named, 20) }),
  }
}

function withoutCheckpoint({ checkpoint, age, every }: Course, say: Say): Finding | null {
  if (age < every || checkpoint?.ofThisAttempt) return null
  return {
    key: 'no checkpoint',
    short: `no checkpoint for ${duration(age)}`,
    text: say('no-checkpoint', { time: duration(age) }),
  }
}

/** Fewer words than this say too little to compare. */
const fewestWords = 5

function aboutSomethingElse({ checkpoint, title, body, paths }: Course, say: Say): Finding | null {
  if (!checkpoint?.ofThisAttempt) return null
  const [spec, said] = [wordsOf(`${title}\n${body}\n${paths.join(' ')}`), wordsOf(checkpoint.text)]
  if (spec.size < fewestWords || said.size < fewestWords || [...said].some((word) => spec.has(word)))
    return null
  return {
    key: 'something else',
    short: 'its checkpoint has no word of its spec',
    text: `${say('off-topic')}\n\n${quoted(`${title}\n${head(body.trim(), 600)}`)}`,
  }
}

/** The sections that say what comes; all of it where there are none of these names. */
function planOf(checkpoint: string): string {
  const parts = checkpoint.split(/^#{1,6}[ \t]+(.*)$/m)
  const plans = parts.filter((_, n) => n % 2 === 0 && /^(?:now|next)\b/i.test(parts[n - 1] ?? ''))
  return plans.length > 0 ? plans.join('\n') : checkpoint
}

/** What looks like a file of the repository: a path with a directory and an ending, and no address. */
function filesIn(text: string): string[] {
  const found = text.matchAll(/(?<![\w/:.~-])(?:[\w@+.-]+\/)+[\w@+-]+(?:\.[\w+-]+)+/g)
  return [...new Set([...found].map(([path]) => path.replace(/^\.\//, '')))].filter(
    (path) => !path.startsWith('../'),
  )
}

/** Words that any text may have. */
const common = new Set(
  'about after again also been before being both does done each else even file files from have here into just like line lines make more most must need next note notes only other over same should some still such test tests text than that them then there these they this those time under until what when where which while will with without work would your'.split(
    ' ',
  ),
)

/** Their beginnings, so that `implemented` is `implementing`; of names, too: `loginForm` is login and form. */
function wordsOf(text: string): Set<string> {
  const parted = text.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').toLowerCase()
  const words = (parted.match(/[a-zà-ÿ]{4,}/g) ?? []).filter((word) => !common.has(word))
  return new Set(words.map((word) => word.slice(0, 5)))
}

function listed(all: readonly string[], most: number): string {
  const shown = all.slice(0, most).map((one) => oneLine(one, 120))
  return all.length > most ? `${shown.join(', ')} and ${all.length - most} more` : shown.join(', ')
}

const quoted = (text: string): string => text.replace(/^/gm, '> ')
