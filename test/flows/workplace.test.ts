/** Where a worker works: its worktree and branch, what is copied and set up there, its environment, its processes. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { sandboxForEach } from '../support/each.ts'
import { root, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, exitOf, settled, spawnTask, trailOf, workersOf } from '../support/tasks.ts'

let box: Sandbox
sandboxForEach({ max_workers: 4, stop_grace_seconds: 1 }, (made) => {
  box = made
})

const done = { say: 'done' }
const commit = (file: string) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`,
})
const hold = { run: 'while ! test -f ../../../go-on; do sleep 0.1; done' }
const holds = (id: string) => until(`${id} to hold`, () => box.status(id).activity?.what?.includes('go-on'))
const report = (id: string) => readFileSync(join(box.task(id), 'report.md'), 'utf8').trim()
/** What a command prints in the worker's place, by way of a file that lands. */
const print = (command: string) => ({
  run: `{ ${command}; } > printed.txt 2>&1; git add printed.txt && git commit -qm printed`,
})

describe('the base', () => {
  /** A bare repository as origin, and somebody who pushed to it since. */
  async function moveOriginAhead() {
    const origin = join(box.directory, 'origin.git')
    const other = join(box.directory, 'other')
    const options = { env: box.env, extendEnv: false }
    await execa('git', ['clone', '--quiet', '--bare', box.repo, origin], options)
    await box.git('remote', 'add', 'origin', origin)
    await box.git('fetch', '--quiet', 'origin')
    await execa('git', ['clone', '--quiet', origin, other], options)
    writeFileSync(join(other, 'pushed.txt'), 'by a colleague\n')
    await execa('git', ['add', '.'], { ...options, cwd: other })
    await execa('git', ['commit', '--quiet', '--message', 'a colleague'], { ...options, cwd: other })
    await execa('git', ['push', '--quiet'], { ...options, cwd: other })
    return (await execa('git', ['rev-parse', 'HEAD'], { ...options, cwd: other })).stdout
  }

  it.each([undefined, 'origin/main'])('is fetched first when it has an upstream (base: %s)', async (base) => {
    const ahead = await moveOriginAhead()
    await spawnTask(box, 'fresh', base ? { base } : {}, [
      { run: 'test -f pushed.txt' },
      commit('fresh.txt'),
      done,
    ])
    expect(await settled(box, 'fresh')).toMatchObject({ state: 'merged', flags: [] })
    expect(await box.git('rev-parse', 'main^')).toBe(ahead)
    expect(box.read('pushed.txt')).toBe('by a colleague\n')
    expect(box.read('fresh.txt')).toBe('fresh.txt\n')
    expect(await box.git('status', '--porcelain', '--untracked-files=no')).toBe('')
    // Nothing was pushed: that is not what a local landing is.
    expect(await box.git('ls-remote', 'origin', 'refs/heads/main')).toContain(ahead)
  })

  it('is what was fetched before when the remote cannot be reached, and the trail says so', async () => {
    await box.git('remote', 'add', 'origin', join(box.directory, 'nowhere.git'))
    await box.git('update-ref', 'refs/remotes/origin/main', 'HEAD')
    await spawnTask(box, 'offline', {}, [commit('offline.txt'), done])
    expect(await settled(box, 'offline')).toMatchObject({ state: 'merged' })
    expect(trailOf(box, 'offline')).toContainEqual(expect.objectContaining({ type: 'fetch-failed' }))
  })

  it('is never a stale branch of the task’s name: that is refused, and nothing is made', async () => {
    await box.git('branch', 'dirigent/taken')
    const refused = await box.json('spawn', 'taken', '--spec', box.spec({ title: 'Taken' }, [done]))
    expect(refused).toMatchObject({ exitCode: 3, json: { ok: false, error: { code: 'branch-taken' } } })
    expect(existsSync(join(box.state, 'tasks', 'taken'))).toBe(false)
  })
})

describe('the worktree', () => {
  it('gets the files that .worktreeinclude names, and those that git does not ignore are not committed', async () => {
    box.write('.gitignore', '.env\nsecrets/\ngo-on\n')
    box.write('.worktreeinclude', '# needed\n.env\nsecrets/\n!secrets/private.key\n*.local\n')
    await box.commit('include')
    box.write('.env', 'A=1\n')
    box.write('packages/web/.env', 'B=2\n')
    box.write('secrets/token', 't\n')
    box.write('secrets/private.key', 'k\n')
    box.write('settings.local', 'unignored\n')
    await spawnTask(box, 'included', {}, [
      { run: 'find . -name .git -prune -o -type f -print | sort > list.txt' },
      { run: 'echo changed >> .env' },
      done,
    ])
    expect(await settled(box, 'included')).toMatchObject({ state: 'merged' })
    const list = box.read('list.txt')
    expect(list.split('\n')).toEqual(
      expect.arrayContaining(['./.env', './packages/web/.env', './secrets/token', './settings.local']),
    )
    expect(list).not.toContain('private.key')
    expect(await box.git('ls-tree', '-r', '--name-only', 'main')).not.toMatch(/\.env|secrets|settings\.local/)
    expect(box.read('.env')).toBe('A=1\n')
  })

  it('is set up once, before the worker starts, by the configured command', async () => {
    box.configure({
      worktree: { setup: 'echo set up by $DIRIGENT_TASK >> "$DIRIGENT_TASK_DIR/setups"; touch ready' },
    })
    await box.commit('settings')
    await spawnTask(
      box,
      'ready',
      { verify: ['test -f second.txt'] },
      {
        attempts: [
          [{ run: 'test -f ready && git add ready && git commit -qm ready' }, done],
          [commit('second.txt'), done],
        ],
      },
    )
    expect(await settled(box, 'ready')).toMatchObject({ state: 'merged', attempt: 2 })
    expect(readFileSync(join(box.task('ready'), 'setups'), 'utf8')).toBe('set up by ready\n')
  })

  it('has its submodules when the configured command fetches them', async () => {
    const library = join(box.directory, 'library')
    const fetching = ['-c', 'protocol.file.allow=always', 'submodule', '--quiet']
    await box.git('clone', '--quiet', box.repo, library)
    await box.git(...fetching, 'add', library, 'library')
    box.configure({ worktree: { setup: `git ${fetching.join(' ')} update --init` } })
    await box.commit('a submodule')
    await spawnTask(box, 'nested', { verify: ['test -f library/README.md'] }, [commit('nested.txt'), done])
    expect(await settled(box, 'nested')).toMatchObject({ state: 'merged', attempt: 1, flags: [] })
    expect(await box.git('status', '--porcelain', '--untracked-files=no')).toBe('')
  })

  it('that cannot be set up fails the task with the command’s output, and no worker starts', async () => {
    box.configure({ worktree: { setup: 'echo cannot find the flux; exit 3' } })
    await spawnTask(box, 'unready', {}, [commit('never.txt'), done])
    const status = await settled(box, 'unready')
    expect(status).toMatchObject({
      state: 'failed',
      worker: null,
      failure: { class: 'setup-failed', detail: expect.stringContaining('cannot find the flux') },
    })
    expect(attemptFile(box, 'unready', 1, 'setup.log')).toBe('cannot find the flux\n')
    expect((await box.verb('status', 'unready')).stdout).toContain('cannot find the flux')
    expect(box.model.requests.filter(({ prompt }) => prompt.includes('Task: unready'))).toEqual([])
  })

  it('is made again from its branch when it was deleted by hand', async () => {
    await spawnTask(
      box,
      'deleted',
      { attempts: 1, verify: ['test -f two.txt'] },
      {
        attempts: [
          [commit('one.txt'), done],
          [commit('two.txt'), done],
        ],
      },
    )
    const { workplace } = await settled(box, 'deleted')
    rmSync(workplace.worktree, { recursive: true })
    expect((await box.json('status', 'deleted')).exitCode).toBe(0)
    await box.json('respawn', 'deleted')
    expect(await settled(box, 'deleted')).toMatchObject({ state: 'merged' })
    expect(box.read('one.txt')).toBe('one.txt\n')
    expect(trailOf(box, 'deleted')).toContainEqual(
      expect.objectContaining({ text: expect.stringContaining('made again') }),
    )
  })

  it('of a task that has none any more does not keep it from being cancelled', async () => {
    await spawnTask(box, 'gone', { attempts: 1, verify: ['false'] }, [commit('one.txt'), done])
    const { workplace } = await settled(box, 'gone')
    rmSync(workplace.worktree, { recursive: true })
    expect((await box.json('stop', 'gone', '--cancel')).json.data.task).toMatchObject({ state: 'cancelled' })
    expect(await box.git('show', 'refs/dirigent/kept/gone/1:one.txt')).toBe('one.txt')
    expect(await box.git('branch', '--list', 'dirigent/gone')).toBe('')
    expect(await box.git('worktree', 'list', '--porcelain')).not.toContain('worktrees/gone')
  })
})

describe('the worker', () => {
  it('has ports of its own beside every other live task', async () => {
    const ids = ['port-a', 'port-b', 'port-c']
    for (const id of ids)
      await spawnTask(box, id, {}, [
        hold,
        {
          run: `echo $PORT $DIRIGENT_PORT_BASE $DIRIGENT_PORT_COUNT > ${id}.txt && git add -A && git commit -qm ports`,
        },
        done,
      ])
    for (const id of ids) await holds(id)
    const bases = ids.map((id) => box.status(id).workplace.ports.base)
    expect(new Set(bases).size).toBe(3)
    box.write('go-on', '')
    await settled(box, ...ids)
    expect(ids.map((id) => box.read(`${id}.txt`))).toEqual(bases.map((base) => `${base} ${base} 10\n`))
    const [first = 0, second = 0] = bases.sort()
    expect(second - first).toBeGreaterThanOrEqual(10)
  })

  it('finds its own verbs first on PATH, and the system’s diff as ever', async () => {
    await spawnTask(box, 'verbs', {}, [
      print(
        'command -v dirigent; command -v diff; dirigent build -- echo built; cd /; dirigent build -- echo from elsewhere',
      ),
      done,
    ])
    expect(await settled(box, 'verbs')).toMatchObject({ state: 'merged' })
    const lines = box.read('printed.txt').split('\n')
    expect(lines[0]).toBe(join(root, 'bin', 'worker', 'dirigent'))
    expect(lines[1]).not.toContain(root)
    expect(lines).toContain('built')
  })

  it('is not shown what is not its business', async () => {
    Object.assign(box.env, {
      GITHUB_TOKEN: 'hunter2',
      GH_TOKEN: 'hunter2',
      ANTHROPIC_API_KEY: 'hunter2',
      CLAUDECODE: 'hunter2',
      SSH_AUTH_SOCK: '/hunter2',
      NPM_TOKEN: 'hunter2',
      AWS_SECRET: 'hunter2',
      HARMLESS: 'seen',
    })
    box.configure({ withhold: ['AWS_*'] })
    await box.commit('settings')
    await spawnTask(box, 'blind', { verify: ['! env | grep hunter2'] }, [
      print('env | grep -e hunter2 -e HARMLESS -e ^DIRIGENT_TASK='),
      done,
    ])
    expect(await settled(box, 'blind')).toMatchObject({ state: 'merged' })
    expect(box.read('printed.txt').split('\n').sort()).toEqual(['', 'DIRIGENT_TASK=blind', 'HARMLESS=seen'])
  })

  it('leaves no process behind, however it put it into the background', async () => {
    await spawnTask(box, 'messy', {}, [
      {
        run: 'nohup sleep 701 >/dev/null 2>&1 & setsid sleep 702 >/dev/null 2>&1 & (setsid sh -c "sleep 703 & sleep 704" >/dev/null 2>&1 &) ; true',
      },
      commit('messy.txt'),
      done,
    ])
    expect(await settled(box, 'messy')).toMatchObject({ state: 'merged' })
    expect(exitOf(box, 'messy', 1).swept).toBeGreaterThanOrEqual(4)
    expect(workersOf(box, 'messy')).toEqual([])
    expect(trailOf(box, 'messy')).toContainEqual(expect.objectContaining({ type: 'swept' }))
  })

  it('that ends on another branch, or on none, has its commits taken all the same', async () => {
    await spawnTask(box, 'astray', {}, [
      commit('first.txt'),
      { run: 'git switch -qc elsewhere' },
      commit('second.txt'),
      { run: 'git switch -q --detach' },
      commit('third.txt'),
      done,
    ])
    expect(await settled(box, 'astray')).toMatchObject({ state: 'merged' })
    for (const file of ['first.txt', 'second.txt', 'third.txt']) expect(box.read(file)).toBe(`${file}\n`)
  })

  it('that ends in the middle of a merge is told to finish it', async () => {
    await spawnTask(
      box,
      'torn',
      {},
      {
        attempts: [
          [
            commit('a.txt'),
            {
              run: 'git switch -qc side HEAD~1 && echo other > a.txt && git add -A && git commit -qm other && git switch -q - && git merge side',
            },
            done,
          ],
          [{ run: 'git merge --abort' }, done],
        ],
      },
    )
    expect(await settled(box, 'torn')).toMatchObject({ state: 'merged', attempt: 2 })
    expect(attemptFile(box, 'torn', 2, 'prompt.md')).toContain('ended in the middle of a merge')
    expect(report('torn')).toBe('done')
  })
})
