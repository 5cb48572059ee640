/** `npm run chaos`: every proof by faults, with many rounds. `npm run chaos -- NAME… [--seed N] [--rounds N]` */
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import setup from '../support/build.ts'
import { printTable } from '../support/table.ts'
import type { Row, Scenario } from './scenario.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, rounds: { type: 'string' } },
})
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const say = (line: string) => console.log(`  ${line}`)

await setup()
const scenarios = await found()
const unknown = positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name))
if (unknown.length > 0)
  throw new Error(
    `no scenario ${unknown.join(', ')}; there are ${scenarios.map(({ name }) => name).join(', ')}`,
  )

const board: string[][] = [['proof', 'figure', 'baseline', 'goal', '']]
let missed = 0
for (const scenario of scenarios) {
  if (positionals.length > 0 && !positionals.includes(scenario.name)) continue
  const reason = (await scenario.impossible?.()) ?? null
  if (reason !== null) {
    board.push([scenario.name, '', '', '', `skipped: ${reason}`])
    continue
  }
  const rounds = Number(values.rounds ?? scenario.long)
  const began = Date.now()
  console.log(`${scenario.name}: ${rounds} ${scenario.unit}, seed ${seed}`)
  for (const row of await outcome(scenario, rounds)) {
    if (!row.met) missed += 1
    board.push([row.what, row.figure, row.baseline ?? '', row.goal, row.met ? 'met' : 'NOT MET'])
  }
  say(`${((Date.now() - began) / 1000).toFixed(0)} s`)
}
console.log('')
printTable(board)
process.exitCode = missed === 0 ? 0 : 1

/** One that breaks down is a goal not met; the others are still played. */
async function outcome(scenario: Scenario, rounds: number): Promise<readonly Row[]> {
  try {
    return await scenario.play({ rounds, seed, say })
  } catch (error) {
    console.error(error)
    const figure = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    return [{ what: scenario.name, figure, goal: 'plays to its end', met: false }]
  }
}

/** Every scenario of this folder: a file with a test beside it that exports one. */
async function found(): Promise<Scenario[]> {
  const names = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.test.ts'))
  const modules = await Promise.all(
    names.sort().map((name) => import(new URL(name.replace('.test.ts', '.ts'), import.meta.url).href)),
  )
  return modules.map((module: { scenario: Scenario }) => module.scenario)
}
