/**
 * The verb doctor: exit codes, text, bounds, and that it leaves what lives alone.
 *
 * Seen to fail: the look at open files taken out of staleLocks, and the look for a git at work; `tidy` taken out of
 * settle; a branch that is deleted without being kept; `writeMissing` taken out of tidy.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { execa, type ResultPromise } from 'execa'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { complaints } from '../chaos/clean.ts'
import { run } from '../support/bad-input.ts'
import { copyProject } from '../support/copy.ts'
import { abandonedName, damageable, damages } from '../support/damage.ts'
import { root, runVerb, type Sandbox, until } from '../support/sandbox.ts'
import { kill, runnersOf, settled, spawnTask, trailOf, workersOf } from '../support/tasks.ts'

let box: Sandbox
const started: ResultPromise[] = []

beforeAll(async () => {
  box = await damageable()
})
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})
afterAll(() => box.close())

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

describe('the answer', () => {
  it('of a clean repository is short, names the programs, and ends with 0', async () => {
    const ran = await box.verb('doctor', '--strict')
    expect([ran.exitCode, ran.stderr]).toEqual([0, ''])
    expect(lines(ran.stdout)).toEqual([
      'nothing found',
      expect.stringMatching(/^node .* · git .* · codex .* · locks flock$/),
    ])
  })

  it('has the worst first, each with what to do, and exit code 1 only with --strict', async () => {
    const all = damages(box, started)
    const undo = [await all['stray-file'].cause(), await all['worktree-missing'].cause()]
    try {
      const text = await box.verb('doctor')
      expect(text.exitCode).toBe(0)
      expect(lines(text.stdout)[0]).toBe('1 error · 1 note')
      expect(text.stdout).toMatch(
        /^! worktree-missing: .*rests.*\n {4}\S.*\n· stray-file: .*notes\.txt.*\n {4}\S/m,
      )
      expect(text.stdout).toMatch(/^next: dirigent respawn rests$/m)
      const strict = await box.json('doctor', '--strict')
      expect([strict.exitCode, strict.json.ok, strict.json.data.left]).toEqual([1, true, 2])
      expect(strict.json.data.findings[0]).toEqual({
        code: 'worktree-missing',
        severity: 'error',
        what: expect.stringContaining('rests'),
        fix: expect.stringMatching(/\w/),
        fixable: false,
        fixed: false,
        trouble: null,
      })
      expect((await complaints(box)).map((line) => line.split(':')[0])).toEqual([
        'worktree-missing',
        'stray-file',
      ])
    } finally {
      for (const one of undo) await one?.()
    }
  })

  it('says what --fix did, and names --fix where it would help', async () => {
    await damages(box, started)['branch-without-task'].cause()
    expect((await box.verb('doctor')).stdout).toMatch(/^next: dirigent doctor --fix$/m)
    const fixed = await box.verb('doctor', '--fix', '--strict')
    expect([fixed.exitCode, lines(fixed.stdout)[0]]).toEqual([0, '1 mended'])
    expect(fixed.stdout).toMatch(/^✓ branch-without-task: /m)
    expect(await box.git('for-each-ref', '--format=%(refname)', 'refs/dirigent/kept/nobody')).toMatch(
      /nobody\/1$/,
    )
  })

  // Seen to fail: without `isDropped` in lib/flows/doctor/work.ts; with `s|.*/|…|` for the names in the page's command.
  it('says how much is kept; what the page types drops that of tasks that merged long ago, and nothing else', async () => {
    const kept = (id: string, n = 7) => `refs/dirigent/kept/${id}/${n}`
    const refs = async () => (await box.git('for-each-ref', '--format=%(refname)')).split('\n')
    const [before, tip] = [await refs(), await box.git('rev-parse', kept('lands', 1))]
    for (const id of ['lands', 'rests']) {
      const commit = await box.git('commit-tree', 'HEAD^{tree}', '-p', 'HEAD', '-m', `kept of ${id}`)
      await box.git('update-ref', kept(id), commit)
    }
    expect((await box.json('doctor')).json.data.versions.kept).toMatch(/^\d for \d tasks, [\d.]+k?B$/)
    const page = readFileSync(join(root, 'skill', 'reference', 'state.md'), 'utf8')
    const [, command = ''] = /^```sh\n(find [\s\S]*?)^```/m.exec(page) ?? []
    const drop = () => execa('sh', ['-ec', command], { cwd: box.repo, env: box.env, extendEnv: false })
    await drop()
    expect(await refs()).toHaveLength(before.length + 2)
    const long = new Date(Date.now() - 31 * 86_400_000)
    const file = (...name: string[]) => join(box.task('lands'), ...name)
    // Somebody has thought of this, too.
    const planted = join(box.state, 'archive', '2026-11', 'x refs')
    mkdirSync(planted, { recursive: true })
    writeFileSync(join(planted, 'status.json'), '{\n  "state": "merged"\n}\n')
    for (const path of [file('status.json'), join(planted, 'status.json')]) utimesSync(path, long, long)
    await drop()
    rmSync(planted, { recursive: true })
    expect(await refs()).toEqual([...before.filter((ref) => ref !== kept('lands', 1)), kept('rests')].sort())
    await box.git('update-ref', '-d', kept('rests'))
    // Git has let go of what only that had kept.
    const [result, trail] = ['result.json', 'log/events.jsonl'].map((name) => {
      const text = readFileSync(file(name), 'utf8')
      return { text, put: (changed = text) => writeFileSync(file(name), changed) }
    })
    result?.put(result.text.replace(/("commit": ")\w{40}/, `$1${'0'.repeat(39)}1`))
    const found = (await box.json('doctor')).json.data.findings.map(({ code }: { code: string }) => code)
    expect(found).toEqual(['result-commit-missing', 'kept-ref-gone'])
    expect((await box.json('doctor', '--fix')).json.data.left).toBe(0)
    result?.put()
    trail?.put()
    await box.git('update-ref', kept('lands', 1), tip)
  })

  // Seen to fail: with the name as it is, which a change that landed may have brought.
  it('names a command that runs nothing of a name that somebody chose', async () => {
    const stranger = join(box.state, '$(touch pwned)')
    writeFileSync(stranger, 'x')
    await box.git('add', '--force', stranger)
    const [command = ''] = (await box.json('doctor')).json.next
    await execa('sh', ['-ec', command], { cwd: box.repo, env: box.env, extendEnv: false })
    expect([existsSync(join(box.repo, 'pwned')), await box.git('ls-files', stranger)]).toEqual([false, ''])
    rmSync(stranger)
  })

  it('is short, however much there is', async () => {
    const stray = Array.from({ length: 200 }, (_, n) => join(box.state, 'tasks', `stray-${n}.txt`))
    for (const path of stray) writeFileSync(path, 'x')
    const { stdout } = await box.verb('doctor')
    expect(lines(stdout).length).toBeLessThanOrEqual(43)
    expect(stdout).toMatch(/^200 notes$/m)
    expect((await box.json('doctor')).json.data.findings).toHaveLength(200)
    await execa('rm', stray)
  })

  it('about a Node that is too old comes from an installation that wants a newer one', async () => {
    const project = join(box.directory, 'project')
    copyProject(project)
    const path = join(project, 'package.json')
    writeFileSync(path, readFileSync(path, 'utf8').replace('>=20.19', '>=99.1'))
    const ran = await run(box, ['doctor', '--json'], { project })
    expect(JSON.parse(ran.stdout).data.findings).toMatchObject([
      { code: 'node-too-old', what: expect.stringContaining('99.1 is needed') },
    ])
  })

  it('is a refusal outside of a repository', async () => {
    const ran = await runVerb('doctor', ['--json'], '/', box.env)
    expect([ran.exitCode, ran.json.error.code]).toEqual([3, 'not-a-repository'])
  })
})

describe('what lives', () => {
  it('is not complained about, from a task’s first moment to its last', async () => {
    const steps = [{ run: 'sleep 2; echo live > live.txt; git add -A; git commit -qm live' }, { say: 'done' }]
    await spawnTask(box, 'live', { verify: ['sleep 2'] }, steps)
    const seen: string[] = []
    let looks = 0
    for (; !box.task('live').includes('/archive/') || looks === 0; looks++)
      seen.push(...(await complaints(box)))
    await settled(box, 'live')
    expect(seen).toEqual([])
    expect(looks).toBeGreaterThan(1)
  })

  it('keeps its git locks: one that is open, and one while a git runs here', async () => {
    const lock = join(box.repo, '.git', 'index.lock')
    const fd = openSync(lock, 'w')
    utimesSync(lock, 1, 1)
    expect(await complaints(box)).toEqual([])
    closeSync(fd)
    expect(await complaints(box)).toEqual([expect.stringContaining('git-lock-stale')])
    // It waits on its standard input.
    started.push(execa('git', ['hash-object', '--stdin'], { cwd: box.repo, reject: false, stdin: 'pipe' }))
    await until('git to be in the repository', async () => (await complaints(box)).length === 0)
    expect(existsSync(lock)).toBe(true)
    for (const child of started.splice(0)) child.kill('SIGKILL')
    expect((await box.verb('doctor', '--fix', '--strict')).exitCode).toBe(0)
    expect(existsSync(lock)).toBe(false)
  })
})

describe('the other verbs', () => {
  it('leave nothing of killed writers behind', async () => {
    const name = await abandonedName('status.json')
    const half = join(box.state, 'tasks', name)
    mkdirSync(half)
    const left = [
      join(half, 'spec.md'),
      join(box.state, name),
      join(box.state, 'locks', name),
      join(box.state, 'lessons', name),
      join(box.state, 'tasks', 'rests', name),
      join(box.state, 'tasks', 'rests', 'log', name),
    ]
    for (const path of left) writeFileSync(path, 'half')
    expect((await complaints(box)).length).toBe(left.length)
    expect((await box.verb('status')).exitCode).toBe(0)
    expect(left.filter(existsSync)).toEqual([])
    expect(await complaints(box)).toEqual([])
  })

  it('write the transition that a crash kept out of the trail, when they take the task up', async () => {
    await spawnTask(box, 'cut', { change: 'none' }, { attempts: [[{ hang: true }], [{ say: 'done' }]] })
    await until('its worker', () => workersOf(box, 'cut').length > 0 && box.status('cut').worker)
    kill(...runnersOf(box, 'cut'), ...workersOf(box, 'cut'))
    await until('their end', () => workersOf(box, 'cut').length === 0)
    const trail = join(box.task('cut'), 'log', 'events.jsonl')
    writeFileSync(trail, readFileSync(trail, 'utf8').replace(/^.*"to":"running".*\n/m, ''))
    await settled(box, 'cut')
    const moves = trailOf(box, 'cut').filter(({ to }) => to)
    expect(moves.map(({ to }) => to).slice(0, 3)).toEqual(['queued', 'running', 'queued'])
    expect(moves[1]).toMatchObject({ from: 'queued', text: expect.stringContaining('written later') })
    expect(await complaints(box)).toEqual([])
  })
})
