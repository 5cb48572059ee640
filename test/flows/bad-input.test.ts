/** Every kind of bad input gets one clear error, exit code 2, 3 or 4, and nothing has changed afterwards. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { listing, plant, type Refusal, refused, run } from '../support/bad-input.ts'
import { copyProject } from '../support/copy.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'

const isRoot = process.getuid?.() === 0
let box: Sandbox
/** A spec that nothing is wrong with. */
let good: string
let inNamespace = false

beforeAll(async () => {
  box = await makeSandbox()
  good = box.spec({ title: 'A good one' }, [{ say: 'done' }])
  inNamespace = isRoot && (await execa('unshare', ['-m', 'true'], { reject: false })).exitCode === 0
})
afterAll(async () => {
  await box.close()
})

/** Verbs that take the id of a task that there is. */
const withId = ['status', 'wait', 'log', 'diff', 'stop', 'respawn', 'land']

const usage = (says: RegExp): Refusal => ({ exit: 2, code: 'usage', says })
const badSpec = (says: RegExp): Refusal => ({ exit: 2, code: 'bad-spec', says })

/** A file beside the repository. */
function file(name: string, content: string | Buffer): string {
  const path = join(box.directory, name)
  writeFileSync(path, content)
  return path
}

const spawn = (spec: string, ...more: string[]) => ['spawn', ...more, '--spec', spec]

/** Another repository in the sandbox. */
async function repository(name: string, ...args: string[]): Promise<string> {
  const path = join(box.directory, name)
  await execa('git', ['init', '--quiet', ...args, path], { env: box.env, extendEnv: false })
  return path
}

describe('the repository', () => {
  const words = (): string[][] => [['init'], ['status'], spawn(good), ['wait']]

  it('must be a git repository', async () => {
    const cwd = join(box.directory, 'plain')
    mkdirSync(cwd)
    for (const call of words())
      await refused(
        box,
        call,
        {
          exit: 3,
          code: 'not-a-repository',
          says: /plain is not inside a git repository/,
          hint: /--repo DIR/,
        },
        { cwd },
      )
  })

  it('must be there when --repo names it', async () => {
    const missingAt = (says: RegExp) => ({ exit: 3, code: 'not-a-repository', says })
    const missing = missingAt(/\/nowhere is not inside/)
    await refused(box, ['status', '--repo', '/nowhere'], missing)
    const notADirectory = { exit: 3, code: 'not-a-repository', says: /README\.md is not inside/ }
    await refused(box, ['status', '--repo', join(box.repo, 'README.md')], notADirectory)
    // Seen to fail: a name that no file can have ended in a stack.
    await refused(box, ['status', '--repo', 'x'.repeat(5000)], missingAt(/x{200} is not inside/))
    await refused(box, ['status', '--repo', ''], missingAt(/"" is not inside/))
    await refused(box, ['status', '--repo', '\n'], missingAt(/"\\n" is not inside/))
  })

  it('must not be bare', async () => {
    const cwd = await repository('bare.git', '--bare')
    for (const call of words())
      await refused(
        box,
        call,
        { exit: 3, code: 'bare-repository', says: /bare\.git is a bare repository/, hint: /git clone/ },
        { cwd },
      )
  })

  it('must have been initialised', async () => {
    const cwd = await repository('fresh')
    for (const call of words().slice(1))
      await refused(
        box,
        call,
        {
          exit: 3,
          code: 'not-initialised',
          says: /fresh has no \.orchestrator-state\//,
          hint: /dirigent init/,
        },
        { cwd },
      )
  })

  it('must have a commit before a task is spawned', async () => {
    const cwd = await repository('empty')
    expect((await run(box, ['init'], { cwd })).exitCode).toBe(0)
    writeFileSync(
      join(cwd, '.orchestrator-state', 'config.yaml'),
      box.read('.orchestrator-state/config.yaml'),
    )
    await refused(
      box,
      spawn(good),
      { exit: 3, code: 'no-commits', says: /empty has no commits yet/, hint: /git commit/ },
      { cwd },
    )
  })

  it('must say where to land when HEAD is detached: in the configuration or in the spec', async () => {
    await box.git('checkout', '--quiet', '--detach')
    try {
      await refused(box, spawn(good), {
        exit: 3,
        code: 'base-required',
        says: /no branch checked out/,
        hint: /base: main/,
      })
      const wrong = box.spec({ title: 'Lands nowhere', base: 'mian' }, [{ say: 'done' }])
      await refused(box, spawn(wrong), {
        exit: 3,
        code: 'base-not-found',
        says: /no branch mian/,
        hint: /main/,
      })
      const named = box.spec({ title: 'Detached by spec', base: 'main', change: 'none' }, [{ say: 'done' }])
      expect((await box.json('spawn', 'detached-spec', '--spec', named)).json.data.task.state).toBe('running')
      box.configure({ base: 'main' })
      const silent = box.spec({ title: 'Detached by config', change: 'none' }, [{ say: 'done' }])
      expect((await box.json('spawn', 'detached-config', '--spec', silent)).json.data.task.state).toBe(
        'running',
      )
      expect((await box.json('wait', '--until', 'settled', '--timeout', '30s')).exitCode).toBe(0)
      expect(box.status('detached-spec').settings.base).toEqual({ branch: 'main', remote: null })
      expect(box.status('detached-config').settings.base).toEqual({ branch: 'main', remote: null })
    } finally {
      box.configure({})
      await box.git('checkout', '--quiet', 'main')
    }
  })
})

describe('the spec', () => {
  const front = (yaml: string, body = 'Do it.') => `---\n${yaml}\n---\n${body}\n`

  it.each<[string, string | Buffer, RegExp]>([
    ['empty', '', /says nothing to do/],
    ['white', ' \n\n\t\n', /says nothing to do/],
    [
      'binary',
      Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3]),
      /binary\.md is not text: it holds a NUL byte/,
    ],
    ['not-utf8', Buffer.from([0x44, 0x6f, 0xff, 0xfe, 0x0a]), /not-utf8\.md is not UTF-8 text/],
    ['too-long', 'x'.repeat(2 * 1024 * 1024), /too-long\.md is longer than 262144 bytes/],
    ['only-front', front('title: A', ''), /only-front\.md says nothing to do: .* below the front matter/],
    ['torn', '---\ntitle: A\nverify: [npm test]\nDo it.\n', /torn\.md:1: the front matter .* never closed/],
    ['bad-yaml', front('title: A\nverify: [npm test'), /bad-yaml\.md:[34]: /],
    ['twice', front('title: A\npriority: 1\npriority: 2'), /twice\.md:4: /],
    ['tabs', front('title: A\nbudget:\n\tminutes: 3'), /tabs\.md:4: /],
    ['verify-type', front('title: A\n\nverify: npm test'), /verify-type\.md:4: verify must be a list/],
    ['verify-item', front('verify:\n  - npm test\n  - 3'), /verify-item\.md:4: verify\.1 must be a string/],
    ['attempts-type', front('title: A\nattempts: many'), /attempts-type\.md:3: attempts must be/],
    ['attempts-zero', front('attempts: 0'), /attempts-zero\.md:2: attempts must be at least 1/],
    [
      'budget-field',
      front('title: A\nbudget:\n  minutes: -1'),
      /budget-field\.md:4: budget\.minutes must be/,
    ],
    ['unknown-field', front('title: A\nverfy: [npm test]'), /unknown-field\.md:3: verfy is not a field/],
    ['unknown-inner', front('budget:\n  hours: 3'), /unknown-inner\.md:3: budget\.hours is not a field/],
    [
      'worker-word',
      front('worker: gemini'),
      /worker-word\.md:2: worker must be "codex" or "claude" or "command"/,
    ],
    ['change-word', front('change: maybe'), /change-word\.md:2: change must be "branch" or "none"/],
    ['a-list', front('- title\n- A'), /a-list\.md:2: the whole must be/],
    ['a-word', front('title'), /a-word\.md:2: the whole must be/],
    ['crlf', '---\r\ntitle: A\r\nverify: 7\r\n---\r\nDo it.\r\n', /crlf\.md:3: verify must be a list/],
    ['bom', '\uFEFF---\ntitle: A\nverify: 7\n---\nDo it.\n', /bom\.md:3: verify must be a list/],
    [
      'bomb',
      front(
        `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]`,
      ),
      /bomb\.md:\d+: /,
    ],
    ['no-alias', front('title: *nobody'), /no-alias\.md:2: /],
    ['escape', front('title: A\n"\\e[31mred": 1'), /escape\.md:3: .*red is not a field/],
  ])('is refused when it is %s, with its line and field', async (name, content, says) => {
    await refused(box, spawn(file(`${name}.md`, content)), badSpec(says))
  })

  it.each([
    ['top', front('verfy: [npm test]'), / Fields: title, needs, verify, /],
    ['inner', front('budget:\n  hours: 3'), / Fields: minutes, tokens$/m],
  ])('has a field that there is not: those there are are listed (%s)', async (name, content, hint) => {
    await refused(box, spawn(file(`fields-${name}.md`, content)), { ...badSpec(/is not a field/), hint })
  })

  it('is refused when it is not a file that can be read', async () => {
    await refused(box, spawn(join(box.directory, 'missing.md')), {
      exit: 4,
      code: 'spec-not-found',
      says: /There is no file .*missing\.md/,
      hint: /--spec/,
    })
    await refused(box, spawn(''), { exit: 4, code: 'spec-not-found', says: /There is no file/ })
    await refused(box, spawn(join(good, 'inside')), {
      exit: 4,
      code: 'spec-not-found',
      says: /There is no file/,
    })
    await refused(box, spawn(`/${'x'.repeat(5000)}`), badSpec(/cannot be read/))
    await refused(box, spawn(box.repo), badSpec(/repo is not a regular file/))
    const dangling = join(box.directory, 'dangling.md')
    symlinkSync('/nowhere/at/all', dangling)
    await refused(box, spawn(dangling), { exit: 4, code: 'spec-not-found', says: /leads nowhere/ })
    const loop = join(box.directory, 'loop.md')
    symlinkSync(loop, loop)
    await refused(box, spawn(loop), badSpec(/cannot be read/))
  })

  it('does not hang on a FIFO', async () => {
    const fifo = join(box.directory, 'fifo.md')
    await execa('mkfifo', [fifo])
    await refused(box, spawn(fifo), badSpec(/fifo\.md is not a regular file/))
    rmSync(fifo)
  })

  it('is refused when this user may not read it', async (test) => {
    const secret = file('secret.md', 'Do it.\n')
    chmodSync(secret, 0)
    // root may read every file, unless it gives that power up.
    const powers = '-dac_override,-dac_read_search'
    const before = isRoot ? ['setpriv', `--bounding-set=${powers}`, `--inh-caps=${powers}`] : []
    if (isRoot && (await execa('setpriv', [...before.slice(1), 'true'], { reject: false })).exitCode !== 0)
      return test.skip('root reads every file, and setpriv is not here')
    await refused(box, spawn(secret), badSpec(/secret\.md cannot be read: EACCES/), { before })
    rmSync(secret)
  })

  it('is held to the same from stdin', async () => {
    await refused(box, spawn('-'), badSpec(/stdin says nothing to do/), { input: '' })
    await refused(box, spawn('-'), badSpec(/stdin:3: attempts must be/), {
      input: front('title: A\nattempts: x'),
    })
    await refused(box, spawn('-'), badSpec(/stdin is longer than/), { input: 'x'.repeat(2 * 1024 * 1024) })
    await refused(box, spawn('-'), badSpec(/stdin cannot be read/), {
      before: ['sh', '-c', 'exec "$0" "$@" < /'],
    })
  })

  it('may have CRLF lines and a byte order mark', async () => {
    const spec = file(
      'windows.md',
      '\uFEFF---\r\ntitle: From Windows\r\nchange: none\r\n---\r\nDo it.\r\n\r\n```script\r\n[{"say":"done"}]\r\n```\r\n',
    )
    expect((await box.json('spawn', '--spec', spec)).json).toMatchObject({
      ok: true,
      data: { task: { id: 'from-windows', title: 'From Windows' } },
    })
    expect((await box.json('wait', '--until', 'settled', '--timeout', '30s')).exitCode).toBe(0)
    expect(box.status('from-windows').state).toBe('done')
  })
})

describe('the id', () => {
  it.each(['../x', '..', 'a/b', 'Upper', 'a_b', 'a.b', 'é', ' a', 'a\nb', '', 'x'.repeat(300)])(
    'is refused when it is %j',
    async (id) => {
      const bad = { exit: 2, code: 'bad-id', says: /is not a task id/, hint: /lower-case/ }
      await refused(box, spawn(good, id), bad)
      // Every verb reads an id by the same function: all are asked about one kind.
      for (const verb of id === '../x' ? withId : ['status']) await refused(box, [verb, id], bad)
    },
  )

  it('is refused when it looks like an option', async () => {
    await refused(box, spawn(good, '-x'), usage(/-x/))
    const behind = await run(box, ['status', '--json', '--', '-x'])
    expect([behind.exitCode, JSON.parse(behind.stdout).error.code]).toEqual([2, 'bad-id'])
  })

  it('must be of a task that there is', async () => {
    for (const verb of withId)
      await refused(box, [verb, 'nobody'], {
        exit: 4,
        code: 'task-not-found',
        says: /no task nobody/,
        hint: /dirigent status --all/,
      })
  })

  it('is taken by another spec, and free for the same spec again, which changes nothing', async () => {
    const text = '# Do the same\n\nTwice.\n'
    plant(box, 'same', {}, text)
    await refused(box, spawn(good, 'same'), {
      exit: 3,
      code: 'id-taken',
      says: /task same already, with another spec/,
      hint: /dirigent respawn same/,
    })
    const before = listing(box.directory)
    const again = await run(box, [...spawn('-', 'same'), '--json'], { input: text })
    expect(JSON.parse(again.stdout)).toMatchObject({
      ok: true,
      data: { created: false, task: { id: 'same', state: 'waiting' } },
    })
    expect(again.exitCode).toBe(0)
    expect(listing(box.directory)).toEqual(before)
  })
})

describe('needs', () => {
  it('must be of tasks that there are', async () => {
    const spec = box.spec({ title: 'Needy', needs: ['nobody', 'noone'] }, [])
    await refused(box, spawn(spec), {
      exit: 4,
      code: 'needs-unknown',
      says: /needs nobody, noone: there is no such task/,
      hint: /Spawn what is needed first/,
    })
    const bad = box.spec({ title: 'Needy', needs: ['../x'] }, [])
    await refused(box, spawn(bad), { exit: 2, code: 'bad-id', says: /"\.\.\/x" is not a task id/ })
  })

  it('must not go round in a circle, however it would come about', async () => {
    const itself = box.spec({ title: 'Selfish', needs: ['selfish'] }, [])
    await refused(box, spawn(itself, 'selfish'), {
      exit: 3,
      code: 'needs-cycle',
      says: /circle: selfish → selfish/,
    })
    await refused(box, spawn(itself), { exit: 3, code: 'needs-cycle', says: /circle: selfish → selfish/ })
    plant(box, 'one')
    plant(box, 'two', { settings: { needs: ['one'] } })
    plant(box, 'three', { settings: { needs: ['two'] } })
    const closing = box.spec({ title: 'One', needs: ['three'] }, [])
    await refused(box, ['respawn', 'one', '--spec', closing], {
      exit: 3,
      code: 'needs-cycle',
      says: /circle: one → three → two → one/,
    })
  })
})

describe('codex', () => {
  afterEach(() => box.configure({}))

  it('is looked for before anything is made: a configured path that is wrong', async () => {
    const notFound = { exit: 3, code: 'worker-not-found', hint: /codex\.path in .*config\.yaml/ }
    for (const [path, says] of [
      ['/nowhere/codex', /not an executable file: \/nowhere\/codex/],
      ['bin/codex', /not an absolute path: bin\/codex/],
    ] as const) {
      box.configure({ codex: { config: box.model.codexConfig(), path } })
      await refused(box, spawn(good), { ...notFound, says })
    }
  })

  it('is looked for before anything is made: neither on PATH nor installed', async () => {
    const project = join(box.directory, 'project')
    copyProject(project, ['@openai'])
    const bin = join(box.directory, 'only-git')
    mkdirSync(bin)
    for (const name of ['git', 'flock', 'env']) {
      const { stdout } = await execa('which', [name])
      symlinkSync(stdout, join(bin, name))
    }
    symlinkSync(process.execPath, join(bin, 'node'))
    const env = { ...box.env, PATH: bin }
    await refused(
      box,
      spawn(good),
      {
        exit: 3,
        code: 'worker-not-found',
        says: /neither configured, nor on PATH, nor installed/,
        hint: /npm install -g @openai\/codex/,
      },
      { env, project },
    )
    rmSync(project, { recursive: true })
  })

  it('must be logged in before anything is made', async () => {
    const { SCRIPTED_KEY, ...env } = box.env
    expect(SCRIPTED_KEY).toBeDefined()
    await refused(box, spawn(good), { exit: 3, code: 'worker-not-logged-in', says: /SCRIPTED_KEY/ }, { env })
    box.configure({ codex: { config: {} } })
    await refused(
      box,
      spawn(good),
      { exit: 3, code: 'worker-not-logged-in', says: /not logged in.* codex login/ },
      { env },
    )
  })
})

describe('config.yaml', () => {
  const config = () => join(box.state, 'config.yaml')
  it.each<[string, string | Buffer, RegExp]>([
    ['broken', 'version: 1\nverify: [npm test\n', /config\.yaml:[23]: /],
    ['of an unknown field', 'version: 1\nmax_worker: 3\n', /config\.yaml:2: max_worker is not a field/],
    ['of a wrong type', 'version: 1\n\nmax_workers: many\n', /config\.yaml:3: max_workers must be/],
    ['of another version', 'version: 2\n', /config\.yaml:1: version must be 1/],
    ['without a version', 'max_workers: 2\n', /config\.yaml:1: version must be 1/],
    ['not text', Buffer.from([0, 1, 2, 0xff]), /config\.yaml/],
  ])('is refused when it is %s', async (_, content, says) => {
    const was = box.read('.orchestrator-state/config.yaml')
    writeFileSync(config(), content)
    try {
      await refused(box, ['status'], { exit: 2, code: 'bad-config', says })
      await refused(box, spawn(good), { exit: 2, code: 'bad-config', says })
    } finally {
      writeFileSync(config(), was)
    }
  })

  it('is refused when it is a directory', async () => {
    const was = box.read('.orchestrator-state/config.yaml')
    unlinkSync(config())
    mkdirSync(config())
    try {
      await refused(box, ['status'], {
        exit: 3,
        code: 'corrupt-file',
        says: /config\.yaml is not a regular file/,
      })
    } finally {
      rmSync(config(), { recursive: true })
      writeFileSync(config(), was)
    }
  })
})

// Seen to fail: each of the five without its `checkTexts`.
describe('a text of workers', () => {
  it('that cannot be told is refused by what begins work, with its line and what may stand there', async () => {
    const path = '.claude/skills/dirigent/prompts/task.md'
    const was = box.read(path)
    plant(box, 'at-rest')
    const question = { id: 'q', options: [], default: null, by: null }
    plant(box, 'asking', { question: 'Red or blue?', asked: question })
    const sections = file('sections.md', '## Task a: A\n\nDo it.\n')
    box.write(path, '# The task\n\n{{titel}}\n')
    const refusal = {
      exit: 2,
      code: 'bad-prompt',
      says: /prompts\/task\.md:3: nothing is filled in for \{\{titel\}\}/,
      hint: /Its placeholders: \{\{title\}\}\. Mend it, or delete the file/,
    }
    const split = [...spawn(sections), '--split']
    for (const call of [
      spawn(good),
      split,
      ['respawn', 'at-rest'],
      ['reject', 'at-rest', 'No.'],
      ['send', 'asking', 'Blue.'],
    ])
      await refused(box, call, refusal)
    box.write(path, was)
    for (const id of ['at-rest', 'asking']) rmSync(join(box.state, 'tasks', id), { recursive: true })
  })
})

describe('status.json', () => {
  it.each<[string, (path: string) => void, RegExp, string]>([
    ['damaged', (path) => writeFileSync(path, '{"version":1,'), /damaged/, 'corrupt-file'],
    ['empty', (path) => writeFileSync(path, ''), /damaged/, 'corrupt-file'],
    [
      'binary',
      (path) => writeFileSync(path, Buffer.from([0, 27, 91, 51, 49, 109, 255])),
      /damaged/,
      'corrupt-file',
    ],
    ['another thing', (path) => writeFileSync(path, '[1,2]'), /damaged/, 'corrupt-file'],
    ['a directory', (path) => mkdirSync(path), /not a regular file/, 'corrupt-file'],
    [
      'huge',
      (path) => [writeFileSync(path, ''), truncateSync(path, 3_000_000)],
      /3000000 bytes/,
      'corrupt-file',
    ],
    ['missing', () => undefined, /has no status\.json/, 'corrupt-file'],
    [
      'of another version',
      (path) => writeFileSync(path, '{"version":7}'),
      /has version 7/,
      'unknown-version',
    ],
    [
      'of another task',
      (path) => writeFileSync(path, JSON.stringify({ ...box.status('healthy') })),
      /belongs to healthy/,
      'corrupt-file',
    ],
  ])('that is %s is named, and hides no other task', async (how, spoil, says, code) => {
    plant(box, 'healthy')
    const path = join(plant(box, 'spoiled'), 'status.json')
    rmSync(path)
    spoil(path)
    try {
      const list = await run(box, ['status', '--json'])
      expect(list.exitCode).toBe(0)
      const { tasks } = JSON.parse(list.stdout).data
      const of = (id: string) => tasks.find((task: { id: string }) => task.id === id)
      expect(of('healthy')).toMatchObject({ state: 'waiting' })
      expect(of('spoiled')).toMatchObject({ state: 'corrupt', reason: expect.stringMatching(says) })
      const text = await run(box, ['status'])
      expect([text.exitCode, text.stderr]).toEqual([0, ''])
      expect(text.stdout).toMatch(/^! +spoiled +corrupt/m)
      expect(text.stdout).toMatch(/healthy/)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be printed
      expect(text.stdout).not.toMatch(/[\u0000-\u0008\u001b]/)
      for (const verb of how === 'damaged' ? withId.filter((name) => name !== 'wait') : ['status'])
        await refused(box, [verb, 'spoiled'], { exit: 3, code, says })
      await refused(box, spawn(good, 'spoiled'), { exit: 3, code, says })
    } finally {
      rmSync(join(box.state, 'tasks', 'spoiled'), { recursive: true })
    }
  })

  it('leads to doctor when nothing else needs anybody', async () => {
    rmSync(join(box.state, 'tasks'), { recursive: true })
    mkdirSync(join(box.state, 'tasks'))
    writeFileSync(join(plant(box, 'spoiled'), 'status.json'), '{')
    for (const words of [['status'], ['wait'], ['status', 'spoiled']]) {
      const answer = await run(box, [...words, '--json'])
      expect(JSON.parse(answer.stdout).next, words.join(' ')).toEqual(['dirigent doctor'])
    }
    rmSync(join(box.state, 'tasks', 'spoiled'), { recursive: true })
  })

  it('needs not be looked for in a stray file among the tasks', async () => {
    writeFileSync(join(box.state, 'tasks', 'notes.txt'), 'mine')
    plant(box, 'healthy')
    const list = await run(box, ['status', '--json'])
    expect([list.exitCode, list.stderr]).toEqual([0, ''])
    expect(JSON.parse(list.stdout).data.tasks).toContainEqual(expect.objectContaining({ id: 'healthy' }))
    rmSync(join(box.state, 'tasks', 'notes.txt'))
  })

  it('is still shown in full when the mailboxes beside it were deleted', async () => {
    const directory = plant(box, 'healthy')
    for (const name of ['inbox', 'outbox', 'log']) rmSync(join(directory, name), { recursive: true })
    const shown = await run(box, ['status', 'healthy', '--json'])
    expect([shown.exitCode, shown.stderr]).toEqual([0, ''])
    expect(JSON.parse(shown.stdout).data.task.messages).toMatchObject({
      queued: 0,
      delivered: 0,
      list: [],
      from_worker: { unread: 0, list: [] },
    })
  })
})

describe('a branch', () => {
  it('of the task’s name is not taken over', async () => {
    const taken = (branch: string) => ({
      exit: 3,
      code: 'branch-taken',
      says: new RegExp(`The branch ${branch} is there already`),
      hint: /git branch -m/,
    })
    await box.git('branch', 'dirigent/a-good-one')
    await refused(box, spawn(good), taken('dirigent/a-good-one'))
    await box.git('branch', '-D', 'dirigent/a-good-one')
    await box.git('branch', 'dirigent/a-good-one/below')
    await refused(box, spawn(good), {
      ...taken('dirigent/a-good-one'),
      says: /The branch dirigent\/a-good-one/,
    })
    await box.git('branch', '-D', 'dirigent/a-good-one/below')
    await box.git('branch', 'dirigent')
    await refused(box, spawn(good), taken('dirigent'))
    await box.git('branch', '-D', 'dirigent')
  })
})

describe('the disk', () => {
  it('may be read-only: reading goes on, writing is refused', async (test) => {
    plant(box, 'healthy')
    await run(box, ['status'])
    const how = inNamespace
      ? [
          'unshare',
          '-m',
          'sh',
          '-c',
          `mount --bind '${box.state}' '${box.state}' && mount -o remount,bind,ro '${box.state}' && exec "$0" "$@"`,
        ]
      : []
    if (isRoot && !inNamespace)
      return test.skip('root ignores permissions, and no mount namespace can be made here')
    if (!isRoot) chmodSync(join(box.state, 'tasks'), 0o555)
    try {
      await refused(
        box,
        spawn(good),
        { exit: 3, code: 'state-read-only', says: /Cannot write .*\.orchestrator-state/, hint: /writable/ },
        { before: how },
      )
      await refused(
        box,
        ['stop', 'healthy', '--cancel'],
        { exit: 3, code: 'state-read-only', says: /Cannot write/ },
        { before: how },
      )
      await refused(
        box,
        ['respawn', 'healthy'],
        { exit: 3, code: 'state-read-only', says: /Cannot write/ },
        { before: how },
      )
      const seen = await run(box, ['status', '--json'], { before: how })
      expect([seen.exitCode, seen.stderr]).toEqual([0, ''])
      expect(JSON.parse(seen.stdout).data.tasks).toContainEqual(
        expect.objectContaining({ id: 'healthy', state: 'waiting' }),
      )
      for (const words of [
        ['status', 'healthy'],
        ['log', 'healthy'],
      ])
        expect((await run(box, words, { before: how })).exitCode).toBe(0)
    } finally {
      if (!isRoot) chmodSync(join(box.state, 'tasks'), 0o755)
    }
  })

  it('may be full: the old content is unchanged and nothing half-made stays', async (test) => {
    if (!inNamespace) return test.skip('a small disk can be made by root in a mount namespace only')
    // With a trail: one that a write begins and cannot fill is there, and empty.
    writeFileSync(join(plant(box, 'healthy'), 'log', 'events.jsonl'), '', { flag: 'a' })
    const script = `
      set -e
      cp -a '${box.state}' '${box.directory}/copy'
      mount -t tmpfs -o size=1m tmpfs '${box.state}'
      cp -a '${box.directory}/copy/.' '${box.state}/'
      dd if=/dev/zero of='${box.state}/ballast' bs=4k 2>&1 | grep -q 'No space'
      look() { cd '${box.state}'; find . -name config.json -prune -o -type f -print | sort | xargs sha256sum; find . -type d | sort; }
      look > '${box.directory}/before'
      set +e; cd '${box.repo}'; "$0" "$@"; code=$?
      look > '${box.directory}/after'
      diff '${box.directory}/before' '${box.directory}/after' >&2 || exit 99
      exit $code`
    const before = ['unshare', '-m', 'sh', '-c', script]
    for (const words of [spawn(good, 'too-much'), ['respawn', 'healthy'], ['stop', 'healthy', '--cancel']]) {
      const full = await run(box, [...words, '--json'], { before })
      expect([words[0], full.exitCode, full.stderr]).toEqual([words[0], 3, ''])
      expect(JSON.parse(full.stdout).error).toMatchObject({
        code: 'disk-full',
        message: expect.stringMatching(/No space left/),
        hint: expect.stringMatching(/Free some space/),
        retryable: true,
      })
      for (const name of ['copy', 'before', 'after']) rmSync(join(box.directory, name), { recursive: true })
    }
    const seen = await run(box, ['status', '--json'], { before })
    expect([seen.exitCode, seen.stderr]).toEqual([0, ''])
  })
})

describe('the command line', () => {
  it('has verbs that there are', async () => {
    await refused(box, ['spwan'], { ...usage(/no verb "spwan"/), hint: /The verbs: init, spawn/ })
    await refused(box, ['../spawn'], usage(/no verb "\.\.\/spawn"/))
    await refused(box, ['constructor'], usage(/no verb "constructor"/))
    await refused(box, ['help', 'spwan'], usage(/no verb "spwan"/))
  })

  it.each<[string, string[], RegExp]>([
    ['an unknown option', ['status', '--al'], /Unknown option '--al'/],
    ['an unknown letter', ['status', '-a'], /Unknown option '-a'/],
    [
      'an option without its value',
      ['spawn', '--spec'],
      /'--spec( <value>)?' argument (missing|is ambiguous)/,
    ],
    ['a value for a switch', ['status', '--all=yes'], /'--all' does not take an argument/],
    ['an option twice', ['spawn', '--spec', 'a', '--spec', 'b'], /--spec is given 2 times/],
    ['no spec', ['spawn', 'x'], /needs --spec/],
    ['no id', ['log'], /dirigent log needs id/],
    ['no command', ['build'], /dirigent build needs -- COMMAND/],
    ['a word too many', ['status', 'a', 'b'], /"b" is one word too many/],
    ['no time', ['wait', '--timeout', 'soon'], /--timeout "soon" is not a time/],
    ['a negative time', ['wait', '--timeout=-3'], /--timeout "-3" is not a time/],
    ['an endless time', ['wait', '--timeout', '999999h'], /--timeout "999999h" is not a time/],
    ['an unknown word', ['wait', '--until', 'never'], /--until "never" is not known/],
    ['no number', ['log', 'a', '--lines', 'all'], /--lines "all" is not a number/],
  ])('is refused with %s', async (_, words, says) => {
    await refused(box, words, usage(says))
  })

  it('does not run a worker’s runner for whoever types it: the lock comes from who started it', async () => {
    plant(box, 'healthy', { state: 'running', attempt: 1 })
    await refused(box, ['run', 'healthy'], usage(/started by Dirigent itself/))
    plant(box, 'healthy')
  })
})

it('goes on with a task whose worktree was deleted by hand', async () => {
  const spec = box.spec(
    { title: 'Deleted' },
    {
      attempts: [
        [
          { run: 'echo 1 > one.txt && git add -A && git commit -qm one && echo ready > /dev/null' },
          { hang: true },
        ],
        [{ run: 'echo 2 > two.txt && git add -A && git commit -qm two' }, { say: 'done' }],
      ],
    },
  )
  await box.verb('spawn', 'deleted', '--spec', spec)
  const worktree = join(box.state, 'worktrees', 'deleted')
  await until('the first commit', async () =>
    (await box.git('log', '--oneline', 'dirigent/deleted')).includes('one'),
  )
  expect((await box.verb('stop', 'deleted')).exitCode).toBe(0)
  rmSync(worktree, { recursive: true })
  await refused(box, ['diff', 'deleted'], {
    exit: 4,
    code: 'nothing-logged',
    says: /no worktree any more/,
    hint: /refs\/dirigent\/kept\/deleted/,
  })
  expect((await run(box, ['status', 'deleted'])).exitCode).toBe(0)
  expect((await box.json('respawn', 'deleted')).exitCode).toBe(0)
  expect((await box.json('wait', 'deleted', '--until', 'settled', '--timeout', '40s')).exitCode).toBe(0)
  expect(box.status('deleted').state).toBe('merged')
  expect([existsSync(join(box.repo, 'one.txt')), existsSync(join(box.repo, 'two.txt'))]).toEqual([true, true])
})
