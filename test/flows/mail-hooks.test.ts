/**
 * Mail in the middle of a worker's turn, and what keeps one from ending: the real codex, its hooks and the
 * requests that the model was sent.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, landed, settled, spawnTask } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 4 } })
})
afterAll(async () => {
  await box.close()
})

const done = { say: 'done' }
const commit = (file: string) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`,
})
/** A command that lasts until the test lets it go. */
const hold = (id: string) => {
  const gate = join(box.directory, `gate-${id}`)
  return {
    step: { run: `touch ${gate}.reached; until test -e ${gate}; do sleep 0.02; done` },
    reached: () => until(`the command of ${id}`, () => existsSync(`${gate}.reached`), 90_000),
    release: () => writeFileSync(gate, ''),
  }
}

interface Item {
  readonly type: string
  readonly role?: string
  readonly content?: readonly { readonly text?: string }[]
}
const requestsOf = (id: string) =>
  box.model.requests.filter(({ prompt }) => prompt.includes(`\nTask: ${id}\n`))
const itemsOf = (id: string): Item[] => (requestsOf(id).at(-1)?.body.input ?? []) as Item[]
/** What hooks have added to the conversation, oldest first: mail, and reasons to go on. */
const added = (id: string) =>
  itemsOf(id)
    .filter(({ type, role }) => type === 'message' && (role === 'developer' || role === 'user'))
    .map(({ content }) => (content ?? []).map(({ text }) => text ?? '').join(''))
    .filter((text) => /^(?:Mail for you|<hook_prompt)/.test(text))
const names = (id: string, ...below: string[]) =>
  readdirSync(join(box.task(id), 'inbox', ...below)).filter((name) => name.endsWith('.md'))

describe.each(['gpt-5.5', 'gpt-5.6-luna'])('with %s', (model) => {
  const tag = model === 'gpt-5.5' ? 'five' : 'luna'

  it('mail that comes while a command runs is told with the next request of that turn, once', async () => {
    const id = `mid-${tag}`
    const gate = hold(id)
    await spawnTask(box, id, { model }, [gate.step, commit(`${id}.txt`), { run: 'true' }, done])
    await gate.reached()
    const asked = requestsOf(id).length
    await box.json('send', id, 'Use the blue one.', '--id', 'first')
    await box.json('send', id, 'And the "big" \\ one.\n\tNot the small one: é 😀', '--id', 'second')
    gate.release()
    expect(await settled(box, id)).toMatchObject({ state: 'merged', attempt: 1, flags: [] })
    const told = added(id)
    expect(told.length).toBe(1)
    expect(told[0]).toContain('Use the blue one.')
    expect(told[0]).toContain('And the "big" \\ one.\n\tNot the small one: é 😀')
    const next = JSON.stringify(requestsOf(id)[asked]?.body.input)
    expect(next).toContain('Use the blue one.')
    expect([names(id), names(id, 'seen').sort()]).toEqual([[], ['first.md', 'second.md']])
  })

  it('a worker that wants to end with uncommitted work goes on and commits it', async () => {
    const id = `end-${tag}`
    await spawnTask(box, id, { model }, [
      { run: `echo x > ${id}.txt` },
      { say: 'I am done.', end: true },
      commit(`${id}.txt`),
      done,
    ])
    expect(await settled(box, id)).toMatchObject({ state: 'merged', attempt: 1, flags: [] })
    expect(added(id)).toEqual([expect.stringContaining(`uncommitted work. Commit what`)])
    expect(added(id)[0]).toContain(`?? ${id}.txt`)
    expect((await landed(box, id))[0]).not.toContain('committed on its behalf')
    expect(attemptFile(box, id, 1, 'held')).toBe('work\n')
  })
})
