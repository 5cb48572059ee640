/** `npm run bench:context`: what an orchestrator has to read in a day of ten tasks, in tokens, beside a naive one. */
import setup from '../support/build.ts'
import { makeSandbox } from '../support/sandbox.ts'
import { printTable } from '../support/table.ts'
import { type Day, type Fate, idleHour, playDay } from './context-day.ts'
import { type Figure, printFigures } from './report.ts'

const fates: readonly Fate[] = [
  'asks',
  'limited',
  'fails',
  'asks',
  ...Array.from({ length: 6 }, () => 'merges' as const),
]

await setup()
const box = await makeSandbox({ config: { max_workers: 4 } })
try {
  const idle = await idleHour(box, 5)
  const day = await playDay(box, fates)
  printTable([
    ['task', 'what became of it', 'tokens'],
    ...[...day.perTask].map(([id, tokens], n) => [id, fates[n] ?? '', String(tokens)]),
  ])
  console.log()
  const figures = figuresOf(day, idle)
  printFigures(figures)
  process.exitCode = figures.every((figure) => figure.met) ? 0 : 1
} finally {
  await box.close()
}

function figuresOf(day: Day, idle: { readonly perHour: number; readonly atEnd: number }): Figure[] {
  const n = day.perTask.size
  const perTask = Math.round(day.total / n)
  return [
    {
      what: `tokens read per task, all in all (${day.wakes} wakes; a naive one: status --json and log --raw at each)`,
      ours: `${perTask}`,
      baseline: `${Math.round(day.naive / n)}`,
      ratio: (day.total / day.naive).toFixed(2),
      goal: '≤ 600',
      met: perTask <= 600,
    },
    atMost('the costliest task', Math.max(...day.perTask.values()), 600),
    atMost('the longest line of status for a task', day.statusLine, 40),
    atMost('the longest line of wait for a task', day.newsLine, 40),
    atMost(`an idle hour (the end of a wait: ${idle.atEnd} tokens)`, idle.perHour, 0),
  ]
}

function atMost(what: string, ours: number, limit: number): Figure {
  return {
    what,
    ours: `${ours}`,
    baseline: '-',
    ratio: '-',
    goal: limit ? `≤ ${limit}` : '0',
    met: ours <= limit,
  }
}
