/**
 * A plan: what a planning worker reports, and what may be made of it. The worker decides what is to be done and how it
 * is checked; where it lands, by whom it is done, and how much it may cost at most, its own task decides. Nothing here is
 * run: the checks that it asks for are a person's once the plan is accepted.
 */
import { Failure } from '../kit/errors.ts'
import type { Front } from './schema/spec.ts'
import type { Settings } from './schema/status.ts'
import { bodyOfSection, composeSpec, readSections, together } from './sections.ts'
import type { Spec } from './spec.ts'

/** Bytes. Of a longer last message only the beginning is kept. */
export const planLimit = 60 * 1024

export interface Planned {
  /** As the plan names it; null for a plan without sections. */
  readonly id: string | null
  readonly title: string
  readonly front: Front
  readonly body: string
}

const allowed = ['title', 'needs', 'verify', 'paths', 'tags', 'change', 'attempts', 'budget']
const name = 'the plan'

/** Whose task a task of a plan is: no plan may say this of another. */
export const planTag = (id: string, attempt: number): string => `plan:${id}#${attempt}`

/**
 * @param report the worker's last words
 * @param own what the planning task is held to
 * Throws `bad-spec`, or what is wrong with an id.
 */
export async function readPlan(report: string, own: Settings): Promise<Planned[]> {
  if (Buffer.byteLength(report) > planLimit)
    throw bad(
      `${name} is longer than ${planLimit} bytes`,
      'Put long material into fewer words, or plan less.',
    )
  const text = unwrapped(report)
  if (!/^---[ \t]*\n/.test(text))
    throw bad(
      `${name} does not begin with front matter`,
      'The last message is to be the spec and nothing else, from the line of three dashes on.',
    )
  const { front, context, sections } = await readSections(Buffer.from(text), name)
  checkFront(name, front, own)
  if (sections.length === 0) {
    if (front.title === undefined) throw bad(`${name} has no title`, 'Give one in the front matter.')
    if (context === '') throw bad(`${name} says nothing to do: it has no text below the front matter`)
    return [{ id: null, title: front.title, front, body: context }]
  }
  return sections.map((section) => {
    checkFront(`section ${section.id} of ${name}`, section.front, own)
    const body = bodyOfSection(context, section)
    if (body === '') throw bad(`section ${section.id} of ${name} says nothing to do`)
    return { id: section.id, title: section.title, front: together(front, section), body }
  })
}

/** The spec of a task of the plan; what the plan leaves open is as it is for the planning task. */
export async function plannedSpec(
  own: Settings,
  { title, front, body }: Planned,
  more: { readonly needs: readonly string[]; readonly tags: readonly string[] },
): Promise<Spec> {
  const { base, budget, model, effort } = own
  const change = front.change ?? 'branch'
  const list = (key: 'needs' | 'tags' | 'paths', values: readonly string[]) =>
    values.length > 0 ? { [key]: [...new Set(values)] } : {}
  const limits = {
    ...(budget.minutes === null ? {} : { minutes: budget.minutes }),
    ...(budget.tokens === null ? {} : { tokens: budget.tokens }),
    ...front.budget,
  }
  return await composeSpec(
    {
      title,
      ...list('needs', more.needs),
      verify: front.verify ?? (change === 'branch' ? own.verify : []),
      ...list('paths', front.paths ?? own.paths),
      worker: own.worker,
      ...(model === null ? {} : { model }),
      ...(effort === null ? {} : { effort }),
      attempts: front.attempts ?? own.attempts,
      ...(Object.keys(limits).length > 0 ? { budget: limits } : {}),
      priority: own.priority,
      ...list('tags', [...own.tags, ...(front.tags ?? []), ...more.tags]),
      change,
      base: base.remote === null ? base.branch : `${base.remote}/${base.branch}`,
    },
    body,
    name,
  )
}

/** Models like to put a whole document into a fence. */
function unwrapped(report: string): string {
  const text = report.trim()
  const [, marks] = /^(`{3,}|~{3,})[ \t]*(?:markdown|md)?[ \t]*\n---[ \t]*\n/i.exec(text) ?? []
  const last = text.slice(text.lastIndexOf('\n') + 1)
  if (marks === undefined || last !== marks) return text
  return text.slice(text.indexOf('\n') + 1, -last.length)
}

function checkFront(where: string, front: Front, own: Settings): void {
  const foreign = Object.keys(front).find((key) => !allowed.includes(key))
  if (foreign !== undefined)
    throw bad(
      `${where}: ${foreign} is not for a plan to decide`,
      `Leave it out. A plan may say: ${allowed.join(', ')}.`,
    )
  if (front.tags?.some((tag) => tag.startsWith('plan:')))
    throw bad(`${where}: tags that begin with plan: are given when a plan is accepted`, 'Leave them out.')
  const limits = [
    ['attempts', front.attempts, own.attempts],
    ['budget.minutes', front.budget?.minutes, own.budget.minutes],
    ['budget.tokens', front.budget?.tokens, own.budget.tokens],
  ] as const
  for (const [field, asked, most] of limits)
    if (asked !== undefined && most !== null && asked > most)
      throw bad(`${where}: ${field} is ${asked}, and its own task has ${most}`, 'Ask for that much at most.')
}

function bad(message: string, hint = 'Write what is to be done.'): Failure {
  return new Failure('bad-spec', message, { hint })
}
