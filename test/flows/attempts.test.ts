/** What attempts come to: what the worker is told, what is proved, and what follows each kind of failure. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import {
  attemptFile,
  exitOf,
  kill,
  landed,
  settled,
  spawnTask,
  trailOf,
  workersOf,
} from '../support/tasks.ts'

let box: Sandbox

beforeAll(async () => {
  box = await makeSandbox()
  const quickly = { 'model_providers.scripted.stream_idle_timeout_ms': 2000 }
  // What a person would have workers know.
  appendFileSync(text('worker.md'), '\n- Tests go beside the code.\n')
  appendFileSync(text('failure.md'), '\nMake it fail again before you mend it.\n')
  rmSync(text('commits.md'))
  box.configure({
    max_workers: 8,
    stop_grace_seconds: 1,
    codex: { config: { ...box.model.codexConfig(), ...quickly } },
  })
  await box.commit('settings')
})

afterAll(async () => {
  await box.close()
})

const commit = (file: string, subject = `add ${file}`) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm '${subject}'`,
})
const text = (name: string) => join(box.repo, '.claude', 'skills', 'dirigent', 'prompts', name)
const done = { say: 'done' }

/** What the model was sent as prompts of this task, oldest first, without repetitions. */
function promptsOf(id: string): string[] {
  const own = box.model.requests
    .map((request) => request.prompt)
    .filter((prompt) => prompt.includes(`\nTask: ${id}\n`))
  return [...new Set(own)]
}

describe.concurrent('a worker is told what it needs', () => {
  it('tells the next attempt which check failed and how its output ended', async () => {
    const check = 'test -f good-check.txt || { seq 1 3000; echo good-check.txt is missing; exit 7; }'
    await spawnTask(
      box,
      'checked',
      { verify: [check] },
      {
        attempts: [
          [commit('bad.txt'), done],
          [commit('good-check.txt'), done],
        ],
      },
    )
    const status = await settled(box, 'checked')
    expect(status).toMatchObject({ state: 'merged', attempt: 2, tries: 1 })
    const { stdout } = await box.verb('status', 'checked')
    expect(stdout).toMatch(/^ {2}1: finished its turn; again after check-failed: The check `test -f good/m)
    const prompt = attemptFile(box, 'checked', 2, 'prompt.md')
    expect(prompt).toContain(`The check \`${check}\` failed: exit code 7`)
    expect(prompt).toContain('\ngood-check.txt is missing\n')
    expect(prompt).not.toContain('\n1\n2\n3\n')
    // In words of the repository's own, where it has any.
    expect(prompt).toContain('\n\n- Tests go beside the code.\n\n# Facts\n')
    expect(prompt).toMatch(
      /\n# Why the last attempt [^\n]*\n\nMake it fail again before you mend it\.\n\nThe check /,
    )
    expect(prompt).toMatch(/Already committed on your branch[^#]*add bad\.txt/)
    expect(promptsOf('checked')).toEqual(
      [attemptFile(box, 'checked', 1, 'prompt.md'), prompt]
        .map((text) => text.trim())
        .map((text) => expect.stringContaining(text)),
    )
    expect(promptsOf('checked')[0]).not.toContain('Why the last attempt')
  })

  it('never shows the worker the spec’s front matter', async () => {
    await spawnTask(box, 'fronted', { tags: ['only-for-the-orchestrator'], change: 'none' }, [done])
    await settled(box, 'fronted')
    expect(attemptFile(box, 'fronted', 1, 'prompt.md')).not.toContain('only-for-the-orchestrator')
    const bodies = box.model.requests.filter((request) => request.prompt.includes('\nTask: fronted\n'))
    expect(bodies.length).toBeGreaterThan(0)
    for (const { body } of bodies) expect(JSON.stringify(body)).not.toContain('only-for-the-orchestrator')
  })

  it('delivers unread messages once and gives the checkpoint to the next attempt', async () => {
    const steps = [
      [{ run: 'printf "Done: step one\\nNext: step two" > "$DIRIGENT_TASK_DIR/checkpoint.md"' }, done],
      [commit('mail.txt'), done],
    ]
    await spawnTask(box, 'mailed', { attempts: 1 }, { attempts: steps })
    expect(await settled(box, 'mailed')).toMatchObject({ state: 'failed' })
    const inbox = join(box.task('mailed'), 'inbox')
    writeFileSync(join(inbox, '001-hint.md'), 'Please use the blue one.\n')
    expect((await box.json('respawn', 'mailed')).exitCode).toBe(0)
    expect(await settled(box, 'mailed')).toMatchObject({ state: 'merged' })
    const prompt = attemptFile(box, 'mailed', 2, 'prompt.md')
    expect(prompt).toContain('Please use the blue one.')
    expect(prompt).toContain('Done: step one\nNext: step two')
    const task = box.task('mailed')
    expect(existsSync(join(task, 'inbox', '001-hint.md'))).toBe(false)
    expect(readFileSync(join(task, 'inbox', 'seen', '001-hint.md'), 'utf8')).toBe(
      'Please use the blue one.\n',
    )
    expect(trailOf(box, 'mailed')).toContainEqual(expect.objectContaining({ type: 'message', attempt: 2 }))
  })
})

describe.concurrent('done means proved', () => {
  it('ends in failed, with the reason, when its attempts are spent', async () => {
    await spawnTask(box, 'hopeless', { verify: ['echo no such luck; false'], attempts: 2 }, [
      commit('hopeless.txt'),
      done,
    ])
    const status = await settled(box, 'hopeless')
    expect(status).toMatchObject({
      state: 'failed',
      attempt: 2,
      tries: 2,
      failure: { class: 'check-failed' },
    })
    expect(status.reason).toBe(
      'all 2 attempts are spent; the last: The check `echo no such luck; false` failed: exit code 1',
    )
    expect(await landed(box, 'hopeless')).toEqual([])
    const shown = await box.json('status', 'hopeless')
    expect(shown.json.data.task).toMatchObject({ state: 'failed', attention: status.reason })
    expect(shown.json.next).toContain('dirigent respawn hopeless --spec FILE')
    const { stdout } = await box.verb('status', 'hopeless')
    expect(stdout).toMatch(/^ {2}1: finished its turn; again after check-failed ·/m)
    expect(stdout).toMatch(/^ {2}2: finished its turn; all 2 attempts are spent ·/m)
    // Whoever reads it pays for it: the sentence is there once.
    expect(stdout.split('The check `echo no such luck; false` failed')).toHaveLength(2)
  })

  it('does not believe a worker that says it is done and has committed nothing', async () => {
    await spawnTask(box, 'boaster', { attempts: 1 }, [{ say: 'All done, everything passes!' }])
    const status = await settled(box, 'boaster')
    expect(status).toMatchObject({ state: 'failed', failure: { class: 'no-commit' } })
    expect(status.reason).toContain('without committing any change')
  })

  it('takes the last message as the report of a task that wants no change', async () => {
    await spawnTask(box, 'reporter', { change: 'none' }, [{ run: 'ls' }, { say: 'There are two files.' }])
    expect(await settled(box, 'reporter')).toMatchObject({ state: 'done' })
    expect(readFileSync(join(box.task('reporter'), 'report.md'), 'utf8')).toBe('There are two files.\n')
    expect(JSON.parse(readFileSync(join(box.task('reporter'), 'result.json'), 'utf8'))).toMatchObject({
      commit: null,
    })
  })

  it('keeps what the worker of a report changed and does not land it', async () => {
    await spawnTask(box, 'meddler', { change: 'none' }, [{ run: 'echo x > meddled.txt' }, done])
    const status = await settled(box, 'meddler')
    expect(status.state).toBe('done')
    expect(status.flags.join()).toContain('kept as refs/dirigent/kept/meddler/1')
    expect(await box.git('show', 'refs/dirigent/kept/meddler/1:meddled.txt')).toBe('x')
    expect(existsSync(join(box.repo, 'meddled.txt'))).toBe(false)
  })

  it('commits what the worker left uncommitted, and says so', async () => {
    await spawnTask(box, 'sloppy', {}, [
      commit('tidy.txt'),
      { run: 'echo 1 > left.txt; echo more >> tidy.txt' },
      done,
    ])
    const status = await settled(box, 'sloppy')
    expect(status).toMatchObject({ state: 'merged', flags: [expect.stringContaining('2 uncommitted files')] })
    const messages = await landed(box, 'sloppy')
    expect(messages).toHaveLength(2)
    expect(messages[0]).toMatch(/^Leftovers of sloppy/)
    expect(box.read('left.txt')).toBe('1\n')
    expect(trailOf(box, 'sloppy')).toContainEqual(
      expect.objectContaining({ type: 'leftovers', text: expect.stringContaining('left.txt') }),
    )
  })

  it('flags a change outside the spec’s paths', async () => {
    await spawnTask(box, 'stray', { paths: ['src/**'] }, [
      { run: 'mkdir -p src && echo 1 > src/in.txt && echo 1 > out.txt && git add -A && git commit -qm both' },
      done,
    ])
    expect(await settled(box, 'stray')).toMatchObject({
      state: 'merged',
      flags: ['changed outside its paths: out.txt'],
    })
  })

  it.each([
    'AGENTS.md',
    '.claude/skills/dirigent/prompts/aside.md',
    '.github/workflows/ci.yml',
    'deep/down/.gitattributes',
  ])('holds a change to %s for review, and lands it when told to', async (file) => {
    const id = `steers-${file.toLowerCase().replace(/[^a-z]+/g, '-')}`
    await spawnTask(box, id, { paths: ['**'] }, [
      { run: `mkdir -p "$(dirname ${file})" && echo new > ${file} && git add -A && git commit -qm steer` },
      done,
    ])
    const status = await settled(box, id)
    expect(status.state).toBe('review')
    expect(status.reason).toContain(file)
    expect(await landed(box, id)).toEqual([])
    expect((await box.json('land', id)).exitCode).toBe(0)
    expect(await settled(box, id)).toMatchObject({ state: 'merged' })
    expect(box.read(file)).toBe('new\n')
  })

  it('lands a change to a steering file that the spec names', async () => {
    mkdirSync(join(box.repo, 'sub'), { recursive: true })
    await spawnTask(box, 'steers-on-purpose', { paths: ['sub/AGENTS.md'] }, [
      { run: 'mkdir -p sub && echo new > sub/AGENTS.md && git add -A && git commit -qm steer' },
      done,
    ])
    expect(await settled(box, 'steers-on-purpose')).toMatchObject({ state: 'merged', flags: [] })
  })
})

describe.concurrent('each way to fail has its class and its consequence', () => {
  /** Waits for the end of the first attempt, whatever follows it. */
  async function firstEnd(id: string, front: Readonly<Record<string, unknown>>, steps: unknown) {
    await spawnTask(box, id, front, steps)
    await until(`the end of ${id}`, () => {
      const status = box.status(id)
      return status.state !== 'running' || status.attempt > 1
    })
    return { exit: exitOf(box, id, 1), status: box.status(id) }
  }
  const pause = (status: { not_before: string }, exit: { ended: string }) =>
    Date.parse(status.not_before) - Date.parse(exit.ended)

  it.each([
    ['a server that answers 500 for ever', 'overload', { status: 500 }],
    ['a stream that is cut again and again', 'network', { cut: 'partial', times: 99 }],
    ['a model that falls silent', 'network', { hang: true }],
  ])('tries again later after %s', async (_, kind, step) => {
    const { exit, status } = await firstEnd(`later-${Object.keys(step)[0]}`, {}, [step])
    expect(exit.failure).toMatchObject({ class: kind, retryable: true })
    expect(status).toMatchObject({ state: 'queued', tries: 1 })
    expect(pause(status, exit)).toBeGreaterThan(10_000)
    await box.verb('stop', status.id, '--cancel')
  })

  it.each([
    ['a refused login', 'auth', { status: 401 }],
    [
      'a request that the provider does not take',
      'bad-request',
      { status: 400, body: { error: { message: 'no such model' } } },
    ],
    ['a refusal of the model', 'model-error', { fail: 'invalid_prompt', message: 'Invalid prompt: flagged' }],
  ])('does not try again after %s', async (_, kind, step) => {
    const { exit, status } = await firstEnd(`final-${kind}`, {}, [step])
    expect(exit.failure).toMatchObject({ class: kind, retryable: false })
    expect(status).toMatchObject({ state: 'failed', attempt: 1, not_before: null })
    expect(status.reason).toMatch(new RegExp(`^${kind}: `))
  })

  it('begins a new thread at once when the context is full', async () => {
    const overflow = { fail: 'context_length_exceeded', message: 'too long' }
    await spawnTask(box, 'overflown', {}, { attempts: [[overflow], [commit('short.txt'), done]] })
    expect(await settled(box, 'overflown')).toMatchObject({ state: 'merged', attempt: 2 })
    expect(exitOf(box, 'overflown', 1).failure).toMatchObject({ class: 'context-overflow', retryable: true })
    expect(exitOf(box, 'overflown', 2).thread).not.toBe(exitOf(box, 'overflown', 1).thread)
  })

  it('tries again when the worker is killed', async () => {
    await spawnTask(box, 'shot', {}, { attempts: [[{ run: 'sleep 60' }], [commit('shot.txt'), done]] })
    await until('the command', () => box.status('shot').activity?.kind === 'tool')
    const { pid } = box.status('shot').worker
    expect(workersOf(box, 'shot')).toContain(pid)
    kill(pid)
    expect(await settled(box, 'shot')).toMatchObject({ state: 'merged', attempt: 2, tries: 1 })
    const exit = exitOf(box, 'shot', 1)
    expect(exit).toMatchObject({ signal: 'SIGKILL', failure: { class: 'killed', retryable: true } })
    expect(exit.failure.message).toContain('sleep 60')
    expect(workersOf(box, 'shot')).toEqual([])
  })

  it('ends a worker in the middle of its turn when its tokens are spent', async () => {
    const { exit, status } = await firstEnd('thirsty', { budget: { tokens: 3000 } }, [
      { run: 'true', usage: { input: 5000, output: 100 } },
      { run: 'sleep 60' },
    ])
    expect(exit.failure).toMatchObject({ class: 'budget', retryable: false })
    expect(exit.usage.total).toBeGreaterThanOrEqual(5100)
    expect(status).toMatchObject({ state: 'failed', attempt: 1 })
    expect(status.reason).toContain('the budget of 3000 tokens is spent')
    expect(status.usage.total).toBe(exit.usage.total)
    expect(workersOf(box, 'thirsty')).toEqual([])
  })

  it('ends a worker whose minutes are spent', async () => {
    const { exit, status } = await firstEnd('slow', { budget: { minutes: 0.03 } }, [{ run: 'sleep 60' }])
    expect(exit.failure.class).toBe('budget')
    expect(exit.failure.message).toContain('the budget of 0.03 minutes is spent')
    expect(status.state).toBe('failed')
    expect(status.minutes).toBeGreaterThanOrEqual(0.03)
  })
})
