/** One table: each figure beside its baseline from the same run, and the goal. Ratios count; these machines are noisy. */
import { printTable } from '../support/table.ts'

export interface Figure {
  readonly what: string
  readonly ours: string
  readonly baseline: string
  readonly ratio: string
  readonly goal: string
  readonly met: boolean
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** A ratio against a limit. @param limit the largest ratio that meets the goal */
export function ratioFigure(
  what: string,
  ours: number,
  baseline: number,
  limit: number,
  unit = 'ms',
): Figure {
  const ratio = ours / baseline
  return {
    what,
    ours: `${ours.toFixed(0)} ${unit}`,
    baseline: `${baseline.toFixed(0)} ${unit}`,
    ratio: ratio.toFixed(2),
    goal: `≤ ${limit.toFixed(2)}`,
    met: ratio <= limit,
  }
}

export function printFigures(figures: readonly Figure[]): void {
  const head: Figure = {
    what: 'figure',
    ours: 'ours',
    baseline: 'baseline',
    ratio: 'ratio',
    goal: 'goal',
    met: true,
  }
  const rows = [head, ...figures].map((figure, index) => [
    figure.what,
    figure.ours,
    figure.baseline,
    figure.ratio,
    figure.goal,
    index === 0 ? '' : figure.met ? 'met' : 'NOT MET',
  ])
  printTable(rows)
}
