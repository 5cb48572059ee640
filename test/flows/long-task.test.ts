/**
 * Ten attempts of one task, with the real worker: its logs, commits and messages grow, what a worker is told does not.
 *
 * Seen to fail: with every commit shown (`mostCommits` of lib/rules/prompt.ts, and room for them).
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from 'gpt-tokenizer'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, kill, runnersOf, workersOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { stop_grace_seconds: 1 } })
})
afterAll(async () => {
  await box.close()
})

const attempts = 10

function noted(n: number): string {
  const steps = Array.from({ length: 6 * n }, (_, k) => `- step ${k + 1} of the work`)
  return `## Done\n${steps.join('\n')}\n## Now\nstep ${6 * n}\n## Next\nthe one after\n## Notes\n`
}

/** Commits, output, at every third a note of where it is; an odd attempt ends its turn, an even one is killed. */
function steps(n: number) {
  const subject = `attempt ${n}, step $i of a change with a subject of some length`
  const commits = `for i in 1 2 3 4 5 6; do echo ${n} $i >> work.txt; git add work.txt; git commit -qm "${subject}"; done`
  return [
    { run: `${commits}; seq 1 ${n * 500}; echo ${n} > half-${n}.txt` },
    ...(n % 3 === 1 ? [{ run: `dirigent checkpoint <<'END'\n${noted(n)}END` }] : []),
    { say: `In attempt ${n} I saw this: ${'a thing to know, '.repeat(n * 20)}` },
    ...(n % 2 === 0 ? [{ run: 'sleep 120' }] : []),
  ]
}

it('the tenth attempt is told not much more than the second', { timeout: 240_000 }, async () => {
  box.model.set('long', ({ attempt }) => steps(attempt))
  const path = join(box.directory, 'long.md')
  const text = 'What it is about, and what has to hold.\n'.repeat(100)
  const front = `title: A long piece of work\nattempts: ${attempts}\nverify: ['seq 1 20000; exit 1']`
  writeFileSync(path, `---\n${front}\n---\n${text}\nSCENARIO: long\n`)
  expect((await box.json('spawn', 'long', '--spec', path)).exitCode).toBe(0)
  for (let n = 2; n <= attempts; n += 2) {
    await until(
      `attempt ${n}`,
      () => box.status('long').attempt === n && box.status('long').activity?.what === 'sleep 120',
      60_000,
    )
    await box.json('send', 'long', `Message ${n}: ${'think of this too, '.repeat(20)}`)
    kill(...runnersOf(box, 'long'), ...workersOf(box, 'long'))
    // It is lost; whoever looks takes it up.
    await box.json('status')
  }

  const prompts = Array.from({ length: attempts }, (_, n) => attemptFile(box, 'long', n + 1, 'prompt.md'))
  const figures = prompts.map((prompt) => ({
    bytes: Buffer.byteLength(prompt),
    tokens: encode(prompt).length,
  }))
  for (const [n, { bytes, tokens }] of figures.entries())
    console.info(`attempt ${n + 1}: ${bytes} bytes, ${tokens} tokens`)
  const [second, tenth] = [figures[1], figures[9]]
  expect(tenth?.tokens).toBeLessThanOrEqual((second?.tokens ?? 0) * 1.5)
  expect(Math.max(...figures.map(({ bytes }) => bytes))).toBeLessThan(32 * 1024)
  // What was recorded is in all of them, by whomever.
  for (const n of [2, 3, 4]) expect(prompts[n - 1]).toContain('- step 6 of the work')
  expect(prompts[9]).toContain('- step 42 of the work')
  expect(prompts[9]).toContain('Message 8')
  expect(prompts[9]).toMatch(/\+\d+ earlier \(git log\)/)
})
