/**
 * Mail in the middle of a worker's turn, and what keeps one from ending: the real codex, its hooks and the
 * requests that the model was sent.
 */
import { appendFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, landed, settled, spawnTask, trailOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 4 } })
  appendFileSync(prompt('mail.md'), 'It is from the house.\n')
  await box.commit('words of our own')
})
afterAll(async () => {
  await box.close()
})

const prompt = (name: string) => join(box.repo, '.claude', 'skills', 'dirigent', 'prompts', name)
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
    // As the repository has it.
    expect(told[0]).toMatch(/^Mail for you\.[^\n]*\nIt is from the house\.\n\n## first: /)
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

  it('a worker that wants to end with unread mail reads it first, in the same turn', async () => {
    const id = `last-${tag}`
    // It comes when no command runs any more, while the model writes its last words.
    let send: (() => Promise<unknown>) | null = async () => {
      send = null
      await box.json('send', id, 'Use the blue one.', '--id', 'blue')
    }
    box.model.set(id, async ({ outputs }) => {
      if (outputs.length === 1) await send?.()
      return [commit(`${id}.txt`), { say: 'I am done.', end: true }, commit(`blue-${tag}.txt`), done]
    })
    const path = join(box.directory, `${id}.md`)
    writeFileSync(path, `---\ntitle: ${id}\nmodel: ${model}\n---\nDo it.\n\nSCENARIO: ${id}\n`)
    expect((await box.json('spawn', id, '--spec', path)).exitCode).toBe(0)
    expect(await settled(box, id)).toMatchObject({ state: 'merged', attempt: 1, flags: [] })
    expect(added(id)).toEqual([
      expect.stringMatching(/^<hook_prompt[^>]*>Mail for you[\s\S]*Use the blue one\./),
    ])
    expect(box.read(`blue-${tag}.txt`)).toBe(`blue-${tag}.txt\n`)
    expect(attemptFile(box, id, 1, 'held')).toBe('mail\n')
    expect([names(id), names(id, 'seen')]).toEqual([[], ['blue.md']])
  })
})

// Seen to fail: with a `keep` that does not look at `held`, by never ending.
it('a worker that never commits ends all the same, asked once', async () => {
  await spawnTask(box, 'never', {}, [{ run: 'echo x > never.txt' }, { say: 'I am done.' }])
  expect(await settled(box, 'never')).toMatchObject({ state: 'merged', attempt: 1 })
  expect(added('never').length).toBe(1)
  expect(requestsOf('never').length).toBe(3)
  expect((await landed(box, 'never'))[0]).toContain('committed on its behalf')
})

it('a long message arrives whole as far as it is told, and a command with much output is not in its way', async () => {
  const gate = hold('long')
  const much = { run: `${gate.step.run}; head -c 1500000 /dev/zero | tr '\\0' x` }
  await spawnTask(box, 'long', {}, [much, commit('long.txt'), done])
  await gate.reached()
  const path = join(box.directory, 'long.txt')
  writeFileSync(path, Array.from({ length: 3000 }, (_, n) => `${n} 語😀é`).join('\n'))
  await box.json('send', 'long', '--file', path, '--id', 'long')
  gate.release()
  expect(await settled(box, 'long')).toMatchObject({ state: 'merged', attempt: 1, flags: [] })
  const [told = ''] = added('long')
  expect(told).toContain(`(Cut here. Read the whole of it: `)
  const lines = told.split('\n').filter((line) => line.endsWith(' 語😀é'))
  expect(lines.length).toBeGreaterThan(300)
  expect(lines).toEqual(lines.map((_, n) => `${n} 語😀é`))
})

// Seen to fail: without `flagTexts` in lib/flows/runner/conclude.ts, and with `textsOf` for the hooks.
it('a text that is spoilt meanwhile keeps nobody from going on: ours is told, and the task says so, once', async () => {
  const gate = hold('spoilt')
  const steps = { attempts: [[gate.step, done], [done]] }
  await spawnTask(box, 'spoilt', { change: 'none', verify: ['test -e go-on'], attempts: 2 }, steps)
  await gate.reached()
  const was = box.read('.claude/skills/dirigent/prompts/mail.md')
  try {
    for (const name of ['mail.md', 'task.md']) appendFileSync(prompt(name), '{{whom}}\n')
    await box.json('send', 'spoilt', 'Use the blue one.', '--id', 'blue')
    gate.release()
    expect(await settled(box, 'spoilt')).toMatchObject({
      state: 'failed',
      attempt: 2,
      flags: [
        `${prompt('task.md')}:2: nothing is filled in for {{whom}}; our own text is told instead (and 1 other text: dirigent doctor)`,
      ],
    })
    expect(trailOf(box, 'spoilt').filter(({ type }) => type === 'flag')).toMatchObject([{ attempt: 1 }])
    const sent = requestsOf('spoilt').map(({ body }) => JSON.stringify(body.input))
    expect(sent.join()).toContain('take it into account, and go on.\\n\\n## blue: ')
    expect(attemptFile(box, 'spoilt', 2, 'prompt.md')).toContain('\n\n# The task: spoilt\n\n')
  } finally {
    writeFileSync(prompt('mail.md'), was)
    await box.git('checkout', '--quiet', '--', '.claude')
  }
})

it('where nothing is heavy, mail comes all the same', async () => {
  box.configure({ max_workers: 4, build: { shim: {} } })
  const gate = hold('light')
  await spawnTask(box, 'light', { change: 'none' }, [gate.step, done])
  await gate.reached()
  const sent = await box.verb('send', 'light', 'Use the blue one.')
  expect(sent.stdout).toContain('waits for a command of its worker to end, or for the next attempt')
  gate.release()
  expect(await settled(box, 'light')).toMatchObject({ state: 'done', attempt: 1, flags: [] })
  expect(added('light').length).toBe(1)
})
