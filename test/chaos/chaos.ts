/** `npm run chaos`: every proof by faults, with many rounds. `npm run chaos -- NAME… [--seed N] [--rounds N]` */
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import setup from '../support/build.ts'
import { printTable } from '../support/table.ts'
import type { Row, Scenario } from './scenario.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, rounds: { type: 'string' }, help: { type: 'boolean' } },
})
const scenarios = await found()
const usage = `usage: npm run chaos -- [NAME…] [--rounds N] [--seed N]

${scenarios.map(({ name, long, unit }) => `  ${name.padEnd(10)} ${long} ${unit}`).join('\n')}`
const unknown = positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name))
// No rounds, or none that is a number, would meet every goal.
const wrong = [values.rounds ?? '1', `1${values.seed ?? ''}`].some((text) => !/^[1-9]\d*$/.test(text))
if (values.help || wrong || unknown.length > 0) {
  for (const name of unknown) console.error(`there is no proof ${name}`)
  console.log(usage)
  process.exit(values.help ? 0 : 2)
}
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const say = (line: string) => console.log(`  ${line}`)
await setup()

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
