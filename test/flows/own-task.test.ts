/** The verbs of workers know their task from the environment that Dirigent gives them, and are nobody else's. */
import { expect, it } from 'vitest'
import { sandboxForEach } from '../support/each.ts'
import type { Sandbox } from '../support/sandbox.ts'

let box: Sandbox
sandboxForEach({}, (made) => {
  box = made
})

it('refuse whoever is no worker, and write nothing', async () => {
  for (const [verb, ...words] of [['inbox'], ['tell', 'a word']] as const) {
    const ran = await box.json(verb, ...words)
    expect([ran.exitCode, ran.json.error.code]).toEqual([3, 'not-a-worker'])
  }
})
