/**
 * What becomes of messages while a worker runs, as its runner finds out: the real codex, its hooks, and the worker's
 * own verbs.
 *
 * Seen to fail: without `concludeMail` in lib/flows/runner/conclude.ts "killed in between"; without `mail.look` in
 * attend.ts "in the middle of its turn"; without `markRead` in bin/verbs/status.ts "is shown once"; without `expire`
 * in clean-up.ts "when the task ends first".
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refused } from '../support/bad-input.ts'
import { makeSandbox, runVerb, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, kill, runnersOf, settled, spawnTask, trailOf, workersOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 4, stop_grace_seconds: 1 } })
})
afterAll(async () => {
  await box.close()
})

const limit = 90_000
const done = { say: 'done' }
const commit = (file: string) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`,
})
/** A command that lasts until the test lets it go, and what comes after it. */
const hold = (id: string, then = 'true') => {
  const gate = join(box.directory, `gate-${id}`)
  return {
    step: { run: `touch ${gate}.reached; until test -e ${gate}; do sleep 0.02; done; ${then}` },
    reached: () => until(`the command of ${id}`, () => existsSync(`${gate}.reached`), limit),
    release: () => writeFileSync(gate, ''),
  }
}
const lines = (id: string) =>
  trailOf(box, id)
    .filter(({ type }) => type === 'message')
    .map(({ text }) => text)
// biome-ignore lint/suspicious/noExplicitAny: answers are reached into
const messages = async (id: string): Promise<any> => (await box.json('status', id)).json.data.task.messages
const told = (id: string, n = 1) => JSON.parse(attemptFile(box, id, n, 'messages.json')).messages

it(
  'a message in the middle of its turn is queued, delivered and acknowledged, and all of it is written down',
  async () => {
    const [one, two] = [hold('turn'), hold('turn-2')]
    await spawnTask(box, 'turn', {}, [one.step, two.step, commit('turn.txt'), done])
    await one.reached()
    expect(
      (await box.json('send', 'turn', 'Use the blue one.', '--id', 'hint')).json.data.message.receipt,
    ).toBe('queued')
    expect((await messages('turn')).list).toMatchObject([{ id: 'hint', receipt: 'queued', how: null }])
    one.release()
    await two.reached()
    // While the worker works: the second command is the model's, and comes after the hook of the first.
    await until('the acknowledgement', async () => (await messages('turn')).acknowledged === 1, limit)
    expect(box.status('turn').state).toBe('running')
    const [message] = (await messages('turn')).list
    expect(message).toMatchObject({ id: 'hint', kind: 'note', from: 'orchestrator', how: 'hook' })
    expect(message.delivered <= message.acknowledged).toBe(true)
    two.release()
    expect(await settled(box, 'turn')).toMatchObject({ state: 'merged', attempt: 1 })
    expect(lines('turn')).toEqual([
      'queued: hint (note from orchestrator)',
      'handed over: hint',
      'acknowledged: hint',
    ])
    expect((await box.verb('status', 'turn')).stdout).toMatch(
      /mail {7}1 acknowledged\n {2}hint: note from orchestrator, .* ago: acknowledged \(hook\)\n/,
    )
  },
  limit,
)

it(
  'a worker reads its mail itself, once, and what is left over for the next attempt it is told there',
  async () => {
    const gate = hold('asks', 'dirigent inbox; dirigent inbox --json')
    await spawnTask(box, 'asks', {}, [gate.step, commit('asks.txt'), done])
    await gate.reached()
    await box.json('send', 'asks', 'Mind \u001b[31mthe gap.', '--id', 'gap', '--from', 'person')
    gate.release()
    expect(await settled(box, 'asks')).toMatchObject({ state: 'merged', attempt: 1 })
    const output = JSON.stringify(box.model.requests.at(-1)?.body.input)
    expect(output).toMatch(/gap: note from person, \d+ s ago\\n\\nMind the gap\./)
    expect(output).toContain('\\"messages\\":[],\\"left\\":0')
    expect(told('asks')).toMatchObject([{ name: 'gap.md', how: 'inbox' }])
    expect(lines('asks').slice(1)).toEqual(['read by the worker: gap', 'acknowledged: gap'])
  },
  limit,
)

it(
  'a message is known to have been delivered when the runner was killed in between',
  async () => {
    const gate = hold('killed')
    await spawnTask(box, 'killed', {}, [gate.step, commit('killed.txt'), done])
    await gate.reached()
    await box.json('send', 'killed', 'Use the blue one.', '--id', 'hint')
    kill(...runnersOf(box, 'killed'))
    gate.release()
    // Alone, to its end; nobody looks meanwhile.
    await until('the end of its worker', () => workersOf(box, 'killed').length === 0, limit)
    expect(existsSync(join(box.task('killed'), 'log', 'attempt-001', 'messages.json'))).toBe(false)
    expect(await settled(box, 'killed')).toMatchObject({ state: 'merged', attempt: 1 })
    const acknowledged = expect.stringMatching(/Z$/)
    expect(told('killed')).toMatchObject([
      { name: 'hint.md', how: 'hook', delivered: acknowledged, acknowledged },
    ])
    expect(lines('killed').slice(1)).toEqual(['handed over: hint', 'acknowledged: hint'])
  },
  limit,
)

it(
  'a message expires when the task ends first',
  async () => {
    const gate = hold('over')
    await spawnTask(box, 'over', {}, [gate.step])
    await gate.reached()
    await box.json('send', 'over', 'Never mind.', '--id', 'late')
    await box.json('stop', 'over', '--cancel')
    expect(readdirSync(join(box.task('over'), 'inbox', 'expired'))).toEqual(['late.md'])
    expect(lines('over')).toEqual(['queued: late (note from orchestrator)', 'expired unread: late'])
    expect(await messages('over')).toMatchObject({ queued: 0, expired: 1, list: [{ receipt: 'expired' }] })
  },
  limit,
)

it(
  'what the worker tells is in the trail and in status, and is shown once',
  async () => {
    const text = '#!/bin/sh: half \\u001b[31mway\\n\\nThe rest is easy.'
    const gate = hold('tells')
    const say = { run: `printf '${text}' | dirigent tell - --waiting 20m` }
    await spawnTask(box, 'tells', {}, [say, gate.step, commit('tells.txt'), done])
    await gate.reached()
    const event = await until('its line', () => trailOf(box, 'tells').find(({ outbox }) => outbox), limit)
    expect(event).toMatchObject({ type: 'message', text: expect.stringMatching(/^#!\/bin\/sh: half/) })
    const name = `${event.outbox}.md`
    const outbox = (...below: string[]) =>
      readdirSync(join(box.task('tells'), 'outbox', ...below)).filter((file) => file.endsWith('.md'))
    expect([outbox(), outbox('seen')]).toEqual([[name], []])
    const shown = (await box.verb('status', 'tells')).stdout
    expect(shown).toMatch(/said {7}\S+: progress from worker, \d+ s ago\n {11}\| #!\/bin\/sh: half way\n/)
    expect([outbox(), outbox('seen')]).toEqual([[], [name]])
    expect((await box.verb('status', 'tells')).stdout).not.toContain('half way')
    const [said] = (await messages('tells')).from_worker.list
    expect(said).toMatchObject({ id: event.outbox, kind: 'progress', read: true, by: expect.any(String) })
    const minutes = (Date.parse(said.by) - Date.parse(said.at)) / 60_000
    expect([minutes > 19, minutes < 21]).toEqual([true, true])
    gate.release()
    expect(await settled(box, 'tells')).toMatchObject({ state: 'merged' })
    expect(trailOf(box, 'tells').filter(({ outbox }) => outbox).length).toBe(1)
  },
  limit,
)

it(
  'whatever a worker puts into its mailboxes, its task goes on and status shows some of it',
  async () => {
    const flood = `cd "$DIRIGENT_TASK_DIR/outbox" && for n in $(seq 1000); do echo "word $n" > flood-$n.md; done
mkfifo fifo.md; mkdir directory.md; ln -s /etc/hostname link.md; head -c 300000 /dev/zero > long.md
printf -- '---\\nkind: question\\nfrom: orchestrator\\nat: never\\n---\\n' > strange.md
mv ../inbox/seen ../inbox/away && ln -s /etc ../inbox/seen; echo nonsense > ../log/attempt-001/messages.json`
    const gate = hold('flood')
    await spawnTask(box, 'flood', {}, [{ run: flood }, commit('flood.txt'), gate.step, done])
    await gate.reached()
    const said = (await messages('flood')).from_worker
    expect([said.unread >= 1000, said.list.length]).toEqual([true, 20])
    const { stdout } = await box.verb('status', 'flood')
    expect([stdout.split('\n').length < 45, stdout.length < 8200]).toEqual([true, true])
    gate.release()
    expect(await settled(box, 'flood')).toMatchObject({ state: 'merged', attempt: 1 })
    const heard = trailOf(box, 'flood').filter(({ outbox }) => outbox)
    // Fifty are told one by one, and once more because the worker has ruined the note of them.
    expect([heard.length > 0, heard.length <= 100]).toEqual([true, true])
  },
  limit,
)

it(
  'a worker’s verbs are refused where there is no worker',
  async () => {
    const none = { exit: 3, code: 'not-a-worker', says: /for workers: there is no task around it/ }
    await refused(box, ['inbox'], none)
    await refused(box, ['tell', 'Hello'], none)
    const env = { ...box.env, DIRIGENT_TASK: 'turn', DIRIGENT_REPO: box.repo }
    const left = await runVerb('tell', ['Hello', '--json'], box.repo, env)
    expect([left.exitCode, left.json.error.code]).toEqual([3, 'illegal-transition'])
  },
  limit,
)
