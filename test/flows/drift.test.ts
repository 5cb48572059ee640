/** Workers that leave the course of their spec are told so, in the middle of their turn, once for each finding. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, settled, spawnTask, trailOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  const supervise = { every_seconds: 0.3 }
  box = await makeSandbox({ config: { drift: { every: 0.02 }, stall: { minutes: 0 }, supervise } })
})
afterAll(async () => {
  await box.close()
})

const gate = (name: string) => join(box.directory, name)
const hold = (name: string) => ({ run: `until test -e ${gate(name)}; do sleep 0.05; done` })
const messages = (id: string, ...below: string[]) =>
  readdirSync(join(box.task(id), 'inbox', ...below)).filter((name) => name.startsWith('drift-'))
const nudges = (id: string) =>
  trailOf(box, id)
    .filter(({ type }) => type === 'nudge')
    .map(({ text }) => text.replace(/ \(message drift-1-[0-9a-f]{10}\)$/, ''))
const sent = (text: string) =>
  box.model.requests.some(({ body }) => JSON.stringify(body.input).includes(text))

it('names the files, asks for a checkpoint, and says neither again', async () => {
  const change = 'mkdir -p src && echo > src/in.txt && echo > out.txt && git add src && git commit -qm change'
  const mend = 'rm out.txt'
  const steps = [{ run: change }, hold('told'), { run: mend }, { say: 'done' }]
  await spawnTask(box, 'strays', { paths: ['src/**'] }, steps)
  const vitals = () => JSON.parse(attemptFile(box, 'strays', 1, 'vitals.json'))
  await until('both are said', () => nudges('strays').length >= 2)
  expect(nudges('strays')).toContain('changed outside its paths: out.txt')
  const looked = await until('it is noted', () => vitals().drift_looked)
  await until('two more looks', () => Date.parse(vitals().drift_looked) > Date.parse(looked) + 2500)
  writeFileSync(gate('told'), '')
  expect(await settled(box, 'strays')).toMatchObject({ state: 'merged', attempt: 1, flags: [] })
  expect(nudges('strays').filter((text) => /outside its paths/.test(text))).toHaveLength(1)
  expect(nudges('strays').filter((text) => /^no checkpoint for/.test(text))).toHaveLength(1)
  expect(sent('changed files outside the paths of your spec (src/**): out.txt')).toBe(true)
})

it('is not what another attempt is begun for, or told: it was about this one', async () => {
  const commit = { run: 'echo > late.txt && git add . && git commit -qm late' }
  await spawnTask(box, 'late', {}, [commit, { say: 'thinking', end: false }, hold('never'), { say: 'done' }])
  await until('it is said', () => messages('late').length > 0)
  await box.json('stop', 'late')
  await box.json('respawn', 'late', '--spec', box.spec({ title: 'late' }, [{ say: 'done' }]))
  expect(await settled(box, 'late')).toMatchObject({ state: 'merged', attempt: 2 })
  expect([
    messages('late').length,
    messages('late', 'seen').length,
    messages('late', 'expired').length,
  ]).toEqual([0, 0, 1])
  expect(attemptFile(box, 'late', 2, 'prompt.md')).not.toContain('without a checkpoint')
  expect(existsSync(gate('never'))).toBe(false)
})
