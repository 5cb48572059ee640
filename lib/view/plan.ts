/** A plan under review, as `status ID` shows it: what somebody must know to accept it. Pure. */
import { clean, cut, oneLine } from '../kit/text.ts'
import type { Front } from '../state/schema/spec.ts'

export interface PlanView {
  readonly tasks: readonly { readonly id: string; readonly title: string; readonly front: Front }[]
  /** Why no tasks can be made of it (any more), or null. */
  readonly problem: string | null
  readonly report: string
}

const mostTasks = 10

export function planLines({ tasks, problem, report }: PlanView): string[] {
  const left = tasks.length - mostTasks
  return [
    `plan       ${report}`,
    ...(problem === null ? [] : [`no plan    ${oneLine(problem, 240)}`]),
    ...tasks.slice(0, mostTasks).flatMap(({ id, title, front }) => [
      `  ${id}: ${oneLine(title, 80)}${said(' · needs', front.needs)}${said(' · in', front.paths)}${front.change === 'none' ? ' · a report' : ''}`,
      // These are run once it is accepted.
      ...(front.verify ?? []).slice(0, 4).map((command) => `    check  ${oneLine(command, 160)}`),
      ...((front.verify ?? []).length > 4 ? [`    check  … +${(front.verify ?? []).length - 4} more`] : []),
    ]),
    ...(left > 0 ? [`  … +${left} more tasks`] : []),
  ]
}

export function planRecord({ tasks, problem, report }: PlanView): unknown {
  return {
    tasks: tasks.map(({ id, title, front }) => ({
      id,
      title: clean(title),
      needs: front.needs ?? [],
      paths: (front.paths ?? []).map(clean),
      verify: (front.verify ?? []).map(clean),
      change: front.change ?? 'branch',
    })),
    problem: problem === null ? null : clean(problem),
    report,
  }
}

const said = (what: string, names: readonly string[] | undefined): string =>
  names && names.length > 0 ? cut(`${what} ${oneLine(names.join(', '), 100)}`, 110) : ''
