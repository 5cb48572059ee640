/** What every verb promises whoever calls it: help, exit codes, JSON, bounds, and from where it can be called. */
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verbs } from '../../lib/view/verbs.ts'
import { plant, run } from '../support/bad-input.ts'
import { makeSandbox, root, runVerb, type Sandbox, until } from '../support/sandbox.ts'

let box: Sandbox

/** A task that landed; one that failed; one that rests with changes in its worktree. */
beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 3, attempts: 1 } })
  const lands = box.spec({ title: 'Lands', verify: ['true'] }, [
    { run: 'echo hi > a.txt && git add -A && git commit -qm "add a"' },
    { say: 'a.txt is there' },
  ])
  const fails = box.spec({ title: 'Fails', verify: ['echo broken; exit 3'] }, [
    { run: 'echo hi > b.txt && git add -A && git commit -qm "add b"' },
    { say: 'tried' },
  ])
  const rests = box.spec({ title: 'Rests' }, [
    {
      run: 'echo c > c.txt && git add -A && git commit -qm "add c" && echo more >> c.txt && echo new > untracked.txt',
    },
    { hang: true },
  ])
  for (const [id, spec] of [
    ['lands', lands],
    ['fails', fails],
    ['rests', rests],
  ] as const)
    expect((await box.verb('spawn', id, '--spec', spec)).exitCode).toBe(0)
  await until('the worktree of rests to change', () =>
    box
      .git('-C', join(box.state, 'worktrees', 'rests'), 'ls-files', '--others')
      .then((out) => out.includes('untracked.txt')),
  )
  expect((await box.verb('stop', 'rests')).exitCode).toBe(0)
  await box.verb('wait', '--until', 'settled', '--timeout', '40s')
})
afterAll(async () => {
  await box.close()
})

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

describe('--help', () => {
  it.each(Object.keys(verbs))(
    'of %s shows its options and an example, without a repository',
    async (verb) => {
      const spec = verbs[verb as keyof typeof verbs]
      const asked = await runVerb(verb, ['--help'], '/', box.env)
      expect([asked.exitCode, asked.stderr]).toEqual([0, ''])
      expect(asked.stdout).toContain(`example: ${spec.example}`)
      for (const option of [...Object.keys(spec.options), 'repo', 'json', 'help'])
        expect(asked.stdout).toContain(`--${option}`)
      expect(asked.stdout).toMatch(/exit codes: 0 done · 1 failed · 2 usage · 3 refused/)
      expect(lines(asked.stdout).length).toBeLessThanOrEqual(40)
    },
  )

  it('is the same by -h, by `dirigent VERB` and by `dirigent help VERB`, and is an envelope with --json', async () => {
    const long = await runVerb('spawn', ['--help'], '/', box.env)
    expect((await runVerb('spawn', ['-h'], '/', box.env)).stdout).toBe(long.stdout)
    expect((await runVerb('help', ['spawn'], '/', box.env)).stdout).toBe(long.stdout)
    expect((await run(box, ['spawn', '--help'], { cwd: '/' })).stdout).toBe(long.stdout)
    const json = await runVerb('spawn', ['-h', '--json'], '/', box.env)
    expect(json.json).toEqual({ v: 1, ok: true, data: { help: long.stdout }, next: [] })
  })

  it('of dirigent itself names every verb', async () => {
    for (const words of [[], ['--help'], ['-h'], ['help']]) {
      const asked = await execa(join(root, 'bin', 'dirigent'), words, {
        cwd: '/',
        env: box.env,
        extendEnv: false,
      })
      for (const verb of Object.keys(verbs)) expect(asked.stdout).toMatch(new RegExp(`^ +${verb} `, 'm'))
    }
    const { version } = await import('../../package.json', { with: { type: 'json' } }).then(
      (module) => module.default,
    )
    expect(
      (await execa(join(root, 'bin', 'dirigent'), ['--version'], { env: box.env, extendEnv: false })).stdout,
    ).toBe(`dirigent ${version}`)
  })
})

describe('status', () => {
  const fields = [
    'id',
    'title',
    'state',
    'reason',
    'health',
    'attempt',
    'since',
    'question',
    'change',
    'usage',
  ]

  it('--json lists live tasks with the fields of the contract; --all adds the ended ones', async () => {
    const live = (await box.json('status')).json
    expect(live).toMatchObject({
      v: 1,
      ok: true,
      data: { counts: { need_you: 2, ended: 1 } },
      next: expect.any(Array),
    })
    expect(live.data.tasks.map((task: { id: string }) => task.id)).toEqual(['fails', 'rests'])
    const all = (await box.json('status', '--all')).json
    expect(all.data.tasks.map((task: { id: string }) => task.id)).toEqual(['fails', 'rests', 'lands'])
    for (const task of all.data.tasks) expect(Object.keys(task)).toEqual(expect.arrayContaining(fields))
    expect(all.data.tasks[0]).toMatchObject({
      state: 'failed',
      attempt: 1,
      question: null,
      usage: { total: expect.any(Number) },
    })
    expect(all.data.tasks[2]).toMatchObject({ state: 'merged', change: { state: 'merged' } })
  })

  it('ID --json gives one task in full', async () => {
    const { task } = (await box.json('status', 'lands')).json.data
    expect(Object.keys(task)).toEqual(
      expect.arrayContaining([...fields, 'paths', 'result', 'attempts', 'messages']),
    )
    expect(task.paths.directory).toBe(box.task('lands'))
    expect(task.result).toMatchObject({
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
      checks: [{ command: 'true', exit_code: 0 }],
    })
    expect(task.attempts).toMatchObject([{ attempt: 1, exit_code: 0, failure: null }])
    expect(task.messages).toMatchObject({
      queued: 0,
      delivered: 0,
      list: [],
      from_worker: { unread: 0, list: [] },
    })
    const failed = (await box.json('status', 'fails')).json.data.task
    expect(failed.failure).toMatchObject({ class: 'check-failed', detail: expect.stringContaining('broken') })
  })

  it('says first what needs somebody, and what to type', async () => {
    const { stdout } = await box.verb('status')
    expect(lines(stdout)[0]).toBe('2 need you · 1 ended')
    expect(lines(stdout)[1]).toMatch(/^! +fails +failed /)
    expect(lines(stdout).at(-2)).toBe('next: dirigent status fails')
    const one = await box.verb('status', 'fails')
    expect(one.stdout).toMatch(/^needs you /m)
    expect(one.stdout).toMatch(/\| broken/)
  })

  // Seen to fail: with ids cut to 28 characters.
  it('shows an id whole, however long: it is to be typed', async () => {
    const id = `long-${'id-'.repeat(19)}x`
    plant(box, id)
    for (const words of [[], ['--all']])
      expect((await box.verb('status', ...words)).stdout).toMatch(new RegExp(`^! +${id} +waiting`, 'm'))
    await box.verb('stop', id, '--cancel')
  })

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '--watch prints again on a change and ends with 0 on %s',
    async (signal) => {
      const watching = execa(join(root, 'bin', 'status'), ['--watch', '--json'], {
        cwd: box.repo,
        env: box.env,
        extendEnv: false,
        reject: false,
        buffer: true,
      })
      let seen = ''
      watching.stdout.on('data', (chunk) => {
        seen += chunk
      })
      await until('the first answer', () => lines(seen).length >= 1)
      plant(box, `watched-${signal.toLowerCase()}`)
      await until('the change', () => seen.includes(`watched-${signal.toLowerCase()}`))
      watching.kill(signal)
      const { exitCode, stderr } = await watching
      expect([exitCode, stderr]).toEqual([0, ''])
      for (const line of lines(seen))
        expect(JSON.parse(line)).toMatchObject({ v: 1, ok: true, data: { tasks: expect.any(Array) } })
      await box.verb('stop', `watched-${signal.toLowerCase()}`, '--cancel')
    },
  )
})

describe('wait', () => {
  it('tells at once what needs somebody', async () => {
    const waited = await box.json('wait')
    expect([waited.exitCode, waited.json.data.outcome]).toEqual([0, 'attention'])
    expect(waited.json.data.attention.map((task: { id: string }) => task.id).sort()).toEqual([
      'fails',
      'rests',
    ])
    expect((await box.verb('wait', 'lands')).stdout).toMatch(
      /^what was waited for has settled\n[\s\S]*^next: dirigent status$/m,
    )
  })

  it('ends with 7 when the time is over, and says what is still under way', async () => {
    const spec = box.spec({ title: 'Hangs' }, [{ hang: true }])
    await box.verb('spawn', 'hangs', '--spec', spec)
    const waited = await box.json('wait', 'hangs', '--timeout', '300ms')
    expect([waited.exitCode, waited.json]).toMatchObject([
      7,
      { ok: true, data: { outcome: 'timed-out', under_way: ['hangs'] } },
    ])
    expect(waited.json.next).toEqual([`dirigent wait hangs --since ${waited.json.data.cursor}`])
    const text = await box.verb('wait', 'hangs', '--timeout', '0')
    expect([text.exitCode, text.stdout]).toEqual([7, expect.stringMatching(/^still under way: 1/)])
  })
})

describe('log', () => {
  it('tells what happened, newest last', async () => {
    const { stdout } = await box.verb('log', 'lands')
    const told = lines(stdout)
    expect(told[0]).toMatch(/^\d\d:\d\d:\d\d created → queued: Lands/)
    expect(stdout).toMatch(/state running → verifying/)
    expect(told.findLast((line) => !line.startsWith('next:'))).toMatch(/→ merged|kept/)
    const { events } = (await box.json('log', 'lands', '--lines', '3')).json.data
    expect(events).toHaveLength(3)
    expect(events.map((event: { at: string }) => event.at)).toEqual(
      events.map((event: { at: string }) => event.at).sort(),
    )
  })

  it('keeps the newest lines when there are too many', async () => {
    const directory = plant(box, 'talkative')
    const event = (n: number) => ({
      at: '2026-01-02T03:04:05.678Z',
      task: 'talkative',
      type: 'note',
      attempt: 0,
      text: `number ${n} ${'x'.repeat(180)}`,
    })
    writeFileSync(
      join(directory, 'log', 'events.jsonl'),
      Array.from({ length: 300 }, (_, n) => `${JSON.stringify(event(n))}\n`).join(''),
    )
    const { stdout } = await box.verb('log', 'talkative', '--lines', '200')
    expect(stdout).toContain('number 299')
    expect(stdout).toMatch(/^… \+\d+ more/)
    expect(lines(stdout).length).toBeLessThanOrEqual(42)
    expect(Buffer.byteLength(stdout)).toBeLessThan(8400)
    expect((await box.json('log', 'talkative', '--lines', '200')).json.data.events).toHaveLength(200)
    await box.verb('stop', 'talkative', '--cancel')
  })

  it('--raw gives the worker’s own event stream', async () => {
    const raw = (await box.json('log', 'lands', '--raw')).json.data.lines.map((line: string) =>
      JSON.parse(line),
    )
    expect(raw[0]).toMatchObject({ type: 'thread.started' })
    expect(raw.at(-1)).toMatchObject({ type: 'turn.completed' })
    plant(box, 'silent')
    expect((await box.json('log', 'silent', '--raw')).json.error).toMatchObject({ code: 'nothing-logged' })
    await box.verb('stop', 'silent', '--cancel')
  })

  it('--follow goes on until the task settles', async () => {
    const spec = box.spec({ title: 'Followed', change: 'none' }, [{ run: 'sleep 0.3' }, { say: 'done' }])
    await box.verb('spawn', 'followed', '--spec', spec)
    const [text, json] = await Promise.all([
      box.verb('log', 'followed', '--follow'),
      box.verb('log', 'followed', '--follow', '--json'),
    ])
    expect([text.exitCode, text.stderr, json.exitCode]).toEqual([0, '', 0])
    expect(text.stdout).toMatch(/created → queued[\s\S]*→ done/)
    const events = lines(json.stdout).map((line) => JSON.parse(line).data.event)
    expect(events[0]).toMatchObject({ type: 'created' })
    expect(events).toContainEqual(expect.objectContaining({ type: 'state', to: 'done' }))
  })
})

describe('diff', () => {
  it('of a task under way has what is committed, uncommitted and untracked', async () => {
    const { stdout } = await box.verb('diff', 'rests')
    for (const part of ['+c', '+more', 'untracked.txt', '+new']) expect(stdout).toContain(part)
    const stat = await box.verb('diff', 'rests', '--stat')
    expect(stat.stdout).toMatch(/c\.txt +\| 2 \+\+/)
    expect(stat.stdout).toMatch(/2 files changed, 3 insertions/)
    expect(stat.stdout).not.toContain('+more')
  })

  it('of a landed task is what it landed', async () => {
    const { json } = await box.json('diff', 'lands')
    expect(json.data).toMatchObject({
      id: 'lands',
      diff: expect.stringContaining('+++ b/a.txt\n@@ -0,0 +1 @@\n+hi'),
    })
  })

  it('is bounded; --full and --json have all of it', async () => {
    const worktree = join(box.state, 'worktrees', 'rests')
    writeFileSync(join(worktree, 'long.txt'), Array.from({ length: 500 }, (_, n) => `line ${n}\n`).join(''))
    const cut = await box.verb('diff', 'rests')
    expect(lines(cut.stdout).length).toBeLessThanOrEqual(41)
    expect(cut.stdout).toMatch(/… \+\d+ more\nnext: dirigent diff rests --full/)
    expect((await box.verb('diff', 'rests', '--full')).stdout).toContain('+line 499')
    expect((await box.json('diff', 'rests')).json.data.diff).toContain('+line 499')
  })
})

describe('every answer', () => {
  it('is short, whatever the number of tasks', async () => {
    const many = Array.from({ length: 120 }, (_, n) => `many-${n}`)
    for (const id of many) plant(box, id, { title: 'é'.repeat(120), reason: 'x'.repeat(400) })
    for (const words of [
      ['status'],
      ['status', '--all'],
      ['wait'],
      ['status', 'many-1'],
      ['log', 'many-1'],
    ]) {
      const { stdout } = await run(box, words)
      expect([words, lines(stdout).length]).toEqual([words, expect.toSatisfy((n: number) => n <= 43)])
      expect([words, Buffer.byteLength(stdout)]).toEqual([words, expect.toSatisfy((n: number) => n <= 8400)])
    }
    expect((await box.json('status')).json.data.tasks.length).toBeGreaterThanOrEqual(120)
    await execa('rm', ['-r', ...many.map((id) => join(box.state, 'tasks', id))])
  })

  it('has nothing in it that steers a terminal', async () => {
    plant(box, 'escapes', {
      title: '\u001b[31mred\u001b]0;title\u0007 \u202eevil\u0000',
      reason: '\u001b[2J\u0008gone',
    })
    for (const words of [['status'], ['status', 'escapes'], ['wait']]) {
      const { stdout } = await run(box, words)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be printed
      expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/)
      expect(stdout).toContain('gone')
    }
    const json = (await box.json('status', 'escapes')).json.data.task
    expect(json.title).toBe('red evil')
    await box.verb('stop', 'escapes', '--cancel')
  })

  it('may be cut off by its reader', async () => {
    for (const words of ['status --all', 'help', 'log lands', 'diff rests --full', 'log lands --follow']) {
      const piped = await pipe(`${words} | head -c 1`)
      expect([words, piped.stderr, piped.stdout.at(-1)]).toEqual([words, '', '0'])
    }
    const failed = await pipe('status nobody 2>&1 | head -c 1')
    expect([failed.stderr, failed.stdout.at(-1)]).toEqual(['', '4'])
  })

  it('ends when it would go on for a reader who has gone', async () => {
    const watching = pipe('status --watch | head -1')
    let seen = ''
    watching.stdout.on('data', (chunk) => {
      seen += chunk
    })
    await until('the first line', () => lines(seen).length >= 1)
    plant(box, 'unseen')
    expect((await watching).stdout).toMatch(/^\d\d:\d\d:\d\d\n0$/)
    await box.verb('stop', 'unseen', '--cancel')
  })

  /** The verb's own exit code is the last thing printed. */
  function pipe(words: string) {
    const script = `'${join(root, 'bin', 'dirigent')}' ${words}; echo \${PIPESTATUS[0]}`
    return execa('bash', ['-c', script], {
      cwd: box.repo,
      env: box.env,
      extendEnv: false,
      reject: false,
      timeout: 20_000,
    })
  }
})

describe('from anywhere', () => {
  const ids = (stdout: string) => JSON.parse(stdout).data.tasks.map((task: { id: string }) => task.id)

  it('works in a subdirectory, in a task’s worktree and below it, and with --repo', async () => {
    const below = join(box.repo, 'deep', 'er')
    mkdirSync(below, { recursive: true })
    const inWorktree = join(box.state, 'worktrees', 'rests')
    mkdirSync(join(inWorktree, 'sub'), { recursive: true })
    const linked = join(box.directory, 'a link')
    symlinkSync(box.repo, linked)
    const expected = ids((await box.json('status')).stdout)
    for (const cwd of [below, inWorktree, join(inWorktree, 'sub'), linked])
      expect([cwd, ids((await runVerb('status', ['--json'], cwd, box.env)).stdout)]).toEqual([cwd, expected])
    expect(ids((await runVerb('status', ['--json', '--repo', box.repo], '/', box.env)).stdout)).toEqual(
      expected,
    )
    expect(ids((await runVerb('status', [`--repo=${below}`, '--json'], '/', box.env)).stdout)).toEqual(
      expected,
    )
    expect(
      ids((await runVerb('status', ['--json', '--repo', 'repo'], box.directory, box.env)).stdout),
    ).toEqual(expected)
  })

  it('works through bin/VERB, `dirigent VERB`, a link to dirigent on PATH, and the worker’s dirigent', async () => {
    const expected = ids((await box.json('status')).stdout)
    const bin = mkdtempSync(join(box.directory, 'bin-'))
    symlinkSync(join(root, 'bin', 'dirigent'), join(bin, 'dirigent'))
    for (const program of [
      join(root, 'bin', 'dirigent'),
      join(root, 'bin', 'worker', 'dirigent'),
      join(bin, 'dirigent'),
    ]) {
      const ran = await execa(program, ['status', '--json'], {
        cwd: box.repo,
        env: box.env,
        extendEnv: false,
      })
      expect(ids(ran.stdout)).toEqual(expected)
    }
  })
})
