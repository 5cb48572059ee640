/** Plays a scenario as a test: few rounds, its figures printed, every goal met. */
import { expect, it } from 'vitest'
import type { Scenario } from './scenario.ts'

/** @param title a sentence: what is proved */
export function prove(title: string, scenario: Scenario): void {
  it(title, { timeout: 240_000 }, async ({ skip }) => {
    const reason = (await scenario.impossible?.()) ?? null
    if (reason !== null) {
      console.log(`${scenario.name}: skipped, ${reason}`)
      skip(reason)
    }
    // The same in every CI run, so that a red one is about the change; by hand, another each time.
    const seed = Number(process.env.CHAOS_SEED ?? (process.env.CI ? 4711 : Date.now() % 1_000_000))
    console.log(`${scenario.name}: ${scenario.short} ${scenario.unit}, seed ${seed}`)
    const rows = await scenario.play({ rounds: scenario.short, seed, say: console.log })
    for (const row of rows) console.log(`${row.what}: ${row.figure} (goal ${row.goal})`)
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.filter((row) => !row.met)).toEqual([])
  })
}
