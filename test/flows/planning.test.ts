/**
 * Planning by workers, with the real codex: a brief becomes a plan, which somebody accepts or rejects; and specs with
 * sections, which are split without a worker.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { refused } from '../support/bad-input.ts'
import { makeSandbox, type Sandbox } from '../support/sandbox.ts'
import { attemptFile, landed, settled, trailOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 4, verify: ['true'], stop_grace_seconds: 1 } })
})
afterAll(async () => {
  await box.close()
})

const script = (steps: unknown) => `\`\`\`script\n${JSON.stringify(steps)}\n\`\`\`\n`
const commit = (file: string) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`,
})
/** What a worker does that is told to add a file. */
const adds = (file: string) => script([commit(file), { say: 'done' }])
const front = (fields: object, text: string) => `---\n${stringify(fields)}---\n${text}`
const section = (id: string, file: string, fields?: object) =>
  `## Task ${id}: Add ${file}\n\n${fields ? `\`\`\`yaml\n${stringify(fields)}\`\`\`\n` : ''}Add ${file}.\n\n${adds(file)}`

/** Spawns a planning task whose attempts end with these words, and waits until it rests. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into records freely
async function planned(id: string, fields: object, ...words: string[]): Promise<any> {
  const brief = box.spec(
    { title: `Plan ${id}`, ...fields },
    { attempts: words.map((say) => [{ say }]) },
    'A brief.',
  )
  const ran = await box.json('spawn', id, '--plan', '--spec', brief)
  if (ran.exitCode !== 0) throw new Error(`spawn ${id}: ${ran.stdout}${ran.stderr}`)
  return await settled(box, id)
}

const prompt = (id: string, n: number) => attemptFile(box, id, n, 'prompt.md')

it('a plan for one task is read, accepted, and is what the next worker is told; its change is merged', async () => {
  const plan = front({ title: 'Add one.txt', paths: ['one.txt'] }, `Add one.txt.\n\n${adds('one.txt')}`)
  const ready = await planned(
    'one',
    { budget: { tokens: 100_000 }, tags: ['mine'] },
    `\`\`\`markdown\n${plan}\`\`\``,
  )
  expect(ready).toMatchObject({
    state: 'review',
    reason: 'a plan is ready: a spec for this task',
    attempt: 1,
  })
  expect(prompt('one', 1)).toMatch(
    /# What is wanted: a plan[\s\S]*at most: 3 attempts, 60 minutes, 100000 tokens/,
  )

  const shown = await box.verb('status', 'one')
  expect(shown.stdout).toMatch(/^needs you .*a plan is ready/m)
  expect(shown.stdout).toMatch(/one: Add one\.txt · in one\.txt\n +check +true/)
  expect(shown.stdout).toContain('next: dirigent accept one')
  expect((await box.json('wait')).json.next).toContain('dirigent accept one')

  const accepted = await box.json('accept', 'one')
  expect(accepted.json).toMatchObject({
    ok: true,
    data: { accepted: [{ id: 'one', tasks: [{ id: 'one' }] }] },
  })
  const merged = await settled(box, 'one')
  expect(merged).toMatchObject({
    state: 'merged',
    title: 'Add one.txt',
    attempt: 2,
    tries: 0,
    spec_revision: 2,
    settings: {
      plan: false,
      change: 'branch',
      paths: ['one.txt'],
      verify: ['true'],
      budget: { minutes: 60, tokens: 100_000 },
      tags: ['mine'],
    },
  })
  expect(prompt('one', 2)).toContain('Add one.txt.')
  expect(prompt('one', 2)).not.toMatch(/A brief\.|What is wanted: a plan/)
  expect(readFileSync(join(box.task('one'), 'log', 'spec-1.md'), 'utf8')).toContain('A brief.')
  expect(await landed(box, 'one')).toHaveLength(1)
  await refused(box, ['accept', 'one'], {
    exit: 3,
    code: 'illegal-transition',
    says: /one is merged; there is nothing to accept/,
  })
})

it('a plan of three becomes three tasks, merged in the order of their needs', async () => {
  const plan = `${section('three-c', 'c.txt', { needs: ['three-b'] })}
${section('three-b', 'b.txt', { needs: ['three-a'], verify: ['test -s a.txt', 'test -s b.txt'] })}
${section('three-a', 'a.txt', { change: 'branch', tags: ['first'] })}`
  const ready = await planned('three', {}, front({ verify: ['true'] }, `They belong together.\n\n${plan}`))
  expect(ready).toMatchObject({
    state: 'review',
    reason: 'a plan of 3 tasks is ready: three-c, three-b, three-a',
  })
  const shown = (await box.verb('status', 'three')).stdout
  expect(shown).toMatch(/three-b: Add b\.txt · needs three-a/)
  expect(shown).toMatch(/check +test -s a\.txt\n +check +test -s b\.txt/)

  const accepted = await box.json('accept', 'three')
  expect(accepted.json.data.accepted).toMatchObject([
    { id: 'three', state: 'done', tasks: [{ id: 'three-c' }, { id: 'three-b' }, { id: 'three-a' }] },
  ])
  await settled(box, 'three-a', 'three-b', 'three-c')
  const order = (
    await box.git('log', '--reverse', '--format=%(trailers:key=Dirigent-Task,valueonly,separator=)', 'main')
  )
    .split('\n')
    .filter((id) => id.startsWith('three-'))
  expect(order).toEqual(['three-a', 'three-b', 'three-c'])
  expect(box.status('three-a').settings.tags).toEqual(['first', 'plan:three#1'])
  expect(prompt('three-b', 1)).toMatch(/They belong together\.\n\n## Your part: Add b\.txt/)
  expect(trailOf(box, 'three').at(-1)).toMatchObject({
    to: 'done',
    text: expect.stringContaining('three-c, three-b, three-a'),
  })
})
