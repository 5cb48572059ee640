/**
 * The tasks of the day, and what their workers do. A worker knows what its prompt tells it and nothing else, as a
 * real one would; what it really did is written into ledgers beside the repository.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ask, run, type Step, say, status } from '../../scripted-model/scenario.ts'
import type { Sandbox } from '../../support/sandbox.ts'

export type Kind = 'plain' | 'parts' | 'asks' | 'defaults' | 'limited' | 'stalls' | 'fails'

/** In this order, as often as there are tasks. */
const mix: readonly Kind[] = [
  ...(['parts', 'asks', 'plain', 'stalls', 'parts'] as const),
  ...(['plain', 'limited', 'defaults', 'plain', 'fails'] as const),
  ...(['parts', 'plain', 'asks', 'parts', 'plain'] as const),
  ...(['limited', 'plain', 'parts', 'plain', 'plain'] as const),
]

/** Parts of a long task; each is recorded in the checkpoint before the next is begun. */
export const parts = 4

export const kindsOf = (count: number): ReadonlyMap<string, Kind> =>
  new Map(
    Array.from({ length: count }, (_, n) => mix[n % mix.length] as Kind).map((kind, n) => [
      `${kind}-${n + 1}`,
      kind,
    ]),
  )

/** What its front matter says beside the title. */
export const frontOf = (kind: Kind, id: string): Readonly<Record<string, unknown>> => ({
  // Killed workers count as tries, and the day kills many.
  attempts: kind === 'fails' ? 2 : 30,
  verify: [kind === 'fails' ? 'echo this never works >&2; exit 1' : `test -s made/${id}/done.txt`],
})

export const ledgerOf = (box: Sandbox, id: string): string => join(box.directory, 'ledger', id)

/** One line each of what was done: `<attempt> began 2`, `<attempt> recorded 2`. */
export function ledger(box: Sandbox, id: string): readonly string[] {
  const path = ledgerOf(box, id)
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []
}

/** Registers what the workers do. */
export function employ(box: Sandbox): void {
  mkdirSync(join(box.directory, 'ledger'))
  /** Task → the attempt that meets its trouble: asked the same again, a model does the same again. */
  const troubled = new Map<string, number>()
  const meets = ({ args: [id = ''], attempt }: Ask): boolean => {
    if (!troubled.has(id)) troubled.set(id, attempt)
    return troubled.get(id) === attempt
  }
  const script = (of: (ask: Ask, id: string) => readonly Step[]) => (ask: Ask) => of(ask, ask.args[0] ?? '')
  box.model.set(
    'plain',
    script((_, id) => finish(id)),
  )
  box.model.set(
    'fails',
    script((_, id) => finish(id)),
  )
  box.model.set(
    'limited',
    script((ask, id) => (meets(ask) ? [status(429, { body: usageLimit })] : finish(id))),
  )
  box.model.set(
    'stalls',
    script((ask, id) => [...(meets(ask) ? [run('exec sleep 3600', { yieldMs: 1000 })] : []), ...finish(id)]),
  )
  box.model.set(
    'asks',
    script((ask, id) => colourful(ask, id, '')),
  )
  box.model.set(
    'defaults',
    script((ask, id) => colourful(ask, id, ' --default COLOUR-is-grey --by 2s')),
  )
  box.model.set(
    'parts',
    script((ask, id) => longWork(box, ask, id)),
  )
}

/** It says no time, so the pause is the shortest one. */
const usageLimit = { error: { type: 'usage_limit_reached', message: 'The usage limit has been reached' } }

function finish(id: string, text = id): readonly Step[] {
  return [
    run(
      `mkdir -p made/${id} && echo ${text} > made/${id}/done.txt && git add -A && git commit -qm "Make ${id}"`,
    ),
    say(`${id} is made`),
  ]
}

function colourful({ prompt }: Ask, id: string, options: string): readonly Step[] {
  const answer = /COLOUR-is-(\w+)/.exec(prompt.replace(/^.*--default.*$/gm, ''))?.[1]
  if (answer) return finish(id, answer)
  return [run(`dirigent ask 'Which colour is ${id} to have?'${options}`), say('I have asked for the colour.')]
}

/** Goes on behind the parts that the prompt says are done. */
function longWork(box: Sandbox, { prompt }: Ask, id: string): readonly Step[] {
  const recorded = (part: number) => prompt.includes(`part ${part} of ${id} is recorded`)
  const left = Array.from({ length: parts }, (_, n) => n + 1).filter((part) => !recorded(part))
  return [...left.flatMap((part) => work(box, id, part)), ...finish(id)]
}

function work(box: Sandbox, id: string, part: number): readonly Step[] {
  const note = (what: string) => `echo "\${DIRIGENT_ATTEMPT##*#} ${what} ${part}" >> ${ledgerOf(box, id)}`
  const done = Array.from({ length: part }, (_, n) => `- part ${n + 1} of ${id} is recorded`).join('\n')
  const checkpoint = `# Done\n${done}\n# Now\npart ${part + 1}\n# Next\nthe parts behind it\n# Notes\nnone\n`
  return [
    run(`${note('began')} && sleep 0.7 && mkdir -p made/${id} && echo ${part} > made/${id}/${part}.txt`),
    run(`git add -A && git commit -qm "Part ${part} of ${id}"`),
    run(`printf '%s' '${checkpoint}' | dirigent checkpoint && ${note('recorded')}`),
  ]
}
